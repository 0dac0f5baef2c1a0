"""An engine on a loop and thread of its own, so that no dead link and no heavy repaint stops what it does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from cftui.fleet.history import Submission
from cftui.operations.engine import Engine
from cftui.operations.plan import Plan
from cftui.operations.state import Update
from cftui.operations.subscription import Subscription

if TYPE_CHECKING:
    from cftui.api.models import VM

T = TypeVar("T")


class EngineThread:
    """An engine on a loop and thread of its own; every method may be called from any thread and returns at once.

    Args:
        make_engine: Makes the engine, at once and on the caller's thread: what it remembers can be drawn before
            anything is started.
    """

    def __init__(self, make_engine: Callable[[], Engine]) -> None:
        self._engine = make_engine()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_ready = threading.Event()
        self._stop: asyncio.Event | None = None

    @property
    def update(self) -> Update:
        """What is known now, with an empty change."""
        with self._engine.subscribers.lock:
            return self._engine.update

    def start(self) -> None:
        """Start the thread and the engine."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="cftui-engine", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 2.5) -> None:
        """Stop the engine and wait for its thread."""
        if self._thread is None:
            return
        self._is_ready.wait(timeout_s)
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout_s)

    def subscribe(self, wake: Callable[[], None]) -> Subscription:
        """As `Engine.subscribe`; `wake` runs on the engine's thread."""
        return self._engine.subscribe(wake)

    def execute(self, plan: Plan) -> Future[list[Submission]]:
        """As `Engine.execute`."""
        return self._run(self._engine.execute(plan))

    def read_vm(self, vm_id: str) -> Future[VM]:
        """As `Engine.read_vm`."""
        return self._run(self._engine.read_vm(vm_id))

    def set_credentials(self, password: str) -> Future[None]:
        """As `Engine.set_credentials`."""
        return self._run(self._engine.set_credentials(password))

    def refresh(self) -> None:
        """As `Engine.refresh`."""
        self._call(self._engine.refresh)

    def pause(self, is_paused: bool) -> None:
        """As `Engine.pause`."""
        self._call(lambda: self._engine.pause(is_paused))

    def focus(self, has_focus: bool) -> None:
        """As `Engine.focus`."""
        self._call(lambda: self._engine.focus(has_focus))

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._is_ready.set()
        await self._engine.start()
        await self._stop.wait()
        await self._engine.stop()

    def _run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        self._is_ready.wait()
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _call(self, work: Callable[[], None]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # stopping; nothing is asked any more
                self._loop.call_soon_threadsafe(work)
