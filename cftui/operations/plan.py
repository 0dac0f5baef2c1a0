"""What was decided before anyone confirms, frozen: which VMs, and the exact request of every step."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cftui.api.requests import ActionRequest, action_path
from cftui.fleet.rows import ActionType, VmRow


@dataclass(frozen=True, slots=True)
class Step:
    """One request to one VM."""

    vm: VmRow
    """The VM as the operator saw it when the plan was made; a difference found just before sending stops the step."""
    request: ActionRequest
    url: str
    token: str
    """32 hex digits; names this step in the journal, and nothing else."""

    method = "POST"

    @property
    def body(self) -> str:
        """The exact body, JSON."""
        return self.request.body_json


@dataclass(frozen=True, slots=True)
class Skipped:
    """A target that the plan does not act on, and why."""

    vm: VmRow
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a confirmation shows and the engine executes; one confirmation is at most one POST a step."""

    id: str
    type: ActionType
    steps: tuple[Step, ...]
    skipped: tuple[Skipped, ...] = ()
    is_resend: bool = False
    """Sent again although the first one's outcome is not known; confirmed by typing the name."""
    replaces: str = ""
    """For a resend, the token of the submission whose outcome is not known."""


def make_plan(
    targets: Sequence[tuple[VmRow, ActionRequest]],
    *,
    base_url: str,
    skipped: Sequence[Skipped] = (),
    is_resend: bool = False,
    replaces: str = "",
) -> Plan:
    """Freeze a plan of one step a target, in the order given.

    Args:
        targets: At least one VM with its request; all requests are of one type.
        base_url: Origin and base path, without a slash at the end: `https://cloudsfor.com/api/v1`.
        skipped: Targets that were named but may not be acted on.
        is_resend: See `Plan.is_resend`.
        replaces: See `Plan.replaces`.
    """
    types = {request.type for _, request in targets}
    assert len(types) == 1, "a plan has one type"
    steps = tuple(
        Step(vm, request, action_path(base_url, vm.id), request.token or secrets.token_hex(16))
        for vm, request in targets
    )
    return Plan(secrets.token_hex(8), types.pop(), steps, tuple(skipped), is_resend, replaces)


def as_curl(step: Step) -> str:
    """The step as a curl line that asks for the password itself; it holds no secret."""
    return " ".join(
        [
            "curl -X POST -H 'Content-Type: application/json' -u \"$CFTUI_EMAIL\"",
            "-d",
            shlex.quote(step.body),
            shlex.quote(step.url),
        ]
    )


def as_command(plan: Plan) -> str:
    """The plan as a `cftui` command; targets by id, so that it means the same VMs.

    One line, but for snapshots of several VMs, which have a name each.
    """
    if plan.type is ActionType.SNAPSHOT and len(plan.steps) > 1:
        return "\n".join(as_command(replace(plan, steps=(step,))) for step in plan.steps)
    words = ["cftui", plan.type.value.replace("_", "-")]
    ids = [step.vm.id for step in plan.steps]
    request = plan.steps[0].request
    match plan.type:
        case ActionType.RENAME:
            words += [*ids, request.name]
        case ActionType.SNAPSHOT:
            words += [*ids, "--name", request.name]
        case ActionType.RESIZE:
            words += ids
            for resource, size in request.sizes.items():
                words += [f"--{resource}", str(size)]
        case _:
            words += ids
    if len(ids) > 1:
        words += ["--expect-count", str(len(ids))]
    return shlex.join(words)
