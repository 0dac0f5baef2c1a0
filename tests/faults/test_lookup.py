"""What becomes of a POST whose answer was lost, under every weather: the engine against the simulated cloud."""

from __future__ import annotations

import pytest

from cftui.api import requests
from cftui.api.requests import ActionRequest
from cftui.cli.exit_codes import ExitCode, of_outcome
from cftui.fleet import effects
from cftui.fleet.history import Finding, Stage, Submission
from cftui.fleet.rows import ActionType
from cftui.operations.journal import read_journal
from cftui.simulator import faults
from tests.faults.conftest import BeginWorld
from tests.faults.rewriting import ACTION_LISTS, leap
from tests.operations.conftest import World


async def lose(
    world: World, what: ActionType | ActionRequest = ActionType.REBOOT, *, carried_out: bool = True
) -> Submission:
    """Send one whose answer never comes."""
    world.server.faults.next("POST", faults.close(carried_out=carried_out))
    sent = await world.send(world.named(), what)
    assert sent.stage is Stage.UNKNOWN
    return sent


def kept(world: World) -> Submission:
    (entry,) = read_journal(world.state_dir / "journal.sqlite3")
    return entry.submission


@pytest.mark.fault("34")
async def test_nothing_is_found_out_while_the_cloud_is_dark(world: World) -> None:
    """For longer than a late arrival is watched for; there is no verdict before a good read."""
    sent = await lose(world)
    world.server.refuse_connections()
    await leap(world, 240)
    told = world.now(sent)
    assert (told.stage, told.finding, told.is_settled) == (Stage.UNKNOWN, Finding.NONE, False)
    assert told.message == "outcome still unknown; the cloud has been out of reach for 3 m 00 s"
    assert kept(world) == told
    await leap(world, 1200)
    assert world.now(sent).message == "outcome still unknown; the cloud has been out of reach for 20 m 00 s"
    world.server.resume()
    ended = await world.ended(sent, within_s=90)
    assert (ended.finding, ended.message) == (Finding.PROBABLE, "very likely yours, not proven: completed")
    assert len(world.server.ledger.posts) == 1


@pytest.mark.fault("34")
async def test_after_darkness_no_trace_takes_a_whole_list(world: World) -> None:
    sent = await lose(world, carried_out=False)
    world.server.refuse_connections()
    await leap(world, 1200)
    world.server.resume()
    ended = await world.ended(sent, within_s=90)
    assert ended.finding is Finding.ABSENT
    await leap(world, 600)
    world.cloud.start_foreign_action(sent.vm_id, "reboot")
    await world.until(lambda: world.now(sent).finding is Finding.LATE, within_s=40)
    assert world.now(sent).message.startswith("it did arrive late: very likely yours")


@pytest.mark.fault("34", "40")
async def test_a_start_in_the_dark_says_the_same_and_goes_on(world: World) -> None:
    sent = await lose(world)
    world.server.refuse_connections()
    await leap(world, 90)
    await world.engine.stop()
    world.engine = world.make_engine()
    await world.engine.start()
    await leap(world, 30)
    assert world.now(sent).message.startswith("outcome still unknown; the cloud has been out of reach")
    world.server.resume()
    ended = await world.ended(sent, within_s=90)
    assert ended.message == "very likely yours, not proven: completed"


@pytest.mark.fault("34")
async def test_a_list_that_fails_gives_no_verdict(world: World) -> None:
    sent = await lose(world, carried_out=False)
    world.server.faults.always(ACTION_LISTS, faults.status(500, "oops"))
    await leap(world, 300)
    assert (world.now(sent).finding, world.now(sent).is_settled) == (Finding.NONE, False)
    asked = world.server.ledger.count(path="/api/v1/actions")
    await leap(world, 300)
    assert world.server.ledger.count(path="/api/v1/actions") - asked <= 300 / 15
    world.server.faults.clear()
    assert (await world.ended(sent, within_s=90)).finding is Finding.ABSENT


@pytest.mark.fault("35")
async def test_a_list_that_lags_is_waited_for(begin_world: BeginWorld) -> None:
    world = await begin_world(quirks={"late-actions": "20"})
    sent = await lose(world)
    for _ in range(40):
        await world.pass_time(1)
        assert world.now(sent).finding in (Finding.NONE, Finding.PROBABLE)
    assert world.now(sent).finding is Finding.PROBABLE


