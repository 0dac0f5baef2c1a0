"""How a run is told: each VM's sign, squares, words and bar, and the counts of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cftui.fleet.history import HistoryEntry, Stage
from cftui.operations.order import Order
from cftui.operations.plan import Role, Step, Workflow
from cftui.operations.runs import OVER, STOPPED, RunState, RunView, TargetState, TargetView
from cftui.text import clean, count, duration
from cftui.tui.attention import entry_of
from cftui.tui.glyphs import Glyphs
from cftui.tui.look import Line, Part
from cftui.tui.ordering import seconds_words
from cftui.tui.telling import Moment, bar, is_in_progress, is_moving, progress, squares, told
from cftui.tui.workflow_words import NAMES

_SHORT_ID = 4


class TargetTold(NamedTuple):
    """One VM of a run in words."""

    glyph: str
    ink: str
    squares: str
    word: str
    """How it stands: "waiting", "failed", "2/3 resize"."""
    text: str
    """What else there is to say; cleaned."""
    entry: HistoryEntry | None = None
    """Its newest request."""


@dataclass(frozen=True, slots=True)
class RunMoment:
    """What is needed to tell of a run at one instant."""

    run: RunView
    entries: Mapping[str, HistoryEntry]
    """By token."""
    steps: Mapping[str, Step]
    """The plan's, by token."""
    moment: Moment
    now: float
    """Seconds of the monotonic clock."""

    @property
    def glyphs(self) -> Glyphs:
        """The signs in force."""
        return self.moment.glyphs

    def steps_of(self, target: TargetView) -> list[Step]:
        """The steps of a VM that may be sent by the run itself, or were; in their order."""
        is_forced = self.run.order.force_after_s is not None
        steps = [self.steps[token] for token in target.tokens]
        return [step for step in steps if is_forced or step.role is not Role.FORCE or step.token in self.entries]

    def told(self, target: TargetView) -> TargetTold:
        """One VM in words."""
        glyphs, entry = self.glyphs, entry_of(target, self.entries)
        hollow = glyphs.hollow * 3
        marks = squares(entry, glyphs) if entry is not None else hollow
        match target.state:
            case TargetState.LEFT_OUT:
                return TargetTold(glyphs.none, "muted", hollow, "left out", _why_left_out(target.message), entry)
            case TargetState.WAITING:
                return self._waiting(target, entry, marks)
            case TargetState.ASKING:
                text = f"{_reason(target.message)}; w waits longer"
                return TargetTold(glyphs.warn, "warn", marks, "your turn", text, entry)
            case TargetState.ACTIVE if target.decide_by is not None and not _is_unknown(entry):
                return TargetTold(glyphs.busy, "busy", marks, self._at(entry, target), self._left(target, entry), entry)
            case _ if entry is None:
                return self._without_request(target, hollow)
            case _:
                return self._by_request(target, entry, marks)

    def _waiting(self, target: TargetView, entry: HistoryEntry | None, marks: str) -> TargetTold:
        glyphs, message = self.glyphs, clean(target.message)
        if self.run.state is RunState.INTERRUPTED:
            if entry is None:
                return TargetTold(glyphs.waiting, "muted", marks, "not sent", message)
            return TargetTold(glyphs.warn, "warn", marks, "interrupted", message, entry)
        if not message and self.run.state is RunState.PAUSED:
            message = "paused: not begun"
        return TargetTold(glyphs.waiting, "muted", marks, "waiting", message, entry)

    def _without_request(self, target: TargetView, hollow: str) -> TargetTold:
        glyphs, message = self.glyphs, clean(target.message)
        if target.state is TargetState.DONE:
            return TargetTold(glyphs.none, "muted", hollow, "not needed", message)
        if target.state in OVER:
            return TargetTold(glyphs.failed, "bad", hollow, "failed", message)
        return TargetTold(glyphs.busy, "busy", hollow, "beginning", message)

    def _by_request(self, target: TargetView, entry: HistoryEntry, marks: str) -> TargetTold:
        said, is_workflow = told(entry, self.moment), bool(self.run.plan.workflow)
        glyphs, message = self.glyphs, clean(target.message)
        match target.state:
            case TargetState.ACTIVE if not is_workflow:
                word = "" if is_in_progress(entry) and self.moment.usual(entry) is not None else said.word
                return TargetTold(said.glyph, said.ink, marks, word, said.text, entry)
            case TargetState.ACTIVE:
                text = message or (progress(entry, self.moment) if is_moving(entry) else said.text)
                return TargetTold(said.glyph, said.ink, marks, self._at(entry, target), text, entry)
            case TargetState.DONE if is_workflow:
                text = message or said.text
                return TargetTold(glyphs.good, "good", marks, "done", text, entry)
            case TargetState.FAILED if is_workflow or said.ink not in ("bad", "warn"):
                word = "failed" if not is_workflow else f"failed, {self._at(entry, target)}"
                return TargetTold(glyphs.failed, "bad", marks, word, message or said.text, entry)
            case TargetState.UNKNOWN if is_workflow:
                return TargetTold(glyphs.unknown, "unk", marks, "unknown", message or said.text, entry)
            case _:
                return TargetTold(said.glyph, said.ink, marks, said.word, said.text, entry)

    def _at(self, entry: HistoryEntry | None, target: TargetView) -> str:
        """Which step it is at: `2/3 resize`."""
        if entry is None:
            return "beginning"
        steps = self.steps_of(target)
        at = next((index for index, step in enumerate(steps, 1) if step.token == entry.id), len(steps))
        return f"{at}/{len(steps)} {clean(entry.type)}"

    def _left(self, target: TargetView, entry: HistoryEntry | None) -> str:
        """`46 s left of 120 s`, and when such a VM usually is off."""
        left, total = self.watched(target)
        usual = self.moment.usual(entry) if entry is not None else None
        ends = f"{duration(left)} left of {seconds_words(total)}"
        return ends if usual is None else f"{ends}; usually {duration(usual.median_s)}"

    def watched(self, target: TargetView) -> tuple[float, float]:
        """How long a VM will still be watched before something is decided, and for how long in all, in seconds.

        The second is never below 1.0: it is told in whole seconds, and it is divided by.
        """
        limit = watch_limit_s(self.run.order)
        if target.decide_by is None:
            return 0.0, max(1.0, limit)
        began = target.began_at if target.began_at is not None else target.decide_by - limit
        return max(0.0, target.decide_by - self.now), max(1.0, float(round(target.decide_by - began)))

    def bar(self, target: TargetView, cells: int) -> Line:
        """Elapsed over usual of the request in progress; empty where there is none, or nothing is usual."""
        entry = entry_of(target, self.entries)
        if target.state is not TargetState.ACTIVE or entry is None or self.run.plan.workflow:
            return []
        return bar(entry, self.moment, cells)


