"""A mistake of our own: a short report without local variables and texts, and so without secrets, of mode 0600."""

from __future__ import annotations

import os
import platform
import secrets
import sys
import traceback
from collections.abc import Iterator

from cftui import __version__, private
from cftui.cli.exit_codes import ExitCode
from cftui.cli.output import Narrator, forget_stdout
from cftui.config.folders import state_dir
from cftui.errors import ConfigError
from cftui.text import clean


def report(error: Exception) -> ExitCode:
    """Write what happened where, tell the file's name, and give the code of a bug.

    What an exception says is left out: it may hold what the program was working on.
    """
    lines = [f"cftui {__version__}, Python {platform.python_version()}, {platform.system()}", *_told(error)]
    tell = Narrator()
    tell.error(f"cftui: a mistake of cftui's own ended it: {type(error).__name__}.")
    try:
        path = state_dir(os.environ) / f"crash-{secrets.token_hex(4)}.txt"
        private.create(path, "".join(clean(line) + "\n" for line in lines).encode())
        tell.error(f"       A report without your data is in {path}")
    except (OSError, ConfigError):
        for line in lines:
            tell.error(f"       {line}")
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError:
            forget_stdout()
    return ExitCode.BUG


def _told(error: BaseException, *, depth: int = 0) -> Iterator[str]:
    """The kind of an exception and where it came from; then the same of what it came from, and of its members."""
    indent = "  " * depth
    yield indent + type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    for frame in (*frames[:_FRAMES], *frames[_FRAMES:][-_FRAMES:]):
        yield f"{indent}  {frame.filename}:{frame.lineno} in {frame.name}"
    origin = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    if depth < _DEEPEST:
        for other in (*members, *([origin] if origin is not None else [])):
            yield from _told(other, depth=depth + 1)


_DEEPEST = 5
"""How far back a report goes."""

_FRAMES = 40
"""How many frames it has, from above and from below; one that never ended has a thousand."""
