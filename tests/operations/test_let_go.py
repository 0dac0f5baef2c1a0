"""Several steps to one VM: none is called done by another's effect, and one can be waited for no longer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cftui.errors import UsageError
from cftui.fleet import rules
from cftui.fleet.history import Stage
from cftui.fleet.rows import ActionType, Power
from cftui.operations.journal import read_journal
from cftui.operations.order import Order
from cftui.operations.plan import Workflow
from cftui.operations.runs import RunState, TargetState
from cftui.operations.workflows import make_workflow
from tests.operations.conftest import World
from tests.operations.test_interrupted_runs import gone_on, start_again, the_run
from tests.operations.test_runs import begin


@pytest.mark.fault("110")
async def test_a_shutdown_without_effect_is_not_done_by_the_power_off_of_the_same_run(world: World) -> None:
    vm = world.row("stubborn-01")
    plan = make_workflow(Workflow.SAFE_OFF, [(vm, None)], base_url=world.account.base_url)
    carried = await begin(world, plan, Order(force_after_s=60))
    await carried.until(RunState.ENDED)
    shutdown, power_off = (world.engine.view.submissions[step.token] for step in plan.steps)
    assert (shutdown.stage, shutdown.message) == (Stage.COMPLETED, "completed; power_off was sent after it")
    assert (power_off.stage, power_off.message) == (Stage.VERIFIED, "stopped")
    assert carried.target().state is TargetState.DONE
    await start_again(world)
    kept = {row.submission.token: row.submission for row in read_journal(world.state_dir / "journal.sqlite3")}
    assert kept == {one.token: one for one in (shutdown, power_off)}


@pytest.mark.fault("110")
async def test_a_restart_between_the_two_makes_no_difference(world: World) -> None:
    vm = world.row("stubborn-01")
    plan = make_workflow(Workflow.SAFE_OFF, [(vm, None)], base_url=world.account.base_url)
    carried = await begin(world, plan, Order(force_after_s=90))
    await world.pass_time(60)
    await start_again(world)
    await carried.task
    await gone_on(world)
    assert the_run(world).targets[0].state is TargetState.DONE
    shutdown, power_off = (world.engine.view.submissions[step.token] for step in plan.steps)
    assert (shutdown.stage, shutdown.message) == (Stage.COMPLETED, "completed; power_off was sent after it")
    assert power_off.stage is Stage.VERIFIED
    assert world.engine.view.vms[vm.id].power is Power.OFF


class TestLettingGo:
    """A reboot that does not come back."""

    @pytest.mark.fault("57")
    async def test_another_action_may_be_sent_then(self, make_world: Callable[..., World]) -> None:
        world = await make_world(quirks={"endless-actions": ""}).begin()
        sent = await world.send(world.named(), ActionType.REBOOT)
        early = await world.send(world.named(), ActionType.POWER_CYCLE)
        assert (early.stage, len(world.server.ledger.posts)) == (Stage.SKIPPED, 1)
        await world.engine.let_go(sent.token)
        let_go = world.now(sent)
        assert (let_go.stage, let_go.is_settled) == (Stage.TIMED_OUT, True)
        assert let_go.message == "not waited for any longer; it may still be running"
        vm = world.engine.view.vms[sent.vm_id]
        allowed = rules.availability(vm, doing=world.engine.view.doing.get(vm.id))
        assert ActionType.POWER_CYCLE in {one.type for one in allowed if one.is_allowed}
        await world.send(vm, ActionType.POWER_CYCLE)
        assert len(world.server.ledger.posts) == 2
        await world.pass_time(400)
        assert world.now(sent) == let_go
        await start_again(world)
        assert world.now(sent) == let_go
        await world.engine.stop()

    async def test_only_what_was_accepted_and_is_waited_for(self, world: World) -> None:
        sent = await world.ended(await world.send(world.named(), ActionType.REBOOT))
        for token in (sent.token, "0" * 32):
            with pytest.raises(UsageError):
                await world.engine.let_go(token)
        assert world.now(sent).stage is Stage.COMPLETED

    async def test_its_run_goes_on_without_it(self, make_world: Callable[..., World]) -> None:
        world = await make_world(quirks={"endless-actions": ""}).begin()
        plan = make_workflow(Workflow.ESCALATING_REBOOT, [(world.named(), None)], base_url=world.account.base_url)
        carried = await begin(world, plan, Order(stop_limit_s=20))
        await carried.until(TargetState.ASKING)
        await world.engine.let_go(plan.steps[0].token)
        await carried.until(RunState.ENDED)
        told = "not waited for any longer; it may still be running; the VM is running"
        assert (carried.target().state, carried.target().message) == (TargetState.FAILED, told)
        await world.engine.stop()