def watch_limit_s(order: Order) -> float:
    """How long a VM is watched before something is decided."""
    return order.stop_limit_s if order.force_after_s is None else order.force_after_s


def short_id(run: RunView) -> str:
    """What names a run on the screen: `7c1f`."""
    return run.id[:_SHORT_ID]


def subject(run: RunView) -> str:
    """What it does to whom: `power_cycle on 12 VMs`, `guided resize of db-02`; cleaned."""
    name = NAMES[run.plan.workflow] if run.plan.workflow else run.plan.type.value
    if len(run.targets) == 1:
        return f"{name} of {clean(run.targets[0].vm_name)}"
    return f"{name} on {count(len(run.targets), 'VM')}"


def is_over(run: RunView) -> bool:
    """Whether nothing moves in it any more by itself."""
    return run.state in (RunState.ENDED, RunState.INTERRUPTED)


def unsent(run: RunView) -> int:
    """How many VMs have not begun."""
    return run.count(TargetState.WAITING)


# Cells of the strip


def cell_of(target: TargetView, glyphs: Glyphs) -> Part:
    """One VM as one cell."""
    glyph, ink = {
        TargetState.DONE: (glyphs.square, "text"),
        TargetState.FAILED: (glyphs.failed, "*bad"),
        TargetState.UNKNOWN: (glyphs.unknown, "*unk"),
        TargetState.ACTIVE: (glyphs.busy, "busy"),
        TargetState.ASKING: (glyphs.warn, "*warn"),
        TargetState.WAITING: (glyphs.waiting, "muted"),
        TargetState.LEFT_OUT: (glyphs.none, "muted"),
    }[target.state]
    return Part(glyph, ink)


