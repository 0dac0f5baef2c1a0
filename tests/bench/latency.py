"""How evenly keys are answered while a large fleet is polled: the collector, or a long turn of the loop, would show."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.cloud import Cloud, fleet, poll_every, remember
from tests.bench.table import Figure, Goal, milliseconds
from tests.pty_reader import Terminal

VMS, CHANGED = 10_000, 50
_EVERY_S = 0.05
_DOWN = "\x1b[B"


def figures(seconds: float) -> Iterator[Figure]:
    """Everything about evenness.

    Args:
        seconds: How long to hold the key, 20 times a second, once with polls and once without.
    """
    with Cloud(VMS) as cloud, TemporaryDirectory(prefix="cftui-bench-") as folder:
        calm = _answers(cloud, Path(folder) / "calm", seconds, poll_s=300)
        busy = _answers(cloud, Path(folder) / "busy", seconds, poll_s=1)
    what = f"key to first byte, {VMS:,} VMs polled each second"
    yield Figure(what, milliseconds(busy), "not polled", milliseconds(calm))
    worst = milliseconds([_worst(busy)])
    yield Figure(f"{what}: p99", worst, "not polled: p99", milliseconds([_worst(calm)]))
    yield Figure(f"{what}: p99", worst, "its own median", milliseconds(busy), Goal("P14", most=2.0))


def _answers(cloud: Cloud, home: Path, seconds: float, *, poll_s: int) -> list[float]:
    env = remember(home, cloud.url, fleet(VMS)) | cloud.account
    poll_every(home, poll_s)
    turned = [vm.id for vm in fleet(VMS)[:: VMS // CHANGED]]
    times = []
    with Terminal([sys.executable, "-m", "cftui"], env=env) as terminal:
        terminal.wait_for("live")
        terminal.listen(3.0)
        presses = int(seconds / _EVERY_S)
        for press in range(presses):
            if press % 20 == 0 and poll_s == 1:
                cloud.turn(turned)
            terminal.rest(0.0)
            before = len(terminal.chunks)
            at = terminal.type(_DOWN)
            terminal.listen(_EVERY_S)
            if len(terminal.chunks) == before:
                terminal.rest(_EVERY_S, first_within_s=10.0)
            times.append(terminal.chunks[before].at - at)
    return times


def _worst(times: list[float]) -> float:
    """The 99th percentile."""
    return sorted(times)[int(len(times) * 0.99)]
