"""What is known and how old it is: takes readings, tells what changed. Nothing else writes it."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from cftui.fleet.history import HistoryEntry, Submission
from cftui.fleet.identity import ActionKey
from cftui.fleet.ledger import Ledger
from cftui.fleet.rows import ActionRow, VmRow, instant

_FEW = 64
"""Up to so many entries, finding their places is cheaper than sorting thousands anew."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of the cloud, or one step of our own; every fact comes in as one of these."""

    sequence: int
    """Rises by one a reading; an older one than the fleet has for the same VM or action is dropped."""
    origin: str
    """The base URL and account it came from; foreign readings are dropped."""
    at: float
    """When it was complete: seconds of the monotonic clock."""
    took_s: float = 0.0
    vms: tuple[VmRow, ...] = ()
    gone_ids: frozenset[str] = frozenset()
    """VMs that the cloud says do not exist."""
    is_whole_fleet: bool = False
    """`vms` is the complete list: what is not in it is gone. False for one page or one VM."""
    actions: tuple[ActionRow, ...] | None = None
    """Actions as listed, in the cloud's order; None when the reading says nothing about actions."""
    is_whole_history: bool = False
    """`actions` is all that the cloud has, of all VMs: an unfinished one that such lists lack for long is lost.

    False for one page, one VM or one action.
    """
    submissions: tuple[Submission, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What became different; ids, so that whoever draws touches only these rows. Take `gone` before `added`."""

    added: frozenset[str] = frozenset()
    """VMs that were not there.

    One that is in `gone` too is another VM, or one that was away, under a known id: marks do not pass to it.
    """
    changed: frozenset[str] = frozenset()
    """VMs that look different; neither added nor gone."""
    gone: Mapping[str, str] = field(default_factory=dict)
    """Names of the VMs that vanished, by id."""
    entries: frozenset[str] = frozenset()
    """History entries that are new, different or no more, by entry id."""
    acting: frozenset[str] = frozenset()
    """VMs whose action in progress, or its outcome, is different."""

    def __or__(self, later: Change) -> Change:
        """Both changes as one; what came and went in between is only gone."""
        added = (self.added - later.gone.keys()) | later.added
        gone = {**later.gone, **self.gone}
        return Change(
            added,
            (self.changed | later.changed) - added - gone.keys(),
            gone,
            self.entries | later.entries,
            (self.acting | later.acting) - (gone.keys() - added),
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.gone or self.entries or self.acting)


@dataclass(frozen=True, slots=True)
class View:
    """The fleet as it was at one moment, immutable: safe to hold on another thread."""

    sequence: int = 0
    vms: Mapping[str, VmRow] = field(default_factory=dict)
    """By VM id, in the cloud's order."""
    history: tuple[HistoryEntry, ...] = ()
    """Newest first."""
    doing: Mapping[str, HistoryEntry] = field(default_factory=dict)
    """By VM id, what the DOING column tells: the open entry, else the newest one whose outcome needs eyes."""
    read_at: float | None = None
    """When the whole list was last read: seconds of the monotonic clock; None before the first reading."""
    submissions: Mapping[str, Submission] = field(default_factory=dict)
    """By token."""


class Fleet:
    """Everything known about one account; lives on the engine's thread.

    Readings may come in any order: a VM keeps what the newest one told of it, and a whole list removes only VMs that
    no newer reading has seen. A VM whose `created_at` is later than before is another VM under the same id: it is gone
    and added in one change, and what was done to the earlier one is not told of it.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._sequence = 0
        self._rows: dict[str, VmRow] = {}
        self._read_at: float | None = None
        self._whole_sequence = -1
        self._single_sequences: dict[str, int] = {}
        """Of VMs, there or gone, that were read after the last whole list; of all others `_whole_sequence` holds."""
        self._reborn: dict[str, float] = {}
        """Since when an id is another VM's: seconds since 1970."""
        self._ledger = Ledger()
        self._history: tuple[HistoryEntry, ...] = ()
        self._places: dict[str, tuple[float, str]] = {}
        """By entry id, what each is ordered by in the history."""
        self._doing: dict[str, HistoryEntry] = {}
        self._view: View | None = None

    def apply(self, reading: Reading) -> Change:
        """Take a reading in and say what it changed; older or foreign ones change nothing."""
        if reading.origin != self.origin:
            return Change()
        self._sequence = max(self._sequence, reading.sequence)
        self._view = None
        before = self._rows
        after = self._merged(reading)
        told = None if reading.is_whole_fleet else {row.id for row in reading.vms} | reading.gone_ids
        added, changed, gone = self._take(before, after, told)
        if reading.actions is not None:
            self._ledger.take_actions(
                reading.actions, sequence=reading.sequence, at=reading.at, is_whole=reading.is_whole_history
            )
        if reading.submissions:
            self._ledger.take_submissions(reading.submissions, sequence=reading.sequence)
        self._ledger.rename(i for i in added | changed if i not in before or before[i].name != after[i].name)
        entries, touched = self._ledger.settle(self._rows)
        if entries:
            self._history = self._reordered(entries)
        touched |= {i for i in added | changed | gone.keys() if self._ledger.has_entries(i)}
        replaced = gone.keys() & added
        acting = self._act(touched) - (gone.keys() - replaced) | (replaced & self._doing.keys())
        return Change(frozenset(added), frozenset(changed), gone, frozenset(entries), acting)

    def slept(self, seconds: float) -> None:
        """The last reading is that much older than the monotonic clock says."""
        if self._read_at is not None:
            self._read_at -= seconds
            self._view = None

    @property
    def view(self) -> View:
        """What is known now; the same object until a reading comes in."""
        if self._view is None:
            self._view = View(
                self._sequence, self._rows, self._history, self._doing, self._read_at, self._ledger.submissions
            )
        return self._view

    def row(self, vm_id: str) -> VmRow | None:
        """The VM as last read."""
        return self._rows.get(vm_id)

    def action(self, key: ActionKey) -> ActionRow | None:
        """The cloud's action with this key as last read."""
        return self._ledger.action(key)

    def _merged(self, reading: Reading) -> dict[str, VmRow]:
        """The rows after the reading, in order; the very same dict when the reading tells nothing new of any VM."""
        if reading.is_whole_fleet:
            return self._merged_whole(reading)
        rows = dict(self._rows) if reading.vms or reading.gone_ids else self._rows
        for row in reading.vms:
            if self._is_news(row.id, reading.sequence):
                rows[row.id] = row
        for vm_id in reading.gone_ids:
            if self._is_news(vm_id, reading.sequence):
                rows.pop(vm_id, None)
        return rows

    def _merged_whole(self, reading: Reading) -> dict[str, VmRow]:
        if reading.sequence < self._whole_sequence:
            return self._rows
        self._whole_sequence = reading.sequence
        self._read_at = reading.at
        self._single_sequences = {i: s for i, s in self._single_sequences.items() if s > reading.sequence}
        rows = {row.id: row for row in reading.vms}
        for vm_id in self._single_sequences:
            newer = self._rows.get(vm_id)
            if newer is None:
                rows.pop(vm_id, None)
            else:
                rows[vm_id] = newer
        return rows

    def _is_news(self, vm_id: str, sequence: int) -> bool:
        """Whether a reading is not older than what is known of a VM; from now on it is what is known."""
        if sequence < self._single_sequences.get(vm_id, self._whole_sequence):
            return False
        self._single_sequences[vm_id] = sequence
        return True

    def _take(
        self, before: dict[str, VmRow], after: dict[str, VmRow], told: set[str] | None
    ) -> tuple[set[str], set[str], dict[str, str]]:
        """Let `after` be what is known, and say what is different: ids added, ids changed, names gone by id.

        Args:
            before: Rows by id.
            after: As well.
            told: Which may be different; None for any, in another order too.
        """
        if after is before:
            return set(), set(), {}
        if told is None:
            added = after.keys() - before.keys()
            gone = {i: before[i].name for i in before.keys() - after.keys()}
            changed = {i for i, row in after.items() if (old := before.get(i, row)) is not row and old != row}
        else:
            added = {i for i in told if i in after and i not in before}
            gone = {i: before[i].name for i in told if i in before and i not in after}
            changed = {i for i in told if i in before and i in after and before[i] != after[i]}
        for vm_id in list(changed):
            born, reborn = instant(before[vm_id].created_at), instant(after[vm_id].created_at)
            if born is not None and reborn is not None and reborn > born:
                self._reborn[vm_id] = reborn
                changed.discard(vm_id)
                added.add(vm_id)
                gone[vm_id] = before[vm_id].name
        if added or gone or changed or (told is None and list(before) != list(after)):
            self._rows = after
        return added, changed, gone

    def _reordered(self, different: set[str]) -> tuple[HistoryEntry, ...]:
        """The history, newest first; a few different entries are put into their places without sorting the rest."""
        entries = self._ledger.entries
        if len(different) > _FEW:
            history = sorted(entries.values(), key=_newest_first)
            self._places = {entry.id: _newest_first(entry) for entry in history}
            return tuple(history)
        history = list(self._history)
        for entry_id in different:
            if (place := self._places.pop(entry_id, None)) is not None:
                del history[bisect_left(history, place, key=_newest_first)]
            if (entry := entries.get(entry_id)) is not None:
                insort(history, entry, key=_newest_first)
                self._places[entry_id] = _newest_first(entry)
        return tuple(history)

    def _act(self, vm_ids: Iterable[str]) -> frozenset[str]:
        """Look again at what is being done to these VMs."""
        acting: dict[str, HistoryEntry | None] = {}
        for vm_id in vm_ids:
            vm = self._rows.get(vm_id)
            entry = self._ledger.doing(vm_id, vm, self._reborn.get(vm_id, -math.inf)) if vm else None
            if entry != self._doing.get(vm_id):
                acting[vm_id] = entry
        if acting:
            doing: dict[str, HistoryEntry | None] = {**self._doing, **acting}
            for vm_id in [i for i, entry in acting.items() if entry is None]:
                del doing[vm_id]
            self._doing = cast("dict[str, HistoryEntry]", doing)
        return frozenset(acting)


def _newest_first(entry: HistoryEntry) -> tuple[float, str]:
    return -entry.started, entry.id
