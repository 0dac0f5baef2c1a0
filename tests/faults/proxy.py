"""A proxy between a client and a server that breaks connections on purpose, on real sockets and a thread of its own.

It knows no more of HTTP than where a request's head ends and how long its body is: enough to choose by what is asked,
and to count bytes. The modes are those of well-known fault proxies, and "cut after byte N" in either direction.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Self

End = Literal["fin", "rst"]

_CHUNK = 64 * 1024
_READ_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Break:
    """What is done to one connection; made by the functions below."""

    name: str
    latency_s: float = 0.0
    """Before each piece, in both directions."""
    bytes_per_s: float = 0.0
    """0 for as fast as it goes."""
    slice_bytes: int = 0
    """Pieces no larger than this, each on its own; 0 for as they come."""
    cut_request_at: int | None = None
    """So many bytes of the request are passed on, then both ends are told that it is over."""
    cut_answer_at: int | None = None
    """So many bytes of the answer are passed on, then the same."""
    end: End = "fin"
    """How they are told."""
    is_silent: bool = False
    """The request is passed on, of the answer nothing, and the connection stays."""
    close_delay_s: float = 0.0
    """How long the end of the server's side is kept from the client."""
    is_doubled: bool = False
    """The request is passed on twice, as no network would: to see that it is noticed."""
    is_answered_by_another: bool = False
    """The client gets the answer to the request before."""


def latency(seconds: float) -> Break:
    """Every piece is late."""
    return Break("latency", latency_s=seconds)


def bandwidth(bytes_per_s: float) -> Break:
    """A slow line."""
    return Break("bandwidth", bytes_per_s=bytes_per_s)


def slicer(size: int) -> Break:
    """Small pieces, one after the other."""
    return Break("slicer", slice_bytes=size)


def cut_request(at: int, end: End = "fin") -> Break:
    """Cut after byte `at` of the request."""
    return Break(f"cut request {end}", cut_request_at=at, end=end)


def cut_answer(at: int, end: End = "fin") -> Break:
    """Cut after byte `at` of the answer."""
    return Break(f"cut answer {end}", cut_answer_at=at, end=end)


def silence() -> Break:
    """No answer, and no end."""
    return Break("silence", is_silent=True)


def reset_peer() -> Break:
    """Reset as soon as the request's head was seen; the server hears nothing."""
    return Break("reset peer", cut_request_at=0, end="rst")


def slow_close(seconds: float) -> Break:
    """The end of the connection is late."""
    return Break("slow close", close_delay_s=seconds)


def duplicate() -> Break:
    """The server gets the request twice."""
    return Break("duplicate", is_doubled=True)


def answer_of_another() -> Break:
    """Answers mixed up: the client gets that of the broken connection before."""
    return Break("answer of another", is_answered_by_another=True)


Choose = Callable[[bytes], Break | None]
"""What is to be done to a connection, by the first request's head; None for nothing."""


