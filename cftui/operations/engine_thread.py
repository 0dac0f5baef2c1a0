"""An engine on a loop and thread of its own, so that no dead link and no heavy repaint stops what it does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from cftui.fleet.fleet import Change
from cftui.fleet.history import Submission
from cftui.operations.engine import Engine
from cftui.operations.order import Order
from cftui.operations.plan import Plan
from cftui.operations.state import Update
from cftui.operations.subscription import Subscription

if TYPE_CHECKING:
    from cftui.api.models import VM
    from cftui.operations.run import Run

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
        self._is_over = threading.Event()
        self._stop: asyncio.Event | None = None
        self.failure: Exception | None = None
        """What ended it though nobody stopped it; whoever subscribed is woken."""

    @property
    def update(self) -> Update:
        """What is known now, with an empty change."""
        with self._engine.subscribers.lock:
            return self._engine.update

    def start(self) -> None:
        """Start the thread and the engine."""
        self._thread = threading.Thread(target=self._run_to_end, name="cftui-engine", daemon=True)
        self._thread.start()

    def begin_stop(self) -> None:
        """Begin nothing more, and end as soon as may be."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)

    def stop(self, timeout_s: float = 2.5) -> None:
        """Stop the engine and wait until it has."""
        if self._thread is None:
            return
        self._is_ready.wait(timeout_s)
        self.begin_stop()
        self._is_over.wait(timeout_s)
        self._thread.join(0.1)  # it may be held up for longer, by a name that is looked up

    def subscribe(self, wake: Callable[[], None]) -> Subscription:
        """As `Engine.subscribe`; `wake` runs on the engine's thread."""
        return self._engine.subscribe(wake)

    def execute(
        self,
        plan: Plan,
        order: Order = Order(),  # noqa: B008 - frozen
        *,
        accepts_gap: bool = False,
    ) -> Future[list[Submission]]:
        """As `Engine.execute`."""
        return self._run(self._engine.execute(plan, order, accepts_gap=accepts_gap))

    def resume(self, run_id: str, *, order: Order | None = None, accepts_gap: bool = False) -> Future[list[Submission]]:
        """As `Engine.resume`."""
        return self._run(self._engine.resume(run_id, order=order, accepts_gap=accepts_gap))

    def dismiss_run(self, run_id: str) -> Future[None]:
        """As `Engine.dismiss_run`."""
        return self._run(self._engine.dismiss_run(run_id))

    def let_go(self, token: str) -> Future[None]:
        """As `Engine.let_go`."""
        return self._run(self._engine.let_go(token))

    def pause_run(self, run_id: str, is_paused: bool) -> None:
        """As `Run.pause`."""
        self._with_run(run_id, lambda run: run.pause(is_paused))

    def abort_run(self, run_id: str) -> None:
        """As `Run.abort`."""
        self._with_run(run_id, lambda run: run.abort())

    def wait_longer(self, run_id: str, vm_id: str) -> None:
        """As `Run.wait_longer`."""
        self._with_run(run_id, lambda run: run.wait_longer(vm_id))

    def give_up(self, run_id: str, vm_id: str) -> None:
        """As `Run.give_up`."""
        self._with_run(run_id, lambda run: run.give_up(vm_id))

    def _with_run(self, run_id: str, work: Callable[[Run], None]) -> None:
        def do() -> None:
            if (run := self._engine.run(run_id)) is not None:
                work(run)

        self._call(do)

    def read_vm(self, vm_id: str) -> Future[VM]:
        """As `Engine.read_vm`."""
        return self._run(self._engine.read_vm(vm_id))

    def set_credentials(self, password: str) -> Future[None]:
        """As `Engine.set_credentials`."""
        return self._run(self._engine.set_credentials(password))

    def allow_writing(self, seconds: float) -> Future[None]:
        """As `Engine.allow_writing`."""
        return self._run(self._engine.allow_writing(seconds))

    def forbid_writing(self) -> Future[None]:
        """As `Engine.forbid_writing`."""
        return self._run(self._engine.forbid_writing())

    def refresh(self) -> None:
        """As `Engine.refresh`."""
        self._call(self._engine.refresh)

    def pause(self, is_paused: bool) -> None:
        """As `Engine.pause`."""
        self._call(lambda: self._engine.pause(is_paused))

    def focus(self, has_focus: bool) -> None:
        """As `Engine.focus`."""
        self._call(lambda: self._engine.focus(has_focus))

    def _run_to_end(self) -> None:
        try:
            asyncio.run(self._live())
        except Exception as error:
            self.failure = error
            self._engine.subscribers.tell(Change())

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._is_ready.set()
        try:
            await self._engine.start()
            try:
                await self._engine.poll_until(self._stop)
            finally:
                await self._engine.stop()
        finally:
            self._is_over.set()

    def _run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        self._is_ready.wait()
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _call(self, work: Callable[[], None]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # stopping; nothing is asked any more
                self._loop.call_soon_threadsafe(work)
