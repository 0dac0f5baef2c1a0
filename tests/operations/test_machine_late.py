"""A request that was called absent and arrives after all: before it was sent again, and after."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cftui.api import requests
from cftui.fleet.effects import is_verifiable
from cftui.fleet.history import Finding, HistoryEntry, Stage, Submission
from cftui.fleet.rows import ActionType
from cftui.operations.journal import JournalEntry, read_journal
from cftui.operations.plan import Plan, make_plan
from cftui.simulator import faults
from tests.operations.conftest import World


async def absent(world: World, type_: ActionType = ActionType.REBOOT) -> Submission:
    """A request that left no trace so far."""
    world.server.faults.next("POST", faults.close())
    sent = await world.send(world.named(), type_)
    await world.until(lambda: world.now(sent).finding is Finding.ABSENT, within_s=60)
    return world.now(sent)


def again(world: World, first: Submission) -> Plan:
    """Sending it once more, confirmed by name."""
    vm = world.engine.view.vms[first.vm_id]
    pair = (vm, requests.simple(ActionType(first.type)))
    return make_plan([pair], base_url=world.account.base_url, is_resend=True, replaces=first.token)


def line(world: World, submission: Submission) -> HistoryEntry:
    return next(entry for entry in world.engine.view.history if entry.id == submission.token)


def kept(world: World) -> dict[str, JournalEntry]:
    return {entry.submission.token: entry for entry in read_journal(world.state_dir / "journal.sqlite3")}


@pytest.mark.fault("30")
@pytest.mark.parametrize("type_", [ActionType.REBOOT, ActionType.SHUTDOWN])
async def test_a_late_arrival_is_told_and_followed_and_nothing_is_sent(world: World, type_: ActionType) -> None:
    first = await absent(world, type_)
    world.cloud.start_foreign_action(first.vm_id, type_)
    await world.until(lambda: world.now(first).finding is Finding.LATE, within_s=30)
    told = world.now(first)
    assert (told.stage, told.is_settled) == (Stage.UNKNOWN, False), "its VM waits for it again"
    assert told.message == "it did arrive late: very likely yours, not proven: in progress"
    (second,) = await world.engine.execute(again(world, first))
    assert second.stage in (Stage.NOT_SENT, Stage.SKIPPED), "there is news of the first one"

    ended = await world.ended(first)
    shown = is_verifiable(type_)
    assert ended.stage is (Stage.VERIFIED if shown else Stage.UNKNOWN)
    end = "seen on the VM: stopped" if shown else "very likely yours, not proven: completed"
    assert ended.message == f"it did arrive late: {end}"
    assert kept(world)[first.token].submission == ended
    assert len(world.server.ledger.posts) == 1


@pytest.mark.fault("31")
@pytest.mark.parametrize("is_over", [False, True], ids=["while the second runs", "after the second has ended"])
async def test_both_lines_say_so_when_the_first_arrives_after_the_second_was_sent(world: World, is_over: bool) -> None:
    first = await absent(world)
    (second,) = await world.engine.execute(again(world, first))
    if is_over:
        await world.ended(second)
    else:
        await world.pass_time(3)
    assert "twice" not in line(world, first).message + line(world, second).message
    world.cloud.start_foreign_action(first.vm_id, ActionType.REBOOT)
    await world.until(lambda: world.now(first).finding is Finding.LATE, within_s=30)
    for one in (first, second):
        assert line(world, one).message.startswith("very likely ran twice: 03:1"), line(world, one)
    await world.ended(first)
    assert (await world.ended(second)).stage is Stage.COMPLETED
    for one in (first, second):
        assert "very likely ran twice: " in line(world, one).message

    rows = kept(world)
    assert rows[second.token].submission.replaces == first.token
    assert rows[first.token].submission.finding is Finding.LATE
    await world.engine.stop()
    world.engine = world.make_engine()
    await world.engine.start()
    for one in (first, second):
        assert "very likely ran twice: " in line(world, one).message, "the next start knows it too"
    assert len(world.server.ledger.posts) == 2


async def test_the_second_one_stamped_anew_is_no_late_arrival(make_world: Callable[..., World]) -> None:
    """Its start moves when its work begins; the new time must not be taken for the first one's action."""
    world = await make_world(quirks={"restamped-start": ""}).begin()
    first = await absent(world)
    (second,) = await world.engine.execute(again(world, first))
    await world.ended(second)
    await world.pass_time(20)
    assert world.now(first).finding is Finding.ABSENT
    await world.engine.stop()


async def test_long_after_it_was_called_absent_a_trace_still_keeps_it_from_being_sent_again(world: World) -> None:
    """When it is watched no more, and what it began is on a far page of the list."""
    first = await absent(world)
    for _ in range(2):
        world.cloud_clock.advance(600)
        world.clock.turn(600)
        await world.pass_time(2)
    world.cloud.start_foreign_action(first.vm_id, ActionType.REBOOT)
    world.cloud_clock.advance(120)
    world.clock.turn(120)
    await world.pass_time(2)
    assert world.now(first).finding is Finding.ABSENT, "nobody was watching any more"
    (second,) = await world.engine.execute(again(world, first))
    assert (second.stage, second.reason) == (Stage.NOT_SENT, "arrived")
    assert len(world.server.ledger.posts) == 1


async def test_a_start_far_in_the_future_does_not_hide_what_a_lost_answer_began(world: World) -> None:
    """Somebody's action with an odd time is newer than everything to come; it must not make that look old."""
    odd = world.cloud.start_foreign_action(world.named(nth=3).id, ActionType.SNAPSHOT)
    odd.started += 10 * 365 * 86400.0
    world.server.faults.next("POST", faults.close(carried_out=True))
    sent = await world.send(world.named(), ActionType.REBOOT)
    await world.until(lambda: world.now(sent).finding is not Finding.NONE, within_s=60)
    assert world.now(sent).finding is Finding.PROBABLE


async def test_a_shutdown_is_not_verified_by_the_power_off_that_followed_it(make_world: Callable[..., World]) -> None:
    world = await make_world(vms=200).begin()
    shutdown = await world.send(world.row("stubborn-01"), ActionType.SHUTDOWN)
    await world.until(lambda: world.now(shutdown).stage is Stage.COMPLETED)
    await world.pass_time(3)
    off = await world.send(world.engine.view.vms[shutdown.vm_id], ActionType.POWER_OFF)
    assert (await world.ended(off)).stage is Stage.VERIFIED
    ended = await world.ended(shutdown)
    assert (ended.stage, ended.message) == (Stage.COMPLETED, "completed; power_off was sent after it")
    await world.engine.stop()
