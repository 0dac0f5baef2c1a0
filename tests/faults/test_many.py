"""Two hundred at once on a bad day: every VM ends in a named state, the counts add up, a second look tells the same."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from cftui.fleet.history import Stage
from cftui.operations.journal import read_journal
from cftui.operations.runs import OVER, RunState, RunView, TargetState
from cftui.simulator import faults
from cftui.simulator.messages import Request
from tests.operations.conftest import World
from tests.proof.sender import Job, Senders

TARGETS, DIES_AT = 200, 23


@pytest.fixture
def senders() -> Iterator[Senders]:
    """Where the process comes from that dies."""
    with Senders() as made:
        yield made


class BadDay:
    """What becomes of the cloud while the run goes on."""

    def __init__(self, world: World) -> None:
        self.world = world
        idle = [vm.id for vm in world.cloud.vms() if vm.status == "running" and not vm.locked]
        self.ids = [vm_id for vm_id in idle if not world.cloud.vm(vm_id).name.startswith("broken")][:TARGETS]
        assert len(self.ids) == TARGETS
        # Some come before the program dies, and some after.
        early, late = self.ids[12:19], self.ids[120:128]
        self.gone, self.locked, self.stopped = early[:1] + late[:2], early[1:3] + late[2:5], early[3:] + late[5:]
        assert [len(self.gone), len(self.locked), len(self.stopped)] == [3, 5, 7]

    def changes(self) -> None:
        """Between the plan and the requests."""
        for vm_id in self.gone:
            self.world.cloud.delete(vm_id)
        for vm_id in self.locked:
            self.world.cloud.lock(vm_id)
        for vm_id in self.stopped:
            self.world.cloud.set_status(vm_id, "stopped")

    def turns_bad(self) -> None:
        """From 60 requests on it asks to wait, from 100 on it is out of order for a while."""
        server = self.world.server

        def after(posts: int, method: str) -> Callable[[Request], bool]:
            def matches(request: Request) -> bool:
                is_about_one = "/vms/" in request.target
                return request.method == method and is_about_one and len(server.ledger.posts) >= posts

            return matches

        slow_down = faults.status(429, '{"message": "slow down"}', headers={"Retry-After": "12"})
        server.faults.next(after(60, "POST"), slow_down, times=3)
        server.faults.next(after(62, "GET"), slow_down, times=2)
        server.faults.next(after(100, "POST"), faults.status(503, "{}", carried_out=True), times=2)
        server.faults.next(after(102, "POST"), faults.status(503, "{}"), times=3)
        server.faults.next(after(104, "GET"), faults.status(503, "{}"), times=4)


def the_run(world: World) -> RunView:
    (run,) = world.engine.update.runs
    return run


def told(world: World) -> dict[str, tuple[TargetState, str]]:
    """What the run says of each VM."""
    return {target.vm_id: (target.state, target.message) for target in the_run(world).targets}


async def start_again(world: World) -> None:
    await world.engine.stop()
    world.engine = world.make_engine()
    await world.begin()


@pytest.mark.fault("12", "15", "16", "19", "86", "89", "90", "104")
async def test_two_hundred_on_a_bad_day(make_world: Callable[..., World], senders: Senders) -> None:
    world = make_world(vms=320)
    day = BadDay(world)
    ledger = world.server.ledger
    pids: list[int] = []

    def on_post(_: object) -> None:
        if len(ledger.posts) == 1:
            day.changes()
        if len(ledger.posts) >= DIES_AT:
            os.kill(pids[0], signal.SIGKILL)

    ledger.on_post = on_post
    pids.append(senders.start(Job(world.server.url, str(world.state_dir), day.ids[0], others=tuple(day.ids[1:]))))
    assert senders.next() == {"is": "sending"}
    assert senders.next() == {"status": signal.SIGKILL}
    senders.bury()
    ledger.on_post = None

    # The next start tells where it stood, and so does the one after it.
    await world.begin()
    run = the_run(world)
    assert (run.state, len(run.targets), sum(run.counts.values())) == (RunState.INTERRUPTED, TARGETS, TARGETS)
    posts = len(ledger.posts)
    await world.until(lambda: the_run(world).count(TargetState.ACTIVE) == 0)
    first = told(world)
    assert {state for state, _ in first.values()} <= OVER | {TargetState.WAITING}
    await start_again(world)
    assert told(world) == first
    assert len(ledger.posts) == posts, "nothing is sent"

    # Gone on with, on a cloud that turns bad.
    day.turns_bad()
    resumed = asyncio.create_task(world.engine.resume(run.id))
    paused = 0
    for _ in range(600):
        run = the_run(world)
        if run.state is RunState.ENDED:
            break
        if run.state is RunState.PAUSED:
            paused += 1
            found = world.engine.run(run.id)
            assert found is not None
            found.pause(False)
        await world.pass_time(1)
    await resumed
    assert paused, "somebody had to say that it goes on"
    assert world.server.faults.waiting == 0, "all of it happened"
    assert (run.state, run.ended, sum(run.counts.values())) == (RunState.ENDED, TARGETS, TARGETS)
    ended = told(world)
    assert all(message for _, message in ended.values()), "each says how"
    for vm_ids, message in (
        (day.gone, "the VM no longer exists"),
        (day.locked, "changed since you looked: now locked"),
        (day.stopped, "changed since you looked: now stopped"),
    ):
        assert [ended[vm_id] for vm_id in vm_ids] == [(TargetState.FAILED, message)] * len(vm_ids)
    executed = Counter(post.path.split("/")[-2] for post in ledger.executed)
    assert executed <= Counter(day.ids), "each once at most, and none that was not confirmed"
    assert {vm_id for vm_id, (state, _) in ended.items() if state is TargetState.DONE} <= executed.keys()
    unknown = {vm_id for vm_id, (state, _) in ended.items() if state is TargetState.UNKNOWN}
    assert len(unknown) >= 5
    assert executed.keys() <= {vm_id for vm_id, (state, _) in ended.items() if state is TargetState.DONE} | unknown

    # A second look: the journal has a row for each of them, and the next start says the same.
    before = {token: (one.stage, one.message) for token, one in world.engine.view.submissions.items()}
    rows = {kept.submission.token: kept.submission.stage for kept in read_journal(world.state_dir / "journal.sqlite3")}
    assert rows == {step.token: before[step.token][0] for step in run.plan.steps}
    assert Counter(rows.values())[Stage.COMPLETED] == run.count(TargetState.DONE)
    await start_again(world)
    assert world.engine.update.runs == ()
    assert {token: (one.stage, one.message) for token, one in world.engine.view.submissions.items()} == before
    await world.engine.stop()
