"""Many VMs and several steps: waves, limits, pause, abort, and the workflows people mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest

from cftui.api import requests
from cftui.fleet.history import Stage
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Workflow, make_plan
from cftui.operations.run import Run
from cftui.operations.runs import RunState, RunView, TargetState, TargetView
from cftui.operations.workflows import make_workflow
from cftui.simulator import faults
from cftui.simulator.messages import Request
from tests.operations.conftest import World, eventually


def running(world: World, number: int) -> list[VmRow]:
    return [world.named("running", nth) for nth in range(number)]


def plan_of(world: World, vms: list[VmRow], type_: ActionType = ActionType.REBOOT) -> Plan:
    return make_plan([(vm, requests.simple(type_)) for vm in vms], base_url=world.account.base_url)


def workflow(world: World, kind: Workflow, vm: VmRow, request: requests.ActionRequest | None = None) -> Plan:
    return make_workflow(kind, [(vm, request)], base_url=world.account.base_url)


class Carried:
    """A run that goes on while the test turns the clocks."""

    def __init__(self, world: World, plan: Plan, order: Order) -> None:
        self.world = world
        self.plan = plan
        self.task = asyncio.create_task(world.engine.execute(plan, order))

    @property
    def run(self) -> Run:
        found = self.world.engine.run(self.plan.id)
        assert found is not None
        return found

    @property
    def view(self) -> RunView:
        return self.run.view

    def target(self, index: int = 0) -> TargetView:
        return self.view.targets[index]

    async def until(self, state: RunState | TargetState) -> None:
        if isinstance(state, RunState):
            await self.world.until(lambda: self.view.state is state)
        else:
            await self.world.until(lambda: self.target().state is state)

    def types(self) -> list[str]:
        """What was executed, in order."""
        return [post.body.decode().split('"')[3] for post in self.world.server.ledger.executed]


@pytest.fixture
async def big(make_world: object) -> AsyncIterator[World]:
    made = await make_world(vms=60).begin()  # type: ignore[operator]
    yield made
    await made.engine.stop()


async def begin(world: World, plan: Plan, order: Order = Order()) -> Carried:  # noqa: B008
    carried = Carried(world, plan, order)
    await eventually(lambda: world.engine.run(plan.id) is not None)
    return carried


async def test_no_more_vms_are_in_flight_than_were_allowed(big: World) -> None:
    carried = await begin(big, plan_of(big, running(big, 7)), Order(in_flight=3))
    most = 0
    for _ in range(400):
        most = max(most, carried.view.count(TargetState.ACTIVE))
        if carried.view.state is RunState.ENDED:
            break
        await big.pass_time(1)
    assert most == 3
    assert carried.view.count(TargetState.DONE) == 7
    assert {big.now(submission).stage for submission in await carried.task} == {Stage.COMPLETED}


async def test_a_canary_goes_first_alone(big: World) -> None:
    carried = await begin(big, plan_of(big, running(big, 12)), Order(is_canary=True))
    await eventually(lambda: len(big.server.ledger.executed) == 1)
    await big.pass_time(2)
    assert carried.view.count(TargetState.WAITING) == 11
    await carried.until(RunState.ENDED)
    assert carried.view.count(TargetState.DONE) == 12


async def test_a_canary_that_fails_keeps_the_rest_from_being_sent(big: World) -> None:
    big.server.faults.next("POST", faults.status(422, '{"message": "no"}'))
    carried = await begin(big, plan_of(big, running(big, 5)), Order(is_canary=True))
    await carried.until(RunState.ENDED)
    assert [target.state for target in carried.view.targets] == [TargetState.FAILED, *[TargetState.LEFT_OUT] * 4]
    assert big.server.ledger.executed == ()
    assert [one.stage for one in await carried.task] == [Stage.REJECTED, *[Stage.NOT_SENT] * 4]


async def test_a_lost_answer_counts_at_once_against_the_limit(big: World) -> None:
    big.server.faults.next("POST", faults.close(carried_out=True))
    carried = await begin(big, plan_of(big, running(big, 4)), Order(max_parallel=1, stop_after=1))
    await eventually(lambda: carried.view.state is RunState.STOPPING)
    assert len(big.server.ledger.posts) == 1
    await carried.until(RunState.ENDED)
    assert len(big.server.ledger.posts) == 1
    assert carried.view.message == "stopped after 1 went wrong"


async def test_paused_nothing_begins_and_what_is_in_flight_ends(big: World) -> None:
    carried = await begin(big, plan_of(big, running(big, 6)), Order(in_flight=2, max_parallel=2))
    await eventually(lambda: len(big.server.ledger.executed) == 2)
    carried.run.pause(True)
    await big.until(lambda: carried.view.count(TargetState.DONE) == 2)
    await big.pass_time(30)
    assert (len(big.server.ledger.posts), carried.view.count(TargetState.WAITING)) == (2, 4)
    carried.run.pause(False)
    await carried.until(RunState.ENDED)
    assert carried.view.count(TargetState.DONE) == 6


async def test_aborted_what_waits_is_left_out_and_told(big: World) -> None:
    carried = await begin(big, plan_of(big, running(big, 6)), Order(in_flight=2, max_parallel=2))
    await eventually(lambda: len(big.server.ledger.executed) == 2)
    carried.run.abort()
    await carried.until(RunState.ENDED)
    assert (carried.view.count(TargetState.DONE), carried.view.count(TargetState.LEFT_OUT)) == (2, 4)
    assert len(big.server.ledger.posts) == 2
    left = [one for one in await carried.task if one.stage is Stage.NOT_SENT]
    assert [one.message for one in left] == ["the run was stopped before its turn"] * 4


async def test_they_begin_apart(big: World) -> None:
    carried = await begin(big, plan_of(big, running(big, 3)), Order(stagger_s=10))
    await eventually(lambda: len(big.server.ledger.executed) == 1)
    await big.pass_time(9)
    assert len(big.server.ledger.executed) == 1
    await big.pass_time(3)
    await eventually(lambda: len(big.server.ledger.executed) == 2)
    await carried.until(RunState.ENDED)


async def test_a_pause_does_not_bring_them_together(big: World) -> None:
    carried = await begin(big, plan_of(big, running(big, 4)), Order(stagger_s=10))
    await eventually(lambda: len(big.server.ledger.executed) == 1)
    carried.run.pause(True)
    await big.pass_time(60)
    carried.run.pause(False)
    await carried.until(RunState.ENDED)
    times = [post.time for post in big.server.ledger.executed]
    assert all(later - earlier >= 9 for earlier, later in pairwise(times)), times


async def test_an_aborted_run_waits_for_no_turn(big: World) -> None:
    carried = await begin(big, plan_of(big, running(big, 4)), Order(stagger_s=3600))
    await eventually(lambda: len(big.server.ledger.executed) == 1)
    carried.run.abort()
    await eventually(lambda: carried.view.count(TargetState.LEFT_OUT) == 3)
    assert len(big.server.ledger.posts) == 1


async def test_one_vm_that_the_cloud_asks_to_wait_with_is_told_and_not_sent(world: World) -> None:
    slow_down = faults.status(429, '{"message": "slow down"}', headers={"Retry-After": "120"})
    vm_alone = lambda asked: asked.method == "GET" and "/vms/" in asked.target and "/actions" not in asked.target  # noqa: E731
    world.server.faults.next(vm_alone, slow_down)
    carried = await begin(world, workflow(world, Workflow.SAFE_OFF, world.named("running")))
    await carried.until(RunState.ENDED)
    assert carried.target().state is TargetState.FAILED
    assert "answered 429" in carried.target().message
    assert world.server.ledger.posts == ()


async def test_safe_power_off_of_a_vm_that_stops(world: World) -> None:
    vm = world.named("running")
    carried = await begin(world, workflow(world, Workflow.SAFE_OFF, vm))
    await carried.until(RunState.ENDED)
    assert carried.types() == ["shutdown"]
    assert (carried.target().state, world.engine.view.vms[vm.id].power) == (TargetState.DONE, Power.OFF)


async def test_safe_power_off_asks_at_its_limit_and_never_cuts_the_power_by_itself(world: World) -> None:
    vm = world.row("stubborn-01")
    carried = await begin(world, workflow(world, Workflow.SAFE_OFF, vm), Order(stop_limit_s=60))
    await carried.until(TargetState.ASKING)
    assert carried.target().message == "it has not stopped: your turn"
    await world.pass_time(600)
    assert carried.target().state is TargetState.ASKING
    carried.run.wait_longer(vm.id)
    assert carried.target().state is TargetState.ACTIVE
    await carried.until(TargetState.ASKING)
    carried.run.give_up(vm.id)
    await carried.until(RunState.ENDED)
    assert carried.types() == ["shutdown"]
    assert (carried.target().state, carried.target().message) == (TargetState.FAILED, "given up; the VM is running")


async def test_safe_power_off_ends_when_somebody_else_cuts_the_power(world: World) -> None:
    vm = world.row("stubborn-01")
    carried = await begin(world, workflow(world, Workflow.SAFE_OFF, vm), Order(stop_limit_s=30))
    await carried.until(TargetState.ASKING)
    await world.send(world.row("stubborn-01"), ActionType.POWER_OFF)
    await carried.until(RunState.ENDED)
    assert carried.target().state is TargetState.DONE


async def test_the_power_is_cut_where_that_was_chosen_beforehand(world: World) -> None:
    vm = world.row("stubborn-01")
    carried = await begin(world, workflow(world, Workflow.SAFE_OFF, vm), Order(force_after_s=60))
    await carried.until(RunState.ENDED)
    assert carried.types() == ["shutdown", "power_off"]
    first, second = [post.time for post in world.server.ledger.executed]
    assert 59 <= second - first <= 75
    assert (carried.target().state, world.engine.view.vms[vm.id].power) == (TargetState.DONE, Power.OFF)


async def test_guided_resize_of_a_running_vm(world: World) -> None:
    vm = world.named("running")
    assert vm.ram_gb is not None
    request = requests.resize(ram_gb=vm.ram_gb * 2)
    carried = await begin(world, workflow(world, Workflow.GUIDED_RESIZE, vm, request))
    await carried.until(RunState.ENDED)
    assert carried.types() == ["shutdown", "resize", "power_on"]
    now = world.engine.view.vms[vm.id]
    assert (carried.target().state, now.power, now.ram_gb) == (TargetState.DONE, Power.ON, vm.ram_gb * 2)


async def test_guided_resize_leaves_off_what_was_off(world: World) -> None:
    vm = world.named("stopped")
    assert vm.ram_gb is not None
    carried = await begin(world, workflow(world, Workflow.GUIDED_RESIZE, vm, requests.resize(ram_gb=vm.ram_gb * 2)))
    await carried.until(RunState.ENDED)
    assert carried.types() == ["resize"]
    assert (carried.target().state, world.engine.view.vms[vm.id].power) == (TargetState.DONE, Power.OFF)
    assert len(carried.target().not_needed) == 2


async def test_guided_resize_stops_at_the_first_failure_and_says_how_the_vm_stands(world: World) -> None:
    vm = world.named("running")
    assert vm.ram_gb is not None
    refused = faults.status(422, '{"message": "size is not available"}')
    world.server.faults.next(lambda request: b"resize" in request.body, refused)
    carried = await begin(world, workflow(world, Workflow.GUIDED_RESIZE, vm, requests.resize(ram_gb=vm.ram_gb * 2)))
    await carried.until(RunState.ENDED)
    assert carried.types() == ["shutdown"]
    assert carried.target().state is TargetState.FAILED
    assert carried.target().message == "422: size is not available; the VM is stopped"


async def test_a_cold_snapshot(world: World) -> None:
    vm = world.named("running")
    carried = await begin(world, workflow(world, Workflow.COLD_SNAPSHOT, vm, requests.snapshot("before-upgrade")))
    await carried.until(RunState.ENDED)
    assert carried.types() == ["shutdown", "snapshot", "power_on"]
    now = world.engine.view.vms[vm.id]
    assert (carried.target().state, now.power, len(now.snapshot_ids)) == (
        TargetState.DONE,
        Power.ON,
        len(vm.snapshot_ids) + 1,
    )


async def test_an_escalating_reboot_asks_when_it_is_not_back(world: World) -> None:
    vm = world.named("running")
    carried = await begin(world, workflow(world, Workflow.ESCALATING_REBOOT, vm), Order(stop_limit_s=5))
    await carried.until(TargetState.ASKING)
    assert carried.target().message == "it is not back: your turn"
    await carried.until(RunState.ENDED)
    assert (carried.target().state, carried.types()) == (TargetState.DONE, ["reboot"])


async def test_a_run_that_ends_with_the_program_begins_nothing_more(big: World) -> None:
    carried = await begin(big, plan_of(big, running(big, 6)), Order(in_flight=1))
    await eventually(lambda: len(big.server.ledger.executed) == 1)
    await big.engine.stop()
    assert len(big.server.ledger.posts) == 1
    assert carried.view.state is RunState.STOPPING


@pytest.mark.fault("42")
async def test_asked_to_wait_when_a_vm_is_read_first_it_is_sent_later(big: World) -> None:
    slow_down = faults.status(429, '{"message": "slow down"}', headers={"Retry-After": "12"})
    about_one = faults_after_the_first(big)
    big.server.faults.next(about_one, slow_down)
    carried = await begin(big, plan_of(big, running(big, 5)), Order(max_parallel=1))
    await eventually(lambda: len(big.server.ledger.executed) == 1)
    await carried.until(RunState.ENDED)
    first, second = [post.time for post in big.server.ledger.executed][:2]
    assert second - first >= 11, "and not before"
    assert carried.view.count(TargetState.DONE) == 5


def faults_after_the_first(world: World) -> Callable[[Request], bool]:
    """Reads of a single VM, once something was sent."""
    return lambda request: (
        request.method == "GET"
        and "/vms/" in request.target
        and not request.target.endswith("/actions")
        and bool(world.server.ledger.posts)
    )
