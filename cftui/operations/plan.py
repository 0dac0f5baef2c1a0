"""What was decided before anyone confirms, frozen: which VMs, and the exact request of every step."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from cftui.api.requests import ActionRequest, action_path
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.order import Order
from cftui.text import number

_TYPED_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:~-]*", re.ASCII)
"""An id that means itself wherever it is pasted."""


class Workflow(StrEnum):
    """What people mean when one request is not enough; the words are those of the command line and the journal."""

    NONE = ""
    """One request a VM."""
    SAFE_OFF = "off"
    """Shut down, watch the VM; cut the power only if that was chosen."""
    GUIDED_RESIZE = "guided_resize"
    """Stop safely, resize, start again."""
    COLD_SNAPSHOT = "cold_snapshot"
    """Stop safely, make a snapshot, start again."""
    ESCALATING_REBOOT = "escalating_reboot"
    """Reboot; offer a power cycle if it is not back in the usual time."""


class Role(StrEnum):
    """When a step of a workflow is sent; each waits for the end of the one before."""

    ALWAYS = "always"
    STOP = "stop"
    """Unless the VM is stopped already."""
    FORCE = "force"
    """Only when the VM did not stop by itself, and cutting its power was chosen beforehand."""
    START = "start"
    """Only if this run stopped the VM: what was off before stays off."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request to one VM."""

    vm: VmRow
    """The VM as the operator saw it when the plan was made; a difference found just before sending stops the step."""
    request: ActionRequest
    url: str
    token: str
    """32 hex digits; names this step in the journal, and nothing else."""
    role: Role = Role.ALWAYS

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
    lets_go: str = ""
    """The token of an accepted action of ours on its VM that is not waited for any longer once this is confirmed."""
    workflow: Workflow = Workflow.NONE
    """Steps of one VM stand next to each other, in the order in which they are sent."""


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


def as_curls(plan: Plan) -> str:
    """Every request of a plan as a curl line; in a workflow each with its condition before it.

    What cuts the power stands there as a comment, so that nobody does that by pasting the whole.
    """
    if plan.workflow is Workflow.NONE:
        return "\n".join(map(as_curl, plan.steps))
    lines = []
    for step in plan.steps:
        lines.append(f"# {_CONDITIONS[step.role]}")
        lines.append(f"# {as_curl(step)}" if step.role is Role.FORCE else as_curl(step))
    return "\n".join(lines)


_CONDITIONS = {
    Role.ALWAYS: "once the request before it has ended well",
    Role.STOP: "unless it is stopped already",
    Role.FORCE: "only if that did not help; read the VM first",
    Role.START: "once the request before it has ended well, and only if it was running before",
}

_UNSAYABLE = "# this cannot be said as a cftui command: "


def as_command(plan: Plan, order: Order = Order()) -> str:  # noqa: B008 - frozen
    """The plan as a `cftui` command; targets by id, so that it means the same VMs.

    One line, but for VMs that are asked for different things, such as snapshots, which have a name each. Where a shell
    or `cftui` would read an id or a name as something else, a comment says so instead.

    Args:
        plan: What is to be done.
        order: How; what is as usual is left out.
    """
    if plan.workflow is Workflow.ESCALATING_REBOOT:
        return f"{_UNSAYABLE}somebody has to decide in the middle of it"
    # Of a workflow, the request that it is about; its shutdown where there is none.
    asked = [step for step in plan.steps if step.role is Role.ALWAYS]
    asked = asked or [step for step in plan.steps if step.role is Role.STOP]
    is_one_each = len({step.vm.id for step in asked}) == len(asked)
    if not is_one_each or {step.request.type for step in asked} != {plan.type}:
        return f"{_UNSAYABLE}it begins in the middle of a workflow"
    if len({step.body for step in asked}) > 1:
        by_vm = [[step for step in plan.steps if step.vm.id == one.vm.id] for one in asked]
        return "\n".join(as_command(replace(plan, steps=tuple(steps)), order) for steps in by_vm)
    ids = [step.vm.id for step in asked]
    request = asked[0].request
    # A target that begins with `@` is a filter and with `-` an option, and braces in a snapshot's name are fields.
    if (
        not all(map(_TYPED_ID.fullmatch, ids))
        or not request.name.isprintable()
        or (plan.type is ActionType.SNAPSHOT and set(request.name) & set("{}"))
    ):
        return f"{_UNSAYABLE}an id or a name in it would be read otherwise"
    verb = "off" if plan.workflow is Workflow.SAFE_OFF else plan.type.value.replace("_", "-")
    words = ["cftui", verb, *ids]
    if plan.type is ActionType.SNAPSHOT:
        words += [f"--name={request.name}"]
    for resource, size in request.sizes.items():
        words += [f"--{resource}", str(size)]
    words += {Workflow.GUIDED_RESIZE: ["--guided"], Workflow.COLD_SNAPSHOT: ["--cold"]}.get(plan.workflow, [])
    if len(ids) > 1:
        words += ["--expect-count", str(len(ids))]
    words += _as_options(order)
    if plan.type is ActionType.RENAME:
        words += ["--", request.name] if request.name.startswith("-") else [request.name]
    return shlex.join(words)


def _as_options(order: Order) -> list[str]:
    usual, words = Order(), list[str]()
    for option, value, default in (
        ("--max-parallel", order.max_parallel, usual.max_parallel),
        ("--in-flight", order.in_flight, usual.in_flight),
        ("--stop-after", order.stop_after, usual.stop_after),
        ("--stagger", order.stagger_s, usual.stagger_s),
        ("--force-after", order.force_after_s, usual.force_after_s),
        ("--timeout", order.end_limit_s, usual.end_limit_s),
    ):
        if value is not None and value != default:
            words += [option, number(value)]
    return [*words, "--canary"] if order.is_canary else words
