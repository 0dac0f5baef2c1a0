"""The command as a user runs it: a process of its own; stdout, stderr and exit code apart."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cftui.simulator.server import SimulatorServer
from tests.conftest import EMAIL, PASSWORD
from tests.forked import Line, run_line


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


Run = Callable[..., Ran]

COMMAND = [sys.executable, "-W", "error", "-m", "cftui"]


def account_of(simulator: SimulatorServer, **changes: str) -> dict[str, str]:
    """The variables that point the command at a simulated cloud."""
    return {"CFTUI_URL": simulator.url, "CFTUI_EMAIL": EMAIL, "CFTUI_PASSWORD": PASSWORD} | changes


@pytest.fixture
def run() -> Run:
    """Run `cftui` with arguments; nothing is configured but what `env` says, and that it asks often."""
    config = Path(os.environ["XDG_CONFIG_HOME"], "cftui", "config.toml")
    config.parent.mkdir(parents=True)
    config.write_text("poll_active_s = 1\n")

    def run(*args: str, stdin: str = "", env: dict[str, str] | None = None) -> Ran:
        ended = run_line(Line(args, stdin=stdin.encode()), env={**os.environ, **(env or {})})
        ran = Ran(ended.code, ended.stdout.decode(), ended.stderr.decode())
        assert "Traceback" not in ran.stderr
        assert PASSWORD not in ran.stdout + ran.stderr
        return ran

    return run


@pytest.fixture
def cftui(simulator: SimulatorServer, run: Run) -> Run:
    """Run `cftui` against the `simulator`; `env` changes single variables."""

    def against(*args: str, stdin: str = "", env: dict[str, str] | None = None) -> Ran:
        return run(*args, stdin=stdin, env=account_of(simulator, **(env or {})))

    return against
