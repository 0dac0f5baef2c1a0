"""The HTTP face: what it survives, how it ends, and the truth it keeps."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from cftui.simulator.clocks import ManualClock
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.ledger import Received
from cftui.simulator.server import SimulatorServer
from tests.simulator.asking import act, ask, basic, exchange, get, post_bytes


@pytest.fixture
def vm_id(server: SimulatorServer) -> str:
    return server.cloud.find("web-01").id


BAD_HTTP = {
    "words": (b"hello\r\n\r\n", b"400"),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    "no host": (b"GET /api/v1/account HTTP/1.1\r\n\r\n", b"400"),
    "odd length": (b"GET /api/v1/account HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", b"400"),
    "huge head": (b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"431"),
    "huge body": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + b" " * 1_200_000, b"413"),
}


@pytest.mark.parametrize(("content", "status"), BAD_HTTP.values(), ids=BAD_HTTP)
def test_bad_http_gets_a_clear_answer_and_the_end(server: SimulatorServer, content: bytes, status: bytes) -> None:
    try:
        received = exchange(server, content)
    except ConnectionResetError:  # more was sent than is read before the end
        received = b"HTTP/1.1 " + status
    assert received.split()[1] == status
    assert ask(server, "GET", "/account").status == 200


def test_chunked_and_expected_bodies_are_read(server: SimulatorServer, vm_id: str) -> None:
    chunked = post_bytes(vm_id, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked\r\nConnection: close")
    assert b" 201 " in exchange(server, chunked + b'8\r\n{"type":\r\n9\r\n "reboot"\r\n1\r\n}\r\n0\r\n\r\n')
    other = post_bytes(server.cloud.find("api-01").id).replace(
        b"\r\n\r\n", b"\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    head, _, body = other.partition(b"\r\n\r\n")
    with socket.create_connection((server.host, server.port), timeout=5) as sock:
        sock.sendall(head + b"\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 100 ")
        sock.sendall(body)
        assert sock.recv(1000).startswith(b"HTTP/1.1 201 ")


def test_connection_is_kept_for_reads(server: SimulatorServer) -> None:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
    for _ in range(3):
        connection.request("GET", "/v1/account", headers=basic())
        assert connection.getresponse().read()
    connection.close()
    assert [(entry.connection, entry.position) for entry in server.ledger.requests] == [(1, 1), (1, 2), (1, 3)]


def test_ledger_holds_each_post_as_it_was_sent(server: SimulatorServer, vm_id: str, clock: ManualClock) -> None:
    told: list[Received] = []
    server.ledger.on_post = told.append
    body = b'{ "type" : "reboot" }'
    assert act(server, vm_id, body).status == 201
    clock.advance(1)
    assert act(server, vm_id, {"type": "power_on"}).status == 422
    get(server, "/vms?page=1")
    accepted, refused = server.ledger.posts
    assert (accepted.method, accepted.path, accepted.body) == ("POST", f"/api/v1/vms/{vm_id}/actions", body)
    assert (accepted.verdict, accepted.status, accepted.is_executed) == ("accepted", 201, True)
    assert (refused.verdict, refused.status, refused.is_executed) == ("refused", 422, False)
    assert refused.time - accepted.time == 1
    assert ("content-type", "application/json") in accepted.headers
    assert not any(name == "authorization" or "Basic" in value for name, value in accepted.headers)
    assert (accepted.position, refused.position, accepted.connection != refused.connection) == (1, 1, True)
    assert told == [accepted, refused]
    assert server.ledger.executed == (accepted,)
    assert server.ledger.connections == 3
    assert (server.ledger.count(), server.ledger.count("POST"), server.ledger.count(path="/vms")) == (3, 2, 1)


def test_post_that_broke_off_is_noted_and_not_carried_out(server: SimulatorServer, vm_id: str) -> None:
    with socket.create_connection((server.host, server.port), timeout=5) as sock:
        sock.sendall(post_bytes(vm_id)[:-3])
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1000).startswith(b"HTTP/1.1 400 ")
    (post,) = server.ledger.posts
    assert (post.verdict, post.is_executed) == ("incomplete", False)
    assert server.cloud.vm(vm_id).open_actions == ()


def test_post_whose_sender_left_before_the_answer_is_carried_out(server: SimulatorServer, vm_id: str) -> None:
    with socket.create_connection((server.host, server.port), timeout=5) as sock:
        sock.sendall(post_bytes(vm_id))
    while not server.ledger.executed:
        time.sleep(0.005)
    assert server.cloud.vm(vm_id).open_actions
    assert ask(server, "GET", "/account").status == 200


def test_of_many_at_once_one_vm_takes_one_action(server: SimulatorServer, vm_id: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(lambda _: act(server, vm_id, {"type": "reboot"}).status, range(32)))
    assert statuses == [201] + [422] * 31
    assert len(server.ledger.executed) == 1


def test_stop_ends_the_thread_though_clients_are_connected_and_hang(server: SimulatorServer, vm_id: str) -> None:
    server.stop_answering()
    with (
        socket.create_connection((server.host, server.port), timeout=5) as idle,
        socket.create_connection((server.host, server.port), timeout=5) as waiting,
    ):
        waiting.sendall(post_bytes(vm_id))
        while not server.ledger.posts:
            time.sleep(0.005)
        server.stop()
        for sock in (idle, waiting):
            with suppress(ConnectionResetError):
                assert sock.recv(1) == b""
    assert not [thread for thread in threading.enumerate() if thread.name == "simulator"]
    server.stop()


def test_server_can_be_started_again(clock: ManualClock) -> None:
    server = SimulatorServer(SimulatedCloud(vms=1, calm=True, clock=clock))
    for _ in range(2):
        with server:
            assert ask(server, "GET", "/account").status == 200
            assert server.url == f"http://127.0.0.1:{server.port}/api/v1"


def test_taken_port_is_an_error_at_the_start(server: SimulatorServer) -> None:
    second = SimulatorServer(server.cloud, port=server.port)
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.stop()
