"""What a confirmation says of a plan: which VMs, where it reaches, what it does, the exact request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from textual.content import Content

from cftui.fleet import rules
from cftui.fleet.effects import current_size, is_verifiable
from cftui.fleet.estimates import Usual
from cftui.fleet.fleet import View
from cftui.fleet.groups import reach, standing_warnings
from cftui.fleet.history import Finding
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Step, Workflow
from cftui.text import clean, count, cut, cut_middle, duration
from cftui.tui.modals.changes import change_of
from cftui.tui.modals.ink import Ink, pad
from cftui.tui.modals.step_text import StepText, change_words

VERBS = {
    ActionType.REBOOT: "Reboot",
    ActionType.POWER_CYCLE: "Power-cycle",
    ActionType.SHUTDOWN: "Shut down",
    ActionType.POWER_OFF: "Power off",
    ActionType.POWER_ON: "Power on",
    ActionType.PASSWORD_RESET: "Reset the password of",
    ActionType.RESIZE: "Resize",
    ActionType.RENAME: "Rename",
    ActionType.SNAPSHOT: "Snapshot",
}
"""Plain English for titles and buttons."""

_SKIPPED_LISTED = 3
"""Skipped VMs that are named above the request; more are counted there by reason, and named at the end."""
_REASONS_LISTED = 3
_BODIES_LISTED = 4
"""Different bodies of a workflow that are shown; a snapshot has a name of its own for each VM."""


@dataclass(frozen=True, slots=True)
class PlanText:
    """The body of a confirmation, line by line."""

    plan: Plan
    ink: Ink
    width: int
    """Cells of a line."""
    troubles: Mapping[str, str]
    """By VM id, what is different by now."""
    freshness: Content
    """How old what is shown is."""
    copy_hint: Content
    usual: Usual | None = None
    """The learned duration."""
    twins: Mapping[str, Sequence[VmRow]] = field(default_factory=dict)
    """By VM id, the other VMs whose name looks the same."""
    first: str = ""
    """Of a resend: when the first one was sent, and that nothing is known of it."""
    gap: str = ""
    """What the journal lost."""
    vms: Mapping[str, VmRow] = field(default_factory=dict)
    """All that are known now, by id: of which groups something would be left."""
    hidden: int = 0
    """How many of the targets the filter hides; 0 where the title tells it."""
    order: Order = field(default_factory=Order)
    order_rows: Sequence[Content] = ()
    """In which order the targets are taken, and the key that changes it; empty where there is nothing to order."""
    is_low: bool = False
    """Few lines fit: from the warnings on, what is told of several stands close together, down to the request."""

    @property
    def _steps(self) -> StepText | None:
        """The steps in words; None where each VM gets one request."""
        if self.plan.workflow is Workflow.NONE:
            return None
        return StepText(self.plan, self.order, self.ink, self.width - self._label)

    @property
    def _label(self) -> int:
        """Cells of the titles of groups; 0 where they stand above their lines."""
        return 11 if self.width >= 60 else 0

    @property
    def _targets_once(self) -> list[VmRow]:
        """Every VM of the plan, in its order; a workflow has several steps of each."""
        return list({step.vm.id: step.vm for step in self.plan.steps}.values())

    @property
    def _types(self) -> frozenset[ActionType]:
        return frozenset(step.request.type for step in self.plan.steps)

    def one(self) -> Iterable[Content]:
        """A plan of one request."""
        ink, width, step = self.ink, self.width, self.plan.steps[0]
        vm = step.vm
        facts = (
            ink(cut_middle(clean(vm.name), max(16, width - 46)), "*strong")
            + ink("   ")
            + ink.power(vm)
            + ink(f"   {cut(clean(vm.region), 14)}   {cut(clean(vm.address), 39)}".rstrip())
        )
        yield ink.spread(facts, self.freshness, width)
        yield ink("id ", "muted") + ink(vm.id)
        yield from self._twins_of(step)
        yield Content("")
        if (steps := self._steps) is not None:
            yield from self._group("Steps", list(steps.rows()), self._label)
            if warned := list(self._warnings()):
                yield from [*warned, Content("")]
            yield from self._group("Order", list(self.order_rows), self._label)
            yield from list(self._group("Request", list(self._bulk_request(width - self._label)), self._label))[:-1]
        else:
            for sentence in self._changes(step):
                yield ink(sentence, "*strong")
            yield from self._warnings()
            yield Content("")
            yield ink.spread(ink("Request", "*strong"), self.copy_hint, width)
            yield from self._request(step.url, step.body, width)
        for skipped in self.plan.skipped:
            yield ink("Skipped  ", "*strong") + self._skipped_line(skipped.vm, skipped.reason)

    def _twins_of(self, step: Step) -> Iterable[Content]:
        """That other VMs have a name that looks the same, and which."""
        ink, twins = self.ink, self.twins.get(step.vm.id, ())
        if not twins:
            return
        names = {clean(vm.name) for vm in twins}
        same = "the same name" if names == {clean(step.vm.name)} else "a name that looks the same"
        others = ", ".join(f"{cut_middle(clean(vm.name), 24)} {clean(vm.id)[:6]}" for vm in twins[:3])
        more = ", …" if len(twins) > 3 else ""
        has = "Another VM has" if len(twins) == 1 else f"{len(twins):,} other VMs have"
        yield ink(f"{ink.glyphs.warn} {has} {same}: ", "*warn") + ink(f"{others}{more}")

    def _request(self, url: str, body: str, width: int, times: int = 1) -> Iterable[Content]:
        ink = self.ink
        head = f" {times:,} {ink.glyphs.failed if not ink.is_ascii else 'x'} POST " if times > 1 else " POST "
        if len(head) + len(url) > width and "://" in url:  # the host may go, the id never
            url = "/" + url.split("://", 1)[1].partition("/")[2]
        yield self._padded(ink(head, "*key", "field") + ink(url, "text", "field"), width)
        yield self._padded(ink(f"{' ' * (len(head) if times == 1 else 1)}{body}", "text", "field"), width)

    def _padded(self, part: Content, width: int) -> Content:
        rest = -part.cell_length % width if part.cell_length > width else width - part.cell_length
        return part + self.ink(" " * rest, "text", "field")

    def _changes(self, step: Step) -> Iterable[str]:
        """What will be different, in numbers: `RAM 16 → 32 GB`."""
        arrow, vm = self.ink.glyphs.arrow, step.vm
        if self.plan.type is ActionType.RENAME:
            yield f"{cut_middle(clean(vm.name), 40)} {arrow} {clean(step.request.name)}"
        elif self.plan.type is ActionType.SNAPSHOT:
            yield f"A snapshot named {clean(step.request.name)}"
        elif sizes := step.request.sizes:
            yield "   ".join(change_words(name, current_size(vm, name), size, arrow) for name, size in sizes.items())

    def _warnings(self) -> Iterable[Content]:
        if (steps := self._steps) is not None:
            yield from self._warned(list(steps.grave()), list(steps.calm()))
            return
        plan = self.plan
        resources = frozenset(resource for step in plan.steps for resource in step.request.sizes)
        vm = plan.steps[0].vm if len(plan.steps) == 1 else None
        grave = list(rules.warnings(plan.type, resources, vm=vm, is_resend=plan.is_resend))
        calm = [] if is_verifiable(plan.type) else [grave.pop()]
        if self.usual is not None:
            calm.insert(0, f"Usually {duration(self.usual.median_s)} here ({self.usual.learned_from}).")
        if self.first:
            grave.insert(0, self.first)
        yield from self._warned(grave, calm, _sentence(rules.description(plan.type)))

    def _warned(self, grave: list[str], calm: list[str], description: str = "") -> Iterable[Content]:
        ink = self.ink
        description = "" if grave else description
        grave[:0] = standing_warnings(self._types, self._targets_once, self.vms)
        if self.gap:
            grave.insert(0, clean(self.gap))
        for sentence in grave:
            yield ink(f"{ink.glyphs.warn} ", "warn") + ink(sentence)
        if description:
            yield ink(description)
        if calm:
            yield ink(" ".join(calm), "muted")

    def several(self) -> Iterable[Content]:
        """A plan of many."""
        width, label = self.width, self._label
        skipped = [self._skipped_line(one.vm, one.reason) for one in self.plan.skipped]
        is_long = len(skipped) > _SKIPPED_LISTED
        yield from self._group("Reaches", list(self._reaches(width - label)), label)
        yield from self._warnings()
        if not self.is_low:
            yield Content("")
        if (steps := self._steps) is not None:
            yield from self._group("Steps", list(steps.rows()), label)
        yield from self._group("Skipped", list(self._skipped_why(width - label)) if is_long else skipped, label)
        yield from self._group("Order", list(self.order_rows), label)
        yield from self._group("Request", list(self._bulk_request(width - label)), label)
        # Last, as hundreds of names would push out of sight what decides.
        last = [*self._group("Targets", list(self._targets(width - label)), label)]
        last += self._group("Skipped", skipped, label) if is_long else ()
        yield from last[:-1]

    def _group(self, title: str, rows: list[Content], label: int) -> Iterable[Content]:
        if not rows:
            return
        head = self.ink(title, "*strong")
        if label:
            yield pad(head, label) + rows[0]
            yield from (Content(" " * label) + row for row in rows[1:])
        else:
            yield head
            yield from rows
        if not (self.is_low and title in ("Skipped", "Order")):
            yield Content("")

    def _reaches(self, width: int) -> Iterable[Content]:
        ink = self.ink
        vms = self._targets_once
        if self.hidden:
            yield ink(f"{ink.glyphs.warn} {count(self.hidden)} of them hidden by the filter", "*warn")
        shares, others = reach(self._types, vms, self.vms)
        told = [ink(number, "*strong") + ink(f" {group}" if group else "") for number, group in shares]
        yield from _in_rows([*told, *([ink(others, "muted")] if others else [])], width)
        regions = Counter(cut(clean(vm.region) or "no region", 20) for vm in vms)
        squares = {region: ink.glyphs.square * min(10, times) for region, times in regions.items()}
        told = [
            ink(f"{region} ", "muted") + ink(squares[region], "busy") + ink(f" {times:,}", "strong")
            for region, times in regions.most_common()
        ]
        yield from _in_rows(told, width)
        states = Counter((vm.power, clean(vm.status)) for vm in vms)
        samples = {(vm.power, clean(vm.status)): vm for vm in vms}
        told = [ink(f"{times:,} ", "strong") + ink.power(samples[state]) for state, times in states.most_common(4)]
        yield ink.spread(Content("   ").join(told), self.freshness, width)
        if alike := [vm for vm in vms if vm.id in self.twins]:
            names = ", ".join(f"{cut_middle(clean(vm.name), 20)} {clean(vm.id)[:6]}" for vm in alike[:4])
            what = f"{count(len(alike), 'name looks', 'names look')} like another VM's: "
            yield ink(f"{ink.glyphs.warn} {what}", "*warn") + ink(names + (", …" if len(alike) > 4 else ""))
        if self.troubles:
            names = ", ".join(cut(clean(vm.name), 20) for vm in vms if vm.id in self.troubles)
            yield ink(f"{ink.glyphs.warn} {len(self.troubles):,} changed since you looked: ", "*warn") + ink(names)
            yield ink("  they are read again just before sending, and refused where they differ", "muted")

    def _targets(self, width: int) -> Iterable[Content]:
        ink = self.ink
        names = [cut_middle(clean(vm.name), 24) for vm in self._targets_once]
        cells = min(width, max(len(name) for name in names) + 9)
        columns = max(1, width // cells)
        pieces = []
        for vm, name in zip(self._targets_once, names, strict=True):
            tone = "warn" if vm.id in self.troubles else "text"
            pieces.append(pad(ink(name, tone) + ink(f" {clean(vm.id)[:6]}", "muted"), cells))
        for start in range(0, len(pieces), columns):
            yield Content("").join(pieces[start : start + columns])

    def _skipped_why(self, width: int) -> Iterable[Content]:
        """How many are skipped for which reason; each of them is named at the end."""
        ink = self.ink
        by_reason: dict[str, list[str]] = {}
        for one in self.plan.skipped:
            by_reason.setdefault(one.reason, []).append(cut_middle(clean(one.vm.name), 20))
        reasons = sorted(by_reason.items(), key=lambda item: -len(item[1]))
        shown, rest = reasons[:_REASONS_LISTED], reasons[_REASONS_LISTED:]
        for reason, names in shown:
            head = ink(f"{len(names):,} ", "*warn") + ink(reason) + ink("  ")
            yield head + ink(cut(", ".join(names[:20]), max(0, width - head.cell_length)), "muted")
        if rest:
            yield ink(f"{sum(len(names) for _, names in rest):,} for other reasons", "muted")

    def _skipped_line(self, vm: VmRow, reason: str) -> Content:
        ink = self.ink
        who = ink(f"{cut_middle(clean(vm.name), 24)} {clean(vm.id)[:6]}  ")
        return who + ink.power(vm) + ink(f"  {reason}", "muted")

    def _bulk_request(self, width: int) -> Iterable[Content]:
        steps = self.plan.steps
        first = steps[0]
        url = first.url.replace(f"/{first.url.rsplit('/', 2)[-2]}/", f"/{self.ink.glyphs.ellipsis}/")
        if (told := self._steps) is not None:
            yield from self._requests_of_steps(told, first.url if len(self._targets_once) == 1 else url, width)
            yield self.copy_hint
            return
        bodies = list(dict.fromkeys(step.body for step in steps))
        yield from self._request(url, bodies[0], width, len(steps))
        if len(bodies) > 1:
            more = f" and {count(len(bodies) - 1, 'other body', 'other bodies')}, one a VM"
            yield self._padded(self.ink(more, "muted", "field"), width)
        yield self.copy_hint

    def _requests_of_steps(self, steps: StepText, url: str, width: int) -> Iterable[Content]:
        """Every request that may be sent, in its order; bodies that differ from VM to VM are counted."""
        bodies, is_one = steps.bodies(), len(self._targets_once) == 1
        shown = bodies if len(bodies) <= _BODIES_LISTED else bodies[:_BODIES_LISTED]
        head, *_ = self._request(url, "", width)
        yield head
        for times, body in shown:
            lead = " " * 6 if is_one else f" {times:>4,} {'x' if self.ink.is_ascii else '×'} "
            yield self._padded(self.ink(lead, "muted", "field") + self.ink(body, "text", "field"), width)
        if rest := len(bodies) - len(shown):
            more = f" and {count(rest, 'other body', 'other bodies')}, one a VM"
            yield self._padded(self.ink(more, "muted", "field"), width)


def trouble_of(step: Step, view: View, plan: Plan) -> str | None:
    """What about a target is no longer as it was when the plan was made, in one sentence; None when nothing is."""
    seen = step.vm
    if told := change_of(seen, view, with_sizes=bool(step.request.sizes)):
        return told
    first = view.submissions.get(plan.replaces)
    if first is not None and first.finding not in (Finding.ABSENT, Finding.UNVERIFIABLE):
        return "There is news of the first request: look at it before sending again."
    entry = view.doing.get(seen.id)
    if entry is not None and entry.is_open and entry.id not in (plan.replaces, plan.lets_go):
        return f"Changed since you looked: {cut(clean(entry.type), 20)} is in progress on it."
    return None


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def _in_rows(pieces: Iterable[Content], width: int) -> Iterable[Content]:
    """As many beside each other as fit."""
    row = Content("")
    for piece in pieces:
        if row.cell_length and row.cell_length + 3 + piece.cell_length > width:
            yield row
            row = Content("")
        row = row + Content("   ") + piece if row.cell_length else piece
    if row.cell_length:
        yield row
