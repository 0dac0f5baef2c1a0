"""Asks a server over real HTTP, with nothing of cftui's client in between."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cftui.simulator.server import SimulatorServer

CREDENTIALS = "user@example.com:password"


@dataclass(frozen=True)
class Reply:
    """An answer as a client receives it; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def message(self) -> str:
        """The sentence of an error body."""
        assert self.json.keys() == {"id", "message"}
        return str(self.json["message"])


def basic(credentials: str = CREDENTIALS) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


def ask(
    server: SimulatorServer,
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    prefix: str = "/api/v1",
    timeout_s: float = 5.0,
) -> Reply:
    """One request on a connection of its own; a `body` that is no bytes is sent as JSON."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=timeout_s)
    try:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if content is not None else {}
        connection.request(method, prefix + path, content, {**basic(), **kind, **(headers or {})})
        response = connection.getresponse()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def get(server: SimulatorServer, path: str, **options: Any) -> Any:
    """The JSON of a read that must succeed."""
    reply = ask(server, "GET", path, **options)
    assert reply.status == 200, reply
    return reply.json


def act(server: SimulatorServer, vm_id: str, body: object) -> Reply:
    """Start an action."""
    return ask(server, "POST", f"/vms/{vm_id}/actions", body)


def exchange(server: SimulatorServer, content: bytes, *, timeout_s: float = 5.0) -> bytes:
    """Send bytes and read until the server closes."""
    with socket.create_connection((server.host, server.port), timeout=timeout_s) as sock:
        sock.sendall(content)
        received = b""
        while chunk := sock.recv(65536):
            received += chunk
        return received


def post_bytes(vm_id: str, body: bytes = b'{"type": "reboot"}') -> bytes:
    """A whole POST as it goes over the wire."""
    head = f"POST /api/v1/vms/{vm_id}/actions HTTP/1.1\r\nHost: cloud\r\nAuthorization: {basic()['Authorization']}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
