"""What a screen is told of a run without working for it: counts, how long it still takes, and whom to try again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from cftui.api import requests
from cftui.fleet.effects import effect_seen
from cftui.fleet.estimates import Estimates
from cftui.fleet.fleet import View
from cftui.fleet.history import Stage, Submission
from cftui.fleet.rows import ActionRow, ActionType, Phase, Power, VmRow
from cftui.operations.again import failed_again
from cftui.operations.consent import may_be_sent
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Role, Workflow, as_command, make_plan
from cftui.operations.progress import eta_s, unsent_steps
from cftui.operations.runs import RunState, RunView, TargetState, TargetView
from cftui.operations.workflows import make_workflow

BASE = "https://cloud.example/api/v1"


def vm(number: int, power: Power = Power.ON) -> VmRow:
    status = {Power.ON: "running", Power.OFF: "stopped"}[power]
    return VmRow(f"id-{number:04}", f"vm-{number}", power, status, "moscow_01", 2, 4, 40, "", "", False, (), "")


def plan_of(number: int) -> Plan:
    return make_plan([(vm(n), requests.simple(ActionType.REBOOT)) for n in range(number)], base_url=BASE)


def run_of(plan: Plan, targets: list[TargetView], order: Order = Order(), **kind: object) -> RunView:  # noqa: B008
    return RunView(plan, order, kind.pop("state", RunState.RUNNING), 0.0, tuple(targets), **kind)  # type: ignore[arg-type]


def waiting(plan: Plan) -> list[TargetView]:
    tokens: dict[str, list[str]] = {}
    for step in plan.steps:
        tokens.setdefault(step.vm.id, []).append(step.token)
    names = {step.vm.id: step.vm.name for step in plan.steps}
    return [TargetView(vm_id, names[vm_id], tuple(of_vm)) for vm_id, of_vm in tokens.items()]


def learned(**usual: tuple[float, ...]) -> Estimates:
    """Durations in seconds by type."""
    rows = [
        ActionRow(f"x-{n}", type_, "completed", Phase.SUCCEEDED, "", 1000.0 * n, "", 1000.0 * n + taken, "", "", "")
        for type_, all_taken in usual.items()
        for n, taken in enumerate(all_taken, 1)
    ]
    return Estimates.learn(rows)


REBOOTS = learned(reboot=(40, 40, 40, 40, 60))
"""Usually 40 s, slow from 60 s."""


class TestCounts:
    def test_they_are_counted_where_nobody_did(self) -> None:
        plan = plan_of(4)
        targets = waiting(plan)
        targets[1] = replace(targets[1], state=TargetState.DONE)
        targets[3] = replace(targets[3], state=TargetState.LEFT_OUT)
        run = run_of(plan, targets)
        assert dict(run.counts) == {TargetState.WAITING: 2, TargetState.DONE: 1, TargetState.LEFT_OUT: 1}
        assert (run.count(TargetState.ASKING), run.ended) == (0, 2)

    def test_elapsed(self) -> None:
        run = run_of(plan_of(1), waiting(plan_of(1)), began_at=100.0)
        assert (run.elapsed_s(130.0), replace(run, ended_at=120.0).elapsed_s(130.0)) == (30.0, 20.0)
        assert replace(run, began_at=None).elapsed_s(130.0) is None


class TestEta:
    def test_too_little_is_known(self) -> None:
        plan = plan_of(2)
        assert eta_s(run_of(plan, waiting(plan)), learned(reboot=(40, 40, 40, 40)), {}, 0.0) is None

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            (Order(), 60),
            (Order(in_flight=5), 40 + 60),
            (Order(in_flight=1), 9 * 40 + 60),
            (Order(stagger_s=10), 9 * 10 + 60),
            (Order(is_canary=True), 60 + 60 + 60),
        ],
    )
    def test_the_order_decides(self, order: Order, expected: float) -> None:
        plan = plan_of(10)
        assert eta_s(run_of(plan, waiting(plan), order), REBOOTS, {}, 0.0) == expected

    def test_what_is_in_flight_has_been_going_on(self) -> None:
        plan = plan_of(2)
        targets = [replace(one, state=TargetState.ACTIVE, began_at=70.0) for one in waiting(plan)]
        assert eta_s(run_of(plan, targets), REBOOTS, {}, 100.0) == 10
        assert eta_s(run_of(plan, targets), REBOOTS, {}, 300.0) == 0, "it is slow; more is not known"

    @pytest.mark.parametrize("state", [RunState.PAUSED, RunState.ENDED, RunState.INTERRUPTED])
    def test_nothing_goes_on(self, state: RunState) -> None:
        plan = plan_of(3)
        assert eta_s(run_of(plan, waiting(plan), state=state), REBOOTS, {}, 0.0) is None

    def test_a_stopped_run_ends_with_what_is_in_flight(self) -> None:
        plan = plan_of(3)
        targets = waiting(plan)
        targets[0] = replace(targets[0], state=TargetState.ACTIVE, began_at=0.0)
        assert eta_s(run_of(plan, targets, Order(in_flight=1), state=RunState.STOPPING), REBOOTS, {}, 10.0) == 30

    def test_all_steps_count_and_those_of_a_stopped_vm_do_not(self) -> None:
        times = learned(shutdown=(20,) * 5, snapshot=(100,) * 5, power_on=(30,) * 5)
        targets = [(vm(1), requests.snapshot("kept")), (vm(2, Power.OFF), requests.snapshot("kept"))]
        both = make_workflow(Workflow.COLD_SNAPSHOT, targets, base_url=BASE)
        off = make_workflow(Workflow.COLD_SNAPSHOT, targets[1:], base_url=BASE)
        assert eta_s(run_of(both, waiting(both)), times, {}, 0.0) == 150
        assert eta_s(run_of(off, waiting(off)), times, {}, 0.0) == 100


class TestUnsent:
    def test_of_a_workflow_that_stands_at_its_step(self) -> None:
        plan = make_workflow(Workflow.COLD_SNAPSHOT, [(vm(1), requests.snapshot("kept"))], base_url=BASE)
        run = run_of(plan, waiting(plan), state=RunState.INTERRUPTED)
        begun = {plan.steps[0].token: object()}
        left = unsent_steps(run, {vm(1).id: vm(1, Power.OFF)}, begun)
        assert [step.request.type for step in left] == [ActionType.SNAPSHOT, ActionType.POWER_ON]

    def test_what_cuts_the_power_is_left_in_for_an_order_that_says_so(self) -> None:
        """It may be chosen in the very confirmation that asks for the yes, which is the heavier one then."""
        plan = make_workflow(Workflow.SAFE_OFF, [(vm(1), None)], base_url=BASE)
        left = unsent_steps(run_of(plan, waiting(plan)), {}, {})
        assert [step.role for step in left] == [Role.STOP, Role.FORCE]
        assert [step.role for step in may_be_sent(left, Order())] == [Role.STOP]
        assert may_be_sent(left, Order(force_after_s=60)) == list(left)
        off = unsent_steps(run_of(plan, waiting(plan)), {vm(1).id: vm(1, Power.OFF)}, {})
        assert [step.role for step in off] == [Role.STOP]


def submission(plan: Plan, place: int, stage: Stage, **kind: object) -> Submission:
    step = plan.steps[place]
    made = Submission(
        step.token, plan.id, step.vm.id, step.vm.name, step.request.type.value, step.body, stage, 1.0, before=step.vm
    )
    return replace(made, is_settled=True, **kind)  # type: ignore[arg-type]


class TestAgain:
    def test_those_for_which_it_cannot_happen_twice(self) -> None:
        plan = plan_of(9)
        stages = {
            1: Stage.ERRORED,
            2: Stage.REJECTED,
            3: Stage.NOT_SENT,
            4: Stage.UNKNOWN,
            5: Stage.TIMED_OUT,
            6: Stage.SKIPPED,
            7: Stage.ERRORED,
        }
        targets = [replace(one, state=TargetState.FAILED) for one in waiting(plan)]
        targets[0] = replace(targets[0], state=TargetState.DONE)
        targets[4] = replace(targets[4], state=TargetState.UNKNOWN)
        targets[8] = replace(targets[8], state=TargetState.LEFT_OUT)
        told = {plan.steps[place].token: submission(plan, place, stage) for place, stage in stages.items()}
        vms = {step.vm.id: step.vm for step in plan.steps}
        vms[plan.steps[6].vm.id] = vm(6)._replace(locked=True)
        del vms[plan.steps[7].vm.id]
        again = failed_again(run_of(plan, targets), View(vms=vms, submissions=told), base_url=BASE)
        assert again is not None
        assert [step.vm.name for step in again.steps] == ["vm-1", "vm-2", "vm-3", "vm-8"]
        assert {(one.vm.name, one.reason) for one in again.skipped} == {
            ("vm-4", "its outcome is unknown; it is not sent again"),
            ("vm-5", "reboot was accepted and never seen to end; it may still be running"),
            ("vm-6", "locked by the provider"),
            ("vm-7", "the VM no longer exists"),
        }
        assert again.id != plan.id
        assert not {step.token for step in again.steps} & {step.token for step in plan.steps}

    def test_nothing_to_try(self) -> None:
        plan = plan_of(2)
        targets = [replace(one, state=TargetState.DONE) for one in waiting(plan)]
        assert failed_again(run_of(plan, targets), View(vms={}), base_url=BASE) is None

    def test_what_the_first_try_stopped_is_started_in_the_end(self) -> None:
        request = requests.resize(ram_gb=8)
        plan = make_workflow(Workflow.GUIDED_RESIZE, [(vm(1), request), (vm(2, Power.OFF), request)], base_url=BASE)
        targets = [replace(one, state=TargetState.FAILED) for one in waiting(plan)]
        off = {one.id: one for one in (vm(1, Power.OFF), vm(2, Power.OFF))}
        told = [submission(plan, 0, Stage.VERIFIED), submission(plan, 2, Stage.REJECTED)]
        assert effect_seen("shutdown", told[0].body, told[0].before, off[vm(1).id])
        view = View(vms=off, submissions={one.token: one for one in told})
        again = failed_again(run_of(plan, targets), view, base_url=BASE)
        assert again is not None
        assert again.workflow is Workflow.GUIDED_RESIZE
        assert [(step.vm.name, step.role.value) for step in again.steps] == [
            ("vm-1", "stop"),
            ("vm-1", "force"),
            ("vm-1", "always"),
            ("vm-1", "always"),
            ("vm-2", "stop"),
            ("vm-2", "force"),
            ("vm-2", "always"),
            ("vm-2", "start"),
        ]

    @pytest.mark.parametrize(("power", "left"), [(Power.OFF, ["power_on"]), (Power.ON, [])])
    def test_a_snapshot_that_was_made_is_not_made_a_second_time(self, power: Power, left: list[str]) -> None:
        plan = make_workflow(Workflow.COLD_SNAPSHOT, [(vm(1), requests.snapshot("kept"))], base_url=BASE)
        stages = [Stage.VERIFIED, None, Stage.COMPLETED, Stage.ERRORED]
        told = {plan.steps[n].token: submission(plan, n, stage) for n, stage in enumerate(stages) if stage is not None}
        targets = [replace(one, state=TargetState.FAILED) for one in waiting(plan)]
        now = vm(1, power)._replace(snapshot_ids=("new",))
        again = failed_again(run_of(plan, targets), View(vms={vm(1).id: now}, submissions=told), base_url=BASE)
        assert ([] if again is None else [step.request.type.value for step in again.steps]) == left
        assert again is None or as_command(again).startswith("# this cannot be said")

    def test_what_was_sent_again_since_is_not_offered_a_second_time(self) -> None:
        plan = plan_of(1)
        targets = [replace(one, state=TargetState.FAILED) for one in waiting(plan)]
        first = submission(plan, 0, Stage.REJECTED)
        later = replace(first, token="f" * 32, plan_id="another", stage=Stage.COMPLETED, intended=9e9)
        view = View(vms={vm(0).id: vm(0)}, submissions={one.token: one for one in (first, later)})
        assert failed_again(run_of(plan, targets), view, base_url=BASE) is None

    def test_a_name_that_holds_the_token_holds_the_new_one(self) -> None:
        token = "0123456789abcdef" * 2
        plan = make_plan([(vm(1), requests.snapshot(f"vm-1-{token[:8]}", token=token))], base_url=BASE)
        targets = [replace(one, state=TargetState.FAILED) for one in waiting(plan)]
        again = failed_again(run_of(plan, targets), View(vms={vm(1).id: vm(1)}), base_url=BASE)
        assert again is not None
        (step,) = again.steps
        assert step.request.name == f"vm-1-{step.token[:8]}"
        assert Counter([step.token, token]) == {step.token: 1, token: 1}
