"""What goes to the terminal, byte for byte: at rest, and when little or much changes; plain, and zipped as by ssh."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cftui.fleet.order import Column, sort_key
from tests.bench.cloud import Cloud, at_home, fleet, poll_every
from tests.bench.table import Figure, Goal, Spread
from tests.pty_reader import Terminal

_VMS = 200
_ROWS = 64
"""Lines of the terminal: at least 40 VMs are in sight."""
_MANY_ROWS = 40
_FRAME = re.compile(rb"\x1b\[\?2026h.*?\x1b\[\?2026l", re.DOTALL)
"""What a terminal that knows synchronised output is sent at once."""
_STATES = (b"running", b"stopped")


class _Sent(NamedTuple):
    """How much something took."""

    plain: int
    compressed: int


@dataclass(frozen=True)
class _Frame:
    start: int
    content: bytes
    compressed: int
    """Bytes of it at zlib level 6, after all that went before."""


def figures(seconds: float, changes: int) -> Iterator[Figure]:
    """Everything about bytes.

    Args:
        seconds: How long to listen at rest.
        changes: How often to change something.
    """
    with Cloud(_VMS, quirks=["endless-actions"]) as cloud, TemporaryDirectory(prefix="cftui-bench-") as folder:
        in_sight = [vm for vm in sorted(fleet(_VMS), key=sort_key(Column.NAME)) if not vm.locked][1 : _MANY_ROWS + 1]
        ids = [vm.id for vm in in_sight]
        yield from _while_polling(cloud, Path(folder) / "polling", ids, seconds, changes)
        yield from _at_rest(cloud, Path(folder) / "rest", ids[0], seconds)


def _while_polling(cloud: Cloud, home: Path, ids: list[str], seconds: float, changes: int) -> Iterator[Figure]:
    with _cockpit(cloud, home, poll_s=1) as terminal:
        before, asked, used = len(terminal.written), cloud.requests(), terminal.cpu_s
        terminal.listen(seconds)
        unchanged = _sum(frames(terminal.written), before)
        polls = max(1.0, (cloud.requests() - asked) / 2)  # one request for the list, one for the actions
        busy = 100 * (terminal.cpu_s - used) / seconds
        one, many = (_changed(cloud, terminal, some, changes) for some in (ids[:1], ids))
    yield from _lines("an unchanged poll", [_per(unchanged, polls)], Goal("P12", most=0, unit="B"))
    yield Figure(f"cpu while {_VMS} VMs are polled every second", Spread((busy,), "%"))
    yield from _lines("one changed cell in sight", one, Goal("P11", most=100, unit="B"))
    each = [_per(sent, _MANY_ROWS) for sent in many]
    yield from _lines(f"{_MANY_ROWS} changed rows in sight, per row", each, Goal("P11", most=80, unit="B"))


def _at_rest(cloud: Cloud, home: Path, vm_id: str, seconds: float) -> Iterator[Figure]:
    with _cockpit(cloud, home, poll_s=300) as terminal:
        before, used = len(terminal.written), terminal.cpu_s
        terminal.listen(seconds)
        idle = _sum(frames(terminal.written), before)
        busy = 100 * (terminal.cpu_s - used) / seconds
        cloud.begin(vm_id)
        terminal.type("\x12")  # ctrl+r
        terminal.wait_for("reboot", since=len(terminal.written))
        terminal.listen(3.0)
        before = len(terminal.written)
        terminal.listen(seconds)
        clock = _per(_sum(frames(terminal.written), before), seconds)
    yield from _lines(f"idle, {seconds:.0f} s", [idle], Goal("P12", most=0, unit="B"))
    yield Figure(f"cpu idle, {_VMS} VMs", Spread((busy,), "%"), goal=Goal("P12", most=0.5, unit="%"))
    yield from _lines("clock of one action, per second", [clock], Goal("P12", most=500, unit="B"))


def _lines(what: str, sent: list[_Sent], goal: Goal) -> Iterator[Figure]:
    yield Figure(f"{what}: bytes", Spread(tuple(one.plain for one in sent), "B"), goal=goal)
    yield Figure(f"{what}: bytes, zlib 6", Spread(tuple(one.compressed for one in sent), "B"))


def _changed(cloud: Cloud, terminal: Terminal, ids: list[str], changes: int) -> list[_Sent]:
    """What the frames with the changed cells took; what else a poll sends is a figure of its own."""
    found = []
    for _ in range(changes):
        before = len(terminal.written)
        cloud.turn(ids)
        terminal.listen(2.5)
        shown = [frame for frame in frames(terminal.written) if frame.start >= before and _tells_a_state(frame)]
        found.append(_Sent(sum(len(frame.content) for frame in shown), sum(frame.compressed for frame in shown)))
    return found


def _tells_a_state(frame: _Frame) -> bool:
    return any(state in frame.content for state in _STATES)


def frames(written: bytes) -> list[_Frame]:
    """All that was written, frame by frame; what stands between two frames belongs to the one before it."""
    starts = [0, *(match.start() for match in _FRAME.finditer(written))]
    packer = zlib.compressobj(6)
    found = []
    for start, end in zip(starts, [*starts[1:], len(written)], strict=True):
        content = written[start:end]
        compressed = len(packer.compress(content)) + len(packer.flush(zlib.Z_SYNC_FLUSH))
        found.append(_Frame(start, content, compressed))
    return found


def _sum(all_frames: list[_Frame], since: int) -> _Sent:
    chosen = [frame for frame in all_frames if frame.start >= since]
    return _Sent(sum(len(frame.content) for frame in chosen), sum(frame.compressed for frame in chosen))


def _per(sent: _Sent, count: float) -> _Sent:
    return _Sent(round(sent.plain / count), round(sent.compressed / count))


def _cockpit(cloud: Cloud, home: Path, *, poll_s: int) -> Terminal:
    poll_every(home, poll_s)
    terminal = Terminal([sys.executable, "-m", "cftui"], env=cloud.account | at_home(home), rows=_ROWS)
    terminal.wait_for("live")
    terminal.listen(4.0)  # details and what the first reading told are drawn, and libraries are loaded
    return terminal
