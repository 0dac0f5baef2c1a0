"""A server that answers by script, for bytes that no proper server sends, on real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

VM_ID = "5609f1ee1b0c4d2da622737b5ca25e6c"


@dataclass(frozen=True)
class Received:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    connection: int
    """Number of the connection it came on, from 1."""


Script = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request, or does not."""


@dataclass
class ScriptedServer:
    """Runs `script` for every request; use as an async context manager."""

    script: Script
    tls: ssl.SSLContext | None = None
    requests: list[Received] = field(default_factory=list)
    connections: int = 0

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/api/v1"

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self.tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        try:
            while not writer.is_closing():
                received = await _receive(reader, connection)
                if received is None:
                    break
                self.requests.append(received)
                await self.script(received, writer)
                await writer.drain()
        except ConnectionError:
            pass  # the client went away, as some tests want
        finally:
            writer.close()


async def _receive(reader: asyncio.StreamReader, connection: int) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body, connection)


def http(
    status: int = 200,
    body: bytes | str | object = b"",
    *,
    headers: tuple[str, ...] = (),
    content_type: str = "application/json",
) -> bytes:
    """The bytes of one whole answer; anything but bytes and text becomes JSON."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(content)}", *headers]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def says(*answers: bytes) -> Script:
    """Each request gets the next answer; the last one for ever."""
    waiting = list(answers)

    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    return script


def routes(table: dict[str, bytes | Script]) -> Script:
    """Answers by target, query included or not; 404 for all else."""

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        found = (
            table.get(received.target) or table.get(received.target.partition("?")[0]) or http(404, {"message": "no"})
        )
        if isinstance(found, bytes):
            writer.write(found)
        else:
            await found(received, writer)

    return script


async def hang(_: Received, writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.Event().wait()


async def close(_: Received, writer: asyncio.StreamWriter) -> None:
    """Closes without a word."""
    writer.close()


async def reset(_: Received, writer: asyncio.StreamWriter) -> None:
    """Ends the connection with RST."""
    end_with_reset(writer)


def end_with_reset(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def cut(answer: bytes, at: int) -> Script:
    """The first `at` bytes of an answer, then the end of the connection."""

    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer[:at])
        await writer.drain()
        writer.close()

    return script


def endless(piece: bytes, *, head: bytes = b"", pause_s: float = 0.0) -> Script:
    """`head`, then `piece` again and again, until the client goes away."""

    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return script


def vm(**members: object) -> dict[str, object]:
    """A VM in the documented shape."""
    return {
        "id": VM_ID,
        "name": "web-1",
        "memory": 2,
        "vcpus": "1",
        "disk": "20",
        "locked": False,
        "created_at": "2015-01-14T16:00:00Z",
        "status": "running",
        "backup_ids": [],
        "snapshot_ids": [],
        "image": {"id": "11081d5dcd884cf48f73a9d0ba8be005", "distro": "some-distro", "name": "Some OS"},
        "features": [],
        "networks": {"v4": [{"ip_address": "192.0.2.10", "netmask": "255.255.255.0", "type": "public"}]},
    } | members


def action(**members: object) -> dict[str, object]:
    """An action as the document prints it."""
    return {
        "id": VM_ID,
        "status": "in-progress",
        "type": "reboot",
        "started_at": "2015-01-14T16:31:00Z",
        "completed_at": None,
        "resource_type": "vm",
        "region": "moscow_01",
    } | members
