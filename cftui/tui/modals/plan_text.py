"""What a confirmation says of a plan: which VMs, where it reaches, what it does, the exact request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.content import Content

from cftui.fleet import rules
from cftui.fleet.effects import current_size, is_verifiable
from cftui.fleet.estimates import Usual
from cftui.fleet.fleet import View
from cftui.fleet.history import Finding
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.plan import Plan, Step
from cftui.text import clean, count, cut, cut_middle, duration, number, size_words
from cftui.tui.modals.ink import Ink, pad

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
        yield Content("")
        for sentence in self._changes(step):
            yield ink(sentence, "*strong")
        yield from self._warnings()
        yield Content("")
        yield ink.spread(ink("Request", "*strong"), self.copy_hint, width)
        yield from self._request(step.url, step.body, width)
        for skipped in self.plan.skipped:
            yield ink("Skipped  ", "*strong") + self._skipped_line(skipped.vm, skipped.reason)

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
        ink, plan = self.ink, self.plan
        resources = frozenset(resource for step in plan.steps for resource in step.request.sizes)
        vm = plan.steps[0].vm if len(plan.steps) == 1 else None
        grave = list(rules.warnings(plan.type, resources, vm=vm, is_resend=plan.is_resend))
        calm = [] if is_verifiable(plan.type) else [grave.pop()]
        if self.usual is not None:
            calm.insert(0, f"Usually {duration(self.usual.median_s)} here ({count(self.usual.samples, 'time')}).")
        for sentence in grave:
            yield ink(f"{ink.glyphs.warn} ", "warn") + ink(sentence)
        if not grave:
            yield ink(_sentence(rules.description(plan.type)))
        if calm:
            yield ink(" ".join(calm), "muted")

    def several(self) -> Iterable[Content]:
        """A plan of many."""
        width = self.width
        label = 11 if width >= 60 else 0
        groups = [
            ("Reaches", list(self._reaches(width - label))),
            ("Skipped", [self._skipped_line(skipped.vm, skipped.reason) for skipped in self.plan.skipped]),
            ("Request", list(self._bulk_request(width - label))),
        ]
        for title, rows in groups:
            yield from self._group(title, rows, label)
        yield from self._warnings()
        yield Content("")
        # Last, as hundreds of names would push out of sight what decides.
        yield from list(self._group("Targets", list(self._targets(width - label)), label))[:-1]

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
        yield Content("")

    def _reaches(self, width: int) -> Iterable[Content]:
        ink = self.ink
        vms = [step.vm for step in self.plan.steps]
        regions = Counter(cut(clean(vm.region) or "no region", 20) for vm in vms)
        row = Content("")
        for region, times in regions.most_common():
            squares = ink.glyphs.square * min(10, times)
            piece = ink(f"{region} ", "muted") + ink(squares, "busy") + ink(f" {times:,}", "strong")
            if row.cell_length and row.cell_length + 3 + piece.cell_length > width:
                yield row
                row = Content("")
            row = row + Content("   ") + piece if row.cell_length else piece
        yield row
        states = Counter((vm.power, clean(vm.status)) for vm in vms)
        samples = {(vm.power, clean(vm.status)): vm for vm in vms}
        told = [ink(f"{times:,} ", "strong") + ink.power(samples[state]) for state, times in states.most_common(4)]
        yield ink.spread(Content("   ").join(told), self.freshness, width)
        if self.troubles:
            names = ", ".join(cut(clean(step.vm.name), 20) for step in self.plan.steps if step.vm.id in self.troubles)
            yield ink(f"{ink.glyphs.warn} {len(self.troubles):,} changed since you looked: ", "*warn") + ink(names)
            yield ink("  they are read again just before sending, and refused where they differ", "muted")

    def _targets(self, width: int) -> Iterable[Content]:
        ink = self.ink
        names = [cut_middle(clean(step.vm.name), 24) for step in self.plan.steps]
        cells = min(width, max(len(name) for name in names) + 9)
        columns = max(1, width // cells)
        pieces = []
        for step, name in zip(self.plan.steps, names, strict=True):
            tone = "warn" if step.vm.id in self.troubles else "text"
            pieces.append(pad(ink(name, tone) + ink(f" {clean(step.vm.id)[:6]}", "muted"), cells))
        for start in range(0, len(pieces), columns):
            yield Content("").join(pieces[start : start + columns])

    def _skipped_line(self, vm: VmRow, reason: str) -> Content:
        ink = self.ink
        who = ink(f"{cut_middle(clean(vm.name), 24)} {clean(vm.id)[:6]}  ")
        return who + ink.power(vm) + ink(f"  {reason}", "muted")

    def _bulk_request(self, width: int) -> Iterable[Content]:
        steps = self.plan.steps
        first = steps[0]
        url = first.url.replace(f"/{first.url.rsplit('/', 2)[-2]}/", f"/{self.ink.glyphs.ellipsis}/")
        bodies = list(dict.fromkeys(step.body for step in steps))
        yield from self._request(url, bodies[0], width, len(steps))
        if len(bodies) > 1:
            more = f" and {count(len(bodies) - 1, 'other body', 'other bodies')}, one a VM"
            yield self._padded(self.ink(more, "muted", "field"), width)
        yield self.copy_hint


def trouble_of(step: Step, view: View, plan: Plan) -> str | None:
    """What about a target is no longer as it was when the plan was made, in one sentence; None when nothing is."""
    seen, now = step.vm, view.vms.get(step.vm.id)
    if now is None:
        return "Gone since you looked: there is no such VM any more." if view.read_at is not None else None
    if now.created_at != seen.created_at:
        return "Changed since you looked: another VM has this id now."
    if now.name != seen.name:
        return f"Changed since you looked: now called {cut_middle(clean(now.name), 40)}."
    if (now.power, now.status) != (seen.power, seen.status):
        return f"Changed since you looked: now {cut(clean(now.status), 24)}."
    if now.locked != seen.locked:
        return f"Changed since you looked: now {'locked' if now.locked else 'unlocked'}."
    if step.request.sizes and (now.cpu, now.ram_gb, now.disk_gb) != (seen.cpu, seen.ram_gb, seen.disk_gb):
        return "Changed since you looked: its sizes are different now."
    first = view.submissions.get(plan.replaces)
    if first is not None and first.finding not in (Finding.ABSENT, Finding.UNVERIFIABLE):
        return "There is news of the first request: look at it before sending again."
    entry = view.doing.get(seen.id)
    if entry is not None and entry.is_open and entry.id != plan.replaces:
        return f"Changed since you looked: {cut(clean(entry.type), 20)} is in progress on it."
    return None


def change_words(resource: str, now: float | None, new: float, arrow: str) -> str:
    """`RAM 16 → 32 GB`, `CPU 4 → 8`."""
    name = resource if resource == "disk" else resource.upper()
    if resource == "cpu":
        return f"{name} {'?' if now is None else number(now)} {arrow} {number(new)}"
    return f"{name} {'?' if now is None else number(now)} {arrow} {size_words(new)}"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
