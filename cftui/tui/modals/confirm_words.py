"""What a confirmation calls a plan, what has to be typed for it, and in which order it is carried out."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from textual.content import Content

from cftui.fleet.rows import ActionType
from cftui.fleet.rules import Rung
from cftui.operations.consent import answer_to, requests_of, targets_of
from cftui.operations.order import Order
from cftui.operations.plan import Plan
from cftui.text import clean, count, cut_middle
from cftui.tui.modals.ink import Ink
from cftui.tui.modals.plan_text import VERBS
from cftui.tui.ordering import about, pace_words, seconds_words, stop_words
from cftui.tui.workflow_words import BUTTONS, title, your_turn

_DOES = {
    ActionType.REBOOT: "reboots",
    ActionType.POWER_CYCLE: "power-cycles",
    ActionType.SHUTDOWN: "shuts down",
    ActionType.POWER_OFF: "powers off",
    ActionType.POWER_ON: "powers on",
    ActionType.PASSWORD_RESET: "resets it",
    ActionType.RESIZE: "resizes",
    ActionType.RENAME: "renames",
    ActionType.SNAPSHOT: "takes it",
}


class ConfirmWords(NamedTuple):
    """The words of one confirmation."""

    plan: Plan
    order: Order
    profile: str
    """The profile's name."""
    rung: Rung
    twins: Container[str]
    """Ids of VMs in the plan whose name looks like another VM's."""

    @property
    def number(self) -> int:
        """How many VMs it is about."""
        return len(targets_of(self.plan))

    @property
    def requests(self) -> int:
        """How many requests it may come to; a workflow finds on its way which of them a VM needs."""
        return len(requests_of(self.plan.steps, self.order))

    @property
    def wanted(self) -> str:
        """What has to be typed; empty on the first rung."""
        steps = self.plan.steps
        has_twin = steps[0].vm.id in self.twins
        return answer_to(self.rung, steps, self.order, has_twin=has_twin, profile=self.profile)

    def heading(self, hidden: str = "") -> str:
        """Verb, target, question mark.

        Args:
            hidden: What the filter hides of several.
        """
        again = " again" if self.plan.is_resend else ""
        verb = f"{title(self.plan.workflow)} of" if self.plan.workflow else VERBS[self.plan.type]
        if self.number == 1:
            return f"{verb} {cut_middle(clean(self.plan.steps[0].vm.name), 40)}{again}?"
        return f"{verb} {count(self.number, 'VM')}{again}{hidden}?"

    @property
    def button(self) -> str:
        """What it does, on the button that does it."""
        short = {ActionType.PASSWORD_RESET: "Reset"}.get(self.plan.type, VERBS[self.plan.type])
        is_core_left = any(step.request.type is self.plan.type for step in self.plan.steps)
        verb = BUTTONS.get(self.plan.workflow, short) if is_core_left else VERBS[self.plan.steps[0].request.type]
        return verb if self.number == 1 else f"{verb} {self.number:,}"

    @property
    def does(self) -> str:
        """What the key that confirms does."""
        return "begins" if self.plan.workflow else _DOES[self.plan.type]

    # The order

    @property
    def has_order(self) -> bool:
        """Whether there is anything to order: several VMs, or a VM that somebody may have to decide about."""
        return self.number > 1 or bool(self.plan.workflow)

    @property
    def order_key(self) -> str:
        """The key that changes the order; where a name is typed, one that no name holds."""
        return "ctrl+l" if self.rung is Rung.TYPE_NAME else "l"

    def order_rows(self, ink: Ink, width: int, seconds: float | None) -> list[Content]:
        """`1 alone, then 3 at a time; stop after 2 failures; about 4 m`, and the key that changes it.

        Args:
            ink: Writes it.
            width: Cells of the line; what does not fit leaves from the end.
            seconds: How long it will take, where that is known.

        Returns:
            One line, two where the key has no room beside it, none where there is nothing to order.
        """
        if not self.has_order:
            return []
        told = [ink(words) for words in self._ordered()]
        if seconds is not None:
            told.append(ink("about ") + ink(about(seconds), "*strong"))
        change = ink.key(self.order_key, "change")
        while len(told) > 1 and sum(part.cell_length + 2 for part in told) + change.cell_length > width:
            told.pop()
        said = Content("; ").join(told)
        gap = width - said.cell_length - change.cell_length
        return [said + Content(" " * gap) + change] if gap >= 2 else [said, change]

    def _ordered(self) -> list[str]:
        order, told = self.order, []
        if self.number > 1:
            told = [pace_words(order, self.number), stop_words(order)]
        if self.plan.workflow:
            if self.number == 1:
                told.append(your_turn(self.plan.workflow, order))
            elif order.force_after_s is not None:
                told.append(f"power cut after {seconds_words(order.force_after_s)}")
        return [words for words in told if words]
