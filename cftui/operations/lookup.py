"""What became of a POST whose answer was lost: the only way on from an unknown outcome.

The cloud's action list is read until it is certain enough to tell. An action of this VM and type that was not there
before is *very likely* ours, never proven; none at all is "no trace so far", never "it did not happen". What shows
on the VM and did not before is the only proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cftui.fleet import effects
from cftui.fleet.history import Finding, Stage, Submission
from cftui.fleet.identity import ActionKey
from cftui.fleet.rows import ActionRow, Phase, VmRow
from cftui.operations.journal import JournalEntry

SETTLE_S = 30.0
"""A good read that began this long after the answer was given up may say "no trace so far".

With lists that lag up to 5 s and a server that begins within 2 s, a simulation of
200,000 trials had no wrong "no trace" when it waited 10 s, and 5.5 % when it did not wait."""

WATCH_ON_S = 15 * 60.0
"""How long a request without a trace is watched for arriving late."""

GUESS = "very likely yours, not proven"

_NOTHING_BEGAN = frozenset({Stage.SKIPPED, Stage.NOT_SENT, Stage.REJECTED})

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
    trouble: str = ""
    """Why what was asked about it could not be read, in a few words; then nothing else is told."""
    is_about_vm: bool = False
    """Whether it was the VM itself that was read, and not its actions."""
    claimed: frozenset[ActionKey] = frozenset()
    """Actions that are known to be other submissions of ours."""
    is_whole: bool = False
    """Whether `actions` is all the cloud has on this VM: only then does it tell that there is no trace."""
    is_replaced: bool = False
    """Whether another request was sent to its VM since: what the VM shows now may be that one's doing."""
    sent_after: str = ""
    """The type of that request; empty where it is not known which."""


def beside(facts: Facts, mine: Submission, known: Iterable[Submission], *, was_resent: bool) -> Facts | None:
    """What was read, less what belongs to other requests of ours; None while one is under way that it may belong to.

    Args:
        facts: As read.
        mine: The request that is looked at.
        known: All requests to its VM, and to others if it must be, in the order in which they were sent.
        was_resent: Whether it was sent again.
    """
    of_vm = [one for one in known if one.vm_id == mine.vm_id]
    later = of_vm[[one.token for one in of_vm].index(mine.token) + 1 :]
    alike = [one for one in later if one.stage not in _NOTHING_BEGAN and effects.may_look_alike(mine.type, one.type)]
    if any(one.stage is Stage.SENDING for one in alike):
        return None
    claimed = frozenset(one.key for one in of_vm if one.key is not None and one.token != mine.token)
    sent_after = alike[0].type if alike else ""
    return replace(facts, claimed=claimed, is_replaced=was_resent or bool(alike), sent_after=sent_after)


def wait_s(tries: int) -> float:
    """How long to wait after so many reads: 1, 2, 4, 8, then 15 seconds."""
    return _WAITS_S[min(tries, len(_WAITS_S) - 1)]


def look(entry: JournalEntry, facts: Facts, *, since: float, is_vm_missing: bool = False) -> JournalEntry:
    """One look, with what the reads of this time brought.

    Args:
        entry: An entry of unknown outcome, or one that was accepted with an unreadable answer.
        facts: The reads.
        since: When looking began, which is when the answer was given up or, after a restart, later than that.
        is_vm_missing: The VM was not found when it was looked for: then nothing is called absent.
    """
    submission = entry.submission
    type_, body, before = submission.type, submission.body, submission.before
    if facts.vm is not None and not facts.is_replaced and effects.effect_seen(type_, body, before, facts.vm):
        words = f"{_late(submission)}seen on the VM: {effects.effect_words(type_, body, before, facts.vm)}"
        entry = _finding(entry, Finding.LATE if _is_late(submission) else Finding.NONE, words, is_settled=True)
        return replace(entry, submission=replace(entry.submission, stage=Stage.VERIFIED))
    is_certain_enough = facts.asked_at - since >= SETTLE_S and not is_vm_missing
    if facts.actions is not None and not entry.baseline.is_known:
        return _unverifiable(entry) if is_certain_enough and submission.stage is Stage.UNKNOWN else entry
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
        return _unverifiable(entry)
    return entry


def _unverifiable(entry: JournalEntry) -> JournalEntry:
    message = "cannot be found out from here; check the VM before sending again"
    return _finding(entry, Finding.UNVERIFIABLE, message, is_settled=True)


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
        return _finding(entry, Finding.NONE, "", is_settled=False)
    match row.phase:
        case Phase.SUCCEEDED:
            word = "completed"
        case Phase.FAILED:
            word = "failed"
        case _:
            word = "in progress" if row.phase is Phase.RUNNING else row.status or "not finished"
    has_ended = row.phase in (Phase.SUCCEEDED, Phase.FAILED)
    is_over = has_ended and not (row.phase is Phase.SUCCEEDED and effects.is_verifiable(submission.type))
    finding = Finding.LATE if _is_late(submission) else Finding.PROBABLE
    return _finding(entry, finding, f"{_late(submission)}{GUESS}: {word}", is_settled=is_over)


def _several(entry: JournalEntry, found: Mapping[ActionKey, ActionRow], is_certain_enough: bool) -> JournalEntry:
    times = ", ".join(_clocks(found.values()))
    words = {row.status for row in found.values()}
    common = f"; all {words.pop()}" if len(words) == 1 else ""
    have_ended = all(row.phase in (Phase.SUCCEEDED, Phase.FAILED) for row in found.values())
    message = f"{_late(entry.submission)}several fit ({len(found)}: {times}){common}; which is yours cannot be told"
    none_picked = replace(entry.submission, key=None, status="", started_at="", completed_at="", is_probable=False)
    finding = Finding.LATE if _is_late(none_picked) else Finding.SEVERAL
    entry = replace(entry, submission=none_picked)
    return _finding(entry, finding, message, is_settled=is_certain_enough and have_ended)


def _no_trace(entry: JournalEntry) -> JournalEntry:
    if entry.submission.stage is Stage.ACCEPTED:
        return replace(entry, submission=replace(entry.submission, message="accepted; not seen in the list yet"))
    if entry.submission.finding is not Finding.NONE:
        return entry  # what a list has shown once is not taken back because another one lacks it
    message = "no trace so far; it may still arrive. Sending again asks for its name"
    return _finding(entry, Finding.ABSENT, message, is_settled=True)


def _is_late(submission: Submission) -> bool:
    return submission.finding in (Finding.ABSENT, Finding.LATE)


def _late(submission: Submission) -> str:
    return "it did arrive late: " if _is_late(submission) else ""


def _finding(entry: JournalEntry, finding: Finding, message: str, *, is_settled: bool) -> JournalEntry:
    submission = replace(entry.submission, finding=finding, message=message, is_settled=is_settled)
    return replace(entry, submission=submission)


def _clocks(rows: Iterable[ActionRow]) -> list[str]:
    """When they began, in this order, by the clock on the wall; with offsets where two of them differ in theirs."""
    rows = sorted(rows, key=lambda row: (row.started is None, row.started or 0.0))
    moments = [_local(row) for row in rows]
    offsets = {moment.utcoffset() for moment in moments if moment is not None}
    form = "%H:%M:%S" if len(offsets) < 2 else "%H:%M:%S %z"
    return [
        row.started_at or "?" if moment is None else moment.strftime(form)
        for row, moment in zip(rows, moments, strict=True)
    ]


def _local(row: ActionRow) -> datetime | None:
    try:
        return None if row.started is None else datetime.fromtimestamp(row.started, UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return None
