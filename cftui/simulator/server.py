"""The cloud's HTTP face: an asyncio server with h11, on a thread of its own.

Everything that a program can do wrong to a client (`faults`) is done here, on real sockets.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from email.utils import formatdate
from typing import Any, Self

from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.connection import BadRequest, Connection
from cftui.simulator.faults import Fault, from_quirks, hang
from cftui.simulator.ledger import Ledger, Verdict
from cftui.simulator.messages import Answer, Request
from cftui.simulator.rate_limit import RateLimit
from cftui.simulator.routes import Routes
from cftui.simulator.rules import Refusal

STOP_TIMEOUT_S = 5.0
"""How long `stop` waits for the thread; it takes a few milliseconds."""


class SimulatorServer:
    """Serves a simulated cloud; also a context manager. Its methods may be called from any thread but its own.

    Args:
        cloud: Whose face it is.
        host: Where to listen.
        port: 0 for any free one.
    """

    def __init__(self, cloud: SimulatedCloud, host: str = "127.0.0.1", port: int = 0) -> None:
        self.cloud = cloud
        self.faults = from_quirks(cloud.quirks)
        """What is to go wrong with requests to come."""
        self.host = host
        self.port = port
        """After `start`, the one that is listened on."""
        self._routes = Routes(cloud)
        self._limit = RateLimit(cloud.quirks["rate-limit"]) if "rate-limit" in cloud.quirks else None
        self._is_silent = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: asyncio.Server | None = None
        self._stopping: asyncio.Event | None = None
        self._open: dict[asyncio.Task[None], Connection] = {}
        self._ready = threading.Event()
        self._failure: OSError | None = None

    @property
    def url(self) -> str:
        """The base URL: `http://127.0.0.1:PORT/api/v1`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/api/v1"

    @property
    def ledger(self) -> Ledger:
        """What was received."""
        return self.cloud.ledger

    def start(self) -> None:
        """Listen, on a daemon thread; returns once requests are answered.

        Raises:
            OSError: The address cannot be listened on.
        """
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="simulator", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Close every connection and end the thread; does nothing when not started."""
        thread, loop, stopping = self._thread, self._loop, self._stopping
        if thread is None or loop is None or stopping is None:
            return
        with suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(stopping.set)
        thread.join(STOP_TIMEOUT_S)
        self._thread = self._loop = self._stopping = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def refuse_connections(self) -> None:
        """Close all connections and refuse new ones, until `resume`."""
        self._call(self._refuse())

    def stop_answering(self) -> None:
        """Take connections and requests and answer none, nor carry any out, until `resume`."""
        self._is_silent = True

    def resume(self) -> None:
        """Undo `refuse_connections` and `stop_answering`; what was not answered never is, its connection ends."""
        self._is_silent = False
        self._call(self._resume())

    # On the server's own thread

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None, "the server has not been started"
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(STOP_TIMEOUT_S)

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        try:
            await self._listen()
        except OSError as error:
            self._failure = error
            return
        except UnicodeError:  # what the names of hosts cannot hold
            self._failure = OSError("That is no host name.")
            return
        finally:
            self._ready.set()
        await self._stopping.wait()
        await self._refuse()

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._connected, self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._listener is not None:
            # Server.close forgets the transport of a connection that is just being accepted: take no more first.
            for sock in self._listener.sockets:
                asyncio.get_running_loop().remove_reader(sock.fileno())
            await _turn_the_loop()
            self._listener.close()
            self._listener = None
        await self._drop()

    async def _resume(self) -> None:
        if self._listener is None:
            await self._listen()
        else:
            await self._drop()

    async def _drop(self) -> None:
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await _turn_the_loop()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, self.ledger.connected())
        task = asyncio.get_running_loop().create_task(self._serve(connection))
        self._open[task] = connection
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        connection = self._open.pop(task)
        connection.abort()
        self.ledger.disconnected(connection.number)

    async def _serve(self, connection: Connection) -> None:
        with suppress(ConnectionError):
            try:
                while (request := await connection.receive()) is not None:
                    if not await self._exchange(connection, request):
                        return
            except BadRequest as error:
                if error.partial is not None:
                    self.ledger.note(error.partial, self.cloud.now(), "incomplete")
                if connection.can_answer():
                    answer = self._routes.refused(Refusal(error.status, "bad_request", error.message))
                    await connection.send(
                        connection.encode(answer, [("connection", "close"), *self._date()], is_head=False)
                    )
            await connection.close()

    async def _exchange(self, connection: Connection, request: Request) -> bool:
        """Answer one request.

        Returns:
            Whether the connection goes on.
        """
        fault = hang() if self._is_silent else self.faults.take(request)
        received = self.ledger.note(request, self.cloud.now())
        answer = self._answer(request, carry_out=fault is None or fault.carried_out)
        if request.method == "POST":
            verdict: Verdict = (
                "refused"
                if answer.action is None
                else "accepted"
                if fault is None or fault.carried_out
                else "not carried out"
            )
            self.ledger.decided(received, answer.status, verdict)
        if fault is None or (fault.spares_refusals and answer.status >= 300):
            fault = Fault("none")
        return await self._send(connection, request, answer, fault)

    async def _send(self, connection: Connection, request: Request, answer: Answer, fault: Fault) -> bool:
        await asyncio.sleep(fault.delay_s)
        if fault.rewrite is not None:
            answer = fault.rewrite(answer)
        content = fault.raw
        if content is None:
            content = connection.encode(answer, self._date(), is_head=request.method == "HEAD")[: fault.cut_at]
        await connection.send(content, pace_s=fault.drip_s)
        match fault.end:
            case "keep":
                return connection.go_on()
            case "hang":
                await connection.wait_for_the_client_to_leave()
            case "reset":
                connection.reset()
                return False
        await connection.close()
        return False

    def _answer(self, request: Request, *, carry_out: bool) -> Answer:
        if self._limit is None:
            return self._routes.answer(request, carry_out=carry_out)
        now = self.cloud.now()
        wait_s = self._limit.take(now)
        if wait_s is None:
            answer = self._routes.answer(request, carry_out=carry_out)
        else:
            answer = self._routes.refused(Refusal(429, "too_many_requests", "API rate limit exceeded."))
        told = self._limit.headers(now, wait_s, _http_date)
        return Answer(answer.status, answer.body, answer.content_type, (*answer.headers, *told), answer.action)

    def _date(self) -> list[tuple[str, str]]:
        return [] if "no-date" in self.cloud.quirks else [("date", _http_date(self.cloud.now()))]


async def _turn_the_loop() -> None:
    """Let an accepted connection get its task, and an aborted one close its socket: three turns in asyncio."""
    for _ in range(4):
        await asyncio.sleep(0)


def _http_date(instant: float) -> str:
    return formatdate(instant, usegmt=True)
