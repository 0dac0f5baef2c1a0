"""A mistake of our own: a short report without local variables, and so without secrets, in a file of mode 0600."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback

from cftui import __version__
from cftui.cli.exit_codes import ExitCode
from cftui.cli.output import Narrator
from cftui.config.folders import make_private_dir, state_dir
from cftui.text import clean


def report(error: Exception) -> ExitCode:
    """Write what happened where, tell the file's name, and give the code of a bug.

    The exception's own text is left out: it may hold what the program was working on.
    """
    frames = traceback.extract_tb(error.__traceback__)
    lines = [
        f"cftui {__version__}, Python {platform.python_version()}, {platform.system()}",
        type(error).__name__,
        *(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames),
    ]
    tell = Narrator()
    tell.error(f"cftui: a mistake of cftui's own ended it: {type(error).__name__}.")
    try:
        folder = state_dir(os.environ)
        make_private_dir(folder)
        descriptor, path = tempfile.mkstemp(dir=folder, prefix="crash-", suffix=".txt")
        with open(descriptor, "w", encoding="utf-8") as file:
            file.writelines(clean(line) + "\n" for line in lines)
        tell.error(f"       A report without your data is in {path}")
    except OSError:
        for line in lines:
            tell.error(f"       {line}")
    if sys.stdout is not None:
        sys.stdout.flush()
    return ExitCode.BUG
