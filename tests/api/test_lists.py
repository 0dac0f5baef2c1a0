"""Lists: paging, what a page costs that came before, entries that cannot be read."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Coroutine
from typing import Any

import pytest

from cftui.api.allowance import MAX_BYTES, MAX_ENTRIES, Allowance
from cftui.api.client import CloudClient, VmPage
from cftui.api.errors import BadAnswer, CloudError, NotFound, ReadFailed
from cftui.api.lists import MAX_PAGE_VALUES
from cftui.fleet.rows import VmRow
from tests.api.conftest import Connect
from tests.api.scripted import Received, Script, action, http, routes, says, vm
from tests.clock import TurnedClock

FIRST = "/api/v1/vms?per_page=200"


async def pages_of(client: CloudClient) -> list[VmPage[VmRow]]:
    return [page async for page in client.list_vms()]


def named(pages: list[VmPage[VmRow]]) -> list[list[str]]:
    return [[row.id for row in page.rows] for page in pages]


def page(*ids: object, total: object = None, next_: str = "", **more: object) -> bytes:
    reply: dict[str, object] = {"vms": [vm(id=id_, name=f"vm-{id_}") for id_ in ids]} | more
    if total is not None:
        reply["meta"] = {"total": total}
    if next_:
        reply["links"] = {"pages": {"next": next_}}
    return http(200, reply)


async def test_one_page(connect: Connect) -> None:
    client, server = await connect(says(page("a", "b", total="2")))
    (only,) = await pages_of(client)
    assert (named([only]), only.total, only.is_last, only.unreadable) == ([["a", "b"]], 2, True, 0)
    assert [received.target for received in server.requests] == [FIRST]


@pytest.mark.parametrize("end", [http(404), http(422), page()])
async def test_without_meta_and_links_a_second_page_is_asked_for(connect: Connect, end: bytes) -> None:
    client, server = await connect(says(page("a", "b"), end))
    pages = await pages_of(client)
    assert (named(pages), pages[-1].is_last) == ([["a", "b"], []], True)
    assert len(server.requests) == 2


async def test_empty_links_end_a_list(connect: Connect) -> None:
    client, server = await connect(says(page("a", "b", links={})))
    assert named(await pages_of(client)) == [["a", "b"]]
    assert len(server.requests) == 1


async def test_without_meta_and_links_a_second_page_of_the_same_vms_is_the_end(connect: Connect) -> None:
    """Though their bytes differ each time: the cloud ignores the page number, and tells the time."""
    client, server = await connect(says(*[http(200, {"vms": [vm(id="a", uptime=n)]}) for n in range(9)]))
    pages = await pages_of(client)
    assert (named(pages), pages[-1].is_last) == ([["a"], []], True)
    assert len(server.requests) == 2


async def test_an_empty_list(connect: Connect) -> None:
    client, _ = await connect(says(page(total=0)))
    (only,) = await pages_of(client)
    assert (only.rows, only.is_last) == ((), True)


async def test_pages_by_total(connect: Connect) -> None:
    table: dict[str, bytes | Script] = {
        FIRST: page("a", "b", total=5),
        f"{FIRST}&page=2": page("c", "b", total=5),
        f"{FIRST}&page=3": page("d", total=5),
    }
    client, _ = await connect(routes(table))
    pages = await pages_of(client)
    assert named(pages) == [["a", "b"], ["c"], ["d"]]
    assert [one.is_last for one in pages] == [False, False, True]


async def test_pages_by_link_under_either_base_path(connect: Connect) -> None:
    table: dict[str, bytes | Script] = {}
    client, server = await connect(routes(table))
    table[FIRST] = page("a", next_=f"{server.origin}/v1/vms?page=2&per_page=1", total=99)
    table["/v1/vms?page=2&per_page=1"] = page("b", next_="?page=3", total=99)
    table["/v1/vms?page=3"] = page("c", total=3)
    assert named(await pages_of(client)) == [["a"], ["b"], ["c"]]


async def test_a_page_that_adds_nothing_is_the_end(connect: Connect) -> None:
    """A cloud that ignores the page number says the same again."""
    client, server = await connect(says(page(*range(25))))
    pages = await pages_of(client)
    assert [len(one.rows) for one in pages] == [25, 0]
    assert pages[-1].is_last
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [404, 422, 429, 503])
async def test_a_page_that_is_missing_does_not_end_a_list(connect: Connect, status: int) -> None:
    """Else the VMs on it would be taken for gone."""
    client, _ = await connect(routes({FIRST: page("a", total=3), f"{FIRST}&page=2": http(status)}))
    got: list[VmPage[VmRow]] = []

    async def collect() -> None:
        async for one in client.list_vms():
            got.append(one)

    with pytest.raises(CloudError):
        await collect()
    assert [one.is_last for one in got] == [False]


async def test_a_total_that_was_never_true(connect: Connect) -> None:
    client, _ = await connect(routes({FIRST: page("a", total=3), f"{FIRST}&page=2": page(total=3)}))
    assert [one.is_last for one in await pages_of(client)] == [False, True]


@pytest.mark.fault("68")
async def test_row_68_a_link_in_a_circle(connect: Connect) -> None:
    client, server = await connect(says(page("a", next_="?page=2"), page("b", next_="?per_page=200"), page("c")))
    got: list[VmPage[VmRow]] = []

    async def collect() -> None:
        async for one in client.list_vms():
            got.append(one)

    with pytest.raises(BadAnswer, match="in a circle"):
        await collect()
    assert named(got) == [["a"], ["b"]]
    assert not any(one.is_last for one in got)
    assert len(server.requests) == 2


@pytest.mark.fault("68")
async def test_row_68_a_link_to_another_host(connect: Connect) -> None:
    client, server = await connect(says(page("a", next_="http://127.0.0.2:1/api/v1/vms?page=2")))
    with pytest.raises(BadAnswer, match=r"at another host, http://127\.0\.0\.2:1"):
        await pages_of(client)
    assert len(server.requests) == 1


async def test_a_list_that_is_missing(connect: Connect) -> None:
    client, _ = await connect(says(http(404)))
    with pytest.raises(NotFound):
        await pages_of(client)


@pytest.mark.fault("51")
@pytest.mark.parametrize("reply", [{"vms": None}, {"vms": {}}, {"vm": []}, [], {"vms": "x"}, {}])
async def test_row_51_what_is_no_list(connect: Connect, reply: object) -> None:
    client, _ = await connect(says(http(200, reply)))
    with pytest.raises(BadAnswer):
        await pages_of(client)


@pytest.mark.fault("51")
async def test_row_51_an_unreadable_entry_costs_that_entry(connect: Connect) -> None:
    entries = [
        json.dumps(vm(id="a")),
        "7",
        "null",
        "[]",
        json.dumps(vm(id=True)),
        json.dumps(vm(id=None)),
        '{"id": "x", "status": "running", "status": "stopped"}',
        '{"id": "x", "memory": 1e999}',
        '{"id": "x", "deep": ' + "[" * 70 + "]" * 70 + "}",
        '{"id": "x", "long": ' + "9" * 5000 + "}",
        json.dumps(vm(id=18446744073709551616)),
        json.dumps(vm(id="b", memory="3.5", vcpus=2, region={"name": "moscow_01", "x": 1}, disk=[])),
    ]
    client, _ = await connect(says(http(200, '{"links": {}, "vms": [' + ", ".join(entries) + "]}")))
    (only,) = await pages_of(client)
    assert [row.id for row in only.rows] == ["a", "18446744073709551616", "b"]
    assert only.unreadable == 9
    last = only.rows[-1]
    assert (last.ram_gb, last.cpu, last.disk_gb, last.region) == (3.5, 2, None, "moscow_01")


@pytest.mark.fault("50")
async def test_row_50_bytes_that_are_no_text(connect: Connect) -> None:
    entries = b'{"id": "a", "name": "\\ud800"}, {"id": "b", "name": "\xff"}, {"id": "c", "name": "\\u0000\\u001b"}'
    client, _ = await connect(says(http(200, b'{"links": {}, "vms": [' + entries + b"]}")))
    (only,) = await pages_of(client)
    assert [(row.id, row.name) for row in only.rows] == [("a", "\ud800"), ("c", "\x00\x1b")]
    assert only.unreadable == 1


@pytest.mark.fault("107")
async def test_row_107_trailing_commas_everywhere(connect: Connect) -> None:
    body = '{"vms": [{"id": "a", "name": "x,}", "features": ["f",],}, {"id": "b",},], "meta": {"total": 2,},}'
    client, _ = await connect(says(http(200, body)))
    (only,) = await pages_of(client)
    assert [(row.id, row.name) for row in only.rows] == [("a", "x,}"), ("b", "")]
    assert only.total == 2


async def test_p13_what_did_not_change_is_not_read_again(connect: Connect) -> None:
    """The very same rows come back for the same bytes, on an equal page, a changed one, and another page."""
    table: dict[str, bytes | Script] = {FIRST: page("a", "b", "c", total=3)}
    client, _ = await connect(routes(table))

    async def rows() -> list[VmRow]:
        return [row for one in await pages_of(client) for row in one.rows]

    first = await rows()
    again = await rows()
    assert all(old is new for old, new in zip(first, again, strict=True))
    table[FIRST] = page("x", "a", total=4)
    table[f"{FIRST}&page=2"] = page("b", "c", total=4)
    moved = await rows()
    assert [row.id for row in moved] == ["x", "a", "b", "c"]
    assert all(old is new for old, new in zip(first, moved[1:], strict=True))


async def test_a_list_has_two_minutes_in_all(connect: Connect) -> None:
    """Each page is just in time; a thousand of them would take five hours."""
    clock = TurnedClock()

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        clock.turn(19)
        writer.write(page(f"vm{len(server.requests)}", total=1000))

    client, server = await connect(script, clock=clock)
    with pytest.raises(ReadFailed, match=r"A list did not come to its end in 120 s\."):
        await pages_of(client)
    assert len(server.requests) == 7


async def test_the_newest_actions_have_no_more_than_that_either(connect: Connect) -> None:
    clock = TurnedClock()

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        clock.turn(19)
        listed = [action(id=f"vm{len(server.requests)}")]
        writer.write(http(200, {"actions": listed, "meta": {"total": 1000}}))

    client, server = await connect(script, clock=clock)
    with pytest.raises(ReadFailed, match="120 s"):
        await client.follow({f"wanted{n}" for n in range(100)})
    assert len(server.requests) == 7


TINY = 2**20
"""Three bytes each, so that a page of them has 3 MB."""


@pytest.mark.parametrize(
    "members",
    [
        b'"vms": [' + b"[]," * TINY + b"[]]",
        b'"vms": [' + b"[]," * TINY + b"[],]",
        b'"vms": [' + b"{}," * TINY,
        b'"vms": [], "x": [' + b"[]," * TINY + b"[]]",
        b'"vms": [], "x": [[' + b"[]," * TINY + b"[]]]",
        b'"vms": ["\\ud800", [' + b"[]," * TINY + b"[]]]",
        b'"vms": {' + b'"a":1,' * TINY + b'"b":1}',
    ],
    ids=["lists", "trailing comma", "cut", "beside", "deeper beside", "half a character", "members"],
)
async def test_tiny_values_without_number_are_never_made(connect: Connect, members: bytes) -> None:
    """They would take seventy times the memory of the page itself."""
    answer = http(200, b"{" + members + b"}")
    client, _ = await connect(says(answer))
    with pytest.raises(BadAnswer, match="too many values; none of them was read"):
        await peak_of(pages_of(client), most=6 * len(answer))


async def test_the_most_that_a_page_may_hold_costs_little(connect: Connect) -> None:
    client, _ = await connect(says(http(200, b'{"vms": [' + b"[]," * MAX_PAGE_VALUES + b"[]]}")))
    with pytest.raises(BadAnswer, match="more than 200,000 entries"):
        await peak_of(pages_of(client), most=100 * 2**20)


async def test_an_entry_of_countless_values_costs_that_entry(connect: Connect) -> None:
    entries = b'{"id": "a"}, {"id": "b", "x": [' + b"[]," * (MAX_PAGE_VALUES - 9) + b"[]]}"
    answer = http(200, b'{"links": {}, "vms": [' + entries + b"]}")
    client, _ = await connect(says(answer))
    (only,) = await peak_of(pages_of(client), most=16 * len(answer))
    assert ([row.id for row in only.rows], only.unreadable) == (["a"], 1)


async def peak_of(reading: Coroutine[Any, Any, list[VmPage[VmRow]]], *, most: int) -> list[VmPage[VmRow]]:
    """What a reading brings, if it never took more bytes than that."""
    tracemalloc.start()
    try:
        return await reading
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < most


def test_all_pages_together_are_bounded() -> None:
    allowance = Allowance(TurnedClock())
    allowance.take(MAX_ENTRIES, 1)
    with pytest.raises(BadAnswer, match="more than 200,000 entries"):
        allowance.take(1, 1)
    allowance = Allowance(TurnedClock())
    allowance.take(1, MAX_BYTES)
    with pytest.raises(BadAnswer, match="larger than 256 MB"):
        allowance.take(1, 1)


async def test_a_listing_that_broke_off_forgets_nothing(connect: Connect) -> None:
    table: dict[str, bytes | Script] = {FIRST: page("a", total=2), f"{FIRST}&page=2": page("b", total=2)}
    client, _ = await connect(routes(table))
    before = await pages_of(client)
    table[f"{FIRST}&page=2"] = http(200, '{"vms": [')
    with pytest.raises(BadAnswer):
        await pages_of(client)
    table[f"{FIRST}&page=2"] = page("b", total="2")
    after = await pages_of(client)
    assert after[1].rows[0] is before[1].rows[0]
