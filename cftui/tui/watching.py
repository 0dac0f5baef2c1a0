"""Watch marks: VMs of which any change is told, whoever made it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from cftui.config.watched import keep_watched, watched_of
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.rows import VmRow
from cftui.operations.state import Update
from cftui.text import clean, cut
from cftui.tui.alarm import News
from cftui.tui.telling import Moment, is_in_progress, told

ABOUT = "watched"

_WITHOUT_ACTION = frozenset({Stage.SENDING, Stage.UNKNOWN})


class Watching:
    """Which VMs are watched, by id, and what became of them.

    Args:
        state: Where the marks are kept; None keeps them for this session only.
        account: Names the account whose VMs they are.
    """

    def __init__(self, state: Path | None, account: str) -> None:
        self._state = state
        self._account = account
        self._names = watched_of(state, account)
        self.ids = frozenset(self._names)
        """Of the VMs that are watched."""
        self._seen: dict[str, VmRow] = {}
        """Those of them that were read, as they were then."""
        self._stages: dict[str, Stage] = {}
        """How other people's actions on them stood last, by entry."""
        self._held: set[str] = set()
        """Actions that may yet turn out to be ours, by entry."""
        self._since = math.inf
        """Seconds since 1970 by the cloud's clock: what had ended before is old news; infinite until it was read."""

    def watch(self, vms: Iterable[VmRow]) -> int:
        """Watch these too; returns how many were not watched before."""
        more = {vm.id: vm for vm in vms if vm.id not in self.ids}
        self._seen |= more
        self._keep(self._names | {vm.id: clean(vm.name) for vm in more.values()})
        return len(more)

    def unwatch(self, vm_ids: Iterable[str]) -> None:
        """Watch these no more."""
        leaving = set(vm_ids)
        self._keep({vm_id: name for vm_id, name in self._names.items() if vm_id not in leaving})

    def take(self, update: Update, moment: Moment) -> list[News]:
        """What happened to watched VMs since the last call; what vanished is watched no more."""
        found = [*self._statuses(update), *self._actions(update, moment)] if self.ids else []
        if update.link.round_trip_s is not None:  # told at the end of the first round
            self._since = min(self._since, moment.cloud_now)
        return found

    def _statuses(self, update: Update) -> list[News]:
        found: list[News] = []
        view, vanished = update.view, self.ids & update.change.gone.keys()
        if view.read_at is not None and not update.link.unreadable:
            vanished |= self.ids - self._seen.keys() - view.vms.keys()  # since the last session
        for vm_id in vanished:
            words = f"{self._shown(vm_id)} is watched and does not exist any more"
            found.append(News(ABOUT, words, {"vanished": 1}, is_urgent=True))
        for vm_id in self.ids - vanished:
            before, now = self._seen.get(vm_id), view.vms.get(vm_id)
            if now is None or now is before:
                continue
            self._seen[vm_id] = now
            if before is not None and before.status != now.status:
                words = f"{self._shown(vm_id)}: {_word(before)} to {_word(now)}"
                found.append(News(ABOUT, words, {"changed": 1}))
        if vanished:
            self.unwatch(vanished)
        return found

    def _actions(self, update: Update, moment: Moment) -> list[News]:
        """Other people's actions: that they began, and how they ended. What is sent from here is told anyway."""
        found: list[News] = []
        changed, self._held = update.change.entries | self._held, set()
        for entry in update.view.history if changed else ():
            if entry.vm_id not in self.ids or entry.id not in changed or entry.is_own:
                continue
            if _may_be_own(entry, update.view.submissions.values()):
                self._held.add(entry.id)
                continue
            before, self._stages[entry.id] = self._stages.get(entry.id), entry.stage
            is_old = before is None and (math.isinf(self._since) or (entry.ended or math.inf) < self._since)
            if before is not entry.stage and not is_old:
                found.append(News(ABOUT, self._words(entry, moment), {"acted on": 1}, moment.elapsed(entry)))
        return found

    def _words(self, entry: HistoryEntry, moment: Moment) -> str:
        said = told(entry, moment)
        how = "begun" if is_in_progress(entry) else said.word
        return f"{self._shown(entry.vm_id)}: {cut(clean(entry.type), 24)} {how}, not from here"

    def _shown(self, vm_id: str) -> str:
        seen = self._seen.get(vm_id)
        return cut(clean(seen.name if seen is not None else self._names.get(vm_id, vm_id)), 40)

    def _keep(self, names: dict[str, str]) -> None:
        if names == self._names:
            return
        self._names, self.ids = names, frozenset(names)
        self._seen = {vm_id: row for vm_id, row in self._seen.items() if vm_id in names}
        keep_watched(self._state, self._account, names)


def _may_be_own(entry: HistoryEntry, submissions: Iterable[Submission]) -> bool:
    """Whether a request of ours whose action is not known yet may be what began it."""
    return any(
        (one.vm_id, one.type, one.key) == (entry.vm_id, entry.type, None)
        and one.stage in _WITHOUT_ACTION
        and not one.is_settled
        for one in submissions
    )


def _word(vm: VmRow) -> str:
    return cut(clean(vm.status), 16) or "no state"
