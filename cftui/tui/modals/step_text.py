"""What a confirmation says of a plan of several steps a VM: each step with its condition, and what to take care of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from textual.content import Content

from cftui.fleet import rules
from cftui.fleet.effects import current_size
from cftui.fleet.rows import ActionType
from cftui.operations.consent import may_be_sent, requests_of, targets_of
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Role, Step, Workflow
from cftui.text import clean, count, cut, number, size_words
from cftui.tui.modals.ink import Ink, pad
from cftui.tui.ordering import seconds_words
from cftui.tui.workflow_words import condition, not_needed, steps_of, your_turn

_NAME_CELLS = 11
_CUTS = {
    ActionType.POWER_OFF: "its power is cut: it could lead to complications",
    ActionType.POWER_CYCLE: "it is reset: nothing is asked or saved first",
}


class StepText(NamedTuple):
    """The steps of a workflow in words."""

    plan: Plan
    order: Order
    ink: Ink
    width: int
    """Cells of a line."""

    def rows(self) -> Iterable[Content]:
        """The steps in their order, numbered: `1  shutdown  unless it is stopped already`."""
        ink, targets = self.ink, targets_of(self.plan)
        sent = may_be_sent(self.plan.steps, self.order)
        for at, step in enumerate(steps_of(sent, targets[0].vm.id), 1):
            is_passed = bool(why_not := not_needed(step, step.vm)) and len(targets) == 1
            tone = "muted" if is_passed else "*strong"
            head = ink(f"{at}  ", "muted") + pad(ink(step.request.type.value, tone), _NAME_CELLS) + Content(" ")
            room = max(8, self.width - head.cell_length)
            what = ink(cut(self._asked(step, len(targets)), room), "text")
            when = ink(why_not if is_passed else self._when(step, len(targets)), "muted")
            both = what + Content("   ") + when if what.cell_length and when.cell_length else what + when
            if both.cell_length <= room:
                yield head + both
            else:
                yield head + (what if what.cell_length else when.truncate(room, ellipsis=True))
                if what.cell_length and when.cell_length:
                    yield Content(" " * head.cell_length) + when.truncate(room, ellipsis=True)

    def _asked(self, step: Step, targets: int) -> str:
        """What is asked for beyond the type, in numbers."""
        arrow = self.ink.glyphs.arrow
        if sizes := step.request.sizes:
            if targets > 1:  # they may have different sizes now
                return "   ".join(f"{_label(name)} {arrow} {_amount(name, new)}" for name, new in sizes.items())
            return "   ".join(
                change_words(name, current_size(step.vm, name), new, arrow) for name, new in sizes.items()
            )
        if step.request.name:
            return clean(step.request.name) if targets == 1 else "one of its own name each"
        return ""

    def _when(self, step: Step, targets: int) -> str:
        told = condition(step, self.order)
        if targets == 1 or not told:
            return told
        passed = sum(bool(not_needed(one, one.vm)) for one in self.plan.steps if one.role is step.role)
        return f"{told} ({count(passed)} now)" if passed and step.role is Role.STOP else told

    def grave(self) -> Iterable[str]:
        """Sentences to read before confirming, beside what stands of the group."""
        if any("disk" in step.request.sizes for step in self.plan.steps):
            yield from rules.warnings(ActionType.RESIZE, frozenset({"disk"}))
        forced = next((step for step in self.plan.steps if step.role is Role.FORCE), None)
        if self.order.force_after_s is not None and forced is not None:
            what = "back" if forced.request.type is ActionType.POWER_CYCLE else "off"
            yield f"Not {what} after {seconds_words(self.order.force_after_s)}: {_CUTS[forced.request.type]}."

    def calm(self) -> Iterable[str]:
        """What else there is to know."""
        targets = targets_of(self.plan)
        is_told_with_the_order = self.order.force_after_s is not None or len(targets) == 1
        if not is_told_with_the_order and any(not not_needed(step, step.vm) for step in targets):
            told = your_turn(self.plan.workflow, self.order)
            yield f"{told[:1].upper()}{told[1:]}; nothing is sent by itself."
        if self.plan.workflow is Workflow.ESCALATING_REBOOT:
            yield "Nothing on the VM can verify a reboot."

    def bodies(self) -> list[tuple[int, str]]:
        """Each different body, and to how many VMs it may be sent; in the order in which they are sent."""
        sent = requests_of(self.plan.steps, self.order)
        return [(times, body) for body, times in Counter(step.body for step in sent).items()]


def change_words(resource: str, now: float | None, new: float, arrow: str) -> str:
    """`RAM 16 → 32 GB`, `CPU 4 → 8`."""
    return f"{_label(resource)} {'?' if now is None else number(now)} {arrow} {_amount(resource, new)}"


def _label(resource: str) -> str:
    return resource if resource == "disk" else resource.upper()


def _amount(resource: str, size: float) -> str:
    return number(size) if resource == "cpu" else size_words(size)
