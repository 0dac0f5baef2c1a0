"""Which action is which: the only place that compares actions.

The cloud gives an action no id of its own; its `id` is the VM's. An action is *witnessed*: VM, type and the instant it
started, with an occurrence number where one second holds several; or *numbered*, where an answer carries an id beside
`resource_id`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from cftui.fleet.rows import ActionRow, Phase

FINISHED = frozenset({Phase.SUCCEEDED, Phase.FAILED})
"""Phases after which nothing more is to come; an unknown word is not among them."""


class ActionKey(NamedTuple):
    """The identity of one action; equal keys are one action, and its text form is one line."""

    vm_id: str
    type: str
    started: float | None
    """Seconds since 1970 by the cloud's clock; None when the cloud told no readable time, or when it is numbered."""
    occurrence: int = 0
    """0 for the first action of this VM, type and second; the cloud's own order counts."""
    number: str = ""

    def __str__(self) -> str:
        if self.number:
            return f"{self.vm_id}/{self.type}/#{self.number}"
        instant = "?" if self.started is None else f"{self.started:.6f}".rstrip("0").rstrip(".")
        return f"{self.vm_id}/{self.type}/{instant}/{self.occurrence}"


class MatchKind(StrEnum):
    """How sure it is that an action in a list is the one that is looked for."""

    EXACT = "exact"
    """Same VM, type and instant (or number), and no other like it."""
    INFERRED = "inferred"
    """The only one that can be it: later by the cloud's clock, new, and nobody else's."""
    AMBIGUOUS = "ambiguous"
    """Several could be it; none is picked."""
    NONE = "none"
    """Not in this list, which proves nothing."""


class Match(NamedTuple):
    """What a list says of one action."""

    kind: MatchKind
    found: Mapping[ActionKey, ActionRow] = {}
    """One action when exact or inferred, all that could be it when ambiguous, else empty."""

    @property
    def key(self) -> ActionKey | None:
        """The action's key, when it is known which it is."""
        return next(iter(self.found)) if len(self.found) == 1 else None

    @property
    def row(self) -> ActionRow | None:
        """The action when it is known which; one of them when ambiguous but all of one status; else None."""
        rows = list(self.found.values())
        return rows[0] if rows and len({row.status for row in rows}) == 1 else None


def key_of(row: ActionRow) -> ActionKey:
    """The key of a row that stands alone: the first occurrence."""
    if row.number:
        return ActionKey(row.vm_id, row.type, None, 0, row.number)
    return ActionKey(row.vm_id, row.type, row.started)


def keyed(
    rows: Iterable[ActionRow], known: Mapping[ActionKey, ActionRow] | None = None, *, merges_repeats: bool = False
) -> dict[ActionKey, ActionRow]:
    """The rows of one reading by their keys; equal witnesses within it are numbered 0, 1, … in the cloud's order.

    Args:
        rows: All that the reading tells of the VMs in it.
        known: What is known already. Where a second holds several actions, a row keeps the number under which it is
            known, in whatever order the cloud lists them now; a row that moved on takes the number of one that was not
            finished.
        merges_repeats: A row that is in every member like another one is no further action, unless as many are known:
            pages overlap when an action begins while they are read.
    """
    groups: dict[ActionKey, list[ActionRow]] = {}
    for row in rows:
        groups.setdefault(key_of(row), []).append(row)
    result: dict[ActionKey, ActionRow] = {}
    for first, group in groups.items():
        if first.number:
            result[first] = group[-1]
        elif len(group) == 1 and (not known or first._replace(occurrence=1) not in known):
            result[first] = group[0]
        else:
            result.update(_numbered_alike(first, group, known or {}, merges_repeats))
    return result


