"""kill -9 at any instant of confirm → POST → outcome; what the next start finds, and that the disk comes first.

Each kill has a process, a state folder and a VM of its own. The cloud notes every POST before it answers; after the
kill the next start, on clocks that are turned, is held against that.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

from cftui.fleet.history import Finding, Stage
from cftui.operations.engine import Account, Engine
from cftui.operations.journal import Journal, read_journal
from cftui.operations.state import PollLimits
from cftui.simulator.clocks import ManualClock
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.ledger import Received
from cftui.simulator.server import SimulatorServer
from tests.clock import TurnedClock
from tests.operations.test_journal import entry, fill
from tests.proof.figures import Figure, Scale
from tests.proof.sender import ROOT, Job, Senders

_KILLS = {Scale.SHORT: 8, Scale.LONG: 600}
_ROWS = {Scale.SHORT: 20_000, Scale.LONG: 1_000_000}
_TRACED = {Scale.SHORT: 1, Scale.LONG: 20}


def figures(scale: Scale) -> list[Figure]:
    """Kill, start again, compare; then look at the order of the system calls, and at a start on a long past."""
    with tempfile.TemporaryDirectory(prefix="cftui-kills-") as folder:
        return [
            *_killed(Path(folder), _KILLS[scale]),
            _write_order(Path(folder), _TRACED[scale]),
            _long_past(Path(folder), _ROWS[scale]),
        ]


@dataclass
class _Came:
    """What the kills came to."""

    kills: int = 0
    where: Counter[str] = field(default_factory=Counter)
    unrecorded: int = 0
    """POSTs without their intent on disk."""
    twice: int = 0
    resent: int = 0
    mistold: list[str] = field(default_factory=list)
    """Rows that are missing, twice there, in the wrong class, or came to the wrong end."""


def _killed(folder: Path, kills: int) -> list[Figure]:
    came = _Came()
    cloud_clock = ManualClock()
    cloud = SimulatedCloud(vms=kills * 2 + 40, calm=True, clock=cloud_clock)
    running = [vm.id for vm in cloud.vms() if vm.status == "running" and not vm.locked][: kills + 1]
    with SimulatorServer(cloud) as server, Senders() as senders:
        usual = _unharmed(senders, server, folder, running.pop())
        for number, (instant, vm_id) in enumerate(zip(islice(_instants(usual, kills), kills), running, strict=True)):
            state = folder / f"state-{number}"
            _kill(senders, server, Job(server.url, str(state), vm_id), instant)
            asyncio.run(_start_again(came, server, cloud_clock, state, vm_id))
    where = ", ".join(f"{times} {at}" for at, times in came.where.most_common())
    return [
        Figure("killed anywhere: carried out more than once", came.kills, came.twice, "kills", where),
        Figure("killed anywhere: a POST without its intent on disk", came.kills, came.unrecorded, "kills"),
        Figure("killed anywhere: sent again by the next start", came.kills, came.resent, "kills"),
        Figure(
            "killed anywhere: row missing, or its end told wrongly",
            came.kills,
            len(came.mistold),
            "kills",
            "; ".join(came.mistold[:3]),
        ),
    ]


@dataclass(frozen=True)
class _Usual:
    """How long the parts of a run take that nobody kills, in seconds."""

    start: float
    sending: float


@dataclass(frozen=True)
class _Instant:
    """When to kill: so long after the fork, after the confirmation, or after the cloud has the POST."""

    after: str
    delay_s: float


def _instants(usual: _Usual, kills: int) -> Iterator[_Instant]:
    """Swept over the whole run, finest where the request leaves; endless."""
    step = max(1, kills // 6)
    for index in cycle(range(step)):
        part = index / step
        yield _Instant("fork", part * usual.start)
        for quarter in range(3):
            yield _Instant("sending", (part + quarter) / 3 * usual.sending * 1.3)
        yield _Instant("post", 0.0)
        yield _Instant("post", part * usual.sending / 2)


def _unharmed(senders: Senders, server: SimulatorServer, folder: Path, vm_id: str) -> _Usual:
    began = time.perf_counter()
    senders.start(Job(server.url, str(folder / "unharmed"), vm_id))
    assert senders.next() == {"is": "sending"}
    confirmed = time.perf_counter()
    assert senders.next() == {"is": "sent"}
    sent = time.perf_counter()
    assert senders.next() == {"status": 0}
    senders.bury()
    return _Usual(confirmed - began, sent - confirmed)


def _kill(senders: Senders, server: SimulatorServer, job: Job, instant: _Instant) -> None:
    pids: list[int] = []

    def strike(_: Received | None = None) -> None:
        if instant.delay_s:
            time.sleep(instant.delay_s)
        if pids:
            os.kill(pids[0], signal.SIGKILL)

    if instant.after == "post" and not instant.delay_s:
        server.ledger.on_post = strike  # on the cloud's own thread: before it answers
    pids.append(senders.start(job))
    if instant.after == "fork":
        strike()
    told = senders.next()
    if told == {"is": "sending"} and instant.after != "fork":
        if instant.after == "sending":
            strike()
        elif instant.delay_s:
            posts, tries = len(server.ledger.posts), 0
            while len(server.ledger.posts) == posts and tries < 50_000:
                time.sleep(0.0002)
                tries += 1
            strike()
    while "status" not in told:
        told = senders.next()
    server.ledger.on_post = None
    senders.bury()


async def _start_again(came: _Came, server: SimulatorServer, cloud_clock: ManualClock, state: Path, vm_id: str) -> None:
    came.kills += 1
    posts = [post for post in server.ledger.posts if f"/{vm_id}/" in post.path]
    rows = read_journal(state / "journal.sqlite3") if _has_table(state / "journal.sqlite3") else []
    came.unrecorded += bool(posts) and not rows
    came.twice += sum(post.is_executed for post in posts) > 1
    clock = TurnedClock(datetime.now(UTC))
    account = Account(server.url, "user@example.com", "password")
    engine = Engine(account, state_dir=state, clock=clock, poll=PollLimits(30, 2), keeps_fleet=False)
    await engine.start()
    shown = list(engine.view.submissions.values())
    was = rows[0].submission.stage if rows else None
    where = {None: "before the intent", Stage.SENDING: "before the POST"}.get(was, "after the outcome")
    if posts and was is Stage.SENDING:
        where = "after the POST"
    came.where[where] += 1
    expected = [Stage.UNKNOWN if was is Stage.SENDING else was] if rows else []
    if [one.stage for one in shown] != expected:
        came.mistold.append(f"{where}: shown as {[one.stage.value for one in shown]}")
    await engine.first_reading()
    for _ in range(120):
        if all(one.is_settled for one in engine.view.submissions.values()):
            break
        cloud_clock.advance(2)
        await clock.advance(2)
    await engine.stop()
    ended = [engine.view.submissions[one.token] for one in shown]
    if [(one.stage, one.finding) for one in ended] != _right_end(was, is_executed=any(p.is_executed for p in posts)):
        came.mistold.append(f"{where}: ended as {[(one.stage.value, one.finding.value) for one in ended]}")
    came.resent += len([post for post in server.ledger.posts if f"/{vm_id}/" in post.path]) > len(posts)


def _right_end(was: Stage | None, *, is_executed: bool) -> list[tuple[Stage, Finding]]:
    match was:
        case None:
            return []
        case Stage.SENDING:
            return [(Stage.UNKNOWN, Finding.PROBABLE if is_executed else Finding.ABSENT)]
        case _:
            return [(Stage.COMPLETED, Finding.NONE)]


def _has_table(journal: Path) -> bool:
    if not journal.exists():
        return False
    with closing(sqlite3.connect(journal)) as connection:
        return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'submission'").fetchone())


_CALL = re.compile(r"^(?P<pid>\d+) +(?P<call>\w+)\((?P<what>.*)$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. (?P<call>\w+) resumed>")
_SYNCS = ("fsync", "fdatasync")


def _write_order(folder: Path, runs: int) -> Figure:
    """Whether the journal's last write before a POST was flushed to the disk before its first byte left."""
    what = "system calls: the intent is flushed before the POST leaves"
    strace = shutil.which("strace")
    if strace is None:
        return Figure(what, 0, 0, not_run="strace is not installed")
    wrong = 0
    cloud = SimulatedCloud(vms=runs * 2 + 10, calm=True)
    running = [vm.id for vm in cloud.vms() if vm.status == "running" and not vm.locked]
    with SimulatorServer(cloud) as server:
        for number, vm_id in enumerate(running[:runs]):
            trace, state = folder / f"trace-{number}", folder / f"traced-{number}"
            calls = "trace=fsync,fdatasync,pwrite64,sendto,sendmsg,write"
            watched = [strace, "-f", "-y", "-s", "64", "-e", calls, "-o", str(trace)]
            sender = [sys.executable, "-m", "tests.proof.sender", server.url, str(state), vm_id]
            subprocess.run([*watched, *sender], cwd=ROOT, check=False, capture_output=True)
            if not trace.exists() or not trace.stat().st_size:
                return Figure(what, 0, 0, not_run="strace may not trace here")
            wrong += not _is_flushed_first(trace.read_text(errors="replace"), f"{state}/journal.sqlite3>", vm_id)
        assert len(server.ledger.posts) == runs
    return Figure(what, runs, wrong, "POSTs")


