"""Plans of several steps a VM.

Every workflow is a plan like any other: its requests are frozen, shown and confirmed before the first is sent. Which
of them a VM needs is decided by what the VM shows when their turn comes.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from cftui.api.requests import ActionRequest, action_path, simple
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.plan import Plan, Role, Skipped, Step, Workflow


def make_workflow(
    workflow: Workflow,
    targets: Sequence[tuple[VmRow, ActionRequest | None]],
    *,
    base_url: str,
    skipped: Sequence[Skipped] = (),
) -> Plan:
    """Freeze a plan of several steps a VM.

    Args:
        workflow: Which.
        targets: At least one VM, with the resize or snapshot in the middle; None for workflows without one.
        base_url: Origin and base path, without a slash at the end.
        skipped: Targets that were named but may not be acted on.
    """
    steps: list[Step] = []
    for vm, request in targets:
        for role, asked in _requests(workflow, request):
            steps.append(Step(vm, asked, action_path(base_url, vm.id), asked.token or secrets.token_hex(16), role=role))
    return Plan(secrets.token_hex(8), _TYPES[workflow], tuple(steps), tuple(skipped), workflow=workflow)


_TYPES = {
    Workflow.SAFE_OFF: ActionType.SHUTDOWN,
    Workflow.GUIDED_RESIZE: ActionType.RESIZE,
    Workflow.COLD_SNAPSHOT: ActionType.SNAPSHOT,
    Workflow.ESCALATING_REBOOT: ActionType.REBOOT,
}
"""What a workflow is about; the type of its plan."""


def _requests(workflow: Workflow, request: ActionRequest | None) -> list[tuple[Role, ActionRequest]]:
    stop = [(Role.STOP, simple(ActionType.SHUTDOWN)), (Role.FORCE, simple(ActionType.POWER_OFF))]
    start = [(Role.START, simple(ActionType.POWER_ON))]
    match workflow:
        case Workflow.SAFE_OFF:
            return stop
        case Workflow.ESCALATING_REBOOT:
            return [(Role.ALWAYS, simple(ActionType.REBOOT)), (Role.FORCE, simple(ActionType.POWER_CYCLE))]
        case _:
            assert request is not None, "a guided resize or a cold snapshot has a request of its own"
            return [*stop, (Role.ALWAYS, request), *start]
