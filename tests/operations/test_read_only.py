"""Read-only: for good, and lifted for a time; the object that could POST exists only while it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from cftui.api import requests
from cftui.errors import ReadOnlyError, UsageError
from cftui.fleet.history import Stage
from cftui.fleet.rows import ActionType
from cftui.operations.clients import MAX_WRITING_S
from cftui.operations.engine import Engine
from cftui.operations.order import Order
from cftui.operations.plan import make_plan
from cftui.operations.state import LinkState
from cftui.simulator import faults
from tests.operations.conftest import World, eventually


def posters(engine: Engine) -> list[object]:
    """Every object that the engine holds and that could POST."""
    held = vars(engine._clients).values()
    return [one for one in held if hasattr(one, "submit")]


@pytest.fixture
async def careful(make_world: Callable[..., World]) -> AsyncIterator[World]:
    """A session that begins read-only."""
    world = make_world()
    world.engine = world.make_engine(starts_read_only=True)
    await world.begin()
    yield world
    await world.engine.stop()


@pytest.mark.fault("S26")
@pytest.mark.parametrize(
    "kind", [{"is_read_only": True, "read_only_source": "--read-only"}, {"starts_read_only": True}]
)
async def test_nothing_that_could_post_exists(make_world: Callable[..., World], kind: dict[str, Any]) -> None:
    world = make_world()
    world.engine = world.make_engine(**kind)
    await world.begin()
    assert posters(world.engine) == []
    assert world.engine.update.is_read_only
    for type_ in ActionType:
        asked = requests.simple(type_) if type_ not in ("resize", "rename", "snapshot") else requests.rename("other")
        with pytest.raises(ReadOnlyError):
            await world.send(world.named(), asked)
    await world.engine.stop()
    assert world.server.ledger.posts == ()


@pytest.mark.fault("S26")
async def test_what_is_locked_for_good_says_by_what_and_cannot_be_lifted(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.engine = world.make_engine(is_read_only=True, starts_read_only=True, read_only_source="profile 'prod'")
    await world.begin()
    with pytest.raises(ReadOnlyError, match="profile 'prod'"):
        await world.engine.allow_writing(60)
    assert posters(world.engine) == []
    assert world.engine.update.locked_by == "profile 'prod'"
    await world.engine.stop()


async def test_it_is_lifted_for_a_time_and_ends_by_itself(careful: World) -> None:
    await careful.engine.allow_writing(600)
    update = careful.engine.update
    assert (update.is_read_only, update.writes_until) == (False, careful.clock.monotonic() + 600)
    sent = await careful.send(careful.named(), ActionType.REBOOT)
    assert sent.stage is Stage.ACCEPTED
    await careful.pass_time(599)
    assert not careful.engine.update.is_read_only
    await careful.pass_time(2)
    update = careful.engine.update
    assert (update.is_read_only, update.writes_until) == (True, None)
    assert posters(careful.engine) == []
    with pytest.raises(ReadOnlyError, match="read-only"):
        await careful.send(careful.named(nth=1), ActionType.REBOOT)
    assert len(careful.server.ledger.posts) == 1
    assert careful.now(sent).stage is Stage.COMPLETED, "what was sent is followed to its end"


async def test_a_later_time_replaces_the_one_before(careful: World) -> None:
    await careful.engine.allow_writing(600)
    await careful.engine.allow_writing(30)
    await careful.pass_time(31)
    assert careful.engine.update.is_read_only
    await careful.engine.allow_writing(30)
    await careful.engine.allow_writing(120)
    await careful.pass_time(60)
    assert not careful.engine.update.is_read_only


async def test_it_can_be_ended_at_once(careful: World) -> None:
    await careful.engine.allow_writing(600)
    await careful.engine.forbid_writing()
    assert careful.engine.update.is_read_only
    assert posters(careful.engine) == []
    await careful.engine.forbid_writing()


async def test_what_was_refused_once_is_not_offered_again_by_another_client(careful: World) -> None:
    await careful.engine.allow_writing(600)
    careful.server.faults.always("*", faults.status(401, '{"message": "no"}'))
    await careful.until(lambda: careful.engine.update.link.state is LinkState.UNAUTHORISED, within_s=60)
    asked = careful.server.ledger.count()
    await careful.engine.forbid_writing()
    await careful.engine.allow_writing(600)
    (sent,) = await careful.engine.execute(careful.plan(careful.named(), ActionType.REBOOT))
    assert sent.stage is Stage.NOT_SENT
    assert careful.server.ledger.count() == asked


async def test_a_run_of_an_earlier_time_goes_on_in_no_later_one_whatever_the_password(careful: World) -> None:
    await careful.engine.allow_writing(600)
    vms = [careful.named(nth=index) for index in range(3)]
    plan = make_plan([(vm, requests.simple(ActionType.REBOOT)) for vm in vms], base_url=careful.account.base_url)
    run = asyncio.create_task(careful.engine.execute(plan, Order(stagger_s=20)))
    await eventually(lambda: len(careful.server.ledger.posts) == 1)
    await careful.engine.set_credentials(careful.account.password)
    await careful.engine.forbid_writing()
    await careful.engine.allow_writing(600)
    await careful.pass_time(60)
    sent = await run
    assert [one.stage for one in sent[1:]] == [Stage.NOT_SENT] * 2
    assert len(careful.server.ledger.posts) == 1


@pytest.mark.parametrize("seconds", [0.0, -1.0, MAX_WRITING_S + 1, float("inf"), float("nan")])
async def test_only_sensible_times_are_taken(careful: World, seconds: float) -> None:
    with pytest.raises(UsageError):
        await careful.engine.allow_writing(seconds)
    assert careful.engine.update.is_read_only


async def test_a_session_that_may_write_has_nothing_to_lift(world: World) -> None:
    with pytest.raises(UsageError):
        await world.engine.allow_writing(60)
    with pytest.raises(UsageError):
        await world.engine.forbid_writing()
    assert not world.engine.update.is_read_only


@pytest.mark.fault("S26")
async def test_when_the_time_is_over_a_running_plan_sends_no_more(careful: World) -> None:
    """The request under way gets its answer; the others are not sent, and say why; a new time does not revive them."""
    await careful.engine.allow_writing(600)
    careful.server.faults.next("POST", faults.delay(0.3))
    vms = [careful.named(nth=number) for number in range(4)]
    plan = make_plan([(vm, requests.simple(ActionType.REBOOT)) for vm in vms], base_url=careful.account.base_url)
    run = asyncio.create_task(careful.engine.execute(plan, Order(max_parallel=1)))
    await eventually(lambda: len(careful.server.ledger.posts) == 1)
    await careful.engine.forbid_writing()
    await careful.engine.allow_writing(600)
    sent = await run
    assert [one.stage for one in sent] == [Stage.ACCEPTED, *[Stage.NOT_SENT] * 3]
    assert {(one.reason, one.message) for one in sent[1:]} == {
        ("read-only", "read-only again: the time for changes is over")
    }
    assert len(careful.server.ledger.posts) == 1
    again = await careful.send(careful.row(vms[1].name), ActionType.REBOOT)
    assert again.stage is Stage.ACCEPTED


@pytest.mark.fault("S26", "72")
async def test_a_machine_that_slept_wakes_read_only(careful: World) -> None:
    """Its monotonic clock stood still meanwhile; the wall clock did not."""
    await careful.engine.allow_writing(600)
    clock: Any = careful.clock
    now: Callable[[], datetime] = clock.now
    clock.now = lambda: now() + timedelta(hours=2)
    assert careful.engine.update.is_read_only
    with pytest.raises(ReadOnlyError, match="the time for changes is over"):
        await careful.send(careful.named(), ActionType.REBOOT)
    await careful.pass_time(6)
    assert posters(careful.engine) == []
    assert careful.server.ledger.posts == ()


async def test_other_credentials_keep_what_was_allowed(careful: World) -> None:
    await careful.engine.allow_writing(600)
    await careful.engine.set_credentials(careful.account.password)
    sent = await careful.send(careful.named(), ActionType.REBOOT)
    assert sent.stage is Stage.ACCEPTED
    await careful.engine.forbid_writing()
    await careful.engine.set_credentials(careful.account.password)
    assert posters(careful.engine) == []