def strip_of(run: RunView, glyphs: Glyphs, cells: int) -> Line:
    """One cell a VM in the frozen order; where they do not fit, or above 50, a bar of segments that add up."""
    targets = run.targets
    if len(targets) <= 50 and len(targets) <= cells:
        gap = " " if 2 * len(targets) <= cells else ""
        return [part for target in targets for part in (cell_of(target, glyphs), Part(gap))]
    room = max(8, min(50, cells))
    return _segments(run, glyphs, room)


_ORDERED = (
    TargetState.DONE,
    TargetState.FAILED,
    TargetState.UNKNOWN,
    TargetState.ASKING,
    TargetState.ACTIVE,
    TargetState.LEFT_OUT,
    TargetState.WAITING,
)


def _segments(run: RunView, glyphs: Glyphs, cells: int) -> Line:
    """Each state as many cells as its share, and never none: one failure in a thousand is seen."""
    present = [state for state in _ORDERED if run.count(state)]
    total = len(run.targets)
    widths = {state: max(1, cells * run.count(state) // total) for state in present}
    largest = max(present, key=run.count)
    widths[largest] += cells - sum(widths.values())
    sample = {target.state: target for target in run.targets}
    cell = {state: cell_of(sample[state], glyphs) for state in present}
    return [Part(cell[state].text * max(1, widths[state]), cell[state].ink) for state in present]


def counts_of(view: RunMoment, *, is_short: bool = False) -> Line:
    """`■ 6 completed   × 1 failed   ► 3 in flight   · 1 waiting   2 skipped`, without what there is none of."""
    run, glyphs = view.run, view.glyphs
    verified = sum(
        target.state is TargetState.DONE
        and (entry := entry_of(target, view.entries)) is not None
        and entry.stage is Stage.VERIFIED
        for target in run.targets
    )
    done = run.count(TargetState.DONE)
    word = "done" if run.plan.workflow else "completed"
    if run.plan.workflow:
        verified = 0
    waits = "not sent" if run.state is RunState.INTERRUPTED else "waiting"
    told: Sequence[tuple[int, str, str, str]] = (
        (verified, glyphs.square, "verified", "text"),
        (done - verified, glyphs.square, word, "text"),
        (run.count(TargetState.FAILED), glyphs.failed, "failed", "bad"),
        (run.count(TargetState.UNKNOWN), glyphs.unknown, "unknown", "unk"),
        (run.count(TargetState.ASKING), glyphs.warn, "your turn", "*warn"),
        (run.count(TargetState.ACTIVE), glyphs.busy, "in flight", "busy"),
        (run.count(TargetState.WAITING), glyphs.waiting, waits, "muted"),
        (run.count(TargetState.LEFT_OUT), glyphs.none, "left out", "muted"),
        (len(run.plan.skipped), "", "skipped", "muted"),
    )
    line: Line = []
    for number, glyph, words, ink in told:
        if number:
            gap = "  " if is_short else "   "
            named = "" if is_short and glyph else f" {words}"
            line += [Part(gap if line else ""), Part(f"{glyph} {number:,}{named}".lstrip(), ink)]
    return line


def _is_unknown(entry: HistoryEntry | None) -> bool:
    return entry is not None and entry.stage is Stage.UNKNOWN


def _why_left_out(message: str) -> str:
    """What stopped the run, where that is more than that it was stopped."""
    return clean(message).removeprefix(STOPPED).lstrip(": ")


def _reason(message: str) -> str:
    """`it has not stopped: your turn` without the last words, which stand beside it."""
    return clean(message).removesuffix(": your turn")


def is_bad(run: RunView) -> bool:
    """Whether anything of it went wrong, or is not known."""
    return bool(run.count(TargetState.FAILED) or run.count(TargetState.UNKNOWN))


def way_out(workflow: Workflow) -> str:
    """What a VM may be told to do when it did not do as it was asked: `power_off`, `power_cycle`."""
    return "power_cycle" if workflow is Workflow.ESCALATING_REBOOT else "power_off"
