"""Many command lines, each in a process of its own that has cftui's modules already: a start costs a twentieth."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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


def run_all(lines: Mapping[str, Line], *, env: Mapping[str, str]) -> dict[str, Ended]:
    """Run them one after another.

    Args:
        lines: What to run, by name.
        env: The whole environment, but for what a line adds.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked = [[list(line.args), dict(line.env), line.program] for line in lines.values()]
        for number, line in enumerate(lines.values()):
            Path(folder, f"{number}.in").write_bytes(line.stdin)
        command = [sys.executable, "-W", "error", "-m", __name__, folder]
        # Text that is no UTF-8 travels as half characters, which JSON carries.
        ended = subprocess.run(
            command, input=json.dumps(asked).encode(), capture_output=True, env=dict(env), timeout=110, check=False
        )
        assert ended.returncode == 0, ended.stderr.decode("utf-8", "replace")[-2000:]
        return {
            name: Ended(code, Path(folder, f"{number}.out").read_bytes(), Path(folder, f"{number}.err").read_bytes())
            for number, (name, code) in enumerate(zip(lines, json.loads(ended.stdout), strict=True))
        }


def _serve(folder: str) -> None:
    from importlib import import_module

    for name in _MODULES:
        import_module(name)
    codes = []
    for number, (args, env, program) in enumerate(json.load(sys.stdin)):
        pid = os.fork()
        if not pid:
            _become(Path(folder), number, args, env, program)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print(json.dumps(codes))


def _become(folder: Path, number: int, args: list[str], env: dict[str, str], program: str) -> None:
    """In the child: take files for the standard streams, run, and end."""
    code = 99
    try:
        os.environ.update(env)
        for descriptor, (kind, flags) in enumerate(
            (("in", os.O_RDONLY), ("out", os.O_WRONLY | os.O_CREAT), ("err", os.O_WRONLY | os.O_CREAT))
        ):
            opened = os.open(folder / f"{number}.{kind}", flags, 0o600)
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
    _serve(sys.argv[1])
