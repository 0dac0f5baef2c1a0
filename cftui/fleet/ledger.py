"""The action history: the cloud's actions and what was sent from here, merged into one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cftui.fleet.effects import effect_seen
from cftui.fleet.history import (
    TROUBLED_STAGES,
    HistoryEntry,
    Stage,
    Submission,
    entry_of_action,
    entry_of_submission,
    ran_twice,
)
from cftui.fleet.identity import FINISHED, ActionKey, MatchKind, find, keyed
from cftui.fleet.rows import ActionRow, Phase, VmRow

MAX_FINISHED = 5_000
"""Finished actions of the cloud that are kept; older ones are forgotten, so that memory stays bounded."""

OLD_NEWS_S = 3600.0
"""Someone else's failure that was this old when first read is history, not something that needs eyes."""

LOST_AFTER_READS = 5
LOST_AFTER_S = 60.0
"""An unfinished action is lost when so many whole lists over so long do not hold it; one list may lag."""


@dataclass(slots=True)
class _Known:
    """An action of the cloud and what was noticed about it."""

    row: ActionRow
    sequence: int
    seen: float
    note: str = ""
    misses: int = 0
    missed_since: float = 0.0
    is_lost: bool = False

    @property
    def is_finished(self) -> bool:
        return self.row.phase in FINISHED


def contradiction(row: ActionRow, ended_as: str) -> str:
    """What a finished action's line says beside it when a later list tells another state.

    Args:
        row: As listed now.
        ended_as: The cloud's word when it had ended.
    """
    if row.phase in FINISHED:
        return f"the cloud contradicts itself: {row.status!r} after {ended_as!r}"
    return f"the cloud says {row.status!r} again"


