"""What became of a POST whose answer was lost: the only way on from an unknown outcome.

The cloud's action list is read until it is certain enough to tell. An action of this VM and type that was not there
before is *very likely* ours, never proven; none at all is "no trace so far", never "it did not happen". What shows
on the VM and did not before is the only proof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cftui.fleet import effects
from cftui.fleet.history import Finding, Stage
from cftui.fleet.identity import ActionKey
from cftui.fleet.rows import ActionRow, Phase, VmRow
from cftui.operations.journal import JournalEntry

SETTLE_S = 30.0
"""A good read that began this long after the answer was given up may say "no trace so far".

With lists that lag up to 5 s and a server that begins within 2 s, a simulation of
200,000 trials had no wrong "no trace" when it waited 10 s, and 5.5 % when it did not wait."""

WATCH_ON_S = 15 * 60.0
"""How long a request without a trace is watched for arriving late."""

_WAITS_S = (1.0, 2.0, 4.0, 8.0, 15.0)


@dataclass(frozen=True, slots=True)
class Facts:
    """What one round of reads brought about one VM; times are seconds of the monotonic clock."""

    now: float
    asked_at: float
    """When the reads began; an answer can only tell what was so by then."""
    can_list: bool
    """Whether this cloud lets actions be read at all."""
    actions: Sequence[ActionRow] | None = None
    """The VM's actions in the cloud's order; None when they were not read this time."""
    vm: VmRow | None = None
    is_vm_gone: bool = False
    claimed: frozenset[ActionKey] = frozenset()
    """Actions that are known to be other submissions of ours."""
    is_whole: bool = False
    """Whether `actions` is all the cloud has on this VM: only then does it tell that there is no trace."""
    is_replaced: bool = False
    """Whether it was sent again since: what the VM shows now may be the second one's doing."""


def wait_s(tries: int) -> float:
    """How long to wait after so many reads: 1, 2, 4, 8, then 15 seconds."""
    return _WAITS_S[min(tries, len(_WAITS_S) - 1)]


def look(entry: JournalEntry, facts: Facts, *, since: float) -> JournalEntry:
    """One look, with what the reads of this time brought.

    Args:
        entry: An entry of unknown outcome, or one that was accepted with an unreadable answer.
        facts: The reads.
        since: When the answer was given up.
    """
    submission = entry.submission
    type_, body, before = submission.type, submission.body, submission.before
    if facts.vm is not None and not facts.is_replaced and effects.effect_seen(type_, body, before, facts.vm):
        words = effects.effect_words(type_, body, before, facts.vm)
        seen = replace(submission, stage=Stage.VERIFIED, is_settled=True, message=f"seen on the VM: {words}")
        return replace(entry, submission=seen)
    is_certain_enough = facts.asked_at - since >= SETTLE_S
    if facts.actions is not None:
        found = entry.candidates(facts.actions, facts.claimed)
        if len(found) == 1:
            return _probable(entry, *next(iter(found.items())))
        if found:
            return _several(entry, found, is_certain_enough)
        if is_certain_enough and facts.is_whole:
            return _no_trace(entry)
    elif not facts.can_list and facts.vm is not None and is_certain_enough:
        if effects.is_verifiable(submission.type) and submission.before is not None:
            return _no_trace(entry)
        return _finding(
            entry,
            Finding.UNVERIFIABLE,
            "cannot be found out from here; check the VM before sending again",
            is_settled=True,
        )
    return entry


def _probable(entry: JournalEntry, key: ActionKey, row: ActionRow) -> JournalEntry:
    submission = replace(
        entry.submission,
        key=key,
        status=row.status,
        started_at=row.started_at,
        completed_at=row.completed_at,
        is_probable=True,
    )
    entry = replace(entry, submission=submission)
    if submission.stage is Stage.ACCEPTED:
        return replace(entry, submission=replace(submission, message=""))
    match row.phase:
        case Phase.SUCCEEDED:
            word = "completed"
        case Phase.FAILED:
            word = "failed"
        case _:
            word = "in progress" if row.phase is Phase.RUNNING else row.status or "not finished"
    has_ended = row.phase in (Phase.SUCCEEDED, Phase.FAILED)
    is_over = has_ended and not (row.phase is Phase.SUCCEEDED and effects.is_verifiable(submission.type))
    late = "it did arrive late: " if submission.finding is Finding.ABSENT else ""
    message = f"{late}very likely yours, not proven: {word}"
    return _finding(entry, Finding.PROBABLE, message, is_settled=is_over or submission.is_settled)


def _several(entry: JournalEntry, found: Mapping[ActionKey, ActionRow], is_certain_enough: bool) -> JournalEntry:
    times = ", ".join(sorted(_clock(row) for row in found.values()))
    words = {row.status for row in found.values()}
    common = f"; all {words.pop()}" if len(words) == 1 else ""
    have_ended = all(row.phase in (Phase.SUCCEEDED, Phase.FAILED) for row in found.values())
    message = f"several fit ({len(found)}: {times}){common}; which is yours cannot be told"
    return _finding(
        entry, Finding.SEVERAL, message, is_settled=entry.submission.is_settled or (is_certain_enough and have_ended)
    )


def _no_trace(entry: JournalEntry) -> JournalEntry:
    if entry.submission.stage is Stage.ACCEPTED:
        return replace(entry, submission=replace(entry.submission, message="accepted; not seen in the list yet"))
    if entry.submission.finding is Finding.ABSENT:
        return entry
    message = "no trace so far; it may still arrive. Sending again asks for its name"
    return _finding(entry, Finding.ABSENT, message, is_settled=True)


def _finding(entry: JournalEntry, finding: Finding, message: str, *, is_settled: bool) -> JournalEntry:
    submission = replace(entry.submission, finding=finding, message=message, is_settled=is_settled)
    return replace(entry, submission=submission)


def _clock(row: ActionRow) -> str:
    if row.started is None:
        return row.started_at or "?"
    try:
        return datetime.fromtimestamp(row.started, UTC).astimezone().strftime("%H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return row.started_at
