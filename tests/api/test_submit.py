"""POSTs over real sockets: what each broken exchange comes to, and that there is never a second one."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest

from cftui.api import requests
from cftui.api.client import CloudClient, CloudReader, Deadlines
from cftui.api.errors import OutcomeUnknown, RateLimited, Rejected, Unreachable
from cftui.fleet.rows import ActionType
from tests.api.conftest import SHORT, Connect
from tests.api.scripted import VM_ID, Script, ScriptedServer, action, close, cut, endless, hang, http, reset, says

REBOOT = requests.simple(ActionType.REBOOT)
ACCEPTED = http(201, {"action": action()})


@pytest.mark.parametrize(
    ("row", "script", "reason"),
    [
        ("7", reset, "read-error"),
        ("8", close, "no-reply"),
        ("9", hang, "timeout"),
        ("13", says(http(500, "<h1>Oops</h1>", content_type="text/html")), "500"),
        ("14", says(http(502)), "502"),
        ("20", says(http(408)), "408"),
        ("21", says(http(307, headers=("Location: https://other.example/api/v1/vms/x/actions",))), "redirect"),
        ("22", cut(ACCEPTED, len(ACCEPTED) - 5), "accepted-noid"),
        ("23", says(http(201, "<html>", content_type="text/html")), "accepted-noid"),
        ("23", says(http(204)), "accepted-noid"),
        ("24", says(http(201, {"action": action(id="77")})), "accepted-mismatch"),
        ("32", endless(b"HTTP/1.1 102 Processing\r\n\r\n"), "timeout"),
        ("44", endless(b"X", pause_s=0.02), "timeout"),
        ("46", says(http(201, b"\x1f\x8b", headers=("Content-Encoding: gzip",))), "accepted-noid"),
        ("S19", says(http(201, {"action": action()}, headers=("X-Big: " + "x" * 2**20,))), "no-reply"),
        ("S20", says(b"\x16\x03\x01 this is no HTTP\r\n\r\n"), "no-reply"),
        (
            "S20",
            says(
                b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n{}"
            ),
            "accepted-noid",
        ),
    ],
)
async def test_an_answer_that_cannot_be_used(connect: Connect, row: str, script: Script, reason: str) -> None:
    client, server = await connect(script, deadlines=SHORT)
    with pytest.raises(OutcomeUnknown) as raised:
        await client.submit(VM_ID, REBOOT)
    assert (raised.value.reason, raised.value.is_accepted) == (reason, reason.startswith("accepted"))
    assert len(server.requests) == 1
    assert raised.value.__context__ is None


async def test_row_10_the_connection_dies_mid_request(connect: Connect) -> None:
    """The server ends it as soon as it sees the head; the body may not even have arrived."""
    client, server = await connect(reset)
    with pytest.raises(OutcomeUnknown):
        await client.submit(VM_ID, requests.rename("x" * 255))
    assert server.connections == 1


async def test_cut_at_every_byte_of_the_answer(connect: Connect) -> None:
    """Before the status line is whole nothing is known; after it, it was accepted; the whole of it is an action."""
    status_known = ACCEPTED.index(b"\r\n\r\n") + 4
    for at in range(len(ACCEPTED)):
        client, server = await connect(cut(ACCEPTED, at))
        with pytest.raises(OutcomeUnknown) as raised:
            await client.submit(VM_ID, REBOOT)
        assert raised.value.is_accepted == (at >= status_known), at
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 418, 422, 423])
async def test_rows_16_to_20_a_refusal_is_sent_once(connect: Connect, status: int) -> None:
    client, server = await connect(says(http(status, {"message": "no"})))
    with pytest.raises(Exception, match=f"{status}: no") as raised:
        await client.submit(VM_ID, REBOOT)
    assert not isinstance(raised.value, OutcomeUnknown)
    assert len(server.requests) == 1


async def test_row_15_a_rate_limit_says_how_long(connect: Connect) -> None:
    client, server = await connect(says(http(429, headers=("Retry-After: 12",))))
    with pytest.raises(RateLimited) as raised:
        await client.submit(VM_ID, REBOOT)
    assert isinstance(raised.value, Rejected)
    assert raised.value.retry_after_s == 12
    assert len(server.requests) == 1


async def _client(base_url: str, **deadlines: float) -> AsyncIterator[CloudClient]:
    async with CloudClient(base_url, "user@example.com", "password", deadlines=Deadlines(**deadlines)) as client:
        yield client


@pytest.mark.fault("1", "2", "3")
async def test_rows_1_2_and_3_nothing_was_sent() -> None:
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    try:
        for url, cause in [
            ("http://nobody.invalid/api/v1", "name not found"),
            (f"http://127.0.0.1:{closed.getsockname()[1]}/api/v1", "connection refused"),
            (f"http://127.0.0.1:{full.getsockname()[1]}/api/v1", "no connection in 0.2 s"),
        ]:
            async for client in _client(url, connect_s=0.2, post_s=10):
                with pytest.raises(Unreachable) as raised:
                    await client.submit(VM_ID, REBOOT)
                assert raised.value.cause == cause
                assert raised.value.__context__ is None
    finally:
        for one in [full, closed, *waiting]:
            one.close()


@pytest.mark.fault("5")
@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "502 Bad Gateway"])
async def test_row_5_a_proxy_that_refuses(connect: Connect, status: str) -> None:
    _, proxy = await connect(says(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()))
    async with CloudClient(
        "https://cloud.example/api/v1", "user@example.com", "password", proxy=proxy.origin
    ) as client:
        with pytest.raises(Unreachable) as raised:
            await client.submit(VM_ID, REBOOT)
    assert raised.value.cause == "proxy refused"
    assert [received.method for received in proxy.requests] == ["CONNECT"]
    assert "authorization" not in proxy.requests[0].headers


async def test_row_11_a_cancelled_post_stays_cancelled(connect: Connect) -> None:
    arrived = asyncio.Event()

    async def script(*_: object) -> None:
        arrived.set()
        await asyncio.Event().wait()

    client, server = await connect(script)
    task = asyncio.create_task(client.submit(VM_ID, REBOOT))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(server.requests) == 1


@pytest.mark.fault("29")
async def test_row_29_each_post_takes_a_fresh_connection(connect: Connect) -> None:
    client, server = await connect(says(ACCEPTED))
    for _ in range(3):
        await client.submit(VM_ID, REBOOT)
    assert [received.connection for received in server.requests] == [1, 2, 3]


def test_a_reader_has_no_way_to_change_anything() -> None:
    """S26: read-only is the absence of a method, not a check."""
    assert {name for name in dir(CloudClient) if not name.startswith("_")} - set(dir(CloudReader)) == {"submit"}


REQUESTS = [
    (requests.simple(ActionType.REBOOT), {"type": "reboot"}),
    (requests.simple(ActionType.POWER_CYCLE), {"type": "power_cycle"}),
    (requests.simple(ActionType.SHUTDOWN), {"type": "shutdown"}),
    (requests.simple(ActionType.POWER_OFF), {"type": "power_off"}),
    (requests.simple(ActionType.POWER_ON), {"type": "power_on"}),
    (requests.simple(ActionType.PASSWORD_RESET), {"type": "password_reset"}),
    (requests.resize(ram_gb=2), {"type": "resize", "resource": "ram", "size": 2}),
    (requests.resize(cpu=2, ram_gb=3, disk_gb=30), {"type": "resize", "data": {"cpu": 2, "ram": 3, "disk": 30}}),
    (requests.rename("new-name"), {"type": "rename", "name": "new-name"}),
    (requests.snapshot("New Snapshot"), {"type": "snapshot", "name": "New Snapshot"}),
]


@pytest.mark.parametrize(("request_", "body"), REQUESTS, ids=lambda value: getattr(value, "body_json", ""))
async def test_the_post_is_what_the_document_prints(
    connect: Connect, request_: requests.ActionRequest, body: dict[str, object]
) -> None:
    client, server = await connect(says(http(201, {"action": action(type=request_.type.value)})))
    row = await client.submit(VM_ID, request_)
    (received,) = server.requests
    assert (received.method, received.target) == ("POST", f"/api/v1/vms/{VM_ID}/actions")
    assert json.loads(received.body) == body
    assert received.body == request_.body_json.encode()
    assert received.headers["content-type"] == "application/json"
    assert received.headers["accept"] == "application/json"
    assert received.headers["accept-encoding"] == "identity"
    assert received.headers["authorization"] == "Basic dXNlckBleGFtcGxlLmNvbTpzM2NyZXQgcGFzcw=="
    assert received.headers["user-agent"].startswith("cftui/")
    assert (row.vm_id, row.type) == (VM_ID, request_.type)


async def test_ids_are_opaque_and_name_no_other_path(connect: Connect) -> None:
    client, server = await connect(says(http(404)))
    for vm_id in ("../account", "a/b", "..", "x?y#z", "é"):
        with pytest.raises(Exception, match="404"):
            await client.submit(vm_id, REBOOT)
    assert [received.target for received in server.requests] == [
        f"/api/v1/vms/{escaped}/actions" for escaped in ("..%2Faccount", "a%2Fb", "%2E%2E", "x%3Fy%23z", "%C3%A9")
    ]


@pytest.mark.fault("21", "S12")
async def test_a_redirect_takes_neither_request_nor_credentials_elsewhere() -> None:
    """S12: the other host hears nothing."""
    async with ScriptedServer(says(http(200))) as other:
        location = f"Location: {other.origin}/x"
        async with ScriptedServer(says(http(307, headers=(location, f"Refresh: 0; url={other.origin}")))) as server:
            async for client in _client(server.url):
                with pytest.raises(OutcomeUnknown, match=r"127\.0\.0\.1"):
                    await client.submit(VM_ID, REBOOT)
                with pytest.raises(Exception, match=r"redirects to http://127\.0\.0\.1"):
                    await client.account()
        assert other.connections == 0
