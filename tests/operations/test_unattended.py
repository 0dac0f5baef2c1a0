"""Runs with nobody there to decide: each comes to an end by itself, within its limits."""

from __future__ import annotations

from collections.abc import Callable

from cftui.api import requests
from cftui.fleet.rows import ActionType, Power
from cftui.operations.order import Order
from cftui.operations.plan import Workflow
from cftui.operations.runs import RunState, TargetState
from cftui.simulator import faults
from tests.operations.conftest import World
from tests.operations.test_runs import begin, workflow


async def test_a_vm_that_does_not_stop_is_given_up_at_its_limit(world: World) -> None:
    order = Order(stop_limit_s=90, is_attended=False)
    carried = await begin(world, workflow(world, Workflow.SAFE_OFF, world.row("stubborn-01")), order)
    await carried.until(RunState.ENDED)
    assert (carried.types(), carried.target().state) == (["shutdown"], TargetState.FAILED)
    assert carried.target().message == "it did not stop; the VM is running"


async def test_power_is_not_cut_while_a_shutdown_is_in_progress(make_world: Callable[..., World]) -> None:
    """One that never ends is given up, though the power was to be cut."""
    world = await make_world(quirks={"endless-actions": ""}).begin()
    order = Order(stop_limit_s=60, force_after_s=30, is_attended=False)
    carried = await begin(world, workflow(world, Workflow.SAFE_OFF, world.named()), order)
    await carried.until(RunState.ENDED)
    assert (carried.types(), carried.target().state) == (["shutdown"], TargetState.FAILED)
    await world.engine.stop()


async def test_a_shutdown_whose_answer_was_lost_is_unknown(make_world: Callable[..., World]) -> None:
    world = await make_world(quirks={"no-actions": ""}).begin()
    world.server.faults.next("POST", faults.reset())
    order = Order(stop_limit_s=20, is_attended=False)
    carried = await begin(world, workflow(world, Workflow.SAFE_OFF, world.named()), order)
    await carried.until(RunState.ENDED)
    assert carried.target().state is TargetState.UNKNOWN
    await world.engine.stop()


async def test_an_end_is_awaited_for_no_longer_than_was_said(make_world: Callable[..., World]) -> None:
    world = await make_world(quirks={"endless-actions": ""}).begin()
    vm = world.named("stopped")
    assert vm.ram_gb is not None
    plan = workflow(world, Workflow.GUIDED_RESIZE, vm, requests.resize(ram_gb=vm.ram_gb * 2))
    carried = await begin(world, plan, Order(end_limit_s=30, is_attended=False))
    await carried.until(RunState.ENDED)
    (target,) = (await world.engine.end_of(plan.id)).targets
    assert target.message == "not seen to finish in 30 s; it may still be running; the VM is stopped"
    assert target.began_at is not None
    assert target.ended_at is not None
    assert 30 <= target.ended_at - target.began_at <= 40
    await world.engine.stop()


async def test_a_vm_is_not_left_half_way_because_the_cloud_asks_to_wait(world: World) -> None:
    """Another VM's request is answered 429 while this one is being stopped; its next request waits, and is sent."""
    vm, other = world.named(), world.named(nth=1)
    assert vm.ram_gb is not None
    plan = workflow(world, Workflow.GUIDED_RESIZE, vm, requests.resize(ram_gb=vm.ram_gb * 2))
    carried = await begin(world, plan, Order(is_attended=False))
    await world.until(lambda: carried.target().state is TargetState.ACTIVE and bool(carried.types()))
    busy = faults.status(429, '{"message": "busy"}', headers={"retry-after": "100"})
    world.server.faults.next(lambda sent: sent.method == "POST" and other.id in sent.target, busy)
    await world.send(other, ActionType.REBOOT)
    await world.until(lambda: carried.target().message.startswith("the cloud asks to wait"))
    await carried.until(RunState.ENDED)
    assert carried.types() == ["shutdown", "resize", "power_on"]
    assert (carried.target().state, world.engine.view.vms[vm.id].power) == (TargetState.DONE, Power.ON)
