"""How a run ended, VM by VM: its state, how the VM stands, the exit code, and what can be done next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cftui.cli.exit_codes import ExitCode, of_outcome, of_several
from cftui.fleet import effects, rules
from cftui.fleet.history import Stage, Submission
from cftui.fleet.rows import Power, VmRow
from cftui.operations.consent import requests_of
from cftui.operations.plan import Plan, Role, Skipped, Step, Workflow, as_command
from cftui.operations.runs import OVER, RunView, TargetState, TargetView
from cftui.text import clean, count, duration

SKIPPED = "skipped"
"""The state of a target that was refused here; the other states are those of `TargetState`."""

_BROKE_OFF = {
    Stage.SKIPPED: "not sent",
    Stage.NOT_SENT: "not sent",
    Stage.REJECTED: "rejected",
    Stage.ERRORED: "errored",
    Stage.TIMED_OUT: "not seen to finish",
    Stage.UNKNOWN: "unknown",
}

_GOOD = frozenset({Stage.COMPLETED, Stage.VERIFIED})


@dataclass(frozen=True, slots=True)
class TargetEnd:
    """How it ended for one VM."""

    vm_id: str
    vm_name: str
    state: str
    message: str
    """What became of it, and, where a workflow broke off, how the VM stands now."""
    code: ExitCode
    next_moves: str = ""
    """Commands with which a workflow that broke off can be gone on with; empty where there is nothing to decide."""


def of_skipped(skipped: Skipped) -> TargetEnd:
    """A target that was refused here."""
    return TargetEnd(skipped.vm.id, skipped.vm.name, SKIPPED, skipped.reason, ExitCode.FAILED)


def told(run: RunView, known: Mapping[str, Submission], *, waited: bool) -> dict[str, Submission]:
    """What became of each request of a run that was sent or refused, by token, in the plan's order.

    Args:
        run: As it ended.
        known: Submissions by token.
        waited: Whether ends were awaited: what was accepted and has not ended is then out of time.
    """
    found = {step.token: known[step.token] for step in run.plan.steps if step.token in known}
    if not waited:
        return found
    roles = {step.token: step.role for step in run.plan.steps}
    return {token: _out_of_time(one, run, roles[token]) for token, one in found.items()}


def _out_of_time(one: Submission, run: RunView, role: Role) -> Submission:
    if one.is_settled or one.stage not in (Stage.SENDING, Stage.ACCEPTED):
        return one
    limit_s = run.order.end_limit_s or rules.usual_limit_s(one.type)
    if role is Role.STOP:
        limit_s = max(run.order.stop_limit_s, run.order.force_after_s or 0)
    message = f"accepted, and not seen to finish in {duration(limit_s)}; it may still be running"
    return replace(one, stage=Stage.TIMED_OUT, message=message)


def of_run(run: RunView, sent: Mapping[str, Submission], vms: Mapping[str, VmRow], *, waited: bool) -> list[TargetEnd]:
    """How it ended for each VM of a run, in the plan's order.

    Args:
        run: As it ended.
        sent: What `told` gives.
        vms: As they are now, by id.
        waited: Whether ends were awaited.
    """
    return [_end(target, run.plan, sent, vms.get(target.vm_id), waited=waited) for target in run.targets]


def unsent(run: RunView, known: Mapping[str, Submission]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """What an interrupted run sends no more.

    Args:
        run: As it stood.
        known: Submissions by token.

    Returns:
        The names of the VMs to which nothing was sent, and of those that are half way with the types that are missing.
    """
    sent = {token for token, one in known.items() if one.stage is not Stage.NOT_SENT}
    left_out, half_way = [], []
    for target in run.targets:
        if target.state in OVER and target.state is not TargetState.LEFT_OUT:
            continue
        steps = [step for step in run.plan.steps if step.token in target.tokens and step.token not in target.not_needed]
        missing = [step for step in requests_of(steps, run.order) if step.token not in sent]
        if not missing:
            continue
        if not sent.intersection(target.tokens):
            left_out.append(target.vm_name)
        else:
            half_way.append((target.vm_name, [step.request.type.value for step in missing]))
    return left_out, half_way


def summary(ends: Sequence[TargetEnd]) -> str:
    """`60 VMs: 52 done, 2 failed, 1 unknown, 2 left out, 3 skipped`."""
    states = Counter(end.state for end in ends)
    order = [*TargetState, SKIPPED]
    parts = [f"{count(states[state])} {state.replace('_', ' ')}" for state in order if states[state]]
    return f"{count(len(ends), 'VM')}: {', '.join(parts)}"


def _end(
    target: TargetView, plan: Plan, sent: Mapping[str, Submission], vm: VmRow | None, *, waited: bool
) -> TargetEnd:
    steps = [step for step in plan.steps if step.token in target.tokens]
    own = [(step, sent[step.token]) for step in steps if step.token in sent]
    code = _code(target, own, waited=waited)
    state = _state(target, code, waited=waited)
    if plan.workflow is Workflow.NONE:
        message = own[0][1].message if own else target.message
        return TargetEnd(target.vm_id, target.vm_name, state, message, code)
    if state in (TargetState.DONE, TargetState.LEFT_OUT):
        return TargetEnd(target.vm_id, target.vm_name, state, target.message, code)
    moves = _next_moves(plan, own, vm)
    return TargetEnd(target.vm_id, target.vm_name, state, _message(target, own, steps, vm), code, moves)


def _code(target: TargetView, own: Sequence[tuple[Step, Submission]], *, waited: bool) -> ExitCode:
    if target.state is TargetState.UNKNOWN:
        return ExitCode.UNKNOWN
    if not own:
        return ExitCode.DONE if target.state in (TargetState.DONE, TargetState.LEFT_OUT) else ExitCode.FAILED
    codes = [
        of_outcome(
            one.stage,
            is_verifiable=effects.is_verifiable(one.type),
            waited=waited,
            is_probable=one.is_probable,
            reason=one.reason,
        )
        for _, one in own
    ]
    if target.state is TargetState.DONE:
        # That the VM is off is all that stopping it was for, whatever was said of the request.
        return of_several(code for code, (step, _) in zip(codes, own, strict=True) if step.role is not Role.STOP)
    if target.state is not TargetState.FAILED:
        return codes[-1]
    is_half_way = len(own) > 1 and codes[-1] in (ExitCode.DONE, ExitCode.UNREACHABLE)
    return ExitCode.FAILED if is_half_way or codes[-1] is ExitCode.DONE else codes[-1]


def _state(target: TargetView, code: ExitCode, *, waited: bool) -> str:
    """The state of the run, held against what became of the requests: nothing is done that was not seen done."""
    if target.state is TargetState.LEFT_OUT:
        return TargetState.LEFT_OUT
    if code is ExitCode.DONE:
        return TargetState.DONE if waited else TargetState.ACTIVE
    return TargetState.UNKNOWN if code is ExitCode.UNKNOWN else TargetState.FAILED


def _message(
    target: TargetView, own: Sequence[tuple[Step, Submission]], steps: Sequence[Step], vm: VmRow | None
) -> str:
    """What broke off, how the VM stands, and whether it has what the workflow was for."""
    message = target.message
    if own and (words := _BROKE_OFF.get(own[-1][1].stage)):
        message = f"{own[-1][1].type} {words}: {message}"
    if own and vm is not None:
        last = own[-1][1]
        missing = effects.missing_effect_words(last.type, last.body, vm)
        if last.stage is Stage.COMPLETED and effects.effect_seen(last.type, last.body, last.before, vm) is False:
            message = f"{last.type} completed, but {missing}"
            if last.type not in ("shutdown", "power_off", "power_on"):
                message += f"; the VM is {vm.status}"
    main = next((step for step in steps if step.role is Role.ALWAYS), None)
    if main is None or vm is None or (own and own[-1][0] is main and own[-1][1].stage is Stage.COMPLETED):
        return message
    type_ = main.request.type.value
    if any(step is main and one.stage in _GOOD for step, one in own):
        words = effects.effect_words(type_, main.body, main.vm, vm)
        return f"{message}, with {words}"
    words = effects.missing_effect_words(type_, main.body, vm).removeprefix("the VM ")
    return f"{message} and {words}"


def _next_moves(plan: Plan, own: Sequence[tuple[Step, Submission]], vm: VmRow | None) -> str:
    """What can be done now, as commands."""
    if not own:
        return ""
    last_step, last = own[-1]
    watch = f"cftui watch {last.handle}"
    if last.stage is Stage.UNKNOWN:
        return f"{watch} looks it up; do not repeat it before"
    steps = {step.role: step for step in plan.steps if step.vm.id == last.vm_id}
    is_off = vm is not None and vm.power is Power.OFF
    moves = []
    if not is_off:
        if last.stage in (Stage.TIMED_OUT, Stage.COMPLETED):
            moves.append(f"{watch} to wait longer")
        if last_step.role is Role.STOP:
            moves.append(f"{_command(plan, steps[Role.FORCE])} to cut its power")
        return _or_leave_it(moves, "")
    if Role.ALWAYS in steps and last_step.role in (Role.STOP, Role.FORCE, Role.ALWAYS):
        moves.append(f"{_command(plan, steps[Role.ALWAYS])} to try again")
    if Role.START in steps and any(step.role is Role.STOP for step, _ in own):
        as_it_is = " as it is" if last_step.role is not Role.START else ""
        moves.append(f"{_command(plan, steps[Role.START])} to start it{as_it_is}")
    return _or_leave_it(moves, " stopped")


def _or_leave_it(moves: Sequence[str], how: str) -> str:
    return f"{', '.join(moves)}, or leave it{how}" if moves else ""


def _command(plan: Plan, step: Step) -> str:
    """One step as a command of its own."""
    alone = replace(
        plan,
        type=step.request.type,
        steps=(replace(step, role=Role.ALWAYS),),
        workflow=Workflow.NONE,
    )
    command = as_command(alone)
    return f"{step.request.type} it" if command.startswith("#") else clean(command)
