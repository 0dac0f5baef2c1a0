"""An app that gives the terminal back, whatever ends it, and says nothing on it that may hold a secret."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

from rich.console import RenderableType
from textual.app import App, ReturnType
from textual.worker import WorkerFailed

from cftui.tui.driver import TerminalDriver, signals


class GuardedApp(App[ReturnType]):
    """An app whose signals, hang-ups and bugs end it in order; run it with `guard`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(driver_class=TerminalDriver, **kwargs)
        self._is_guarded = False
        self._failure: Exception | None = None
        self._leaves_with: int | None = None
        self._own_loop: asyncio.AbstractEventLoop | None = None

    def guard(self, *, mouse: bool) -> ReturnType | None:
        """Run on the real terminal until the end.

        Returns:
            As `run` does; after a signal None, and `return_code` is 129, 130, 131 or 143.

        Raises:
            Exception: What nobody handled, once the terminal is restored and all is stopped. Textual would draw it,
                with what it says and the values of every variable.
        """
        self._is_guarded = True
        keys = sys.__stdin__.fileno() if sys.__stdin__ else 0
        with signals(keys, leave=self.leave, give_back=self._give_back):
            answer = self.run(mouse=mouse)
        if self._failure is not None:
            raise self._failure
        return answer

    def leave(self, code: int) -> None:
        """End with an exit code; from any thread, at any time."""
        self._leaves_with = code
        if isinstance(self._driver, TerminalDriver):
            self._driver.forget_lost()
        if self._own_loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._own_loop.call_soon_threadsafe(self._leave)

    @property
    def is_leaving(self) -> bool:
        """Whether a signal, or the loss of the terminal, ends it."""
        return self._leaves_with is not None

    def on_load(self) -> None:
        """A signal may have come before there was anything to end."""
        self._own_loop = asyncio.get_running_loop()
        if self._is_guarded:
            self._own_loop.set_exception_handler(self._failed_in_loop)
        if self.is_leaving:
            self._leave()

    def action_suspend_process(self) -> None:
        """Stop, as ctrl+z does elsewhere."""
        if isinstance(self._driver, TerminalDriver) and not self._driver.suspend():
            self.tell_no_shell()

    def tell_no_shell(self) -> None:
        """There is nothing to go back to."""

    def on_driver_signal_resume(self) -> None:
        """Back in front: another program drew here."""
        self.refresh(layout=True)

    def panic(self, *renderables: RenderableType) -> None:
        """End without drawing what went wrong."""
        self._failure = self._failure or RuntimeError("Textual ended the app")
        self._close_messages_no_wait()

    def _failed_in_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback or a task that nobody waits for failed; the loop itself would only log it."""
        error = context.get("exception")
        if isinstance(error, Exception):
            self._handle_exception(error)

    def _handle_exception(self, error: Exception) -> None:
        cause = error.error if isinstance(error, WorkerFailed) else error
        if self._failure is None and isinstance(cause, Exception):
            self._failure = cause
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self.panic()

    def _leave(self) -> None:
        self.exit(return_code=self._leaves_with or 0)

    def _give_back(self) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.give_back()
