"""Signals end a command as Ctrl-C does: in order, soon, and with a code that says which it was."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from cftui.cli.exit_codes import TYPE_CHECKING, ExitCode

if TYPE_CHECKING:
    from types import FrameType

LEAVES_WITHIN_S = 2.0
"""What is held up for longer, by a terminal that was stopped or a name that is looked up for ever, is left behind."""

_ENDING = (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM)


class Signals:
    """HUP, QUIT and TERM from now on raise `KeyboardInterrupt`, as INT does; what was ignored stays ignored."""

    def __init__(self) -> None:
        self.code = ExitCode.INTERRUPTED
        """What a `KeyboardInterrupt` ends with."""
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._received)

    def _received(self, number: int, frame: FrameType | None) -> None:
        self.code = ExitCode(128 + number)
        leave_soon(self.code)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as for what a script starts in the background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)


def leave_soon(code: ExitCode) -> None:
    """Wait `LEAVES_WITHIN_S` and no longer for what is being put in order; the first call decides."""
    if signal.getitimer(signal.ITIMER_REAL)[0]:
        return

    def over(number: int, frame: FrameType | None) -> None:
        os._exit(code)

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, LEAVES_WITHIN_S)


def leave(code: int) -> int:
    """The code; but after a signal, or while another thread is still at work, the program ends here.

    Looking up a host's name happens on a thread that nothing can stop, and the interpreter would wait for it.
    """
    threading = sys.modules.get("threading")
    is_alone = threading is None or threading.active_count() == 1
    if is_alone and not signal.getitimer(signal.ITIMER_REAL)[0]:
        return code
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # nobody reads it
            if stream is not None:
                stream.flush()
    os._exit(code)
