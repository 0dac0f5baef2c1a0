"""Command lines, each in a process of its own that has cftui's modules already: a start costs a twentieth.

One process a test run imports them and forks for every line; what depends on how Python itself is started is tested
with `python -m cftui`.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_MODULES = (
    *("cftui.cli.act", "cftui.cli.cockpit", "cftui.cli.crash", "cftui.cli.journal", "cftui.cli.main"),
    *("cftui.cli.reading", "cftui.cli.settings", "cftui.cli.simulate", "cftui.cli.watch"),
    *("cftui.api.client", "cftui.api.probe", "cftui.operations.engine"),
    *("httpcore", "anyio._backends._asyncio", "encodings.idna"),  # what the first request imports
)


@dataclass(frozen=True)
class Line:
    """A command line."""

    args: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to what all of them share."""
    stdin: bytes = b""
    program: str = ""
    """Python to run instead of cftui's own `main`; `args` are its `sys.argv[1:]`."""


@dataclass(frozen=True)
class Ended:
    """What it came to; the bytes as they would reach a terminal."""

    code: int
    stdout: bytes
    stderr: bytes


def run_line(line: Line, *, env: Mapping[str, str]) -> Ended:
    """Run one, in the folder of the caller.

    Args:
        line: What to run.
        env: The whole environment, but for what the line adds.
    """
    with _turn:
        forks = _forks()
    return forks.run(line, env)


def run_all(lines: Mapping[str, Line], *, env: Mapping[str, str]) -> dict[str, Ended]:
    """Run them one after another; what they came to, by their names."""
    return {name: run_line(line, env=env) for name, line in lines.items()}


class Forks:
    """The process that forks: for each line one that waits for the one that runs it, and writes down how it ended."""

    def __init__(self) -> None:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "TZ")}
        root = str(Path(__file__).parents[1])
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", __name__],
            stdin=subprocess.PIPE,
            cwd=root,
            env=kept | {"PYTHONPATH": root},
        )

    def run(self, line: Line, env: Mapping[str, str]) -> Ended:
        """Fork for a line and wait for its end; any number at once, from any thread."""
        stdin = self._process.stdin
        assert stdin is not None
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "in").write_bytes(line.stdin)
            # Text that is no UTF-8 travels as half characters, which JSON carries.
            asked = [name, os.getcwd(), list(line.args), {**env, **line.env}, line.program]
            with _turn:
                stdin.write(json.dumps(asked).encode() + b"\n")
                stdin.flush()
            deadline = time.monotonic() + 60
            while not (folder / "code").exists():
                assert time.monotonic() < deadline, f"{line.args} has not ended"
                assert self._process.poll() is None, "the process that forks is gone"
                time.sleep(0.005)
            code = int((folder / "code").read_text())
            return Ended(code, (folder / "out").read_bytes(), (folder / "err").read_bytes())

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


_turn = threading.Lock()


@cache
def _forks() -> Forks:
    forks = Forks()
    atexit.register(forks.close)
    return forks


def _serve() -> None:
    from importlib import import_module

    for name in _MODULES:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for said in sys.stdin:
        if not os.fork():
            _attend(*json.loads(said))


def _attend(folder: str, *asked: Any) -> None:
    """In the child: have the line run in one of its own."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        pid = os.fork()
        if not pid:
            _become(folder, *asked)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        unfinished = Path(folder, "code.new")
        unfinished.write_text(str(code))
        unfinished.rename(Path(folder, "code"))
    finally:
        os._exit(0)


def _become(folder: str, cwd: str, args: list[str], env: dict[str, str], program: str) -> None:
    """In the child: take files for the standard streams, run, and end."""
    code = 99
    try:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        random.seed()
        for descriptor, (kind, flags) in enumerate(
            (("in", os.O_RDONLY), ("out", os.O_WRONLY | os.O_CREAT), ("err", os.O_WRONLY | os.O_CREAT))
        ):
            opened = os.open(Path(folder, kind), flags | (os.O_TRUNC if descriptor else 0), 0o600)
            os.dup2(opened, descriptor)
            os.close(opened)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
        sys.argv = ["cftui", *args]
        from cftui.cli.main import main

        if program:
            exec(program, {"main": main})
        else:
            code = main(args)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
