"""The terminal taken, given back, and taken again: signals, job control, and a line that drops."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import threading
import time
from collections.abc import Callable, Collection, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size

from cftui.clock import Clock
from cftui.tui.terminal import POP_TITLE, PUSH_TITLE, emit

if TYPE_CHECKING:
    from cftui.tui.guarded import GuardedApp

LEAVES_WITHIN_S = 2.0
"""A terminal that nobody reads may hold up the last write for ever; after this the process ends anyway."""

_HELD_UP_S = 2.0
"""A terminal that took nothing for so long may have been left and taken up again elsewhere."""

_ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)

_GIVEN_BACK = (
    b"\x18"  # whatever sequence was cut off ends here
    b"\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l"
    b"\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[0m"
)
"""All that the driver sets, unset: frames, pastes, wrapping, sizes, mouse, keys, the other screen, cursor, focus."""


class TerminalDriver(LinuxDriver):
    """Textual's driver with job control that holds, and a way out when nothing can be written any more.

    Textual 8.2.8 takes the terminal anew at each SIGCONT, also at one that no stop of its own came before (a hang-up
    brings one), and reads keys on two threads from then on; it stops itself where no shell could continue it; and its
    handler of SIGWINCH is interrupted by the next one, so that a storm of sizes ends in a RecursionError.
    """

    _app: GuardedApp[Any]

    def __init__(self, app: GuardedApp[Any], **kwargs: Any) -> None:
        self._is_away = False
        self._was_continued = False
        self._is_size_asked = False
        self._clock = Clock()
        self._title = ""
        super().__init__(app, **kwargs)

    def entitle(self, title: str) -> None:
        """Set the terminal's title until it is given back; costs nothing while it stays the same.

        Args:
            title: The sequence that asks for it.
        """
        if title != self._title:
            emit(self, title if self._title else PUSH_TITLE + title)
            self._title = title

    def start_application_mode(self) -> None:
        """Take the terminal; with the title that was in force when it was given back for a while."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGWINCH, self._resized)
        if self._title:
            emit(self, PUSH_TITLE + self._title)

    def stop_application_mode(self) -> None:
        """Give the terminal back, as it was."""
        if self._title:
            emit(self, POP_TITLE)
        super().stop_application_mode()

    def suspend(self) -> bool:
        """Give the terminal back to the shell, and stop until it is handed over again.

        Returns:
            False when there is no shell to go back to; then nothing stopped.
        """
        self._is_away = True
        self.suspend_application_mode()
        was_stopped = self._stop(signal.SIGTSTP)
        self._wait_for_front()
        self._take_again()
        return was_stopped

    def give_back(self) -> None:
        """Restore the terminal without waiting for anybody, from any thread: what was not read yet is thrown away."""
        try:
            own = os.open(os.ttyname(self.fileno), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return  # it is gone
        with contextlib.suppress(OSError, termios.error):
            if self.attrs_before is not None:
                termios.tcsetattr(own, termios.TCSANOW, self.attrs_before)
            if self._file is not None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._file.fileno())
            if self._writer_thread is not None and self._writer_thread.ident is not None:
                # Held up in a write, it keeps all others out; interrupted, it writes the rest to where nobody looks.
                signal.pthread_kill(self._writer_thread.ident, signal.SIGCONT)
            termios.tcflow(own, termios.TCOON)
            for _ in range(50):
                time.sleep(0.001)
                termios.tcflush(own, termios.TCOFLUSH)
                with contextlib.suppress(BlockingIOError):
                    os.write(own, _GIVEN_BACK + (POP_TITLE.encode() if self._title else b""))
                    return

    def write(self, data: str) -> None:
        """Queue some output; where nobody took any for long, what the terminal shows is no longer relied on."""
        began = self._clock.monotonic()
        super().write(data)
        if self._clock.monotonic() - began > _HELD_UP_S:
            self.send_message(self.SignalResume())

    def forget_lost(self) -> None:
        """Read no more keys from a terminal that is gone: its end of file comes as fast as it is read."""
        if not is_connected(self.fileno):
            self.exit_event.set()

    def run_input_thread(self) -> None:
        """Read keys; Textual would draw an exception here with all that it says."""
        try:
            super().run_input_thread()
        except Exception as error:
            if is_connected(self.fileno):  # else the hang-up ends the app
                self._loop.call_soon_threadsafe(self._app._handle_exception, error)

    def _resized(self, number: int, frame: FrameType | None) -> None:
        if not self._is_size_asked:
            self._is_size_asked = True
            self._loop.call_soon_threadsafe(self._tell_size)

    def _tell_size(self) -> None:
        self._is_size_asked = False
        if not self._in_band_window_resize:
            size = Size(*self._get_terminal_size())
            self.send_message(events.Resize(size, size))

    def _sigtstp_application(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._app.action_suspend_process)

    def _sigcont_application(self, *_: object) -> None:
        self._was_continued = True
        if not self._is_away:
            self._loop.call_soon_threadsafe(self._after_foreign_stop)

    def _after_foreign_stop(self) -> None:
        """Somebody else stopped and continued us: nobody knows what became of the terminal meanwhile."""
        if self._is_away or self._app.is_leaving or not is_connected(self.fileno):
            return
        self._is_away = True
        self._wait_for_front()
        self.suspend_application_mode()
        self._take_again()

    def _take_again(self) -> None:
        self.resume_application_mode()
        self._is_away = False
        self.send_message(self.SignalResume())

    def _wait_for_front(self) -> None:
        """`bg` continues a program that has nothing to do there: stop again, until `fg`."""
        while not self._app.is_leaving and not self._is_in_front() and self._stop(signal.SIGTTOU):
            pass

    def _is_in_front(self) -> bool:
        try:
            return os.tcgetpgrp(self.fileno) == os.getpgrp()
        except OSError:  # gone, or not the controlling terminal: nobody hands it to and fro
            return True

    def _stop(self, number: signal.Signals) -> bool:
        """Stop the job as the terminal would; returns whether it did stop, once it is continued.

        The kernel stops nobody whom no shell could continue.
        """
        self._was_continued = False
        before = signal.signal(number, signal.SIG_DFL)
        os.killpg(0, number)
        signal.pthread_kill(threading.get_ident(), number)  # this very thread, before another step
        for _ in range(20):  # the signal that continued us may be another thread's to take
            time.sleep(0.005)
            if self._was_continued:
                break
        signal.signal(number, before)
        return self._was_continued


