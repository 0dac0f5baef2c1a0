"""Where modules come from: not from the folder one happens to stand in, where anybody may have put an httpx.py."""

import os
import sys

_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""Where this package lies."""


def leave_out_the_working_folder(*, is_module: bool = False) -> None:
    """Take the working folder off the search path, unless cftui itself lies there.

    Python puts it there for an element of PYTHONPATH that is empty or relative, as in `PYTHONPATH=$PYTHONPATH:/mine`.

    Args:
        is_module: Run as `python -m`, for which Python puts it first.
    """
    if is_module and not sys.flags.safe_path and sys.path[:1] == [os.getcwd()] != [_HOME]:
        del sys.path[0]
    if sys.flags.ignore_environment:
        return
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    meant = {name for name in named if os.path.isabs(name)} | {_HOME}
    loose = {os.path.abspath(name) for name in named if not os.path.isabs(name)} - meant
    if loose:
        sys.path[:] = [name for name in sys.path if name not in loose]
