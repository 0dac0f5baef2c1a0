"""Which workflows a VM can be led through now, and the reason when it cannot."""

from __future__ import annotations

from cftui.fleet.history import HistoryEntry
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.fleet.rules import availability
from cftui.operations.plan import Workflow
from cftui.text import clean


def workflow_refusal(
    workflow: Workflow,
    vm: VmRow,
    *,
    doing: HistoryEntry | None = None,
    is_read_only: bool = False,
    locked_by: str = "",
    not_live_reason: str = "",
) -> tuple[str, str]:
    """Why a VM cannot be led through a workflow now, and the way out; twice empty when it can.

    Args:
        workflow: Which.
        vm: The VM as last read.
        doing: As for `rules.availability`, like all that follow.
        is_read_only: As well.
        locked_by: As well.
        not_live_reason: As well.
    """
    offers = availability(
        vm, doing=doing, is_read_only=is_read_only, locked_by=locked_by, not_live_reason=not_live_reason
    )
    refused = {offer.type: (offer.reason, offer.way_out) for offer in offers}
    match workflow:
        case Workflow.SAFE_OFF:
            return refused[ActionType.SHUTDOWN]
        case Workflow.ESCALATING_REBOOT:
            return refused[ActionType.REBOOT]
        case _:
            # What nothing of the power speaks against is refused only where all nine are: then for the same reason.
            of_all = refused[ActionType.RENAME]
            if not of_all[0] and vm.power is Power.CHANGING:
                return f"it is {clean(vm.status)} just now", "wait for it"
            return of_all
