"""The program: parser, dispatch, and the one place where errors and signals become exit codes.

Nothing of textual, httpx, pydantic or asyncio is imported here; each command imports what it uses.
"""

from __future__ import annotations

import io
import os
import sys

from cftui.search_path import leave_out_the_working_folder

leave_out_the_working_folder()

from cftui.cli.exit_codes import TYPE_CHECKING, ExitCode, of_error  # noqa: E402 - not before the path is in order
from cftui.cli.options import SIMPLE_VERBS, Options, parse  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

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
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # what is no text names no VM, and is no bug either
    try:
        options = parse(sys.argv[1:] if argv is None else argv)
    except SystemExit as ended:
        return int(ended.code or 0)
    except OSError as error:  # help or version
        from cftui.cli.output import unwritten

        return _failed(unwritten(error))
    except Exception as error:
        return _failed(error)
    code = _run(options)
    if argv is not None:
        return code
    from cftui.cli.signals import leave

    return leave(code)


def _run(options: Options) -> int:
    from cftui.cli.signals import Signals

    signals = Signals()
    try:
        return _command(options)(options)
    except KeyboardInterrupt:
        return signals.code
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> ExitCode:
    """Tell what ended a command; the code that it ends with."""
    from cftui.cli.output import Narrator, OutputError, error_lines, forget_stdout
    from cftui.errors import CftuiError

    if isinstance(error, BrokenPipeError):
        forget_stdout()
        return ExitCode.DONE
    if not isinstance(error, CftuiError):
        from cftui.cli.crash import report

        return report(error)
    tell = Narrator()
    for line in error_lines(error):
        tell.error(line)
    if isinstance(error, OutputError):
        forget_stdout()
        return error.code
    return of_error(error)


def _occupy_standard_descriptors() -> None:
    """Put /dev/null where stdin, stdout or stderr came closed, or a socket or the journal would get its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _command(options: Options) -> Command:
    name = options.command
    if name in SIMPLE_VERBS or name in ("off", "resize", "rename", "snapshot"):
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