class FaultProxy:
    """Passes connections on to a server, and breaks those it is told to; also a context manager.

    Args:
        port: Of the server, on this machine.
    """

    def __init__(self, port: int) -> None:
        self.upstream = port
        self.port = 0
        self.exchanges: list[tuple[bytes, bytes]] = []
        """What was passed on of each connection that has ended: the client's bytes, and the server's."""
        self.choose: Choose = lambda head: None
        """What is done where nothing waits from `next`."""
        self._waiting: deque[tuple[bytes, Break]] = deque()
        self._fillers: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="fault-proxy", daemon=True)
        self._is_ready = threading.Event()

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self.port}/api/v1"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on any free port; returns once it does."""
        self._thread.start()
        self._is_ready.wait()

    def stop(self) -> None:
        """End every connection and the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_STOP_TIMEOUT_S)

    def next(self, broken: Break, *, match: bytes = b"POST ") -> None:
        """Break the next connection whose first request's head holds `match`."""
        self._waiting.append((match, broken))

    def refuse(self) -> None:
        """Refuse new connections from now on; those that are open go on."""
        self._call(self._refuse())

    def jam(self) -> None:
        """Let new connections wait for ever: nobody accepts them, and the queue is full; open ones go on."""
        self._call(self._jam())

    # On its own thread

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_STOP_TIMEOUT_S)

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._is_ready.set()
        await self._stopping.wait()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for filler in self._fillers:
            filler.close()
        for _ in range(4):  # what was aborted closes its socket in the turns after
            await asyncio.sleep(0)

    async def _refuse(self) -> None:
        self._server.close()

    async def _jam(self) -> None:
        (listener,) = self._server.sockets
        self._loop.remove_reader(listener.fileno())
        with socket.socket(fileno=socket.dup(listener.fileno())) as same:
            same.listen(0)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._fillers.append(filler)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            try:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _READ_TIMEOUT_S)
                await self._between(reader, writer, head, self._chosen(head))
            finally:
                writer.transport.abort()

    def _chosen(self, head: bytes) -> Break:
        for waiting in self._waiting:
            if waiting[0] in head:
                self._waiting.remove(waiting)
                return waiting[1]
        return self.choose(head) or Break("none")

    async def _between(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, broken: Break
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            if broken.is_doubled:
                head += await reader.readexactly(_body_length(head))
                await self._answer_to(head)
            asked: list[bytes] = []
            answered: list[bytes] = []
            up = asyncio.ensure_future(_pump(reader, far_writer, broken, broken.cut_request_at, asked, first=head))
            down = asyncio.ensure_future(self._answer(far_reader, writer, broken, answered))
            # Whichever ends the connection ends it for both.
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            for pump in (up, down):
                pump.cancel()
            ends = await asyncio.gather(up, down, return_exceptions=True)
            self.exchanges.append((b"".join(asked), b"".join(answered)))
            is_reset = any(isinstance(end, ConnectionResetError) for end in ends)
            if is_reset or broken.cut_request_at is not None or broken.cut_answer_at is not None:
                for one in (far_writer, writer):
                    with suppress(OSError):  # it has ended by itself
                        await _end(one, "rst" if is_reset else broken.end)
        finally:
            far_writer.transport.abort()

    async def _answer(
        self, far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, broken: Break, passed: list[bytes]
    ) -> None:
        if broken.is_answered_by_another:
            await far_reader.read(_CHUNK)
            writer.write(self.exchanges[-1][1])
            await writer.drain()
        if broken.is_answered_by_another or broken.is_silent:
            await asyncio.Event().wait()  # until the client goes
        await _pump(far_reader, writer, broken, broken.cut_answer_at, passed)
        await asyncio.sleep(broken.close_delay_s)

    async def _answer_to(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        writer.write(request)
        answer = await reader.read(_CHUNK)
        writer.close()
        return answer


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    broken: Break,
    cut_at: int | None,
    passed: list[bytes],
    *,
    first: bytes = b"",
) -> None:
    """Pass bytes on until the sender ends, or as many as are allowed have passed."""
    size = 0
    piece = first or await reader.read(_CHUNK)
    while piece and size != cut_at:
        piece = piece if cut_at is None else piece[: cut_at - size]
        for start in range(0, len(piece), broken.slice_bytes or len(piece)):
            part = piece[start : start + (broken.slice_bytes or len(piece))]
            await asyncio.sleep(broken.latency_s + (len(part) / broken.bytes_per_s if broken.bytes_per_s else 0.0))
            writer.write(part)
            await writer.drain()
        size += len(piece)
        passed.append(piece)
        if size != cut_at:
            piece = await reader.read(_CHUNK)


def _body_length(head: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(found[1]) if found else 0


async def _end(writer: asyncio.StreamWriter, end: End) -> None:
    if end == "rst":
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
        await writer.wait_closed()
