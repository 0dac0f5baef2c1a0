"""Trying again what went wrong in a run: a new plan, of those for which that cannot do anything twice; pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby

from cftui.api.requests import ActionRequest, action_path
from cftui.fleet import rules
from cftui.fleet.effects import effect_seen
from cftui.fleet.fleet import View
from cftui.fleet.history import Stage, Submission
from cftui.fleet.rows import Power, VmRow
from cftui.operations.plan import Plan, Role, Skipped, Step, Workflow
from cftui.operations.runs import RunView, TargetState
from cftui.operations.workflow_rules import workflow_refusal

_BEGAN = frozenset({Stage.SENDING, Stage.ACCEPTED, Stage.COMPLETED, Stage.VERIFIED, Stage.UNKNOWN})
_MAY_RUN_ON = frozenset({Stage.SENDING, Stage.ACCEPTED, Stage.TIMED_OUT})


def failed_again(run: RunView, view: View, *, base_url: str) -> Plan | None:
    """A new plan, with new tokens, for the VMs of a run that failed or were left out.

    Not for those whose outcome is unknown, nor for those with an action that was accepted and never seen to end: both
    may still happen. Those that cannot be tried now are `skipped` in the plan, each with its reason.

    Args:
        run: As it stands; what is still in flight is no part of the new plan.
        view: What is known now.
        base_url: As for `make_plan`.

    Returns:
        None where nothing may be tried again.
    """
    steps: list[Step] = []
    skipped: list[Skipped] = []
    of_vm = groupby(run.plan.steps, key=lambda step: step.vm.id)
    for target, (_, grouped) in zip(run.targets, of_vm, strict=True):
        before = tuple(grouped)
        if target.state is TargetState.UNKNOWN:
            skipped.append(Skipped(before[0].vm, "its outcome is unknown; it is not sent again"))
        if target.state not in (TargetState.FAILED, TargetState.LEFT_OUT):
            continue
        vm = view.vms.get(target.vm_id)
        if reason := _reason_against(run, before, vm, view):
            skipped.append(Skipped(vm or before[0].vm, reason))
        elif vm is not None:
            left = _left_to_do(before, vm, view)
            if not left:
                skipped.append(Skipped(vm, "nothing of it is left to do"))
            steps += [_anew(step, vm, base_url, role=_role(step, before, view)) for step in left]
    if not steps:
        return None
    return Plan(secrets.token_hex(8), run.plan.type, tuple(steps), tuple(skipped), workflow=run.plan.workflow)


def _reason_against(run: RunView, steps: tuple[Step, ...], vm: VmRow | None, view: View) -> str:
    """Why a VM is not tried again; empty when it is."""
    plan = run.plan
    if vm is None:
        return "the VM no longer exists"
    if vm.is_another_than(steps[0].vm):
        return "another VM has this id now"
    for step in steps:
        sent = view.submissions.get(step.token)
        if sent is not None and sent.stage is Stage.UNKNOWN:
            return f"the outcome of {step.request.type} is unknown; it is not sent again"
        if sent is not None and sent.stage in _MAY_RUN_ON:
            return f"{step.request.type} was accepted and never seen to end; it may still be running"
    types = {step.request.type.value for step in steps}
    for one in view.submissions.values():
        is_later = one.vm_id == vm.id and one.plan_id != plan.id and one.intended > run.confirmed_at
        if is_later and one.type in types and one.stage in _BEGAN:
            return f"{one.type} was sent again since"
    doing = view.doing.get(vm.id)
    if plan.workflow is not Workflow.NONE:
        is_stopped = plan.workflow is Workflow.SAFE_OFF and vm.power is Power.OFF
        return "it is stopped already" if is_stopped else workflow_refusal(plan.workflow, vm, doing=doing)[0]
    return next(one.reason for one in rules.availability(vm, doing=doing) if one.type is plan.type)


def _left_to_do(steps: tuple[Step, ...], vm: VmRow, view: View) -> list[Step]:
    """What was done is not done a second time: after a snapshot that succeeded only the start is left."""
    cores = [step for step in steps if step.role is Role.ALWAYS]
    left = [step for step in cores if not _is_done(view.submissions.get(step.token), vm)]
    if not cores or left:
        return [step for step in steps if step.role is not Role.ALWAYS or step in left]
    return [] if vm.power is Power.ON else [step for step in steps if step.role is Role.START]


def _is_done(sent: Submission | None, vm: VmRow) -> bool:
    if sent is None or sent.stage not in (Stage.COMPLETED, Stage.VERIFIED):
        return False
    return effect_seen(sent.type, sent.body, sent.before, vm) is not False


def _role(step: Step, steps: tuple[Step, ...], view: View) -> Role:
    """As before; but what this run has stopped is started in the end, though the new one finds it stopped."""
    if step.role is Role.START and _has_stopped(steps, view.submissions, view.vms.get(step.vm.id)):
        return Role.ALWAYS
    return step.role


def _has_stopped(steps: tuple[Step, ...], submissions: Mapping[str, Submission], vm: VmRow | None) -> bool:
    stops = [submissions.get(step.token) for step in steps if step.role in (Role.STOP, Role.FORCE)]
    return vm is not None and any(
        one is not None and (one.stage is Stage.VERIFIED or bool(effect_seen(one.type, one.body, one.before, vm)))
        for one in stops
    )


def _anew(step: Step, vm: VmRow, base_url: str, *, role: Role) -> Step:
    """The step under a token of its own; a name that holds the old one holds the new one."""
    token = secrets.token_hex(16)
    members = tuple(
        (name, value.replace(step.token[:8], token[:8]) if isinstance(value, str) else value)
        for name, value in step.request.members
    )
    request: ActionRequest = replace(step.request, members=members, token=token)
    return Step(vm, request, action_path(base_url, vm.id), token, role=role)
