"""The program: parser, dispatch, and the one place where errors and signals become exit codes.

Nothing of textual, httpx, pydantic or asyncio is imported here; each command imports what it uses.
"""

from __future__ import annotations

import os
import sys

from cftui.cli.exit_codes import TYPE_CHECKING, ExitCode, of_error
from cftui.cli.options import SIMPLE_VERBS, Options, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Command = Callable[[Options], int]


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        argv: Arguments without the program's name; None takes the process's own.
    """
    os.umask(0o077)
    _occupy_standard_descriptors()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            # A terminal that is not UTF-8 gets escapes instead of an error.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        options = parse(sys.argv[1:] if argv is None else argv)
    except SystemExit as ended:
        return _flushed(int(ended.code or 0))
    return _run(options)


def _run(options: Options) -> int:
    from cftui.cli.output import Narrator, OutputError, error_lines, forget_stdout
    from cftui.errors import CftuiError

    received = _SignalsAsInterrupt()
    try:
        return _command(options)(options)
    except BrokenPipeError:
        forget_stdout()
        return ExitCode.DONE
    except KeyboardInterrupt:
        return received.code
    except CftuiError as error:
        tell = Narrator()
        for line in error_lines(error):
            tell.error(line)
        if isinstance(error, OutputError):
            forget_stdout()
            return error.code
        return of_error(error)
    except Exception as error:
        from cftui.cli.crash import report

        return report(error)


def _occupy_standard_descriptors() -> None:
    """Put /dev/null where stdin, stdout or stderr came closed, or a socket or the journal would get its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _command(options: Options) -> Command:
    name = options.command
    if name in SIMPLE_VERBS or name in ("resize", "rename", "snapshot"):
        from cftui.cli.act import act

        return act
    if name in ("vms", "vm", "actions"):
        from cftui.cli import reading

        return {"vms": reading.vms, "vm": reading.vm, "actions": reading.actions}[name]
    if name == "watch":
        from cftui.cli.watch import watch

        return watch
    if name == "journal":
        from cftui.cli.journal import journal

        return journal
    if name in ("config", "profile"):
        from cftui.cli import settings

        return settings.config if name == "config" else settings.profile
    if name == "simulate":
        from cftui.cli.simulate import simulate

        return simulate
    from cftui.cli import cockpit

    return cockpit.demo if name == "demo" else cockpit.cockpit


class _SignalsAsInterrupt:
    """SIGTERM and SIGHUP end a command as Ctrl-C does: there is one way to stop, and which it was decides the code."""

    def __init__(self) -> None:
        import signal

        self.code = ExitCode.INTERRUPTED
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._received)

    def _received(self, number: int, frame: FrameType | None) -> None:
        import signal

        self.code = ExitCode(128 + number)
        signal.raise_signal(signal.SIGINT)


def _flushed(code: int) -> int:
    """Help and version into a closed pipe end quietly too."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        from cftui.cli.output import forget_stdout

        forget_stdout()
        return code if isinstance(error, BrokenPipeError) else ExitCode.FAILED
    return code
