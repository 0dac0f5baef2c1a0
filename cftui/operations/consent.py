"""What a yes covers: which requests may follow from it, how heavy the question is, and what has to be typed for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cftui.fleet import rules
from cftui.fleet.rows import Power, VmRow
from cftui.fleet.rules import Rung
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Role, Step
from cftui.text import clean, width

_TYPED_CELLS = 64
"""A name longer than this, or an empty one, is not typed; the first of the id is."""


def targets_of(plan: Plan) -> list[Step]:
    """The first step of each VM of a plan, in its order."""
    firsts: dict[str, Step] = {}
    for step in plan.steps:
        firsts.setdefault(step.vm.id, step)
    return list(firsts.values())


def may_be_sent(steps: Iterable[Step], order: Order) -> list[Step]:
    """The steps that may be sent by themselves: what cuts the power is among them only if that was chosen before."""
    is_forced = order.force_after_s is not None
    return [step for step in steps if is_forced or step.role is not Role.FORCE]


def is_passed_over(step: Step, vm: VmRow) -> bool:
    """Whether a step is very likely not needed, as its VM is: what is stopped is neither stopped nor started again."""
    return step.role is not Role.ALWAYS and vm.power is Power.OFF


def requests_of(steps: Iterable[Step], order: Order) -> list[Step]:
    """Every request that it may come to without being asked about again, as the VMs were when they were looked at."""
    return [step for step in may_be_sent(steps, order) if not is_passed_over(step, step.vm)]


def rung_of(plan: Plan, order: Order, *, is_production: bool, has_gap: bool = False) -> Rung:
    """How heavy the confirmation is: that of the heaviest step that may be sent without being asked about again.

    Args:
        plan: At least one step.
        order: Whether power may be cut.
        is_production: Of the profile.
        has_gap: Whether the journal may have lost unknown outcomes.
    """
    number = len(targets_of(plan))
    kinds = {(step.request.type, frozenset(step.request.sizes)) for step in may_be_sent(plan.steps, order)}
    return max(
        rules.rung(
            type_,
            targets=number,
            resources=resources,
            is_production=is_production,
            is_resend=plan.is_resend,
            has_gap=has_gap,
        )
        for type_, resources in kinds
    )


def answer_to(rung: Rung, steps: Sequence[Step], order: Order, *, has_twin: bool, profile: str) -> str:
    """What has to be typed; empty where one key is enough.

    Args:
        rung: How heavy it is.
        steps: Of the plan.
        order: Whether power may be cut.
        has_twin: Whether the name of the only VM looks like another VM's; its id is typed, too, then.
        profile: Its name.
    """
    number = len(requests_of(steps, order))
    match rung:
        case Rung.YES:
            return ""
        case Rung.TYPE_NAME:
            vm = steps[0].vm
            name, first = clean(vm.name).strip(), clean(vm.id)[:6]
            if not name or width(name) > _TYPED_CELLS:
                return first
            return f"{name} {first}" if has_twin else name
        case Rung.TYPE_COUNT:
            return str(number)
        case _:
            return f"{number} {clean(profile).strip()}"
