"""How long a key takes until the last byte of what it changed has come, with few and with very many VMs."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time

from cftui.fleet.order import Column, sort_key
from tests.bench.cloud import Cloud, fleet, poll_every, remember
from tests.bench.table import Figure, Goal, milliseconds
from tests.pty_reader import Terminal

FEW, MANY, VERY_MANY = 100, 10_000, 100_000

DOWN, PAGE_DOWN, TYPED, SORT = "cursor down", "page down", "filter keystroke", "sort by name, reversed"
_KEYS = {
    DOWN: ("\x1b[B",),
    PAGE_DOWN: ("\x1b[6~", "\x1b[5~"),
    TYPED: ("w", "e", "b", "\x7f", "\x7f", "\x7f"),
    SORT: ("O",),
}
"""What is pressed for each figure, over and over."""

_FRAME_ENDS_S = 0.06
"""Silence, without work, that ends the answer to a key; details follow 0.1 s after it, and are no part of it."""
_DETAILS_S = 0.15
_CALM_TURNS = 8
_READ_WITHIN_S = 180.0
_ANSWERED_WITHIN_S = 60.0
_MOST_RUNS_OF_LARGEST_TABLE = 6
"""Its keys take seconds; six are all kinds of keystrokes once."""


@dataclass
class _Subject:
    """One program with one fleet, and what its keys took."""

    terminal: Terminal
    most_runs: int
    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def press(self, name: str, keys: str) -> None:
        """Press, and note how long it took."""
        chunks, before = len(self.terminal.chunks), self.terminal.cpu_s
        at = self.terminal.type(keys)
        deadline = at + _ANSWERED_WITHIN_S
        while self.is_busy() or len(self.terminal.chunks) == chunks:
            assert perf_counter() < deadline, f"{name} was not answered"
        self.cpu.setdefault(name, []).append(self.terminal.cpu_s - before)
        self.wall.setdefault(name, []).append(self.terminal.chunks[-1].at - at)
        self.terminal.rest(_DETAILS_S)

    def is_busy(self) -> bool:
        """Whether it writes or works; a program that refills a table writes nothing for long."""
        before = self.terminal.cpu_s
        return bool(self.terminal.read(_FRAME_ENDS_S)) or self.terminal.cpu_s - before > _FRAME_ENDS_S / 6

    def settle(self) -> None:
        """Wait until it has nothing left to do."""
        calm = 0
        while calm < _CALM_TURNS:
            calm = 0 if self.is_busy() else calm + 1


def figures(runs: int, *, has_largest_table: bool) -> Iterator[Figure]:
    """Everything about keys.

    Args:
        runs: Presses of each key, all programs in turn.
        has_largest_table: Measure the DataTable with 100,000 rows too; it takes most of a minute.
    """
    table_sizes = (FEW, MANY, VERY_MANY) if has_largest_table else (FEW, MANY)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="cftui-bench-")))
        tables = {}
        for vms in table_sizes:
            most = min(runs, _MOST_RUNS_OF_LARGEST_TABLE) if vms == VERY_MANY else runs
            tables[vms] = _Subject(stack.enter_context(_data_table(vms)), most)
        ours = {vms: _Subject(_cockpit(stack, folder / str(vms), vms), runs) for vms in (FEW, MANY, VERY_MANY)}
        for subject in (*tables.values(), *ours.values()):
            subject.settle()
        _press_all([*ours.values(), *tables.values()], runs)
    yield from _of_size(ours)
    yield from _of_table(ours, tables)
    yield _sorted(ours[VERY_MANY], runs)


def _press_all(subjects: Sequence[_Subject], runs: int) -> None:
    for name, keys in _KEYS.items():
        if name == TYPED:
            _each(subjects, "/")
        for run in range(runs):
            for subject in subjects:
                if run < subject.most_runs:
                    subject.press(name, keys[run % len(keys)])
        if name == TYPED:
            _each(subjects, "\x15")  # as Input has it: delete to the start
            _each(subjects, "\r")


def _each(subjects: Sequence[_Subject], keys: str) -> None:
    for subject in subjects:
        subject.terminal.type(keys)
        subject.settle()


def _of_size(ours: dict[int, _Subject]) -> Iterator[Figure]:
    few = ours[FEW]
    for name in _KEYS:
        for vms in (MANY, VERY_MANY):
            goals = {DOWN: Goal("P6", most=1.1), TYPED: None} if vms == VERY_MANY else {}
            yield Figure(
                f"{name}, {vms:,} VMs, cpu",
                milliseconds(ours[vms].cpu[name]),
                f"{FEW} VMs",
                milliseconds(few.cpu[name]),
                goals.get(name),
            )
            is_goal = name == TYPED and vms == VERY_MANY
            yield Figure(
                f"{name}, {vms:,} VMs, to last byte",
                milliseconds(ours[vms].wall[name]),
                f"{FEW} VMs",
                milliseconds(few.wall[name]),
                Goal("P8", most=3.0) if is_goal else None,
            )


def _of_table(ours: dict[int, _Subject], tables: dict[int, _Subject]) -> Iterator[Figure]:
    limits = {DOWN: Goal("P6", most=0.45), PAGE_DOWN: Goal("P7", most=0.25)}
    for vms, table in tables.items():
        for name in _KEYS:
            goal = Goal("P8", most=0.05) if (name, vms) == (TYPED, VERY_MANY) else limits.get(name)
            yield Figure(
                f"{name}, {vms:,} VMs, cpu",
                milliseconds(ours[vms].cpu[name]),
                "DataTable",
                milliseconds(table.cpu[name]),
                goal,
            )


def _sorted(ours: _Subject, runs: int) -> Figure:
    """Sorting beside nothing but `list.sort` of the same keys."""
    made = list(map(sort_key(Column.NAME), fleet(VERY_MANY)))
    times = []
    for _ in range(runs):
        random.shuffle(made)
        began = thread_time()
        made.sort()
        times.append(thread_time() - began)
    what = f"{SORT}, {VERY_MANY:,} VMs, cpu"
    return Figure(what, milliseconds(ours.cpu[SORT]), "list.sort, shuffled", milliseconds(times), Goal("P9", most=1.5))


def _cockpit(stack: ExitStack, home: Path, vms: int) -> Terminal:
    cloud = stack.enter_context(Cloud(vms))
    env = remember(home, cloud.url, fleet(vms)) | cloud.account
    poll_every(home, 300)
    terminal = stack.enter_context(Terminal([sys.executable, "-m", "cftui"], env=env))
    terminal.wait_for("live", within_s=_READ_WITHIN_S)
    return terminal


def _data_table(vms: int) -> Terminal:
    terminal = Terminal([sys.executable, "-m", "tests.bench.data_table_app", str(vms)])
    terminal.wait_for("api-01", within_s=_READ_WITHIN_S)
    return terminal
