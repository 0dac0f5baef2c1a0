"""A day with a thousand actions, on clocks that are turned: what grows, and whether it may.

The simulated cloud has a process of its own, so that what it remembers is not counted as ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cftui.api import requests
from cftui.api.client import MAX_CONNECTIONS
from cftui.fleet import rules
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.engine import Account, Engine
from cftui.operations.journal import Journal
from cftui.operations.plan import Plan, make_plan
from cftui.operations.state import PollLimits
from cftui.simulator.clocks import ManualClock
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from tests.clock import TurnedClock
from tests.proof.figures import Figure, Scale

DAYS = {Scale.SHORT: (1.0, 20), Scale.LONG: (24.0, 1_000)}
"""Virtual hours, and how many actions are sent in them."""

KB_EACH, OBJECTS_EACH = 32.0, 80.0
"""What one more action of a session may cost: its plan and run, the VM before it, what was listed, its line."""

ARENAS_KB = 4096.0
"""What the allocator takes at once."""

RSS_DRIFT = 0.02
"""Beside that, how much more memory the process may have at the end than at noon."""

_SETTLING_S = 900.0
"""After the last action: time for its end, and for the watch over a cloud that takes its word back."""

_VMS = 20
_LOST_EVERY = 7
"""Each so manieth answer is lost after the cloud has begun, so that there is something to look up."""


class Measured(NamedTuple):
    """What a process has, at one moment."""

    actions: int
    rss_kb: int
    objects: int
    files: int
    """Open files, pipes and the like."""
    sockets: int
    threads: int
    followed: int
    """Requests that are still looked after."""
    history: int
    rows: int
    """That a start takes in from the journal."""
    read_ms: float
    """Taking them in."""


@dataclass(frozen=True, slots=True)
class Day:
    """How a day went."""

    early: Measured
    late: Measured
    stages: Counter[str]

    @property
    def grown(self) -> list[str]:
        """What grew beyond its bound, in words."""
        early, late = self.early, self.late
        more = late.actions - early.actions
        bounds = {
            "memory, KB": (late.rss_kb, early.rss_kb * (1 + RSS_DRIFT) + KB_EACH * more + ARENAS_KB),
            "objects": (late.objects, early.objects * (1 + RSS_DRIFT) + OBJECTS_EACH * more),
            "files": (late.files, early.files),
            "sockets": (late.sockets, early.sockets + MAX_CONNECTIONS),
            "threads": (late.threads, early.threads),
            "requests looked after": (late.followed, early.followed + 5),
            "lines of history": (late.history, early.history + more),
            "rows at a start": (late.rows, max(500, late.actions)),
            "ms for them": (late.read_ms, early.read_ms * late.rows / max(1, early.rows) * 3 + 20),
        }
        return [f"{what}: {now:,.0f}, bound {bound:,.0f}" for what, (now, bound) in bounds.items() if now > bound]


def figures(scale: Scale) -> list[Figure]:
    """One day."""
    hours, actions = DAYS[scale]
    with tempfile.TemporaryDirectory(prefix="cftui-soak-") as folder:
        day = asyncio.run(live(Path(folder) / "state", hours=hours, actions=actions))
    early, late = day.early, day.late
    per_action = (late.rss_kb - early.rss_kb) / max(1, late.actions - early.actions)
    ends = ", ".join(f"{count:,} {stage}" for stage, count in day.stages.most_common())
    note = (
        f"{hours:g} h of virtual time; RSS {early.rss_kb / 1024:.1f} -> {late.rss_kb / 1024:.1f} MB "
        f"({per_action:.1f} KB an action), files {early.files} -> {late.files}, threads {early.threads} -> "
        f"{late.threads}, {late.rows} journal rows in {late.read_ms:.0f} ms; {ends}"
    )
    return [Figure("a day's growth", late.actions, len(day.grown), "actions", "; ".join([note, *day.grown]))]


async def live(state_dir: Path, *, hours: float, actions: int) -> Day:
    """Let a program run so long and send so many actions, spread evenly."""
    async with _cloud() as cloud:
        clock = TurnedClock()
        account = Account(cloud.url, "user@example.com", "password")
        engine = Engine(account, state_dir=state_dir, clock=clock, poll=PollLimits(idle_s=30, active_s=2))
        await engine.start()
        await engine.first_reading()
        early: Measured | None = None
        pause_s = hours * 3600 / actions
        for number in range(actions):
            if number == actions // 2:
                early = await _measured(engine, state_dir, number)
            await engine.execute(_plan(engine, account, number))
            await _pass(engine, clock, cloud, pause_s)
        await _pass(engine, clock, cloud, _SETTLING_S)
        late = await _measured(engine, state_dir, actions)
        stages = Counter(one.stage.value for one in engine.view.submissions.values())
        await engine.stop()
    assert early is not None
    return Day(early, late, stages)


async def _pass(engine: Engine, clock: TurnedClock, cloud: Cloud, seconds: float) -> None:
    while seconds > 0:
        is_busy = any(not one.is_settled for one in list(engine.view.submissions.values())[-5:])
        step = min(seconds, 4.0 if is_busy else 30.0)
        await cloud.advance(step)
        await clock.advance(step)
        seconds -= step


def _plan(engine: Engine, account: Account, number: int) -> Plan:
    """Something that may be done to the next VM."""
    vms = list(engine.view.vms.values())
    for vm in vms[number % len(vms) :] + vms[: number % len(vms)]:
        allowed = [one.type for one in rules.availability(vm, doing=engine.view.doing.get(vm.id)) if one.is_allowed]
        if allowed:
            return make_plan([(vm, _request(allowed[number % len(allowed)], vm, number))], base_url=account.base_url)
    raise AssertionError("nothing may be done to any VM")


def _request(type_: ActionType, vm: VmRow, number: int) -> requests.ActionRequest:
    match type_:
        case ActionType.RESIZE:
            return requests.resize(cpu=number % 8 + 1 if vm.cpu != number % 8 + 1 else number % 8 + 2)
        case ActionType.RENAME:
            return requests.rename(f"vm-{number}")
        case ActionType.SNAPSHOT:
            return requests.snapshot(f"s-{number}")
        case _:
            return requests.simple(type_)


async def _measured(engine: Engine, state_dir: Path, actions: int) -> Measured:
    assert engine._poller is not None
    gc.collect()
    rows, read_ms = await _read(state_dir, engine)
    gc.collect()
    return Measured(
        actions,
        _rss_kb(),
        len(gc.get_objects()),
        *_open_files(),
        threading.active_count(),
        len(engine._poller._followed),
        len(engine.view.history),
        rows,
        read_ms,
    )


async def _read(state_dir: Path, engine: Engine) -> tuple[int, float]:
    """How many rows a start reads, and how long that takes at best."""
    journal = Journal(state_dir / "journal.sqlite3")
    await journal.open()
    best = float("inf")
    rows = 0
    for _ in range(5):
        began = time.perf_counter()
        rows = len(await journal.load(engine._account.origin))
        best = min(best, time.perf_counter() - began)
    await journal.close()
    return rows, best * 1000


def _open_files() -> tuple[int, int]:
    """How many descriptors are open that are no sockets, and how many that are."""
    kinds = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the folder's own, closed by now
            kinds.append(os.readlink(f"/proc/self/fd/{number}").startswith("socket:"))
    return len(kinds) - sum(kinds), sum(kinds)


def _rss_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


class Cloud:
    """A simulated cloud in a process of its own, whose clock is turned from here."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    async def advance(self, seconds: float) -> None:
        """Let time pass there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seconds}\n".encode())
        await self._process.stdout.readline()


@asynccontextmanager
async def _cloud() -> AsyncIterator[Cloud]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.proof.soak", stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[2]
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Cloud(process, (await process.stdout.readline()).decode().strip())
    finally:
        process.stdin.close()
        await process.wait()


def main() -> None:
    """The cloud's process: its URL on stdout, then a line for each number of seconds on stdin; ends with stdin."""
    clock = ManualClock()
    quirks = {"drop-after-accept": str(_LOST_EVERY)}
    cloud = SimulatedCloud(vms=_VMS, calm=True, quirks=quirks, clock=clock)
    with SimulatorServer(cloud) as server:
        print(server.url, flush=True)
        for line in sys.stdin:
            clock.advance(float(line))
            print(flush=True)


if __name__ == "__main__":
    main()
