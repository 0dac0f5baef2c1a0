"""Reads over real sockets: what every kind of answer comes to. The numbers are the rows of the fault catalogue."""

from __future__ import annotations

import asyncio
import base64
import resource

import pytest

from cftui.api.client import CloudReader
from cftui.api.errors import (
    BadAnswer,
    CloudError,
    Forbidden,
    NotFound,
    RateLimited,
    ReadFailed,
    Rejected,
    Unauthorized,
    Unreachable,
)
from cftui.errors import UsageError
from tests.api.conftest import SHORT, Connect
from tests.api.scripted import (
    VM_ID,
    Received,
    Script,
    ScriptedServer,
    action,
    close,
    cut,
    endless,
    hang,
    http,
    reset,
    routes,
    says,
    vm,
)
from tests.clock import TurnedClock

ACCOUNT = {"account": {"email": "user@example.com", "uuid": "b6fr89", "vm_limit": "2"}}
GOOD = http(200, ACCOUNT)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_a_good_answer(connect: Connect) -> None:
    client, server = await connect(says(GOOD))
    account = await client.account()
    assert (account.email, account.uuid, account.vm_limit) == ("user@example.com", "b6fr89", 2)
    (received,) = server.requests
    assert (received.method, received.target, received.body) == ("GET", "/api/v1/account", b"")
    assert received.headers["content-type"] == "application/json"
    assert client.round_trip_s is not None


