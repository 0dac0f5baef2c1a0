"""Where a cloud lets actions be read, and which pages are asked for: two endpoints are promised, and none is shown."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from cftui.api.errors import NotFound, RateLimited, ReadFailed, Unauthorized
from tests.api.conftest import Connect
from tests.api.scripted import Received, Script, action, http, routes, says, vm

GLOBAL = "/api/v1/actions"


def own(vm_id: str) -> str:
    return f"/api/v1/vms/{vm_id}/actions"


def actions(*vm_ids: str, **more: object) -> bytes:
    return http(200, {"actions": [action(id=vm_id) for vm_id in vm_ids]} | more)


def one(vm_id: str) -> bytes:
    return http(200, {"vm": vm(id=vm_id)})


async def test_one_read_of_the_global_list_follows_everything(connect: Connect) -> None:
    client, server = await connect(routes({GLOBAL: actions("a", "b", "other")}))
    assert client.action_source == "untried"
    listing = await client.follow({"a", "b"})
    assert ([row.vm_id for row in listing.rows], listing.source, listing.vm_ids) == (
        ["a", "b", "other"],
        "global",
        None,
    )
    assert client.action_source == "global"
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_without_it_each_vms_own_list_is_read(connect: Connect, status: int) -> None:
    client, server = await connect(routes({GLOBAL: http(status), own("a"): actions("a"), own("b"): actions("b")}))
    for _ in range(2):
        listing = await client.follow(["b", "a", "b"])
        assert [row.vm_id for row in listing.rows] == ["a", "b"]
        assert (listing.source, listing.vm_ids) == ("per-vm", frozenset({"a", "b"}))
    assert client.action_source == "per-vm"
    assert [received.target.partition("?")[0] for received in server.requests].count(GLOBAL) == 1
    with pytest.raises(NotFound):
        await client.actions()
    assert len(server.requests) == 5


async def test_row_108_neither(connect: Connect) -> None:
    client, server = await connect(routes({"/api/v1/vms/a": one("a")}))
    listing = await client.follow({"a"})
    assert (listing.rows, listing.source, listing.vm_ids) == ((), "none", frozenset({"a"}))
    assert client.action_source == "none"
    asked = len(server.requests)
    assert (await client.follow({"a"})).source == "none"
    assert len(server.requests) == asked


async def test_row_54_a_vm_that_is_gone_proves_nothing_about_the_endpoint(connect: Connect) -> None:
    table: dict[str, bytes | Script] = {}
    client, _ = await connect(routes(table))
    listing = await client.follow({"gone"})
    assert (listing.rows, listing.vm_ids, listing.no_vm) == ((), frozenset(), frozenset({"gone"}))
    assert client.action_source == "untried"
    table[own("a")] = actions("a")
    listing = await client.follow({"a", "gone"})
    assert (listing.source, listing.vm_ids, listing.no_vm) == ("per-vm", frozenset({"a"}), frozenset({"gone"}))


@pytest.mark.fault("54")
async def test_one_vm_without_a_list_is_told_from_a_cloud_without_any(connect: Connect) -> None:
    client, _ = await connect(routes({own("a"): actions("a"), "/api/v1/vms/b": one("b")}))
    listing = await client.follow({"a", "b"})
    assert (listing.vm_ids, listing.no_list) == (frozenset({"a"}), frozenset({"b"}))
    listing = await client.follow({"b"})
    assert (listing.source, listing.no_list) == ("per-vm", frozenset({"b"}))


async def test_a_list_that_worked_once_does_not_vanish(connect: Connect) -> None:
    client, _ = await connect(says(actions("a"), http(404), actions("a")))
    await client.follow({"a"})
    with pytest.raises(NotFound):
        await client.follow({"a"})
    assert client.action_source == "global"
    assert len((await client.follow({"a"})).rows) == 1


async def test_a_list_that_fails_is_not_taken_for_empty(connect: Connect) -> None:
    client, _ = await connect(routes({own("a"): actions("a"), own("b"): http(500), own("c"): http(403)}))
    listing = await client.follow({"a", "b", "c"})
    assert listing.vm_ids == frozenset({"a"})
    with pytest.raises(ReadFailed):
        await client.follow({"b"})
    assert (await client.follow({"c"})).no_access == frozenset({"c"})


async def test_a_rate_limit_keeps_what_was_read_and_ends_the_rest(connect: Connect) -> None:
    table: dict[str, bytes | Script] = {own(f"v{n}"): http(429, headers=("Retry-After: 9",)) for n in range(10)}
    client, server = await connect(routes(table | {own("v0"): actions("v0")}))
    listing = await client.follow({f"v{n}" for n in range(10)})
    assert listing.vm_ids == frozenset({"v0"})
    assert isinstance(listing.failure, RateLimited)
    assert listing.failure.retry_after_s == 9
    assert len(server.requests) <= 1 + 5


async def test_a_global_list_that_is_forbidden_is_not_asked_for_again(connect: Connect) -> None:
    client, server = await connect(routes({GLOBAL: http(403), own("a"): actions("a")}))
    for _ in range(2):
        assert (await client.follow({"a"})).source == "per-vm"
    assert [received.target.partition("?")[0] for received in server.requests].count(GLOBAL) == 1


async def test_row_52_wrong_credentials_end_it(connect: Connect) -> None:
    client, _ = await connect(routes({own("a"): actions("a"), own("b"): http(401)}))
    with pytest.raises(Unauthorized):
        await client.follow({"a", "b"})


async def test_nothing_to_follow_asks_no_vm(connect: Connect) -> None:
    client, server = await connect(routes({}))
    listing = await client.follow(())
    assert (listing.rows, listing.source, listing.vm_ids) == ((), "per-vm", frozenset())
    assert len(server.requests) == 1


async def test_at_most_four_lists_at_once(connect: Connect) -> None:
    busy = peak = 0

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal busy, peak
        if received.target.startswith(GLOBAL):
            writer.write(http(404))
            return
        busy += 1
        peak = max(peak, busy)
        await asyncio.sleep(0.01)
        busy -= 1
        writer.write(actions(received.target.split("/")[4]))

    client, _ = await connect(script)
    wanted = {f"vm{n}" for n in range(12)}
    assert (await client.follow(wanted)).vm_ids == frozenset(wanted)
    assert peak == 4


def minutes(numbers: range, vm_id: Callable[[int], str] = str) -> list[dict[str, object]]:
    return [action(id=vm_id(n), started_at=f"2015-01-14T{n // 60:02d}:{n % 60:02d}:00Z") for n in numbers]


def paged(listed: list[dict[str, object]], size: int, *, has_links: bool) -> Script:
    """Serves a list in pages, either with links or with `meta.total` alone."""

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        query = received.target.partition("page=200&page=")[2]
        number = int(query or 1)
        last = max(1, -(-len(listed) // size))
        reply: dict[str, object] = {"actions": listed[(number - 1) * size : number * size]}
        if has_links:
            link = "/api/v1/actions?per_page=200&page="
            pages = {"next": f"{link}{number + 1}"} if number < last else {}
            reply["links"] = {"pages": pages | {"last": f"{link}{last}"}}
        else:
            reply["meta"] = {"total": len(listed)}
        writer.write(http(200, reply))

    return script


@pytest.mark.parametrize("has_links", [True, False])
async def test_newest_first_reads_the_first_page(connect: Connect, has_links: bool) -> None:
    client, server = await connect(paged(minutes(range(99, -1, -1)), 20, has_links=has_links))
    assert [row.vm_id for row in await client.actions()] == [str(n) for n in range(99, 79, -1)]
    assert len(server.requests) == 1


@pytest.mark.parametrize("has_links", [True, False])
async def test_newest_first_reads_on_for_a_vm_that_is_missing(connect: Connect, has_links: bool) -> None:
    client, server = await connect(paged(minutes(range(99, -1, -1)), 20, has_links=has_links))
    rows = (await client.follow({"90", "70"})).rows
    assert [row.vm_id for row in rows] == [str(n) for n in range(99, 59, -1)]
    await client.follow({"nowhere"})
    assert len(server.requests) == 4


@pytest.mark.parametrize("has_links", [True, False])
async def test_oldest_first_reads_the_end_and_remembers_where_it_was(connect: Connect, has_links: bool) -> None:
    listed = minutes(range(50))
    client, server = await connect(paged(listed, 20, has_links=has_links))
    assert [row.vm_id for row in await client.actions()] == [str(n) for n in range(20, 50)]
    assert len(server.requests) == 3
    listed += minutes(range(50, 70))
    rows = await client.actions()
    assert rows[-1].vm_id == "69"
    assert [received.target[-6:] for received in server.requests[3:]] == ["page=3", "page=4"]
    del listed[5:]
    assert [row.vm_id for row in await client.actions()] == ["0", "1", "2", "3", "4"]


async def test_oldest_first_and_the_page_that_was_last_is_missing_now(connect: Connect) -> None:
    listed = minutes(range(50))

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        beyond = received.target.endswith("page=3") and len(listed) <= 40
        await (says(http(404)) if beyond else paged(listed, 20, has_links=True))(received, writer)

    client, _ = await connect(script)
    await client.actions()
    del listed[30:]
    assert (await client.actions())[-1].vm_id == "29"


@pytest.mark.fault("56")
async def test_a_list_in_no_order_is_read_to_its_end(connect: Connect) -> None:
    listed = minutes(range(50))
    random.Random(1).shuffle(listed)
    client, server = await connect(paged(listed, 20, has_links=True))
    assert sorted(int(row.vm_id) for row in await client.actions()) == list(range(50))
    assert len(server.requests) == 3


@pytest.mark.fault("36")
async def test_of_a_list_that_is_too_long_the_newest_are_read_too(connect: Connect) -> None:
    """Oldest first, and longer than what is read of a whole list."""
    client, _ = await connect(paged(minutes(range(120)), 2, has_links=True))
    rows = await client.actions(whole=True)
    assert [row.vm_id for row in rows[:100]] == [str(n) for n in range(100)]
    assert rows[-1].vm_id == "119"


async def test_the_whole_list(connect: Connect) -> None:
    client, _ = await connect(paged(minutes(range(50)), 20, has_links=True))
    assert [row.vm_id for row in await client.actions(whole=True)] == [str(n) for n in range(50)]


async def test_equal_actions_of_one_second_are_all_kept(connect: Connect) -> None:
    """Their bytes are the same; telling them apart is the fleet's business."""
    client, _ = await connect(says(actions("a", "a", "b", meta={"total": 3})))
    assert [row.vm_id for row in await client.actions()] == ["a", "a", "b"]


async def test_entries_that_cannot_be_read_are_left_out(connect: Connect) -> None:
    client, _ = await connect(says(http(200, {"actions": [7, action(id=None), action(id="a"), action(id=True)]})))
    assert [row.vm_id for row in await client.actions()] == ["a"]
