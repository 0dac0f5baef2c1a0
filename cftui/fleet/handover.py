"""A shift's timeline as Markdown, for whoever comes next: what is open, what needs eyes, and all that was done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cftui.fleet.effects import is_verifiable
from cftui.fleet.history import OPEN_STAGES, TROUBLED_STAGES, Finding, HistoryEntry, Stage
from cftui.text import clean, count, cut, duration

_MAX_NAME, _MAX_TEXT = 60, 240
"""Cells of a name and of a reason; a document is read by people."""
_MAX_NAMED = 10
"""VMs of a run that are called by name in its line; all of them stand under "Needs eyes"."""

_PUNCTUATION = re.compile(r"([\\`*\[\]<>|~&])|(?<![^\W_])(_)|(_)(?![^\W_])")
"""What Markdown may take for more than itself; an underscore inside a word is none of it."""

_WORDS = {
    Stage.SKIPPED: "skipped",
    Stage.NOT_SENT: "not sent",
    Stage.REJECTED: "rejected",
    Stage.SENDING: "sending",
    Stage.ACCEPTED: "in progress",
    Stage.COMPLETED: "completed",
    Stage.VERIFIED: "verified",
    Stage.ERRORED: "failed",
    Stage.TIMED_OUT: "no end seen",
    Stage.UNKNOWN: "unknown",
}

_OUTCOMES = ("ok", "failed", "unknown", "open", "not sent")
"""How a VM of a run may stand."""

_HEAD = ("time", "VM", "action", "by", "duration", "outcome", "reason")


@dataclass(frozen=True, slots=True)
class Shift:
    """Whose shift it was, on what, and from when to when; texts need not be clean."""

    since: datetime
    """Aware; its zone is the one in which times are told."""
    until: datetime
    """Aware, in the same zone."""
    profile: str = ""
    account: str = ""
    host: str = ""
    who: str = ""
    """User and machine."""
    note: str = ""
    """What a reader has to know of the source."""


def handover(history: Iterable[HistoryEntry], plans: Mapping[str, str], shift: Shift) -> str:
    """The document.

    What goes on, or is looked up, stands in it whenever it began; all else if it began in the shift.

    Args:
        history: Actions in any order.
        plans: By id of an entry of ours, the id of the plan that it was sent with: several VMs of one plan are a run,
            and have one line in the timeline.
        shift: See there.
    """
    since = shift.since.timestamp()
    wanted = (entry for entry in history if entry.started >= since or (_is_open(entry) and not entry.is_settled))
    entries = sorted(wanted, key=lambda entry: (entry.started, entry.id))
    runs = _runs(entries, plans)
    left_out = {entry.id for run in runs.values() for entry in run if entry.stage is Stage.NOT_SENT}
    still_open = [entry for entry in entries if _is_open(entry)]
    needs_eyes = [e for e in entries if _is_trouble(e) and not _is_open(e) and e.id not in left_out]
    sections = [
        _header(shift, entries, still_open, needs_eyes),
        _section("Still open", [_row(entry, shift) for entry in still_open]),
        _section("Needs eyes", [_row(entry, shift) for entry in needs_eyes]),
        _section("Timeline", list(_timeline(entries, plans, runs, shift))),
    ]
    return "\n".join(sections)


def cell(text: str, cells: int = _MAX_TEXT) -> str:
    """A text as one cell of a table that says nothing but itself, whatever is in it."""
    shown = cut(clean(text).strip(), cells)
    return _PUNCTUATION.sub(lambda found: f"\\{found[0]}", shown) or "–"


def _runs(entries: Sequence[HistoryEntry], plans: Mapping[str, str]) -> dict[str, list[HistoryEntry]]:
    """Entries of the plans of several VMs, by plan."""
    by_plan: dict[str, list[HistoryEntry]] = {}
    for entry in entries:
        if plan := plans.get(entry.id):
            by_plan.setdefault(plan, []).append(entry)
    return {plan: run for plan, run in by_plan.items() if len({entry.vm_id for entry in run}) > 1}


def _header(
    shift: Shift,
    entries: Sequence[HistoryEntry],
    still_open: Sequence[HistoryEntry],
    needs_eyes: Sequence[HistoryEntry],
) -> str:
    own = sum(entry.is_own for entry in entries)
    where = " at ".join(cell(text, _MAX_NAME) for text in (shift.account, shift.host) if text)
    offset = shift.until.strftime("%z")
    zone = f"{shift.until.tzname()} (UTC{offset[:3]}:{offset[3:5]})"
    is_one_day = shift.since.date() == shift.until.date()
    end = shift.until.strftime("%H:%M" if is_one_day else "%Y-%m-%d %H:%M")
    lines = [
        f"# Handover {cell(shift.profile, _MAX_NAME)}" if shift.profile else "# Handover",
        "",
        f"- account: {where}" if where else "",
        f"- from {shift.since.strftime('%Y-%m-%d %H:%M')} to {end} {zone}",
        f"- by {cell(shift.who)}" if shift.who else "",
        f"- {count(own, 'action')} from here, {count(len(entries) - own)} of others; "
        f"{count(len(still_open))} still open, {count(len(needs_eyes))} to look at",
        f"- {cell(shift.note)}" if shift.note else "",
    ]
    return "\n".join([*lines[:2], *filter(None, lines[2:]), ""])


def _section(title: str, rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return f"## {title}\n\nNothing.\n"
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD)), *map(_line, rows)]
    return "\n".join([f"## {title}", "", *lines, ""])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _timeline(
    entries: Sequence[HistoryEntry],
    plans: Mapping[str, str],
    runs: Mapping[str, Sequence[HistoryEntry]],
    shift: Shift,
) -> Iterator[Sequence[str]]:
    """Oldest first; a run stands where it began."""
    told: set[str] = set()
    for entry in entries:
        plan = plans.get(entry.id, "")
        if plan not in runs:
            yield _row(entry, shift)
        elif plan not in told:
            told.add(plan)
            yield _run_row(runs[plan], shift)


def _row(entry: HistoryEntry, shift: Shift) -> Sequence[str]:
    reason = entry.message or ("the API gave no reason" if entry.stage is Stage.ERRORED else "")
    return (
        _time(entry.started, shift),
        cell(entry.vm_name or entry.vm_id[:8], _MAX_NAME),
        cell(entry.type, _MAX_NAME),
        "here" if entry.is_own else "others",
        _took(entry.started, entry.ended, shift, is_open=_is_open(entry)),
        _word(entry),
        cell(reason),
    )


def _run_row(run: Sequence[HistoryEntry], shift: Shift) -> Sequence[str]:
    by_vm: dict[str, list[HistoryEntry]] = {}
    for entry in run:
        by_vm.setdefault(entry.vm_id, []).append(entry)
    outcomes = {vm_id: _outcome(steps) for vm_id, steps in by_vm.items()}
    words = list(outcomes.values())
    counts = [f"{count(words.count(word))} {word}" for word in _OUTCOMES if word in words]
    bad = [by_vm[vm_id][0].vm_name or vm_id[:8] for vm_id, word in outcomes.items() if word in ("failed", "unknown")]
    named = [cell(name, _MAX_NAME) for name in bad[:_MAX_NAMED]]
    more = f" and {count(len(bad) - len(named))} more" if len(bad) > len(named) else ""
    ends = [entry.ended for entry in run]
    end = None if None in ends else max(filter(None, ends), default=None)
    types = dict.fromkeys(cell(entry.type, _MAX_NAME) for entry in run)
    return (
        _time(run[0].started, shift),
        count(len(by_vm), "VM"),
        ", ".join(types),
        "here",
        _took(run[0].started, end, shift, is_open=any(map(_is_open, run))),
        ", ".join(counts),
        f"{', '.join(named)}{more}" if named else "–",
    )


def _outcome(steps: Sequence[HistoryEntry]) -> str:
    """How one VM of a run stands, by all that was sent to it."""
    stages = {entry.stage for entry in steps}
    if Stage.UNKNOWN in stages:
        return "unknown"
    if any(map(_is_open, steps)):
        return "open"
    if stages == {Stage.NOT_SENT}:
        return "not sent"
    return "failed" if any(map(_is_trouble, steps)) else "ok"


def _is_open(entry: HistoryEntry) -> bool:
    """Whether it goes on, or nobody knows what became of it."""
    is_awaited = entry.stage is Stage.COMPLETED and entry.is_own and not entry.is_settled
    return entry.stage in OPEN_STAGES or entry.stage is Stage.UNKNOWN or is_awaited


def _is_trouble(entry: HistoryEntry) -> bool:
    return entry.stage in TROUBLED_STAGES or entry.finding is Finding.LATE or _is_unfulfilled(entry)


def _is_unfulfilled(entry: HistoryEntry) -> bool:
    """Whether one of ours was called completed, and its VM never showed it."""
    return entry.stage is Stage.COMPLETED and entry.is_own and entry.is_settled and is_verifiable(entry.type)


def _word(entry: HistoryEntry) -> str:
    if entry.finding is Finding.LATE:
        return "came late"
    return "completed, not seen on the VM" if _is_unfulfilled(entry) else _WORDS[entry.stage]


def _time(moment: float, shift: Shift) -> str:
    """Seconds since 1970, which a cloud may place in any year, in the shift's zone."""
    try:
        local = datetime.fromtimestamp(moment, shift.until.tzinfo)
    except (OverflowError, ValueError, OSError):
        return "odd time"
    return local.strftime("%H:%M:%S" if local.date() == shift.until.date() else "%m-%d %H:%M:%S")


def _took(started: float, ended: float | None, shift: Shift, *, is_open: bool) -> str:
    if ended is None or ended < started:
        return f"{duration(shift.until.timestamp() - started)} so far" if is_open else "–"
    return duration(ended - started)