class Ledger:
    """Takes actions and submissions in and keeps one entry a line; `settle` tells which lines became different.

    A finished action stays as it finished: what the cloud says against it later is noted in the entry's message (I4).
    An action that a list does not hold stays, for a list may be one page.
    """

    def __init__(self) -> None:
        self.entries: dict[str, HistoryEntry] = {}
        self.submissions: dict[str, Submission] = {}
        self._known: dict[ActionKey, _Known] = {}
        self._known_by_vm: dict[str, set[ActionKey]] = {}
        self._unfinished: set[ActionKey] = set()
        self._old_news: set[str] = set()
        self._claims: dict[ActionKey, str] = {}
        self._by_vm: dict[str, set[str]] = {}
        self._submission_sequences: dict[str, int] = {}
        self._resent_as: dict[str, str] = {}
        """By token, the token of the request that was sent in its place."""
        self._last_list: Sequence[ActionRow] = ()
        self._last_identities: frozenset[int] = frozenset()
        """Of the rows in `_last_list`: the reader hands out the same object for what did not change."""
        self._latest = 0.0
        self._forgotten_until = float("-inf")
        self._dirty_keys: set[ActionKey] = set()
        self._dirty_tokens: set[str] = set()

    def action(self, key: ActionKey) -> ActionRow | None:
        """The cloud's action with this key as last read."""
        known = self._known.get(key)
        return known.row if known else None

    def take_actions(self, rows: Sequence[ActionRow], *, sequence: int, at: float, is_whole: bool) -> None:
        """Take a list in, in any order; only VMs with news in it cost more than a look.

        Args:
            rows: As listed.
            sequence: The reading's.
            at: When it was complete: seconds of the monotonic clock.
            is_whole: Everything the cloud has is in it.
        """
        fresh_ids = {row.vm_id for row in rows if id(row) not in self._last_identities}
        if len(rows) > 1:
            # The rows are held as long as their identities are trusted: an address is used again once its object is
            # gone.
            self._last_list, self._last_identities = rows, frozenset(map(id, rows))
        times = (t for row in rows if row.vm_id in fresh_ids for t in (row.started, row.completed) if t is not None)
        self._latest = max(self._latest, max(times, default=0.0))
        # One action tells nothing of other VMs; to look at all that are unfinished would cost it as much as a list.
        watched = {rows[0].vm_id} if len(rows) == 1 else fresh_ids | {key.vm_id for key in self._unfinished}
        known = {key: self._known[key].row for key in self._keys_of(watched)}
        listed = keyed((row for row in rows if row.vm_id in watched), known, merges_repeats=True)
        if is_whole:
            self._miss(listed, sequence, at)
        for key, row in listed.items():
            self._take_action(key, row, sequence)

    def take_submissions(self, submissions: Iterable[Submission], *, sequence: int) -> None:
        """Take in what became of things sent from here."""
        self.submissions = dict(self.submissions)
        for new in submissions:
            if sequence < self._submission_sequences.get(new.token, sequence):
                continue
            self._submission_sequences[new.token] = sequence
            old = self.submissions.get(new.token)
            if old == new:
                continue
            self.submissions[new.token] = new
            self._dirty_tokens.add(new.token)
            if new.replaces:
                self._resent_as[new.replaces] = new.token
            self._dirty_tokens.update({new.replaces, self._resent_as.get(new.token, "")} & self.submissions.keys())
            if old and old.key and old.key != new.key:
                self._release(old, sequence)
            if new.key:
                self._claims[new.key] = new.token
                self._dirty_keys.add(new.key)

    def rename(self, vm_ids: Iterable[str]) -> None:
        """These VMs have another name, or one at last: the lines of others' actions bear it."""
        for vm_id in vm_ids:
            self._dirty_keys.update(self._keys_of([vm_id]))

    def settle(self, rows: Mapping[str, VmRow]) -> tuple[set[str], set[str]]:
        """Rebuild the lines that may be different.

        Args:
            rows: The VMs by id, for their names.

        Returns:
            Ids of the entries that are new, different or no more; ids of their VMs.
        """
        self._forget_oldest()
        entry_ids: set[str] = set()
        vm_ids: set[str] = set()
        for key in self._dirty_keys:
            if token := self._claims.get(key):
                self._dirty_tokens.add(token)
            if self._put(str(key), self._entry_of(key, rows)):
                entry_ids.add(str(key))
                vm_ids.add(key.vm_id)
        for token in self._dirty_tokens:
            submission = self.submissions[token]
            known = self._known.get(submission.key) if submission.key else None
            row, note = (known.row, known.note) if known else (None, "")
            entry = entry_of_submission(submission, row, note, alarm=self._alarm(submission))
            if self._put(token, entry):
                entry_ids.add(token)
                vm_ids.add(submission.vm_id)
        self._dirty_keys.clear()
        self._dirty_tokens.clear()
        return entry_ids, vm_ids

    def doing(self, vm_id: str, vm: VmRow | None, since: float) -> HistoryEntry | None:
        """What the DOING column tells of a VM.

        The newest open entry, own before others'; else the newest entry of all if its outcome needs eyes: it failed,
        was rejected or not sent, timed out or is unknown, or it was sent from here and is completed while the VM does
        not show it. A newer action of the VM ends that.

        Args:
            vm_id: The VM.
            vm: The VM as last read.
            since: Entries that started before belong to an earlier VM with this id; seconds since 1970.
        """
        told = [
            entry
            for entry in map(self.entries.__getitem__, self._by_vm.get(vm_id, ()))
            if entry.stage is not Stage.SKIPPED and entry.started >= since
        ]
        newest = max(told, key=lambda e: (e.is_open, e.is_open and e.is_own, e.started, e.is_own, e.id), default=None)
        return newest if newest and (newest.is_open or self._needs_eyes(newest, vm)) else None

    def has_entries(self, vm_id: str) -> bool:
        """Whether anything is known to have been done to a VM."""
        return vm_id in self._by_vm

    def _needs_eyes(self, entry: HistoryEntry, vm: VmRow | None) -> bool:
        if entry.stage in TROUBLED_STAGES:
            return entry.id not in self._old_news
        if entry.stage is not Stage.COMPLETED or not entry.is_own or vm is None:
            return False
        return effect_seen(entry.type, entry.body, self.submissions[entry.id].before, vm) is False

    def _take_action(self, key: ActionKey, row: ActionRow, sequence: int) -> None:
        known = self._known.get(key)
        is_finished = row.phase in FINISHED
        if known is None:
            if is_finished and row.started is not None and row.started <= self._forgotten_until:
                return
            self._known[key] = _Known(row, sequence, self._latest)
            self._known_by_vm.setdefault(key.vm_id, set()).add(key)
            ended = row.completed if row.completed is not None else row.started
            if not is_finished:
                self._unfinished.add(key)
            elif row.phase is Phase.FAILED and ended is not None and ended < self._latest - OLD_NEWS_S:
                self._old_news.add(str(key))
            self._dirty_keys.add(key)
            return
        if known.is_finished:
            if sequence < known.sequence:
                return
            known.sequence = sequence
            if row == known.row:
                return
            if row.phase is known.row.phase:
                known.row = row
            else:
                known.note = contradiction(row, known.row.status)
            self._dirty_keys.add(key)
        elif is_finished or sequence >= known.sequence:
            if row != known.row or known.is_lost:
                self._dirty_keys.add(key)
            known.row, known.sequence = row, max(sequence, known.sequence)
            known.misses, known.is_lost = 0, False
            if is_finished:
                self._unfinished.discard(key)

    def _miss(self, listed: Mapping[ActionKey, ActionRow], sequence: int, at: float) -> None:
        """Others' unfinished actions that a whole list does not hold: stamped anew, late, or lost.

        Own ones are followed by who sent them.
        """
        for key in list(self._unfinished):
            known = self._known[key]
            if key in listed or key in self._claims or sequence < known.sequence:
                continue
            rows = [row for row in listed.values() if row.vm_id == key.vm_id]
            before = [self._known[k].row for k in self._keys_of([key.vm_id]) if k != key]
            if find(key, rows, baseline=before, claimed=self._claims).kind is MatchKind.INFERRED:
                self._forget(key)
                self._last_identities = frozenset()
                continue
            if known.misses == 0:
                known.missed_since = at
            known.misses += 1
            if known.misses >= LOST_AFTER_READS and at - known.missed_since >= LOST_AFTER_S and not known.is_lost:
                known.is_lost = True
                self._dirty_keys.add(key)

    def _alarm(self, submission: Submission) -> str:
        first = self.submissions.get(submission.replaces)
        second = self.submissions.get(self._resent_as.get(submission.token, ""))
        alarms = [ran_twice(first, submission) if first else "", ran_twice(submission, second) if second else ""]
        return "; ".join(filter(None, alarms))

    def _release(self, old: Submission, sequence: int) -> None:
        """A submission names another action now.

        The old key was the same action before the cloud stamped it anew, unless it was a guess or is still listed.
        """
        assert old.key is not None
        if self._claims.get(old.key) == old.token:
            del self._claims[old.key]
            self._dirty_keys.add(old.key)
            known = self._known.get(old.key)
            is_stamped_anew = not old.is_probable and self.submissions[old.token].key is not None
            if is_stamped_anew and known and known.sequence < sequence:
                self._forget(old.key)
                self._last_identities = frozenset()

    def _entry_of(self, key: ActionKey, rows: Mapping[str, VmRow]) -> HistoryEntry | None:
        known = self._known.get(key)
        if known is None or key in self._claims:
            return None
        vm = rows.get(key.vm_id)
        old = self.entries.get(str(key))
        name = vm.name if vm else old.vm_name if old else ""
        return entry_of_action(key, known.row, vm_name=name, seen=known.seen, note=known.note, is_lost=known.is_lost)

    def _put(self, entry_id: str, entry: HistoryEntry | None) -> bool:
        old = self.entries.get(entry_id)
        if old == entry:
            return False
        if entry is not None:
            self.entries[entry_id] = entry
            self._by_vm.setdefault(entry.vm_id, set()).add(entry_id)
        elif old is not None:
            del self.entries[entry_id]
            self._by_vm[old.vm_id].discard(entry_id)
            if not self._by_vm[old.vm_id]:
                del self._by_vm[old.vm_id]
        return True

    def _keys_of(self, vm_ids: Iterable[str]) -> list[ActionKey]:
        return [key for vm_id in vm_ids for key in self._known_by_vm.get(vm_id, ())]

    def _forget(self, key: ActionKey) -> None:
        if self._known.pop(key, None) is None:
            return
        self._known_by_vm[key.vm_id].discard(key)
        if not self._known_by_vm[key.vm_id]:
            del self._known_by_vm[key.vm_id]
        self._unfinished.discard(key)
        self._old_news.discard(str(key))
        self._dirty_keys.add(key)

    def _forget_oldest(self) -> None:
        """Drop the oldest finished actions, a tenth at a time, so that sorting them is rare."""
        if len(self._known) - len(self._unfinished) <= MAX_FINISHED * 1.1:
            return
        finished = [key for key in self._known if key not in self._unfinished and key not in self._claims]
        finished.sort(key=lambda key: self._known[key].row.started or 0.0)
        for key in finished[: len(finished) - MAX_FINISHED]:
            started = self._known[key].row.started
            if started is not None:
                self._forgotten_until = max(self._forgotten_until, started)
            self._forget(key)
