"""Faults on demand, as a bare socket sees them, and whether the request had its effect."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
import time

import pytest

from cftui.simulator import faults
from cftui.simulator.server import SimulatorServer
from tests.simulator.asking import act, ask, exchange, get, post_bytes


@pytest.fixture
def vm_id(server: SimulatorServer) -> str:
    return server.cloud.find("web-01").id


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize(
    "kind", ["reset", "close", "hang", "status", "html", "redirect", "cut", "garbage", "truncated"]
)
def test_fault_on_a_post_before_or_after_its_effect(
    server: SimulatorServer, vm_id: str, kind: str, carried_out: bool
) -> None:
    fault = {
        "reset": faults.reset(carried_out=carried_out),
        "close": faults.close(carried_out=carried_out),
        "hang": faults.hang(carried_out=carried_out),
        "status": faults.status(500, "{}", carried_out=carried_out),
        "html": faults.html_502(carried_out=carried_out),
        "redirect": faults.redirect("http://elsewhere.invalid/", carried_out=carried_out),
        "cut": faults.cut(300, carried_out=carried_out),
        "garbage": faults.garbage(carried_out=carried_out),
        "truncated": faults.truncated(carried_out=carried_out),
    }[kind]
    before = len(server.cloud.actions())
    server.faults.next("POST", fault)
    try:
        reply = ask(server, "POST", f"/vms/{vm_id}/actions", {"type": "reboot"}, timeout_s=0.3)
        assert kind in ("status", "html", "redirect", "truncated")
        assert reply.status == {"status": 500, "html": 502, "redirect": 307, "truncated": 201}[kind]
    except ConnectionResetError:  # RemoteDisconnected is one too
        assert kind in ("reset", "close")
    except TimeoutError:
        assert kind == "hang"
    except http.client.HTTPException:
        assert kind in ("cut", "garbage")
    assert len(server.cloud.actions()) - before == carried_out
    (post,) = server.ledger.posts
    assert (post.is_executed, post.verdict) == (carried_out, "accepted" if carried_out else "not carried out")
    assert act(server, vm_id, {"type": "reboot"}).status == (422 if carried_out else 201)


def test_reset_and_close_are_told_apart(server: SimulatorServer, vm_id: str) -> None:
    server.faults.next("POST", faults.close())
    assert exchange(server, post_bytes(vm_id)) == b""
    server.faults.next("POST", faults.reset())
    with pytest.raises(ConnectionResetError):
        exchange(server, post_bytes(vm_id))


def test_cut_at_every_byte(server: SimulatorServer, vm_id: str) -> None:
    """Before the effect, the bytes are those of an acceptance, cut where one likes."""
    server.faults.next("POST", faults.cut(100_000, carried_out=False))
    whole = exchange(server, post_bytes(vm_id))
    assert whole.startswith(b"HTTP/1.1 201 Created\r\n")
    assert whole.endswith(b'"region": "moscow_01"}}')
    for at in range(len(whole)):
        server.faults.next("POST", faults.cut(at, carried_out=False))
        assert exchange(server, post_bytes(vm_id)) == whole[:at]
    assert server.ledger.executed == ()
    server.faults.next("POST", faults.cut(at, end="reset"))
    with pytest.raises(ConnectionResetError):
        exchange(server, post_bytes(vm_id))
    assert len(server.ledger.executed) == 1


def test_bodies_that_are_not_what_they_seem(server: SimulatorServer) -> None:
    true = ask(server, "GET", "/account").raw
    server.faults.next("GET /account", faults.gzipped())
    reply = ask(server, "GET", "/account")
    assert (reply.headers["content-encoding"], gzip.decompress(reply.raw)) == ("gzip", true)
    server.faults.next("GET /account", faults.huge(1_000_000))
    assert len(ask(server, "GET", "/account").raw) == 1_000_000 + len(true)
    server.faults.next("GET /account", faults.truncated())
    assert ask(server, "GET", "/account").raw == true[: len(true) // 2]
    server.faults.next("GET /account", faults.body("<html>captive portal</html>"))
    assert ask(server, "GET", "/account").raw == b"<html>captive portal</html>"
    server.faults.next("GET /account", faults.redirect("https://elsewhere.invalid/x", 308))
    reply = ask(server, "GET", "/account")
    assert (reply.status, reply.headers["location"]) == (308, "https://elsewhere.invalid/x")
    server.faults.next(
        "GET /account", faults.status(503, "down", headers={"Retry-After": "7", "Content-Type": "text/plain"})
    )
    reply = ask(server, "GET", "/account")
    assert (reply.status, reply.raw, reply.headers["retry-after"], reply.headers["content-type"]) == (
        503,
        b"down",
        "7",
        "text/plain",
    )
    server.faults.next("GET /account", faults.status(204))
    assert ask(server, "GET", "/account").raw == b""
    assert ask(server, "GET", "/account").raw == true


def test_drip_and_delay_take_their_time(server: SimulatorServer) -> None:
    true = ask(server, "GET", "/account").raw
    for fault in (faults.delay(0.2), faults.drip(0.0005)):
        server.faults.next("*", fault)
        begun = time.monotonic()
        assert ask(server, "GET", "/account").raw == true
        assert time.monotonic() - begun >= 0.1


def test_faults_wait_for_what_they_match_and_are_used_up(server: SimulatorServer, vm_id: str) -> None:
    server.faults.next("/regions", faults.html_502(), times=2)
    server.faults.next("GET /vms", faults.status(503))
    server.faults.next(lambda request: request.connection > 4, faults.status(500))
    assert server.faults.waiting == 4
    paths = ("/account", "/regions", "/vms", "/vms", "/regions", "/regions")
    assert [ask(server, "GET", path).status for path in paths] == [200, 502, 503, 200, 502, 500]
    assert server.faults.waiting == 0
    server.faults.always("*", faults.status(500), every=2)
    assert [ask(server, "GET", "/account").status for _ in range(4)] == [200, 500, 200, 500]
    server.faults.next("*", faults.status(500))
    server.faults.clear()
    assert ask(server, "GET", "/account").status == 200


def test_refused_connections_and_their_return(server: SimulatorServer) -> None:
    idle = socket.create_connection((server.host, server.port), timeout=5)
    port = server.port
    server.refuse_connections()
    with idle, pytest.raises(ConnectionRefusedError):
        ask(server, "GET", "/account")
    server.resume()
    assert server.port == port
    assert ask(server, "GET", "/account").status == 200


def test_silent_server_takes_requests_and_answers_none(server: SimulatorServer, vm_id: str) -> None:
    server.stop_answering()
    with pytest.raises(TimeoutError):
        ask(server, "GET", "/account", timeout_s=0.2)
    answers: list[bytes] = []
    asking = threading.Thread(target=lambda: answers.append(exchange(server, post_bytes(vm_id))))
    asking.start()
    while not server.ledger.posts:
        time.sleep(0.005)
    server.resume()
    asking.join(5)
    assert answers == [b""]
    assert [post.verdict for post in server.ledger.posts] == ["not carried out"]
    assert get(server, "/account")["account"]