@pytest.mark.fault("37")
async def test_two_that_fit_are_both_told_and_none_is_picked(world: World) -> None:
    sent = await lose(world)
    await world.pass_time(3)
    world.cloud.start_foreign_action(sent.vm_id, "reboot")
    await world.until(lambda: world.now(sent).finding is Finding.SEVERAL, within_s=40)
    assert world.now(sent).message.startswith("several fit (2: ")
    ended = await world.ended(sent, within_s=200)
    assert (ended.stage, ended.key) == (Stage.UNKNOWN, None)
    assert ended.message.endswith("; all completed; which is yours cannot be told")


@pytest.mark.fault("38")
async def test_a_colleagues_action_is_called_likely_and_never_proven(world: World) -> None:
    sent = await lose(world, carried_out=False)
    await world.pass_time(3)
    world.cloud.start_foreign_action(sent.vm_id, "reboot")
    ended = await world.ended(sent, within_s=200)
    assert (ended.stage, ended.finding) == (Stage.UNKNOWN, Finding.PROBABLE)
    assert ended.message == "very likely yours, not proven: completed"


async def test_a_likely_action_is_followed_as_long_as_its_type_may_take(begin_world: BeginWorld) -> None:
    """A snapshot takes longer than a late arrival is watched for; it is not let go half way."""
    world = await begin_world(quirks={"endless-actions": ""})
    sent = await lose(world, requests.snapshot("before-upgrade"))
    await world.until(lambda: world.now(sent).finding is Finding.PROBABLE, within_s=40)
    await leap(world, 1200, step=100)
    assert not world.now(sent).is_settled


@pytest.mark.fault("39")
@pytest.mark.parametrize("quirks", [{}, {"no-global-actions": ""}, {"no-actions": ""}], ids=str)
async def test_a_vm_that_is_deleted_meanwhile_takes_the_answer_with_it(
    begin_world: BeginWorld, quirks: dict[str, str]
) -> None:
    world = await begin_world(quirks=quirks)
    sent = await lose(world, carried_out=False)
    world.cloud.delete(sent.vm_id)
    await world.until(lambda: "not found" in world.now(sent).message, within_s=60)
    assert world.now(sent).message in ("the VM is not found (1 of 5)", "the VM is not found (2 of 5)")
    await world.until(lambda: world.now(sent).is_settled, within_s=200)
    ended = world.now(sent)
    assert (ended.stage, ended.finding, ended.reason) == (Stage.UNKNOWN, Finding.NONE, "gone")
    assert ended.message == "the VM is gone; the outcome of reboot will never be known"
    assert kept(world) == ended
    assert world.engine.update.link.state == "live"


def code_of(submission: Submission) -> ExitCode:
    is_verifiable = effects.is_verifiable(submission.type)
    return of_outcome(submission.stage, is_verifiable=is_verifiable, is_probable=submission.is_probable)


class TestNoListOfActions:
    """Row 108: no action can be read at all, so the VM decides, or nobody."""

    @pytest.mark.fault("108")
    @pytest.mark.parametrize("status", [404, 405, 501])
    async def test_what_was_accepted(self, begin_world: BeginWorld, status: int) -> None:
        world = await begin_world(lambda world: world.server.faults.always(ACTION_LISTS, faults.status(status, "{}")))
        reboot = await world.ended(await world.send(world.named(), ActionType.REBOOT))
        assert (reboot.stage, code_of(reboot)) == (Stage.ACCEPTED, ExitCode.UNFINISHED)
        assert reboot.message == "issued; this cloud lists no actions, so its end cannot be verified"
        power_off = await world.send(world.named(nth=1), ActionType.POWER_OFF)
        await world.pass_time(3)
        assert world.now(power_off).message == "the cloud has no list of its actions; watching the VM instead"
        ended = await world.ended(power_off)
        assert (ended.stage, ended.message) == (Stage.VERIFIED, "seen on the VM: stopped")

    @pytest.mark.fault("108")
    async def test_what_was_lost(self, begin_world: BeginWorld) -> None:
        world = await begin_world(quirks={"no-actions": ""})
        reboot = await world.ended(await lose(world), within_s=60)
        assert (reboot.finding, code_of(reboot)) == (Finding.UNVERIFIABLE, ExitCode.UNKNOWN)
        assert reboot.message == "cannot be found out from here; check the VM before sending again"
        world.server.faults.next("POST", faults.close(carried_out=True))
        power_off = await world.ended(await world.send(world.named(nth=1), ActionType.POWER_OFF), within_s=60)
        assert (power_off.stage, power_off.message) == (Stage.VERIFIED, "seen on the VM: stopped")
        world.server.faults.next("POST", faults.close())
        absent = await world.ended(await world.send(world.named(nth=2), ActionType.POWER_OFF), within_s=60)
        assert absent.finding is Finding.ABSENT
        assert absent.message.startswith("no trace so far")
