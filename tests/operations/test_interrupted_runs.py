"""Runs that survive the program: killed, hung up or quit, they are offered again where they stood; nothing is sent."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing

import pytest

from cftui.api import requests
from cftui.errors import ReadOnlyError, UsageError
from cftui.fleet.history import Stage
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.journal import read_journal
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Workflow, make_plan
from cftui.operations.progress import unsent_steps
from cftui.operations.runs import RunState, RunView, TargetState
from cftui.operations.workflows import make_workflow
from cftui.simulator import faults
from tests.operations.conftest import World, eventually
from tests.proof.sender import Job, Senders


@pytest.fixture(scope="module")
def senders() -> Iterator[Senders]:
    """Where the processes come from that die."""
    with Senders() as made:
        yield made


@pytest.fixture
async def big(make_world: Callable[..., World]) -> AsyncIterator[World]:
    made = await make_world(vms=60).begin()
    yield made
    await made.engine.stop()


def running(world: World, number: int) -> list[VmRow]:
    return [world.named("running", nth) for nth in range(number)]


def rebooting(world: World, number: int) -> Plan:
    pairs = [(vm, requests.simple(ActionType.REBOOT)) for vm in running(world, number)]
    return make_plan(pairs, base_url=world.account.base_url)


def the_run(world: World) -> RunView:
    (run,) = world.engine.update.runs
    return run


def states(run: RunView) -> list[str]:
    return [target.state.value for target in run.targets]


def executed(world: World) -> Counter[str]:
    return Counter(post.path.split("/")[-2] for post in world.server.ledger.executed)


async def start_again(world: World, **account: object) -> None:
    """The next start of the program."""
    await world.engine.stop()
    world.engine = world.make_engine(**account)
    await world.begin()


async def gone_on(world: World) -> None:
    """Confirm it anew, and let it come to its end."""
    resumed = asyncio.create_task(world.engine.resume(the_run(world).id))
    await world.until(lambda: resumed.done() and the_run(world).state is RunState.ENDED)
    await resumed


async def killed(world: World, senders: Senders, job: Job, *, at_post: int) -> None:
    """A program that carries out a run dies when the cloud has so many of its requests."""
    pids: list[int] = []

    def strike(_: object) -> None:
        if len(world.server.ledger.posts) >= at_post:
            os.kill(pids[0], signal.SIGKILL)

    world.server.ledger.on_post = strike
    pids.append(senders.start(job))
    assert senders.next() == {"is": "sending"}
    assert senders.next() == {"status": signal.SIGKILL}
    senders.bury()
    world.server.ledger.on_post = None


@pytest.mark.fault("12", "86", "104")
@pytest.mark.parametrize("at_post", [1, 5])
async def test_a_killed_program_leaves_a_run_that_goes_on_where_it_stood(
    make_world: Callable[..., World], senders: Senders, at_post: int
) -> None:
    world = make_world(vms=60)
    ids = [vm.id for vm in world.cloud.vms() if vm.status == "running" and not vm.locked][:9]
    job = Job(world.server.url, str(world.state_dir), ids[0], others=tuple(ids[1:]))
    await killed(world, senders, job, at_post=at_post)
    posts = len(world.server.ledger.posts)
    await world.engine.start()
    run = the_run(world)
    rows = {kept.submission.vm_id for kept in read_journal(world.state_dir / "journal.sqlite3")}
    assert (run.state, sum(run.counts.values())) == (RunState.INTERRUPTED, 9)
    assert {target.vm_id for target in run.targets if target.state is TargetState.WAITING} == set(ids) - rows
    assert {target.state for target in run.targets} <= {TargetState.WAITING, TargetState.ACTIVE}
    assert [step.vm.id for step in unsent_steps(run, {}, world.engine.view.submissions)] == [
        vm_id for vm_id in ids if vm_id not in rows
    ]
    await world.engine.first_reading()
    await world.pass_time(90)
    seen = the_run(world)
    assert len(world.server.ledger.posts) == posts, "nothing is sent"
    assert seen.count(TargetState.WAITING) == run.count(TargetState.WAITING)
    assert seen.count(TargetState.DONE) + seen.count(TargetState.UNKNOWN) == len(rows)

    sent = await world.engine.resume(run.id)
    assert len(sent) == 9
    await world.until(lambda: the_run(world).state is RunState.ENDED)
    assert executed(world) <= Counter(ids), "each once at most"
    assert set(ids) - executed(world).keys() <= {
        target.vm_id for target in the_run(world).targets if target.state is TargetState.UNKNOWN
    }
    told = Counter(one.stage for one in world.engine.view.submissions.values())
    await start_again(world)
    assert world.engine.update.runs == (), "it has ended"
    assert Counter(one.stage for one in world.engine.view.submissions.values()) == told
    await world.engine.stop()


async def test_a_workflow_goes_on_at_its_step(make_world: Callable[..., World], senders: Senders) -> None:
    """Killed after the shutdown left: the VM stops, and the snapshot waits for a yes."""
    world = make_world(vms=60)
    vm_id = next(vm.id for vm in world.cloud.vms() if vm.status == "running" and not vm.locked)
    job = Job(world.server.url, str(world.state_dir), vm_id, workflow=Workflow.COLD_SNAPSHOT.value)
    await killed(world, senders, job, at_post=1)
    await world.begin()
    await world.until(lambda: the_run(world).targets[0].state is TargetState.WAITING)
    run = the_run(world)
    assert run.targets[0].message == "snapshot is next; the VM is stopped"
    left = unsent_steps(run, world.engine.view.vms, world.engine.view.submissions)
    assert [step.request.type for step in left] == ["snapshot", "power_on"]
    await gone_on(world)
    types = [post.body.decode().split('"')[3] for post in world.server.ledger.executed]
    assert types == ["shutdown", "snapshot", "power_on"]
    assert the_run(world).targets[0].state is TargetState.DONE
    await world.engine.stop()


async def test_what_somebody_started_meanwhile_is_not_given_a_cold_snapshot(big: World) -> None:
    vm = big.named("running")
    plan = make_workflow(Workflow.COLD_SNAPSHOT, [(vm, requests.snapshot("kept"))], base_url=big.account.base_url)
    big.server.faults.next(lambda request: b"snapshot" in request.body, faults.delay(2))
    await _interrupted_after(big, plan, posts=1)
    await big.until(lambda: the_run(big).targets[0].state is TargetState.WAITING)
    big.cloud.set_status(vm.id, "running")
    await big.pass_time(31)
    await gone_on(big)
    (target,) = the_run(big).targets
    assert (target.state, target.message) == (
        TargetState.FAILED,
        "changed since you looked: now running; the VM is running",
    )
    assert len(big.server.ledger.posts) == 1


async def _interrupted_after(world: World, plan: Plan, *, posts: int, order: Order = Order()) -> None:  # noqa: B008
    """Begin a run, and end the program in order once so many requests have left."""
    carried = asyncio.create_task(world.engine.execute(plan, order))
    await world.until(lambda: len(world.server.ledger.executed) >= posts)
    await start_again(world)
    await asyncio.gather(carried, return_exceptions=True)


@pytest.mark.fault("90", "104")
async def test_the_line_drops_in_the_middle_and_the_rest_is_offered(big: World) -> None:
    plan = rebooting(big, 9)
    await _interrupted_after(big, plan, posts=3, order=Order(in_flight=1, stop_after=4))
    run = the_run(big)
    posts = len(big.server.ledger.posts)
    assert (run.state, run.id, run.order) == (RunState.INTERRUPTED, plan.id, Order(in_flight=1, stop_after=4))
    assert run.plan == plan, "the same requests, tokens and VMs as they were seen"
    assert run.count(TargetState.WAITING) == 9 - posts
    assert run.elapsed_s(big.clock.monotonic()) is None
    sent = await big.engine.resume(run.id, order=Order(max_parallel=2))
    assert len(sent) == 9
    await big.until(lambda: the_run(big).state is RunState.ENDED)
    assert (the_run(big).order.max_parallel, the_run(big).count(TargetState.DONE)) == (2, 9)
    assert executed(big) == Counter(step.vm.id for step in plan.steps)


async def test_left_as_it_is_it_is_not_offered_again(big: World) -> None:
    plan = rebooting(big, 5)
    await _interrupted_after(big, plan, posts=2, order=Order(in_flight=1))
    posts = len(big.server.ledger.posts)
    await big.engine.dismiss_run(plan.id)
    await big.until(lambda: the_run(big).state is RunState.ENDED)
    run = the_run(big)
    assert (run.message, run.count(TargetState.LEFT_OUT), run.count(TargetState.DONE)) == (
        "left as it is",
        5 - posts,
        posts,
    )
    with pytest.raises(UsageError):
        await big.engine.resume(plan.id)
    await start_again(big)
    assert big.engine.update.runs == ()
    assert len(big.server.ledger.posts) == posts


async def test_an_aborted_run_is_not_offered_again(big: World) -> None:
    plan = rebooting(big, 5)
    carried = asyncio.create_task(big.engine.execute(plan, Order(in_flight=1)))
    await eventually(lambda: len(big.server.ledger.executed) == 1)
    run = big.engine.run(plan.id)
    assert run is not None
    run.abort()
    await big.until(carried.done)
    await start_again(big)
    assert big.engine.update.runs == ()


async def test_what_was_refused_before_its_request_is_told_by_the_next_start_too(big: World) -> None:
    plan = rebooting(big, 4)
    gone, locked = plan.steps[0].vm, plan.steps[1].vm
    big.cloud.delete(gone.id)
    big.cloud.lock(locked.id)
    await _interrupted_after(big, plan, posts=1, order=Order(in_flight=1))
    run = the_run(big)
    assert states(run) == ["failed", "failed", "active", "waiting"]
    assert [target.message for target in run.targets[:2]] == [
        "the VM no longer exists",
        "changed since you looked: now locked",
    ]
    await gone_on(big)
    assert states(the_run(big)) == ["failed", "failed", "done", "done"]
    assert len(big.server.ledger.posts) == 2


async def test_the_run_of_a_living_program_is_not_offered_until_it_dies(
    make_world: Callable[..., World], senders: Senders
) -> None:
    world = make_world(vms=60)
    ids = [vm.id for vm in world.cloud.vms() if vm.status == "running" and not vm.locked][:6]
    world.server.faults.always("POST", faults.hang(carried_out=True))
    pid = senders.start(Job(world.server.url, str(world.state_dir), ids[0], others=tuple(ids[1:])))
    await eventually(lambda: len(world.server.ledger.posts) == 4)
    await world.engine.start()
    assert world.engine.update.runs == ()
    await world.engine.reread_journal()
    assert world.engine.update.runs == ()
    os.kill(pid, signal.SIGKILL)
    assert senders.next() == {"is": "sending"}
    assert senders.next() == {"status": signal.SIGKILL}
    senders.bury()
    await world.engine.reread_journal()
    assert states(the_run(world)) == ["active"] * 4 + ["waiting"] * 2
    await world.engine.stop()


async def test_two_programs_do_not_go_on_with_one_run(big: World) -> None:
    plan = rebooting(big, 6)
    await _interrupted_after(big, plan, posts=2, order=Order(in_flight=1))
    _give_away(big, plan.id, pid=os.getppid())
    posts = len(big.server.ledger.posts)
    with pytest.raises(UsageError, match="another cftui goes on with it"):
        await big.engine.resume(plan.id)
    assert big.engine.update.runs == ()
    assert len(big.server.ledger.posts) == posts


async def test_whose_run_was_taken_over_sends_nothing_more_of_it(big: World) -> None:
    """A program that was stopped for an hour, and continued."""
    plan = rebooting(big, 6)
    carried = asyncio.create_task(big.engine.execute(plan, Order(in_flight=1)))
    await eventually(lambda: len(big.server.ledger.executed) == 1)
    _give_away(big, plan.id, pid=os.getppid())
    await big.until(lambda: carried.done())
    assert len(big.server.ledger.posts) == 1
    assert {one.reason for one in await carried if one.stage is Stage.NOT_SENT} == {"journal"}


async def test_read_only_it_is_shown_and_cannot_be_gone_on_with(big: World) -> None:
    plan = rebooting(big, 4)
    await _interrupted_after(big, plan, posts=1, order=Order(in_flight=1))
    await start_again(big, is_read_only=True)
    assert the_run(big).state is RunState.INTERRUPTED
    with pytest.raises(ReadOnlyError):
        await big.engine.resume(plan.id)
    assert the_run(big).state is RunState.INTERRUPTED


async def test_one_request_to_one_vm_is_no_run(world: World) -> None:
    await world.send(world.named(), ActionType.REBOOT)
    with closing(sqlite3.connect(world.state_dir / "journal.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM run").fetchone() == (0,)


async def test_the_run_is_on_disk_before_its_first_request(big: World) -> None:
    found: list[int] = []

    def look(_: object) -> None:
        with closing(sqlite3.connect(big.state_dir / "journal.sqlite3")) as connection:
            found.append(connection.execute("SELECT count(*) FROM run WHERE state = 'open'").fetchone()[0])

    big.server.ledger.on_post = look
    await big.engine.execute(rebooting(big, 3))
    assert found == [1, 1, 1]


async def test_a_run_that_cannot_be_written_down_sends_nothing(big: World) -> None:
    with closing(sqlite3.connect(big.state_dir / "journal.sqlite3")) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON run BEGIN SELECT RAISE(ABORT, 'no room'); END")
        connection.commit()
    sent = await big.engine.execute(rebooting(big, 3))
    assert [(one.stage, one.reason) for one in sent] == [(Stage.NOT_SENT, "journal")] * 3
    assert big.server.ledger.posts == ()


def _give_away(world: World, run_id: str, *, pid: int) -> None:
    """Another living program goes on with it."""
    with closing(sqlite3.connect(world.state_dir / "journal.sqlite3")) as connection:
        connection.execute("UPDATE run SET pid = ?, seen = seen + 1 WHERE id = ?", (pid, run_id))
        connection.commit()


@pytest.mark.parametrize(("silent_s", "is_offered"), [(60, False), (3600, True)])
async def test_on_another_machine_it_is_offered_once_its_program_is_silent(
    big: World, silent_s: float, is_offered: bool
) -> None:
    plan = rebooting(big, 3)
    await _interrupted_after(big, plan, posts=1, order=Order(in_flight=1))
    with closing(sqlite3.connect(big.state_dir / "journal.sqlite3")) as connection:
        seen = big.clock.now().timestamp() - silent_s
        connection.execute("UPDATE run SET host = 'elsewhere', seen = ?", (seen,))
        connection.commit()
    await start_again(big)
    assert bool(big.engine.update.runs) == is_offered


async def test_a_program_says_that_it_carries_it_out(big: World) -> None:
    def seen() -> float:
        with closing(sqlite3.connect(big.state_dir / "journal.sqlite3")) as connection:
            return float(connection.execute("SELECT seen FROM run").fetchone()[0])

    carried = asyncio.create_task(big.engine.execute(rebooting(big, 6), Order(in_flight=1)))
    await eventually(lambda: len(big.server.ledger.executed) == 1)
    before = seen()
    await big.pass_time(130)
    await eventually(lambda: seen() >= before + 60)
    await big.engine.stop()
    await carried


@pytest.mark.fault("80")
async def test_when_the_journal_is_gone_the_rest_is_left_out(big: World) -> None:
    """Nobody could tell any more what was sent; what is known here is written anew, and the run ends."""
    plan = rebooting(big, 3)
    carried = asyncio.create_task(big.engine.execute(plan, Order(in_flight=1)))
    await eventually(lambda: len(big.server.ledger.executed) == 1)
    (big.state_dir / "journal.sqlite3").unlink()
    await big.until(lambda: the_run(big).state is RunState.ENDED)
    await carried
    assert (states(the_run(big))[0], the_run(big).count(TargetState.DONE)) == ("done", 1)
    assert {one.reason for one in await carried if one.stage is Stage.NOT_SENT} == {"journal"}
    assert len(big.server.ledger.posts) == 1
    await start_again(big)
    assert big.engine.update.runs == ()
