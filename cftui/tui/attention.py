"""What needs somebody's eyes: outcomes that went wrong and that nobody looked at yet, and outcomes that are new."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set

from cftui.fleet.history import OPEN_STAGES, Finding, HistoryEntry, Stage
from cftui.operations.runs import RunState, RunView, TargetState, TargetView
from cftui.tui.telling import needs_eyes
from cftui.tui.widgets.action_list import arranged


class Attention:
    """Remembers what was looked at since the start.

    What was wrong already when the history was read first is old news; what is ours and open never is. No clock is
    asked: the cloud's may be minutes off.
    """

    def __init__(self) -> None:
        self._visited: set[str] = set()
        self._old_news: frozenset[str] | None = None
        self._newest_old = -math.inf
        """When the newest action of the first reading began: what began before and turns up later is no news."""
        self._found: tuple[object, object, tuple[HistoryEntry, ...]] | None = None
        self._stages: dict[str, tuple[Stage, bool, bool]] = {}

    def unseen(
        self, history: tuple[HistoryEntry, ...], *, is_read: bool, runs: tuple[RunView, ...] = ()
    ) -> tuple[HistoryEntry, ...]:
        """What went wrong or is unknown, and nobody looked at; in the order of the Actions panel.

        Of a run's VMs also those that went wrong although no request did, such as one that was given up; and not those
        that were left out, which the run itself tells.

        Args:
            history: As known now.
            is_read: Whether the cloud's history was read, so that what is wrong in it for the first time is old news.
            runs: Of this session, as known now.
        """
        if self._old_news is None and is_read:
            self._old_news = frozenset(entry.id for entry in history if needs_eyes(entry) and entry.is_settled)
            self._newest_old = max((entry.started for entry in history), default=-math.inf)
            self._found = None
        if self._found is None or self._found[0] is not history or self._found[1] != runs:
            wrong, left_out = _wrong_in_runs(history, runs)
            found = {
                entry.id: entry
                for entry in history
                if (needs_eyes(entry) or entry.id in wrong) and entry.id not in left_out and self._is_news(entry)
            }
            self._found = (history, runs, tuple(found[id_] for id_ in arranged(list(found.values()), frozenset())))
        return self._found[2]

    def visit(self, entry_id: str) -> bool:
        """Somebody looks at it; whether that is new. What goes wrong only after that was not seen."""
        is_counted = self._found is None or any(entry.id == entry_id for entry in self._found[2])
        if not is_counted or entry_id in self._visited:
            return False
        self._visited.add(entry_id)
        self._found = None
        return True

    def outcomes(
        self, history: tuple[HistoryEntry, ...], changed: Set[str], begun: Set[str] = frozenset()
    ) -> list[HistoryEntry]:
        """Our own actions that came to an outcome since the last call, newest first.

        Args:
            history: As known now.
            changed: Ids of the entries that are new or different.
            begun: Ids of those sent in this session: one may have come to its outcome before anybody saw it begin.
        """
        ended = []
        for entry in history:
            if not entry.is_own or entry.id not in changed:
                continue
            is_late = entry.finding is Finding.LATE
            before, now = self._stages.get(entry.id), (entry.stage, entry.is_settled, is_late)
            self._stages[entry.id] = now
            if is_late and before is not None and not before[2]:  # it was told that there was no trace
                self._visited.discard(entry.id)
                self._found = None
            is_over = entry.stage not in OPEN_STAGES and (entry.stage is not Stage.COMPLETED or entry.is_settled)
            is_new = before != now if before is not None else entry.id in begun
            if is_new and is_over:
                ended.append(entry)
        return ended

    def _is_news(self, entry: HistoryEntry) -> bool:
        if entry.id in self._visited:
            return False
        if self._old_news is None:
            return entry.is_own and not entry.is_settled
        return entry.id not in self._old_news and (entry.is_own or entry.started >= self._newest_old)


class Runs:
    """Remembers how runs stood, so that each end, and each VM that waits for a decision, is told once."""

    def __init__(self) -> None:
        self._ended: set[str] | None = None
        self._asking: set[tuple[str, str]] = set()

    def take(self, runs: Sequence[RunView]) -> tuple[list[RunView], list[tuple[RunView, TargetView]]]:
        """What is new since the last call: runs that ended, and VMs for which it is somebody's turn.

        What has ended when this is called first is old news.
        """
        ended = {run.id: run for run in runs if run.state is RunState.ENDED}
        asking = {(run.id, target.vm_id): (run, target) for run, target in turns(runs)}
        new_ends = [] if self._ended is None else [run for id_, run in ended.items() if id_ not in self._ended]
        new_turns = [turn for key, turn in asking.items() if key not in self._asking]
        self._ended, self._asking = set(ended), set(asking)
        return new_ends, new_turns


def turns(runs: Sequence[RunView]) -> Iterator[tuple[RunView, TargetView]]:
    """VMs about which somebody has to decide, with their runs, oldest run first."""
    for run in runs:
        for target in run.targets:
            if target.state is TargetState.ASKING:
                yield run, target


def entry_of(target: TargetView, history: Mapping[str, HistoryEntry]) -> HistoryEntry | None:
    """The newest request of a run's VM, by id of the entries; None where nothing was begun."""
    return next((history[token] for token in reversed(target.tokens) if token in history), None)


def _wrong_in_runs(history: Sequence[HistoryEntry], runs: Sequence[RunView]) -> tuple[set[str], set[str]]:
    """Ids of the entries of VMs that went wrong, and of those that were left out."""
    if not runs:
        return set(), set()
    by_id = {entry.id: entry for entry in history}
    wrong, left_out = set[str](), set[str]()
    for run in runs:
        for target in run.targets:
            if target.state is TargetState.LEFT_OUT:
                left_out.update(target.tokens)
            elif target.state in (TargetState.FAILED, TargetState.UNKNOWN):
                entry = entry_of(target, by_id)
                wrong.update({entry.id} if entry is not None else ())
    return wrong, left_out
