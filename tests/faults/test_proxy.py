"""The fault proxy itself: what it passes on, and what each mode does to a bare exchange."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from cftui.simulator.server import SimulatorServer
from tests.conftest import StartSimulator
from tests.faults import proxy as proxies
from tests.faults.proxy import Break, FaultProxy
from tests.simulator.asking import basic

GET = b"GET /api/v1/account HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def server(start_simulator: StartSimulator) -> SimulatorServer:
    return start_simulator(vms=5, password="password")


@pytest.fixture
def proxy(server: SimulatorServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as running:
        yield running


def reboot(server: SimulatorServer, nth: int = 0) -> bytes:
    """The bytes of a POST."""
    vm = [vm for vm in server.cloud.vms() if vm.status == "running" and not vm.locked][nth]
    body = b'{"type": "reboot"}'
    head = [f"POST /api/v1/vms/{vm.id}/actions HTTP/1.1", "Host: x", "Content-Type: application/json"]
    head += [f"Authorization: {basic()['Authorization']}", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*head, "", ""]).encode() + body


def exchange(proxy: FaultProxy, request: bytes, *, timeout_s: float = 5.0) -> bytes:
    """What comes back until the end; ConnectionResetError when it ends with a reset."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout_s) as client:
        client.sendall(request)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize(
    "broken",
    [Break("none"), proxies.latency(0.01), proxies.bandwidth(20_000), proxies.slicer(7), proxies.slow_close(0.1)],
)
def test_what_is_only_slow_arrives_whole(server: SimulatorServer, proxy: FaultProxy, broken: Break) -> None:
    whole = exchange(proxy, reboot(server, 0))
    assert whole.startswith(b"HTTP/1.1 201")
    proxy.next(broken)
    began = time.monotonic()
    slow = exchange(proxy, reboot(server, 1))
    assert (slow[:12], len(slow)) == (whole[:12], len(whole))
    if broken.name != "none" and broken.name != "slicer":
        assert time.monotonic() - began > 0.01
    assert len(server.ledger.executed) == 2


def test_only_what_was_meant_is_broken(server: SimulatorServer, proxy: FaultProxy) -> None:
    proxy.next(proxies.reset_peer())
    assert exchange(proxy, GET).startswith(b"HTTP/1.1 401")
    with pytest.raises(ConnectionResetError):
        exchange(proxy, reboot(server))
    assert exchange(proxy, reboot(server)).startswith(b"HTTP/1.1 201")
    assert len(server.ledger.posts) == 1


@pytest.mark.parametrize("at", [0, 1, 60])
def test_cut_in_the_request(server: SimulatorServer, proxy: FaultProxy, at: int) -> None:
    proxy.next(proxies.cut_request(at))
    assert exchange(proxy, reboot(server)) == b""
    assert not server.ledger.executed


def test_cut_right_after_the_request(server: SimulatorServer, proxy: FaultProxy) -> None:
    """The server hears all of it and does it; the client hears nothing."""
    request = reboot(server)
    proxy.next(proxies.cut_request(len(request)))
    assert exchange(proxy, request) == b""
    deadline = time.monotonic() + 2
    while not server.ledger.executed:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("at", [0, 1, 100])
def test_cut_in_the_answer(server: SimulatorServer, proxy: FaultProxy, at: int) -> None:
    proxy.next(proxies.cut_answer(at))
    assert len(exchange(proxy, reboot(server))) == at
    proxy.next(proxies.cut_answer(at, "rst"))
    with pytest.raises(ConnectionResetError):
        exchange(proxy, reboot(server, 1))
    assert len(server.ledger.executed) == 2


def test_silence_has_no_end_of_its_own(server: SimulatorServer, proxy: FaultProxy) -> None:
    proxy.next(proxies.silence())
    with pytest.raises(TimeoutError):
        exchange(proxy, reboot(server), timeout_s=0.3)
    assert len(server.ledger.executed) == 1


def test_a_doubled_request_shows_in_the_ledger(server: SimulatorServer, proxy: FaultProxy) -> None:
    proxy.next(proxies.duplicate())
    exchange(proxy, reboot(server))
    assert len(server.ledger.posts) == 2


def test_the_answer_of_another(server: SimulatorServer, proxy: FaultProxy) -> None:
    first = exchange(proxy, reboot(server))
    proxy.next(proxies.answer_of_another())
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(reboot(server, 1))
        assert client.recv(65536) == first
    assert len(server.ledger.executed) == 2


def test_refused_and_jammed_connections_leave_open_ones_alone(server: SimulatorServer, proxy: FaultProxy) -> None:
    kept = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    kept.sendall(GET.replace(b"Connection: close\r\n", b""))
    assert kept.recv(65536).startswith(b"HTTP/1.1 401")
    proxy.jam()
    with pytest.raises(TimeoutError):
        exchange(proxy, GET, timeout_s=0.2)
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        exchange(proxy, GET)
    kept.sendall(GET)
    assert kept.recv(65536).startswith(b"HTTP/1.1 401")
    kept.close()
