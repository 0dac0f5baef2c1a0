"""Workflows in words: what they are called, what they do, and when each of their steps is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cftui.fleet.rows import VmRow
from cftui.operations.consent import is_passed_over
from cftui.operations.order import Order
from cftui.operations.plan import Role, Step, Workflow
from cftui.tui.ordering import seconds_words

WORKFLOW_KEYS: Mapping[str, Workflow] = {
    "1": Workflow.SAFE_OFF,
    "2": Workflow.GUIDED_RESIZE,
    "3": Workflow.COLD_SNAPSHOT,
    "4": Workflow.ESCALATING_REBOOT,
}
"""The digit of each in the palette; fixed, because hands rely on them."""

NAMES: Mapping[Workflow, str] = {
    Workflow.SAFE_OFF: "safe power-off",
    Workflow.GUIDED_RESIZE: "guided resize",
    Workflow.COLD_SNAPSHOT: "cold snapshot",
    Workflow.ESCALATING_REBOOT: "escalating reboot",
}

DESCRIPTIONS: Mapping[Workflow, str] = {
    Workflow.SAFE_OFF: "shut down, watch it stop; you decide if not",
    Workflow.GUIDED_RESIZE: "stop safely, resize, start again",
    Workflow.COLD_SNAPSHOT: "stop safely, take a snapshot, start again",
    Workflow.ESCALATING_REBOOT: "reboot; if it is not back in time, you decide",
}

BUTTONS: Mapping[Workflow, str] = {
    Workflow.SAFE_OFF: "Power off safely",
    Workflow.GUIDED_RESIZE: "Stop and resize",
    Workflow.COLD_SNAPSHOT: "Stop and snapshot",
    Workflow.ESCALATING_REBOOT: "Reboot",
}

WITH_FORM = frozenset({Workflow.GUIDED_RESIZE, Workflow.COLD_SNAPSHOT})
"""Those that ask for more than which VMs."""


def title(workflow: Workflow) -> str:
    """Its name at the beginning of a sentence."""
    name = NAMES[workflow]
    return f"{name[:1].upper()}{name[1:]}"


def not_needed(step: Step, vm: VmRow) -> str:
    """Why a step will very likely be passed over, as its VM is now; empty where it is needed."""
    if not is_passed_over(step, vm):
        return ""
    is_start = step.role is Role.START
    return f"not needed: {'it was stopped before, and stays so' if is_start else 'it is stopped already'}"


def condition(step: Step, order: Order) -> str:
    """When a step is sent, as a clause behind its name; empty for always."""
    match step.role:
        case Role.STOP:
            return "unless it is stopped; watched until it is off"
        case Role.FORCE:
            after = seconds_words(order.force_after_s or 0)
            what = "stopped" if step.request.type == "power_off" else "back"
            return f"only if it is not {what} {after} after it was asked"
        case Role.START:
            return "only if this stopped it"
        case _:
            return ""


def your_turn(workflow: Workflow, order: Order) -> str:
    """What happens when a VM does not do as it was asked, in a sentence; empty where nobody waits for that."""
    if workflow is Workflow.NONE:
        return ""
    what = "back" if workflow is Workflow.ESCALATING_REBOOT else "off"
    if order.force_after_s is not None:
        return f"not {what} after {seconds_words(order.force_after_s)}: its power is cut"
    return f"not {what} after {seconds_words(order.stop_limit_s)}: you are called"


def steps_of(steps: Sequence[Step], vm_id: str) -> list[Step]:
    """The steps of one VM, in the order in which they are sent."""
    return [step for step in steps if step.vm.id == vm_id]
