"""Reading is bounded: whatever a server sends, for however long, costs little memory and no more than its deadline."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import zlib
from pathlib import Path

import pytest

from cftui.api.client import CloudReader, Deadlines
from cftui.api.errors import BadAnswer, CloudError, ReadFailed
from cftui.operations.state import LinkState
from cftui.simulator import faults
from tests.api.scripted import VM_ID, Received, Script, ScriptedServer, action, http, routes, says, vm
from tests.conftest import EMAIL, PASSWORD, StartSimulator
from tests.operations.conftest import World

LIST = "/api/v1/vms?per_page=200"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MOST_GROWTH_KB = 20_000
"""What the catalogue grants a bomb."""


class Flood:
    """Answers every request with `head`, then with one piece again and again; counts what it could send."""

    def __init__(self, head: bytes, piece: bytes) -> None:
        self._head = head
        self._piece = piece
        self.sent = 0

    async def __call__(self, _: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(self._head)
        while not writer.is_closing():
            writer.write(self._piece)
            self.sent += len(self._piece)
            await writer.drain()


async def read(reader: CloudReader, what: str) -> object:
    """The account, one VM, a list of VMs, or of actions."""
    match what:
        case "account":
            return await reader.account()
        case "vm":
            return await reader.get_vm(VM_ID)
        case "actions":
            return await reader.actions()
        case _:
            return [row async for page in reader.list_vms() for row in page.rows]


def open_reader(server: ScriptedServer, *, deadlines: Deadlines | None = None) -> CloudReader:
    return CloudReader(server.url, EMAIL, PASSWORD, deadlines=deadlines)


async def fails(script: Script, what: str, *, deadline_s: float = 20) -> tuple[CloudError, ScriptedServer]:
    """How a read of such a server ends."""
    deadlines = Deadlines(connect_s=5, get_s=deadline_s)
    async with ScriptedServer(script) as server, open_reader(server, deadlines=deadlines) as reader:
        with pytest.raises(CloudError) as raised:
            await read(reader, what)
    return raised.value, server


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


@pytest.mark.fault("45")
@pytest.mark.parametrize(("what", "most"), [("account", 8), ("vm", 8), ("vms", 64), ("actions", 64)])
@pytest.mark.parametrize(
    ("head", "piece"),
    [(HEAD + b"Content-Length: 2147483648\r\n\r\n", b" " * 2**20), (CHUNKED, chunk(b" " * 2**20))],
    ids=["two gigabytes", "chunks without end"],
)
async def test_a_body_without_end_is_cut(what: str, most: int, head: bytes, piece: bytes) -> None:
    flood = Flood(head, piece)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error, _ = await fails(flood, what)
    assert isinstance(error, BadAnswer)
    assert f"reply too large, over {most} MB" in error.message
    assert flood.sent < (most + 16) * 2**20  # what was on its way in buffers
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < (most + 16) * 1024


BOMB = gzip.compress(b" " * (1 << 24), 9, mtime=0) * 8
"""A hundred megabytes in a hundred kilobytes."""


@pytest.mark.fault("46")
@pytest.mark.parametrize(
    "encoding", ["gzip", "br", "zstd", "deflate", "GZIP", "identity, gzip", "gzip, gzip", "x-gzip"]
)
@pytest.mark.parametrize("what", ["account", "vms"])
async def test_what_is_compressed_is_not_unpacked(what: str, encoding: str) -> None:
    flood = Flood(CHUNKED.replace(b"\r\n\r\n", f"\r\nContent-Encoding: {encoding}\r\n\r\n".encode()), chunk(BOMB))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error, server = await fails(flood, what)
    assert isinstance(error, BadAnswer)
    assert "unexpected encoding" in error.message
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH_KB


@pytest.mark.fault("46")
@pytest.mark.parametrize(
    "content", [gzip.compress(b'{"account": {}}', mtime=0), zlib.compress(b"{}"), b"\x28\xb5\x2f\xfd" + b"x" * 50]
)
@pytest.mark.parametrize("headers", [(), ("Content-Encoding: identity",), ("Content-Encoding:",)])
async def test_an_encoding_that_is_hidden_is_no_json(content: bytes, headers: tuple[str, ...]) -> None:
    error, _ = await fails(says(http(200, content, headers=headers)), "account")
    assert isinstance(error, BadAnswer)
    assert "not JSON" in error.message


@pytest.mark.fault("44")
@pytest.mark.parametrize("what", ["account", "vms"])
@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"", b""),
        (b"", b"H"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (HEAD + b"Content-Length: 900\r\n\r\n", b""),
        (HEAD + b"Content-Length: 900\r\n\r\n", b" "),
        (CHUNKED, b"1\r\n \r\n"),
    ],
    ids=[
        "nothing",
        "a status, slowly",
        "interim for ever",
        "a header, slowly",
        "a head alone",
        "a body, slowly",
        "chunks, slowly",
    ],
)
async def test_a_read_ends_at_its_deadline_however_slowly_it_is_fed(what: str, head: bytes, piece: bytes) -> None:
    async def drip(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)

    loop = asyncio.get_running_loop()
    began = loop.time()
    error, server = await fails(drip, what, deadline_s=0.25)
    assert isinstance(error, ReadFailed)
    assert error.cause in ("no answer in 0.25 s", "connection closed without a whole answer")  # h11 takes no `HHHH`
    assert loop.time() - began < 5
    assert len(server.requests) <= 2


@pytest.mark.fault("47", "48", "49", "50", "51")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"account": {"email": "a"', "not JSON"),
        (b"<!doctype html><title>Sign in</title>", r"a web page \(application/json\)"),
        (b'{"account": {"email": "a", "email": "b"}}', "contradicts itself"),
        (b'{"account": {"email": "a"}, "account": {"email": "b"}}', "contradicts itself"),
        (b'{"account": {"vm_limit": NaN}}', "NaN is not JSON"),
        (b'{"account": {"vm_limit": -Infinity}}', "Infinity is not JSON"),
        (b'{"account": {"vm_limit": 1e999}}', "too large"),
        (b'{"account": {"vm_limit": ' + b"9" * 5000 + b"}}", "too large"),
        (b'{"account": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deep"),
        (b'{"account": {"email": "\xff"}}', "not JSON"),
        (b'\xef\xbb\xbf{"account": {"email": "a"}}', "not JSON"),
        ('{"account": {"email": "a"}}'.encode("utf-16"), "not JSON"),
        (b'{"account": [{"email": "a"}]}', "holds no 'account'"),
        (b'{"account": null}', "holds no 'account'"),
        (b"[]", "holds no 'account'"),
    ],
    ids=lambda value: repr(value[:40]),
)
async def test_a_reply_that_cannot_be_read_says_why(body: bytes, words: str) -> None:
    error, _ = await fails(says(http(200, body)), "account")
    assert isinstance(error, BadAnswer)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(error.message)


@pytest.mark.fault("50", "51")
async def test_half_characters_and_neighbouring_types_are_read() -> None:
    body = b'{"account": {"email": "\\ud800", "uuid": 7, "vm_limit": "12", "more": null}}'
    async with ScriptedServer(says(http(200, body))) as server, open_reader(server) as reader:
        account = await reader.account()
    assert (account.email, account.uuid, account.vm_limit) == ("\ud800", "7", 12)


BROKEN_VMS = (
    '{"id": "b1", "status": "running", "status": "stopped"}',
    '{"id": "b2", "networks": {"v4": [], "v4": []}}',
    '{"id": "b3", "memory": NaN}',
    '{"id": "b4", "memory": 1e999}',
    '{"id": "b5", "memory": ' + "9" * 5000 + "}",
    '{"id": "b6", "name": ' + "[" * 100 + "]" * 100 + "}",
    '{"id": true}',
    '{"id": null, "name": "x"}',
    '{"id": {"x": 1}}',
    '{"name": "no id"}',
    '["list"]',
    "null",
    "7",
)


def page(*entries: str) -> bytes:
    return f'{{"vms": [{", ".join(entries)}], "links": {{}}, "meta": {{"total": {len(entries)}}}}}'.encode()


@pytest.mark.fault("48", "49", "51", "66")
async def test_an_entry_that_cannot_be_read_costs_that_entry() -> None:
    """Tolerated forms beside it are read; the list goes on."""
    whole = [
        json.dumps(vm(id="a", extra={"x": [1]}, status="hibernating")),
        json.dumps(
            vm(id=2**63, memory="3.5", vcpus=2, disk="x", region={"name": "moscow_01"}, locked="1", networks=None)
        ),
    ]
    async with (
        ScriptedServer(says(http(200, page(whole[0], *BROKEN_VMS, whole[1])))) as server,
        open_reader(server) as reader,
    ):
        (only,) = [one async for one in reader.list_vms()]
    assert only.unreadable == len(BROKEN_VMS)
    first, last = only.rows
    assert (first.id, first.status) == ("a", "hibernating")
    assert (last.id, last.ram_gb, last.cpu, last.disk_gb, last.region, last.locked) == (
        str(2**63),
        3.5,
        2,
        None,
        "moscow_01",
        True,
    )


@pytest.mark.fault("48", "51")
async def test_an_action_that_cannot_be_read_costs_that_action() -> None:
    good = json.dumps(action())
    bad = good.replace('"status"', '"status": "completed", "status"')
    body = f'{{"actions": [{bad}, {good}, 7, null, {{"id": true}}], "links": {{}}}}'
    async with ScriptedServer(routes({"/api/v1/actions": http(200, body)})) as server, open_reader(server) as reader:
        (row,) = await reader.actions()
    assert (row.vm_id, row.status) == (VM_ID, "in-progress")


@pytest.mark.fault("51")
async def test_unreadable_entries_are_counted_and_no_vm_is_called_gone(world: World) -> None:
    """The engine keeps what it knew of a VM whose entry broke, says how many broke, and reads them again later."""
    before = world.engine.view.vms
    listed, _ = world.cloud.listed_vms(0, 20)
    spoilt = page(*(entry.decode() for entry in listed[2:]), *BROKEN_VMS[:2])
    world.server.faults.always("GET /vms?", faults.body(spoilt))
    world.engine.refresh()
    await world.until(lambda: world.engine.update.link.unreadable == 2)
    assert world.engine.view.vms.keys() == before.keys()
    assert world.engine.update.link.state is LinkState.LIVE
    world.server.faults.clear()
    world.engine.refresh()
    await world.until(lambda: world.engine.update.link.unreadable == 0)


@pytest.mark.fault("S19")
@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"x" * 2**20 + b"\r\n",
        b"".join(b"X%d: 1\r\n" % number for number in range(100_000)),
        b"X: \x1b]52;c;aGk=\x07\r\n",
        b"Set-Cookie: a=b; Path=/\r\nSet-Cookie: c=\x9b\r\n",
    ],
    ids=["a megabyte", "a hundred thousand", "escapes", "cookies"],
)
async def test_heads_are_bounded_and_never_shown_raw(head: bytes) -> None:
    answer = HEAD + head + b'Content-Length: 27\r\n\r\n{"account": {"email": "a"}}'
    async with ScriptedServer(says(answer)) as server, open_reader(server) as reader:
        for _ in range(2):
            try:
                told = (await reader.account()).email
            except CloudError as error:
                told = error.message
            assert told.isprintable()
        assert not any("cookie" in received.headers for received in server.requests)


@pytest.mark.fault("S19")
async def test_as_many_headers_as_are_read_at_all_are_read_at_once() -> None:
    """Looking each of ten thousand up among all of them took twenty seconds, in which nothing else went on."""
    many = tuple(f"a{number}:" for number in range(11_000))
    answer = http(200, {"account": {"email": "a"}}, headers=(*many, "Retry-After: 7", "retry-after: 9"))
    loop = asyncio.get_running_loop()
    async with ScriptedServer(says(answer)) as server, open_reader(server) as reader:
        began = loop.time()
        assert (await reader.account()).email == "a"
        assert loop.time() - began < 8


@pytest.mark.fault("S20")
@pytest.mark.parametrize(
    "extra",
    [http(200, {"account": {"email": "smuggled"}}), b"junk", b"\r\n\r\n"],
    ids=["an answer", "junk", "line breaks"],
)
async def test_what_comes_after_an_answer_is_not_taken_for_the_next_one(extra: bytes) -> None:
    """The connection is dropped; a library that keeps it would give the second question the smuggled answer."""
    answers = [http(200, {"account": {"email": str(number)}}) for number in range(3)]
    async with (
        ScriptedServer(says(answers[0] + extra, answers[1], answers[2])) as server,
        open_reader(server) as reader,
    ):
        assert [(await reader.account()).email for _ in range(3)] == ["0", "1", "2"]
    assert [received.connection for received in server.requests] == [1, 2, 2]


@pytest.mark.fault("S20")
@pytest.mark.parametrize(
    "answer",
    [
        CHUNKED + b"zz\r\nx\r\n0\r\n\r\n",
        CHUNKED + b"-1\r\nx\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nxy\nz\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello0\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        HEAD + b"Content-Length: -5\r\n\r\nhello",
        HEAD + b"Content-Length: 0x5\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=lambda answer: repr(answer[-30:]),
)
async def test_bytes_that_are_no_http_end_the_connection(answer: bytes) -> None:
    async def once(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    error, server = await fails(once, "account", deadline_s=5)
    assert isinstance(error, ReadFailed | BadAnswer)
    assert error.message.isprintable()
    assert len({received.connection for received in server.requests}) == len(server.requests)


@pytest.mark.fault("51", "66")
def test_the_command_line_counts_what_it_leaves_out(start_simulator: StartSimulator, tmp_path: Path) -> None:
    from tests.forked import Line, run_all

    server = start_simulator(vms=1)
    (good,), _ = server.cloud.listed_vms(0, 1)
    server.faults.always("GET /vms", faults.body(page(good.decode(), *BROKEN_VMS[:2])))
    env = {"CFTUI_URL": server.url, "CFTUI_EMAIL": EMAIL, "CFTUI_PASSWORD": PASSWORD, "HOME": str(tmp_path)}
    ended = run_all({"vms": Line(("vms", "-o", "name"))}, env=env)["vms"]
    assert (ended.code, ended.stdout.decode().split()) == (0, [server.cloud.vms()[0].name])
    assert ended.stderr.decode().endswith("2 entries of the list cannot be read and are left out.\n")
