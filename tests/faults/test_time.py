"""Clocks that jump, stand still, go through summer time, and differ from the cloud's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import ActionType
from cftui.operations.journal import read_journal
from cftui.operations.state import LinkState
from cftui.simulator import faults
from cftui.tui.cockpit import ProfileBadge
from cftui.tui.standing import banner, standing
from tests.faults.conftest import BeginWorld
from tests.faults.rewriting import leap
from tests.operations.conftest import World
from tests.operations.model_cloud import JumpingClock

YEAR_S = 365 * 86400.0
PROFILE = ProfileBadge("staging", False, "cloud.example", "ops@example.com")


@pytest.fixture
async def world(begin_world: BeginWorld) -> World:
    """A world whose wall clock can be put on or back while the monotonic one goes on."""

    def prepare(world: World) -> None:
        world.clock = JumpingClock(datetime(2026, 11, 24, 3, 14, tzinfo=UTC))
        world.engine = world.make_engine()

    return await begin_world(prepare)


def jump(world: World, seconds: float) -> None:
    assert isinstance(world.clock, JumpingClock)
    world.clock.jump(seconds)


def age_told(world: World) -> str:
    return standing(world.engine.update, PROFILE, world.clock, (), "").age


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.fault("71")
@pytest.mark.parametrize("seconds", [3600, -3600, 10 * YEAR_S, -10 * YEAR_S])
async def test_a_wall_clock_that_jumps_changes_no_duration(world: World, seconds: float) -> None:
    """While one is followed, another one is looked up, and a third is sent afterwards."""
    followed = await world.send(world.named(), ActionType.REBOOT)
    world.server.faults.next("POST", faults.close())
    lost = await world.send(world.named(nth=1), ActionType.REBOOT)
    await world.pass_time(3)
    jump(world, seconds)
    await world.pass_time(20)
    assert (world.now(lost).finding, world.now(lost).is_settled) == (Finding.NONE, False), "30 s have not passed"
    later = await world.send(world.named(nth=2), ActionType.POWER_OFF)
    assert (await world.ended(lost, within_s=30)).finding is Finding.ABSENT
    assert (await world.ended(followed, within_s=60)).stage is Stage.COMPLETED
    assert (await world.ended(later, within_s=60)).stage is Stage.VERIFIED
    told = [one.message for one in world.engine.view.submissions.values()]
    assert not any("stalled" in message for message in told)
    kept = {one.submission.token: one.submission for one in read_journal(world.state_dir / "journal.sqlite3")}
    assert kept[later.token].intended - kept[followed.token].intended == pytest.approx(seconds + 23, abs=1)
    assert {kept[one.token].started_at[-1] for one in (followed, later)} == {"Z"}
    assert world.engine.update.link.state is LinkState.LIVE


@pytest.mark.fault("71", "40")
@pytest.mark.parametrize("seconds", [3600, -3600])
async def test_a_start_after_a_jump_goes_on(world: World, seconds: float) -> None:
    sent = await world.send(world.named(), ActionType.REBOOT)
    await world.engine.stop()
    jump(world, seconds)
    world.engine = world.make_engine()
    await world.engine.start()
    assert (await world.ended(sent, within_s=90)).stage is Stage.COMPLETED


@pytest.mark.fault("72", "94")
async def test_a_machine_that_was_asleep_reads_at_once_and_calls_nothing_stalled(world: World) -> None:
    """Its monotonic clock stood still for two hours; in the cloud they passed."""
    sent = await world.send(world.named(), ActionType.REBOOT)
    await world.pass_time(2)
    await world.until(lambda: world.now(sent).is_settled)
    snapshot = world.cloud.start_foreign_action(world.named(nth=1).id, "snapshot", name="x")
    await world.pass_time(31)
    asked = world.server.ledger.count(path="/api/v1/vms")
    causes: list[str] = []
    subscription = world.engine.subscribe(lambda: causes.append(subscription.take().link.cause))
    subscription.take()
    world.cloud_clock.advance(7200)
    jump(world, 7200)
    await world.pass_time(6)
    assert "resumed after 2 h 00 m; reading again" in causes
    assert world.server.ledger.count(path="/api/v1/vms") == asked + 1
    assert age_told(world) == "live"
    assert world.engine.update.link.cause == ""
    entry = next(one for one in world.engine.view.history if one.vm_id == snapshot.vm_id)
    assert entry.stage is Stage.COMPLETED


@pytest.mark.fault("72")
async def test_what_is_followed_is_not_stalled_by_the_gap(world: World) -> None:
    sent = await world.send(world.named(), ActionType.REBOOT)
    await world.pass_time(2)
    jump(world, 7200)
    await world.pass_time(6)
    assert world.now(sent).stage is Stage.ACCEPTED
    assert world.now(sent).message == "", "the cloud says that it is in progress, and that is all"
    assert (await world.ended(sent)).stage is Stage.COMPLETED


@pytest.mark.fault("72")
async def test_data_from_before_the_gap_is_called_old_while_the_network_is_not_back(world: World) -> None:
    await world.pass_time(2)
    world.server.refuse_connections()
    jump(world, 7200)
    await world.pass_time(6)
    link = world.engine.update.link
    assert link.state is LinkState.OFFLINE
    assert age_told(world) == "data 2 h old"
    line = "".join(part.text for part in banner(world.engine.update, world.clock, "ctrl+r", "Z")[0])
    assert "connection refused" in line
    world.server.resume()
    await world.until(lambda: age_told(world) == "live", within_s=40)


@pytest.mark.fault("72")
async def test_darkness_from_before_the_gap_is_as_old_as_it_is(world: World) -> None:
    world.server.refuse_connections()
    await leap(world, 65, step=5)
    since = world.engine.update.link.since
    jump(world, 7200)
    await world.pass_time(6)
    assert world.engine.update.link.since == pytest.approx(since - 7200)
    world.server.resume()
    await world.until(lambda: age_told(world) == "live", within_s=40)


@pytest.mark.fault("72")
async def test_a_wait_that_the_cloud_asked_for_is_over_when_it_has_passed(world: World) -> None:
    world.server.faults.next("GET /vms?", faults.status(429, "{}", headers={"retry-after": "300"}))
    world.engine.refresh()
    await world.pass_time(1)
    asked = world.server.ledger.count()
    jump(world, 100)
    await world.pass_time(6)
    assert world.server.ledger.count() == asked
    jump(world, 7200)
    await world.pass_time(6)
    assert world.server.ledger.count() > asked


@pytest.mark.fault("73")
async def test_half_past_two_comes_twice_and_is_told_apart(begin_world: BeginWorld, berlin: None) -> None:
    """In the night in which summer time ends; both actions fit a lost answer."""
    begins = datetime(2027, 10, 31, 0, 29, 50, tzinfo=UTC)

    def prepare(world: World) -> None:
        world.clock = JumpingClock(begins)
        world.engine = world.make_engine()
        world.cloud_clock.advance(begins.timestamp() - world.cloud.now())

    world = await begin_world(prepare)
    world.server.faults.next("POST", faults.close(carried_out=True))
    lost = await world.send(world.named(), ActionType.REBOOT)
    world.server.faults.always("/actions", faults.status(500, ""))
    await world.pass_time(10)
    world.cloud_clock.advance(3590)
    jump(world, 3590)
    world.cloud.start_foreign_action(lost.vm_id, "reboot")
    world.server.faults.clear()
    await world.until(lambda: world.now(lost).finding is Finding.SEVERAL, within_s=90)
    assert world.now(lost).message.startswith("several fit (2: 02:29:50 +0200, 02:29:5")
    assert " +0100)" in world.now(lost).message
    starts = [entry.started for entry in world.engine.view.history if entry.vm_id == lost.vm_id]
    assert starts == sorted(starts, reverse=True), "in order of the instants"


@pytest.mark.fault("74")
@pytest.mark.parametrize("ahead_s", [600, -600, 20])
async def test_a_cloud_whose_clock_is_off(begin_world: BeginWorld, ahead_s: float) -> None:
    def prepare(world: World) -> None:
        start = datetime.fromtimestamp(world.cloud.now(), UTC) - timedelta(seconds=ahead_s)
        world.clock = JumpingClock(start)
        world.engine = world.make_engine()

    world = await begin_world(prepare)
    assert world.engine.update.link.skew_s == (ahead_s if abs(ahead_s) > 30 else None)
    before = world.cloud.start_foreign_action(world.named().id, "reboot")
    await world.until(lambda: before.status == "completed", within_s=200)
    await world.pass_time(1)
    world.server.faults.next("POST", faults.close())
    absent = await world.send(world.named(), ActionType.REBOOT)
    world.server.faults.next("POST", faults.close(carried_out=True))
    arrived = await world.send(world.named(nth=1), ActionType.REBOOT)
    assert (await world.ended(absent, within_s=60)).finding is Finding.ABSENT, "the one of before is not it"
    assert (await world.ended(arrived, within_s=90)).finding is Finding.PROBABLE
    assert world.now(arrived).started_at.endswith("Z"), "as received"


@pytest.mark.fault("74")
async def test_a_cloud_that_tells_no_time(begin_world: BeginWorld) -> None:
    world = await begin_world(quirks={"no-date": ""})
    assert world.engine.update.link.skew_s is None
    assert (await world.ended(await world.send(world.named(), ActionType.POWER_OFF))).stage is Stage.VERIFIED
