"""How far a run is, and how long it will still take, from what its actions usually take; pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from itertools import groupby

from cftui.fleet.estimates import MIN_SAMPLES, Estimates
from cftui.fleet.rows import Power, VmRow
from cftui.operations.plan import Role, Step
from cftui.operations.runs import OVER, RunState, RunView, TargetState, TargetView


def unsent_steps(run: RunView, vms: Mapping[str, VmRow], begun: Mapping[str, object]) -> tuple[Step, ...]:
    """The requests that may still be sent, in the plan's order: what going on with an interrupted run asks a yes for.

    What cuts the power is among them whatever the order says: the order may be changed before the yes.

    Args:
        run: As it stands.
        vms: By id, as last read: a VM that is stopped already is not asked to stop.
        begun: By token, all that was begun: `View.submissions`.
    """
    unsent: list[Step] = []
    for target, steps in _with_steps(run):
        if target.state in OVER:
            continue
        last = max((place for place, step in enumerate(steps) if step.token in begun), default=-1)
        vm = vms.get(target.vm_id)
        is_off = vm is not None and vm.power is Power.OFF
        needed = _needed(steps, vm, not is_off)
        unsent += [step for step in steps[last + 1 :] if step in needed]
    return tuple(unsent)


def eta_s(run: RunView, estimates: Estimates, vms: Mapping[str, VmRow], now: float) -> float | None:
    """How long the run will take from now until its last VM has come to its end, in seconds.

    A VM makes room for the next one after the median of what its actions take; of several the slowest ends the run, so
    its end is that of the 90th percentile. VMs about which somebody has to decide are left out.

    Args:
        run: As it stands.
        estimates: What actions usually take.
        vms: By id, as last read.
        now: Seconds of the monotonic clock.

    Returns:
        None where too little is known of one of its types, and while nothing goes on.
    """
    if run.state in (RunState.ENDED, RunState.INTERRUPTED):
        return None
    if run.state is RunState.PAUSED and run.count(TargetState.WAITING):
        return None
    steps_of = list(_with_steps(run))
    is_several = len(steps_of) - run.ended >= MIN_SAMPLES
    latest = wave_begins = next_begin = 0.0
    place = 0
    for size in run.order.waves(len(steps_of)):
        free = [wave_begins] * min(run.order.in_flight or size, size)
        wave_ends = wave_begins
        wave, place = steps_of[place : place + size], place + size
        # Those that have begun hold their places; only then do others wait for one.
        for target, steps in sorted(wave, key=lambda one: one[0].state is TargetState.WAITING):
            if target.state in OVER or target.state is TargetState.ASKING:
                continue
            is_waiting = target.state is TargetState.WAITING
            if is_waiting and run.state is RunState.STOPPING:
                continue
            takes = _takes(steps, estimates, vms.get(target.vm_id))
            if takes is None:
                return None
            median_s, slow_s = takes
            begins = heapq.heappop(free)
            if is_waiting:
                begins = max(begins, next_begin)
                next_begin = begins + run.order.stagger_s
            elif target.began_at is not None:
                begins = target.began_at - now
            heapq.heappush(free, max(0.0, begins + median_s))
            wave_ends = max(wave_ends, begins + (slow_s if is_several else median_s))
        latest = wave_begins = max(latest, wave_ends)
    return max(0.0, latest)


def _takes(steps: tuple[Step, ...], estimates: Estimates, vm: VmRow | None) -> tuple[float, float] | None:
    """All steps of a VM: usually, and when they are slow; None where that is not known."""
    usual = [estimates.usual(step.request.type, vm) for step in _needed(steps, None, False)]
    known = [one for one in usual if one is not None]
    if len(known) < len(usual):
        return None
    return sum(one.median_s for one in known), sum(one.slow_s for one in known)


def _needed(steps: tuple[Step, ...], vm: VmRow | None, is_forced: bool) -> tuple[Step, ...]:
    """Those that a VM is likely to need, seeing how it was confirmed, or how it is where that is given."""
    was_off = (vm or steps[0].vm).power is Power.OFF and steps[0].vm.power is Power.OFF
    left_out = {Role.STOP, Role.FORCE, Role.START} if was_off else set() if is_forced else {Role.FORCE}
    return tuple(step for step in steps if step.role not in left_out)


def _with_steps(run: RunView) -> Iterator[tuple[TargetView, tuple[Step, ...]]]:
    """Each VM with its steps."""
    steps = groupby(run.plan.steps, key=lambda step: step.vm.id)
    for target, (_, of_vm) in zip(run.targets, steps, strict=True):
        yield target, tuple(of_vm)