def is_connected(terminal: int) -> bool:
    """Whether there is still somebody at the other end of a terminal.

    Args:
        terminal: Its descriptor.
    """
    poll = select.poll()
    poll.register(terminal, 0)
    return not any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))


@contextlib.contextmanager
def signals(terminal: int, *, leave: Callable[[int], None], give_back: Callable[[], None]) -> Iterator[None]:
    """While inside, HUP, INT, QUIT, TERM and the loss of the terminal end the program with 129, 130, 131, 143.

    All of it happens on a thread of its own that the interpreter wakes, so that it works at any moment, also while the
    main thread is held up; the loop's own handlers hung when nobody read the terminal. Works on the main thread only;
    elsewhere, signals are left alone. What was ignored, as by `nohup`, stays ignored.

    Args:
        terminal: Its descriptor. Where it is not the controlling one, or hang-ups are ignored, its loss sends no
            signal, and keys would be read from it for ever, as fast as can be.
        leave: Asks the app to end with an exit code.
        give_back: Restores the terminal by force, when the app does not end in time.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    inbox, outbox = os.pipe()
    os.set_blocking(inbox, False)
    os.set_blocking(outbox, False)
    numbers = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _noted) for number in numbers}
    woken_before = signal.set_wakeup_fd(outbox, warn_on_full_buffer=False)
    watch = threading.Thread(
        target=_watch, args=(inbox, terminal, numbers, leave, give_back), name="cftui-signals", daemon=True
    )
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(outbox)
        watch.join()
        os.close(inbox)


def _noted(number: int, frame: FrameType | None) -> None:
    """The interpreter has told the watching thread already."""


def _watch(
    inbox: int,
    terminal: int,
    numbers: Collection[int],
    leave: Callable[[int], None],
    give_back: Callable[[], None],
) -> None:
    """Wait for the first reason to end, ask the app to, and see to it that it does."""
    number = _first_reason(inbox, terminal, numbers)
    if number is None:
        return
    leave(128 + number)
    clock, poll = Clock(), select.poll()
    poll.register(inbox, select.POLLIN)
    deadline = clock.monotonic() + LEAVES_WITHIN_S
    while (left := deadline - clock.monotonic()) > 0:
        if poll.poll(left * 1000) and not os.read(inbox, 64):
            return
    give_back()
    os._exit(128 + number)


def _first_reason(inbox: int, terminal: int, numbers: Collection[int]) -> int | None:
    """The number of the first signal that ends the program; None when it ended by itself."""
    poll = select.poll()
    poll.register(inbox, select.POLLIN)
    poll.register(terminal, 0)
    while True:
        for descriptor, happened in poll.poll():
            if descriptor == inbox:
                came = os.read(inbox, 64)
                if not came:
                    return None
                if ending := [number for number in came if number in numbers]:
                    return ending[0]
            elif happened & select.POLLNVAL:
                poll.unregister(terminal)  # a system that cannot tell
            else:
                return signal.SIGHUP
