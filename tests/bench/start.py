"""How long a start takes: to the first rows on a real terminal, and to the end of what only prints."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.cloud import Cloud, at_home, fleet, remember
from tests.bench.empty_app import READY
from tests.bench.table import Figure, Goal, Spread, milliseconds
from tests.pty_reader import Terminal

KNOWN = 10_000
_DEMO_VMS = 200
_FIRST_ROW = "api-01"
"""The VM that comes first by name in any simulated fleet."""
_COCKPIT = [sys.executable, "-c", "import sys; from cftui.cli.main import main; sys.exit(main())"]
"""As the installed `cftui` does it; `python -m cftui` takes some milliseconds more, for runpy."""
_EMPTY = "empty Textual app"


def figures(runs: int) -> Iterator[Figure]:
    """Everything about starting.

    Args:
        runs: Starts of each kind, interleaved.
    """
    yield from _to_first_rows(runs)
    yield from _to_the_end(2 * runs)


def _to_first_rows(runs: int) -> Iterator[Figure]:
    with Cloud(KNOWN) as cloud, TemporaryDirectory(prefix="cftui-bench-") as folder:
        warm = remember(Path(folder) / "warm", cloud.url, fleet(KNOWN)) | cloud.account
        kinds: dict[str, tuple[list[str], dict[str, str], str]] = {
            "empty": ([sys.executable, "-m", "tests.bench.empty_app"], at_home(Path(folder)), READY),
            "known": (_COCKPIT, warm, _FIRST_ROW),
            "demo": ([*_COCKPIT, "demo", "--vms", str(_DEMO_VMS)], at_home(Path(folder)), _FIRST_ROW),
            "first": (_COCKPIT, cloud.account, _FIRST_ROW),
        }
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        memory: dict[str, list[float]] = {kind: [] for kind in kinds}
        for run in range(-1, runs):  # the first of each is not counted: it may write .pyc files
            for kind, (command, env, text) in kinds.items():
                if kind == "first":
                    env = env | at_home(Path(folder) / f"first{run}")
                with Terminal(command, env=env) as terminal:
                    took = terminal.wait_for(text) - terminal.started
                    if run >= 0:
                        times[kind].append(took)
                    if run >= 0 and kind in ("empty", "known"):
                        terminal.listen(3.0 if kind == "known" else 0.3)
                        memory[kind].append(terminal.kill())
    empty = milliseconds(times["empty"])
    yield Figure(f"start, {KNOWN:,} VMs known", milliseconds(times["known"]), _EMPTY, empty, Goal("P1", most=1.3))
    yield Figure(f"start, demo of {_DEMO_VMS} VMs", milliseconds(times["demo"]), _EMPTY, empty, Goal("P2", most=1.5))
    yield Figure(f"start, nothing known, {KNOWN:,} VMs", milliseconds(times["first"]), _EMPTY, empty)
    peaks = (Spread(tuple(memory[kind]), "MB") for kind in ("known", "empty"))
    yield Figure(f"peak memory, {KNOWN:,} VMs read", next(peaks), _EMPTY, next(peaks), Goal("P18", most=2.0))


def _to_the_end(runs: int) -> Iterator[Figure]:
    python = [sys.executable, "-c", "pass"]
    commands = {"pass": python} | {flag: [*_COCKPIT, flag] for flag in ("--version", "--help")}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(-1, runs):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            if run >= 0:
                times[name].append(time.perf_counter() - began)
    for flag in ("--version", "--help"):
        yield Figure(
            f"cftui {flag}",
            milliseconds(times[flag]),
            "python -c pass",
            milliseconds(times["pass"]),
            Goal("P4", most=2.5),
        )