def _numbered_alike(
    first: ActionKey, group: list[ActionRow], known: Mapping[ActionKey, ActionRow], merges_repeats: bool
) -> dict[ActionKey, ActionRow]:
    """Number the actions of one VM, type and second so that each keeps the number it had."""
    before: dict[ActionKey, ActionRow] = {}
    key = first
    while (row := known.get(key)) is not None:
        before[key] = row
        key = key._replace(occurrence=key.occurrence + 1)
    result: dict[ActionKey, ActionRow] = {}
    moved = []
    for row in group:
        same = next((k for k, old in before.items() if old == row), None)
        if same is None:
            moved.append(row)
        else:
            result[same] = row
            del before[same]
    # Only an unfinished action can have become something else; finished ones are taken last, as a contradiction of the
    # cloud's.
    places = sorted(before, key=lambda k: (before[k].phase in FINISHED, k.occurrence))
    for row in moved:
        if places:
            result[places.pop(0)] = row
        elif not (merges_repeats and row in result.values()):
            while key in result:
                key = key._replace(occurrence=key.occurrence + 1)
            result[key] = row
    return dict(sorted(result.items(), key=lambda item: item[0].occurrence))


def find(
    key: ActionKey,
    rows: Iterable[ActionRow],
    *,
    baseline: Iterable[ActionRow] = (),
    claimed: Collection[ActionKey] = (),
) -> Match:
    """Look for an accepted action in a list, without guessing.

    Args:
        key: As recorded from the answer to its POST.
        rows: A list as read; other VMs and types in it are passed over.
        baseline: The list as it was before the POST; what was there then cannot be it.
        claimed: Keys of other submissions.

    Source: section 11.2, rule 4 of the API reference.
    """
    if key.number:
        same = {k: row for k, row in keyed(_alike(key.vm_id, key.type, rows)).items() if k.number == key.number}
        return Match(MatchKind.EXACT, same) if same else Match(MatchKind.NONE)
    # Numbers within one second follow the order of a list: another one's claim does not tell which of them is ours.
    elsewhen = [other for other in claimed if other.started is None or other.started != key.started]
    fresh = candidates(key.vm_id, key.type, rows, baseline=baseline, claimed=elsewhen)
    equal = {k: row for k, row in fresh.items() if key.started is not None and k.started == key.started}
    if len(equal) > 1:
        return Match(MatchKind.AMBIGUOUS, equal)
    if equal:
        return Match(MatchKind.EXACT, equal)
    later = {k: row for k, row in fresh.items() if _is_later(row.started, key.started)}
    if len(later) > 1:
        return Match(MatchKind.AMBIGUOUS, later)
    return Match(MatchKind.INFERRED, later) if later else Match(MatchKind.NONE)


def candidates(
    vm_id: str,
    type_: str,
    rows: Iterable[ActionRow],
    *,
    baseline: Iterable[ActionRow] = (),
    claimed: Collection[ActionKey] = (),
) -> dict[ActionKey, ActionRow]:
    """What a POST whose answer was lost may have begun: actions of this VM and type, new, and nobody else's.

    One is very likely ours, several are told apart by no one, none is no proof.

    Args:
        vm_id: The VM that the POST named.
        type_: The type that it asked for.
        rows: A list as read now.
        baseline: The list as read before the POST. Where one second holds several actions and fewer were there before,
            those that look as before are the old ones.
        claimed: Keys of other submissions.

    Source: section 11.2, rules 4 and 7 of the API reference.
    """
    before = list(_alike(vm_id, type_, baseline))
    old_count = Counter(map(key_of, before))
    now = keyed(_alike(vm_id, type_, rows), keyed(before))
    now_count = Counter(key._replace(occurrence=0) for key in now)
    looked_so = Counter(before)
    result = {}
    for key, row in now.items():
        witness = key._replace(occurrence=0)
        if key in claimed or now_count[witness] <= old_count[witness]:
            continue
        if looked_so[row]:
            looked_so[row] -= 1
            continue
        result[key] = row
    return result


def _alike(vm_id: str, type_: str, rows: Iterable[ActionRow]) -> Iterable[ActionRow]:
    return (row for row in rows if row.vm_id == vm_id and row.type == type_)


def _is_later(started: float | None, recorded: float | None) -> bool:
    """By the cloud's clock alone; where it told no time, being new is all that can be asked for."""
    return recorded is None or started is None or started > recorded