def _is_flushed_first(trace: str, journal: str, vm_id: str) -> bool:
    """Between the last read of the VM and the POST: a write into the journal, and after the last one a flush."""
    is_written = is_flushed = False
    under_way: dict[str, str] = {}
    for line in trace.splitlines():
        if resumed := _RESUMED.match(line):
            call, what = resumed["call"], under_way.pop(resumed["pid"], "")
        elif begun := _CALL.match(line):
            call, what = begun["call"], begun["what"]
            if f'"POST /api/v1/vms/{vm_id}/' in what:
                return is_written and is_flushed
            if "<unfinished ...>" in what:
                under_way[begun["pid"]] = what
                if call in _SYNCS:
                    continue  # it counts when it is over
        else:
            continue
        if f'"GET /api/v1/vms/{vm_id} ' in what:
            is_written = is_flushed = False
        elif journal in what and call == "pwrite64":
            is_written, is_flushed = True, False
        elif journal in what and call in _SYNCS:
            is_flushed = True
    return False


def _long_past(folder: Path, rows: int) -> Figure:
    """How long a start waits for a journal that was filled for years; a figure, since machines differ."""
    path = folder / "past" / "journal.sqlite3"
    asyncio.run(_one_open(path))
    fill(path, rows)
    began = time.perf_counter()
    loaded = asyncio.run(_loaded(path))
    took_ms = (time.perf_counter() - began) * 1000
    size_mb = path.stat().st_size / 2**20
    what = "rows of the past: an open one that a start does not find"
    return Figure(what, rows, "0" * 32 not in loaded, "rows", f"start {took_ms:.0f} ms, {size_mb:.0f} MB")


async def _one_open(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    await journal.intend(entry("0" * 32))
    await journal.close()


async def _loaded(path: Path) -> set[str]:
    journal = Journal(path)
    await journal.open()
    found = {one.submission.token for one in await journal.load(entry().origin) if one.is_open}
    await journal.close()
    return found