@pytest.mark.parametrize(
    ("row", "script", "kind", "words"),
    [
        ("41", says(http(500, "<h1>x</h1>")), ReadFailed, "answered 500"),
        ("41", says(http(503)), ReadFailed, "answered 503"),
        ("42", says(http(429)), RateLimited, "answered 429"),
        pytest.param("44", hang, ReadFailed, "no answer in 0.3 s", marks=pytest.mark.fault("44")),
        pytest.param(
            "44",
            endless(b"x", pause_s=0.02, head=b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
            ReadFailed,
            "no answer",
            marks=pytest.mark.fault("44"),
        ),
        ("45", endless(b"10000\r\n" + b"x" * 2**16 + b"\r\n", head=CHUNKED), BadAnswer, "too large"),
        ("46", says(http(200, b"\x1f\x8b", headers=("Content-Encoding: gzip",))), BadAnswer, "encoding 'gzip'"),
        ("46", says(http(200, b"x", headers=("Content-Encoding: br",))), BadAnswer, "encoding 'br'"),
        ("47", says(http(200, '{"account": {"email"')), BadAnswer, "not JSON"),
        ("47", says(http(200, "<html>portal</html>", content_type="text/html")), BadAnswer, "web page .text/html."),
        ("47", says(http(204)), BadAnswer, "empty"),
        ("48", says(http(200, '{"account": {"email": "a", "email": "b"}}')), BadAnswer, "contradicts itself"),
        ("49", says(http(200, '{"account": {"vm_limit": NaN}}')), BadAnswer, "NaN"),
        ("50", says(http(200, b'{"account": {"email": "\xff"}}')), BadAnswer, "not JSON"),
        ("51", says(http(200, '{"account": []}')), BadAnswer, "no 'account'"),
        ("52", says(http(401)), Unauthorized, "refused the e-mail and password"),
        ("53", says(http(403)), Forbidden, "answered 403"),
        ("54", says(http(404)), NotFound, "answered 404"),
        ("54", says(http(405)), NotFound, "answered 405"),
        ("54", says(http(501)), NotFound, "answered 501"),
        ("any", says(http(422, {"message": "no [/]"})), Rejected, r"answered 422 to GET /api/v1/account: no \[/\]"),
        ("any", says(http(408)), ReadFailed, "408"),
        (
            "S12",
            says(http(302, headers=("Location: https://other.example/",))),
            ReadFailed,
            "redirects to https://other.example",
        ),
        ("S20", says(b"\x00\x16 no HTTP\r\n\r\n"), ReadFailed, "without a whole answer"),
        ("any", close, ReadFailed, "without a whole answer"),
        ("any", reset, ReadFailed, "connection lost"),
    ],
)
async def test_an_answer_that_cannot_be_used(
    connect: Connect, row: str, script: Script, kind: type[CloudError], words: str
) -> None:
    deadlines = {"deadlines": SHORT} if row == "44" else {}
    client, _ = await connect(script, **deadlines)
    with pytest.raises(kind, match=words) as raised:
        await client.account()
    assert type(raised.value) is kind
    assert raised.value.message.isprintable()


async def test_an_unreachable_host_has_a_short_cause() -> None:
    async with CloudReader("http://nobody.invalid/api/v1", "a@b.c", "password") as reader:
        with pytest.raises(Unreachable, match=r"Cannot reach nobody\.invalid: name not found") as raised:
            await reader.account()
    assert raised.value.cause == "name not found"


async def test_rows_42_and_43_how_long_the_cloud_asks_to_wait(connect: Connect) -> None:
    for status, kind in ((429, RateLimited), (503, ReadFailed)):
        client, _ = await connect(says(http(status, headers=("Retry-After: 7", "Retry-After: 9"))))
        with pytest.raises(kind) as raised:
            await client.account()
        assert isinstance(raised.value, RateLimited | ReadFailed)
        assert raised.value.retry_after_s == 9


@pytest.mark.fault("45")
async def test_row_45_a_flood_costs_no_memory(connect: Connect) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    client, _ = await connect(endless(b"x" * 2**16, head=b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n"))
    with pytest.raises(BadAnswer, match="too large, over 8 MB"):
        await client.account()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000


@pytest.mark.fault("65")
async def test_row_65_a_kept_connection_that_broke_is_not_noticed(connect: Connect) -> None:
    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        await (reset if len(server.requests) == 2 else says(GOOD))(received, writer)

    client, server = await connect(script)
    await client.account()
    await client.account()
    assert [received.connection for received in server.requests] == [1, 1, 2]


async def test_a_broken_read_is_repeated_once_and_only_once(connect: Connect) -> None:
    client, server = await connect(close)
    with pytest.raises(ReadFailed):
        await client.account()
    assert len(server.requests) == 2


async def test_reads_keep_their_connection(connect: Connect) -> None:
    client, server = await connect(says(GOOD))
    for _ in range(3):
        await client.account()
    assert server.connections == 1


@pytest.mark.fault("S19")
async def test_cookies_are_neither_kept_nor_sent(connect: Connect) -> None:
    client, server = await connect(says(http(200, ACCOUNT, headers=("Set-Cookie: a=b; Path=/",))))
    await client.account()
    await client.account()
    assert all("cookie" not in received.headers for received in server.requests)


@pytest.mark.fault("70")
async def test_row_70_the_wrong_vm_in_the_reply(connect: Connect) -> None:
    client, _ = await connect(says(http(200, {"vm": vm(id="43")})))
    with pytest.raises(BadAnswer, match="Wrong VM in reply: 43") as raised:
        await client.get_vm(VM_ID)
    assert raised.value.vm_id == VM_ID


async def test_one_vm(connect: Connect) -> None:
    client, server = await connect(says(http(200, {"vm": vm(extra=1)}), http(200, vm())))
    read = await client.get_vm(VM_ID)
    assert (read.vcpus, read.disk, read.memory) == (1, 20, 2)
    assert read.unknown == {"extra": 1}
    assert (await client.get_vm(VM_ID)).name == "web-1"
    assert server.requests[0].target == f"/api/v1/vms/{VM_ID}"


@pytest.mark.fault("54")
async def test_row_54_a_vm_that_is_gone(connect: Connect) -> None:
    client, _ = await connect(says(http(404)))
    with pytest.raises(NotFound) as raised:
        await client.get_vm("gone")
    assert raised.value.vm_id == "gone"


async def test_regions_by_name(connect: Connect) -> None:
    listed = [
        {"name": "moscow_02", "country": "ru", "coordinates": {"lat": 55.79682, "lng": 37.61154}},
        7,
        {"name": "x"},
    ]
    client, _ = await connect(says(http(200, {"regions": listed, "meta": {"total": 2}})))
    first, second = await client.regions()
    assert (first.name, first.country, first.coordinates) == ("moscow_02", "ru", "55.79682, 37.61154")
    assert second.name == "x"


async def test_the_clouds_clock_from_its_date_header(connect: Connect) -> None:
    clock = TurnedClock()
    client, _ = await connect(says(http(200, ACCOUNT, headers=("Date: Tue, 24 Nov 2026 03:24:00 GMT",))), clock=clock)
    assert client.server_offset is None
    await client.account()
    assert client.server_offset is not None
    assert clock.monotonic() + client.server_offset == pytest.approx(1795490640.5)
    clock.turn(0.25)
    await client.account()
    assert clock.monotonic() + client.server_offset == pytest.approx(1795490640.75)


@pytest.mark.parametrize("date", ["yesterday", "Mon, 01 Jan 1900 00:00:00 GMT", "Tue, 24 Nov 2026 03:24:00 +9999", ""])
async def test_an_unreadable_date_tells_nothing(connect: Connect, date: str) -> None:
    client, _ = await connect(says(http(200, ACCOUNT, headers=(f"Date: {date}",))))
    await client.account()
    assert client.server_offset is None


async def test_a_proxy_that_is_no_url() -> None:
    for proxy in ("gopher://user:secret@p.example", "http://user:secret@p.example:x", "nonsense"):
        with pytest.raises(UsageError) as raised:
            CloudReader("http://127.0.0.1:1/api/v1", "a@b.c", "password", proxy=proxy)
        assert "secret" not in repr(raised.value.__context__) + str(raised.value)


async def test_s9_credentials_that_cannot_be_sent() -> None:
    for email, password in [("a:b@c.d", "password"), ("a@b.c", "pass\udc80word")]:
        with pytest.raises(UsageError) as raised:
            CloudReader("http://127.0.0.1:1/api/v1", email, password)
        assert raised.value.__context__ is None
        assert "word" not in str(raised.value).replace("e-mail or password", "")


@pytest.mark.parametrize("password", [':@/% "', "пароль", "-x", "p" * 1024])
async def test_s9_passwords_go_over_the_wire_as_they_are(password: str) -> None:
    async with ScriptedServer(says(GOOD)) as server, CloudReader(server.url, "usér@example.com", password) as reader:
        await reader.account()
        kind, _, token = server.requests[0].headers["authorization"].partition(" ")
    assert (kind, base64.b64decode(token).decode()) == ("Basic", f"usér@example.com:{password}")


@pytest.mark.fault("S21")
async def test_s21_a_challenge_changes_nothing(connect: Connect) -> None:
    client, server = await connect(says(http(401, headers=('WWW-Authenticate: Digest realm="\x1b[2J", nonce="x"',))))
    with pytest.raises(CloudError):
        await client.account()
    assert all(received.headers["authorization"].startswith("Basic ") for received in server.requests)
    assert len(server.requests) == 1


async def test_actions_of_one_vm(connect: Connect) -> None:
    listed = [
        action(status="completed"),
        action(id="other"),
        action(id=17, resource_id=VM_ID, type="resize"),
        "nonsense",
        action(id=None, type="rename"),
    ]
    client, _ = await connect(routes({f"/api/v1/vms/{VM_ID}/actions": http(200, {"actions": listed})}))
    rows = await client.vm_actions(VM_ID)
    assert [(row.vm_id, row.type, row.number) for row in rows] == [
        (VM_ID, "reboot", ""),
        (VM_ID, "resize", "17"),
        (VM_ID, "rename", ""),
    ]


async def test_a_cut_answer_is_not_taken_for_a_whole_one(connect: Connect) -> None:
    client, _ = await connect(cut(GOOD, len(GOOD) - 1))
    with pytest.raises(ReadFailed):
        await client.account()
