"""The engine against the simulated cloud over HTTP: each action to its end, and what every fault makes of it."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cftui.api import requests
from cftui.api.errors import Unauthorized, Unreachable
from cftui.errors import ReadOnlyError, UsageError
from cftui.fleet.history import Finding, Stage, Submission
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.journal import read_journal
from cftui.operations.order import Order
from cftui.operations.plan import Plan, make_plan
from cftui.operations.state import LinkState
from cftui.simulator import faults
from tests.operations.conftest import World, eventually

OFF_FIRST = {ActionType.POWER_ON, ActionType.RESIZE}


def request(type_: ActionType) -> requests.ActionRequest:
    match type_:
        case ActionType.RESIZE:
            return requests.resize(cpu=16, ram_gb=64)
        case ActionType.RENAME:
            return requests.rename("renamed-01")
        case ActionType.SNAPSHOT:
            return requests.snapshot("before-upgrade")
        case _:
            return requests.simple(type_)


@pytest.mark.parametrize("type_", ActionType)
async def test_each_action_from_confirmation_to_its_end(world: World, type_: ActionType) -> None:
    vm = world.named("stopped" if type_ in OFF_FIRST else "running")
    sent = await world.send(vm, request(type_))
    assert sent.stage is Stage.ACCEPTED
    assert world.engine.view.doing[vm.id].stage is Stage.ACCEPTED

    ended = await world.ended(sent)
    cannot_be_verified = type_ in (ActionType.REBOOT, ActionType.POWER_CYCLE, ActionType.PASSWORD_RESET)
    assert ended.stage is (Stage.COMPLETED if cannot_be_verified else Stage.VERIFIED), ended
    assert ended.status == "completed"

    (post,) = world.server.ledger.posts
    assert post.position == 1, "a fresh connection for every POST"
    assert json.loads(post.body) == request(type_).body
    (kept,) = read_journal(world.state_dir / "journal.sqlite3")
    assert kept.submission == ended


async def test_the_intent_is_on_disk_before_the_post(world: World) -> None:
    world.server.faults.next("POST", faults.hang())
    plan = world.plan(world.named(), ActionType.REBOOT)
    run = asyncio.create_task(world.engine.execute(plan))
    await eventually(lambda: len(world.server.ledger.posts) == 1)
    (kept,) = read_journal(world.state_dir / "journal.sqlite3")
    assert kept.submission.token == plan.steps[0].token
    assert kept.submission.stage is Stage.SENDING
    run.cancel()


async def test_a_stubborn_vm_is_told_to_run_on(make_world: Callable[..., World]) -> None:
    world = await make_world(vms=200).begin()
    sent = await world.send(world.row("stubborn-01"), ActionType.SHUTDOWN)
    await world.until(lambda: world.now(sent).stage is Stage.COMPLETED)
    await world.until(lambda: world.now(sent).message == "but the VM is still running", within_s=4)
    assert not world.now(sent).is_settled
    await world.engine.stop()


@pytest.mark.fault("112")
async def test_a_broken_vm_ends_errored_without_a_reason(make_world: Callable[..., World]) -> None:
    world = await make_world(vms=200).begin()
    sent = await world.send(world.row("broken-01"), ActionType.REBOOT)
    ended = await world.ended(sent)
    assert ended.stage is Stage.ERRORED
    assert ended.message.endswith("the API gave no reason")
    await world.engine.stop()


async def test_a_vm_that_changed_since_it_was_seen_is_not_acted_on(world: World) -> None:
    vm = world.named()
    world.cloud.set_status(vm.id, "stopped")
    sent = await world.send(vm, ActionType.REBOOT)
    assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "changed")
    assert sent.message == "changed since you looked: now stopped"
    assert world.server.ledger.posts == ()
    assert world.engine.view.vms[vm.id].status == "stopped"


async def test_a_vm_that_is_gone_is_not_acted_on(world: World) -> None:
    vm = world.named()
    world.cloud.delete(vm.id)
    sent = await world.send(vm, ActionType.REBOOT)
    assert (sent.stage, sent.message) == (Stage.NOT_SENT, "the VM no longer exists")
    assert vm.id not in world.engine.view.vms
    assert world.server.ledger.posts == ()


async def test_a_second_action_on_one_vm_is_refused_while_the_first_is_open(world: World) -> None:
    vm = world.named()
    await world.send(vm, ActionType.REBOOT)
    second = await world.send(world.engine.view.vms[vm.id], ActionType.REBOOT)
    assert second.stage is Stage.SKIPPED
    assert "reboot is in progress" in second.message
    assert len(world.server.ledger.posts) == 1


async def test_another_program_on_the_same_journal_is_refused_too(world: World) -> None:
    vm = world.named()
    await world.send(vm, ActionType.REBOOT)
    other = world.make_engine()
    await other.start()
    await other.first_reading()
    plan = world.plan(other.view.vms[vm.id], ActionType.REBOOT)
    (second,) = await other.execute(plan)
    await other.stop()
    assert second.stage is Stage.SKIPPED
    assert len(world.server.ledger.posts) == 1


@pytest.mark.parametrize(
    ("fault", "stage", "reason"),
    [
        (faults.status(422, '{"id": "x", "message": "name is already used"}'), Stage.REJECTED, "422"),
        (faults.status(403, '{"message": "not in demo mode"}'), Stage.REJECTED, "403"),
        (faults.status(429, "{}", headers={"retry-after": "7"}), Stage.REJECTED, "429"),
        (faults.status(500, "<html>oops</html>"), Stage.UNKNOWN, "500"),
        (faults.html_502(), Stage.UNKNOWN, "502"),
        (faults.reset(carried_out=True), Stage.UNKNOWN, ""),
        (faults.close(carried_out=True), Stage.UNKNOWN, ""),
        (faults.redirect("http://127.0.0.1:1/elsewhere"), Stage.UNKNOWN, ""),
        (faults.truncated(), Stage.ACCEPTED, ""),
        (faults.body("<html>captive</html>"), Stage.ACCEPTED, ""),
        (faults.garbage(), Stage.UNKNOWN, ""),
    ],
    ids=lambda value: getattr(value, "name", None) or str(value),
)
async def test_the_verdict_of_a_broken_exchange(world: World, fault: faults.Fault, stage: Stage, reason: str) -> None:
    world.server.faults.next("POST", fault)
    sent = await world.send(world.named(), ActionType.REBOOT)
    assert sent.stage is stage, sent
    assert reason in ("", sent.reason)
    assert len(world.server.ledger.posts) == 1, "never sent again by itself"


async def test_a_lost_answer_is_looked_up_and_found(world: World) -> None:
    world.server.faults.next("POST", faults.close(carried_out=True))
    vm = world.named()
    sent = await world.send(vm, ActionType.REBOOT)
    assert sent.stage is Stage.UNKNOWN
    again = await world.send(world.engine.view.vms[vm.id], ActionType.REBOOT)
    assert again.stage is Stage.SKIPPED
    ended = await world.ended(sent)
    assert (ended.stage, ended.finding) == (Stage.UNKNOWN, Finding.PROBABLE)
    assert ended.message == "very likely yours, not proven: completed"
    assert len(world.server.ledger.posts) == 1


async def test_a_lost_answer_is_proven_by_the_vm(world: World) -> None:
    world.server.faults.next("POST", faults.reset(carried_out=True))
    sent = await world.send(world.named(), ActionType.POWER_OFF)
    ended = await world.ended(sent)
    assert (ended.stage, ended.message) == (Stage.VERIFIED, "seen on the VM: stopped")


async def test_a_request_without_effect_leaves_no_trace(world: World) -> None:
    world.server.faults.next("POST", faults.close())
    sent = await world.send(world.named(), ActionType.REBOOT)
    ended = await world.ended(sent, within_s=45)
    assert (ended.stage, ended.finding) == (Stage.UNKNOWN, Finding.ABSENT)
    assert "no trace so far" in ended.message


async def test_nothing_is_sent_when_nobody_listens(world: World) -> None:
    vm = world.named()
    world.server.refuse_connections()
    sent = await world.send(vm, ActionType.REBOOT)
    assert sent.stage is Stage.NOT_SENT
    assert "connection refused" in sent.message


@pytest.mark.parametrize("quirk", ["no-global-actions", "no-actions", "trailing-commas", "restamped-start", "no-date"])
async def test_other_clouds_are_followed_too(make_world: Callable[..., World], quirk: str) -> None:
    world = await make_world(quirks={quirk: ""}).begin()
    sent = await world.send(world.named(), ActionType.POWER_OFF)
    ended = await world.ended(sent)
    assert (ended.stage, ended.message.rpartition("; ")[2].removeprefix("seen on the VM: ")) == (
        Stage.VERIFIED,
        "stopped",
    )
    await world.engine.stop()


async def test_without_action_lists_a_reboot_stays_accepted(make_world: Callable[..., World]) -> None:
    world = await make_world(quirks={"no-actions": ""}).begin()
    ended = await world.ended(await world.send(world.named(), ActionType.REBOOT))
    assert ended.stage is Stage.ACCEPTED
    assert "cannot be verified" in ended.message
    await world.engine.stop()


async def test_a_run_of_many_sends_each_once_and_not_more_at_a_time(world: World) -> None:
    vms = [world.named(nth=index) for index in range(8)]
    plan = make_plan([(vm, requests.simple(ActionType.REBOOT)) for vm in vms], base_url=world.account.base_url)
    sent = await world.engine.execute(plan, Order(max_parallel=3))
    assert [one.vm_id for one in sent] == [vm.id for vm in vms]
    assert {one.stage for one in sent} == {Stage.ACCEPTED}
    assert sorted(post.path.split("/")[-2] for post in world.server.ledger.posts) == sorted(vm.id for vm in vms)
    ended = [await world.ended(one) for one in sent]
    assert {one.stage for one in ended} == {Stage.COMPLETED}


async def test_a_run_stops_where_it_was_told_to(world: World) -> None:
    vms = [world.named(nth=index) for index in range(4)]
    world.server.faults.next("POST", faults.status(422, '{"message": "no"}'))
    plan = make_plan([(vm, requests.simple(ActionType.REBOOT)) for vm in vms], base_url=world.account.base_url)
    sent = await world.engine.execute(plan, Order(max_parallel=1, stop_after=1))
    assert [one.stage for one in sent] == [Stage.REJECTED, *[Stage.NOT_SENT] * 3]
    assert len(world.server.ledger.posts) == 1


async def test_read_only_has_nothing_that_could_post(world: World) -> None:
    other = world.make_engine(is_read_only=True)
    await other.start()
    await other.first_reading()
    with pytest.raises(ReadOnlyError):
        await other.execute(world.plan(world.named(), ActionType.REBOOT))
    assert not hasattr(other._clients.reader, "submit")
    await other.stop()
    assert world.server.ledger.posts == ()


async def test_the_next_start_shows_what_was_sent_and_goes_on_following(world: World) -> None:
    sent = await world.send(world.named(), ActionType.POWER_OFF)
    await world.engine.stop()
    world.engine = world.make_engine()
    assert len(world.engine.view.vms) == 20, "the last known fleet is there before anything is asked"
    assert world.engine.update.link.last_known_at is not None
    await world.engine.start()
    assert world.now(sent).stage is Stage.ACCEPTED
    ended = await world.ended(sent)
    assert ended.stage is Stage.VERIFIED
    assert len(world.server.ledger.posts) == 1


async def other_program(world: World, vm: VmRow) -> asyncio.subprocess.Process:
    """Another cftui on the same state folder, which reboots a VM and ends."""
    program = f"""
import asyncio
from pathlib import Path
from cftui.api.requests import simple
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.engine import Account, Engine
from cftui.operations.plan import Plan, make_plan
async def main():
    account = Account({world.server.url!r}, "user@example.com", "password")
    engine = Engine(account, state_dir=Path({str(world.state_dir)!r}))
    await engine.start()
    vms = (await engine.first_reading()).view.vms
    await engine.execute(make_plan([(vms[{vm.id!r}], simple(ActionType.REBOOT))], base_url=account.base_url))
asyncio.run(main())
"""
    return await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=Path(__file__).parents[2])


async def test_an_unfinished_intent_of_a_dead_process_is_looked_up(world: World) -> None:
    """A real process of its own, killed while its POST is under way."""
    world.server.faults.next("POST", faults.hang(carried_out=True))
    vm = world.named()
    process = await other_program(world, vm)
    await eventually(lambda: len(world.server.ledger.posts) == 1, within_s=20)
    process.kill()
    await process.wait()
    await world.pass_time(35)
    (sent,) = world.engine.view.submissions.values()
    assert (sent.stage, sent.reason) == (Stage.UNKNOWN, "crash"), "taken in from the journal by a running program"
    ended = await world.ended(sent)
    assert ended.finding is Finding.PROBABLE
    assert len(world.server.ledger.posts) == 1


async def test_a_stop_begins_nothing_more(world: World) -> None:
    world.server.faults.always("POST", faults.delay(0.3))
    vms = [world.named(nth=index) for index in range(10)]
    plan = make_plan([(vm, requests.simple(ActionType.REBOOT)) for vm in vms], base_url=world.account.base_url)
    run = asyncio.create_task(world.engine.execute(plan, Order(max_parallel=2)))
    await eventually(lambda: len(world.server.ledger.posts) == 2)
    assert world.engine.update.unsent == 8
    await world.engine.stop()
    sent = await run
    assert len(world.server.ledger.posts) == 2
    assert [one.stage for one in sent[:2]] == [Stage.ACCEPTED] * 2
    assert {one.stage for one in sent[2:]} <= {Stage.NOT_SENT}, "a slow disk may not have taken all of them"
    assert world.engine.update.unsent == 0


async def test_refused_credentials_end_a_run_and_are_not_tried_again(world: World) -> None:
    vms = [world.named(nth=index) for index in range(6)]
    plan = make_plan([(vm, requests.simple(ActionType.REBOOT)) for vm in vms], base_url=world.account.base_url)
    world.server.faults.always("*", faults.status(401, '{"message": "no"}'))
    before = world.server.ledger.count()
    sent = await world.engine.execute(plan, Order(max_parallel=1))
    assert {one.stage for one in sent} == {Stage.NOT_SENT}
    assert sent[0].reason == "401"
    await world.pass_time(3)
    assert world.server.ledger.count() == before + 1
    assert world.engine.update.link.state is LinkState.UNAUTHORISED


async def test_other_credentials_leave_requests_under_way_alone(world: World) -> None:
    world.server.faults.next("POST", faults.delay(0.3))
    run = asyncio.create_task(world.engine.execute(world.plan(world.named(), ActionType.REBOOT)))
    await eventually(lambda: len(world.server.ledger.posts) == 1)
    await world.engine.set_credentials("password")
    (sent,) = await run
    assert sent.stage is Stage.ACCEPTED


async def test_a_plan_is_executed_once(world: World) -> None:
    plan = world.plan(world.named(), ActionType.REBOOT)
    (sent,) = await world.engine.execute(plan)
    with pytest.raises(UsageError, match="confirmed and sent before"):
        await world.engine.execute(plan)
    assert world.now(sent).stage is Stage.ACCEPTED
    assert len(world.server.ledger.posts) == 1


class TestSendingAgain:
    """After a look-up that found no trace; informed, and never blind."""

    async def lost(self, world: World) -> tuple[Submission, VmRow]:
        world.server.faults.next("POST", faults.close())
        vm = world.named()
        return await world.send(vm, ActionType.REBOOT), vm

    def again(self, world: World, first: Submission, vm: VmRow) -> Plan:
        pair = (world.engine.view.vms[vm.id], requests.simple(ActionType.REBOOT))
        return make_plan([pair], base_url=world.account.base_url, is_resend=True, replaces=first.token)

    async def test_it_is_refused_while_the_first_is_looked_up(self, world: World) -> None:
        first, vm = await self.lost(world)
        (second,) = await world.engine.execute(self.again(world, first, vm))
        assert (second.stage, second.reason) == (Stage.NOT_SENT, "arrived")
        assert len(world.server.ledger.posts) == 1

    async def test_the_second_is_its_own_and_the_first_stays_without_trace(self, world: World) -> None:
        first, vm = await self.lost(world)
        await world.ended(first, within_s=60)
        (second,) = await world.engine.execute(self.again(world, first, vm))
        ended = await world.ended(second)
        assert ended.stage is Stage.COMPLETED
        await world.pass_time(60)
        assert world.now(first).finding is Finding.ABSENT, "the second one's action is not taken for the first"
        assert len(world.server.ledger.executed) == 1

    async def test_it_is_refused_when_the_first_arrived_late(self, world: World) -> None:
        first, vm = await self.lost(world)
        await world.ended(first, within_s=60)
        world.cloud.start_foreign_action(vm.id, "reboot")
        (second,) = await world.engine.execute(self.again(world, first, vm))
        assert second.stage in (Stage.NOT_SENT, Stage.SKIPPED)
        assert len(world.server.ledger.posts) == 1


@pytest.mark.fault("36")
async def test_no_trace_is_told_only_of_a_list_that_was_read_to_its_end(make_world: Callable[..., World]) -> None:
    """An action that stands on a far page is found, though the newest page already names the VM."""
    world = await make_world(quirks={"small-pages": "5"}).begin()
    world.server.faults.next("POST", faults.close(carried_out=True))
    vm = world.named()
    sent = await world.send(vm, ActionType.REBOOT)
    world.server.refuse_connections()
    world.cloud_clock.advance(120)
    for other in [row for row in world.engine.view.vms.values() if row.id != vm.id and not row.locked][:12]:
        world.cloud.start_foreign_action(other.id, "rename", name="x")
        world.cloud_clock.advance(5)
    world.cloud.start_foreign_action(vm.id, "rename", name="y")
    world.cloud_clock.advance(5)
    world.server.resume()
    await world.until(lambda: world.now(sent).is_settled, within_s=200)
    assert world.now(sent).finding is Finding.PROBABLE
    await world.engine.stop()


async def test_one_unreadable_vm_takes_nobody_offline(world: World) -> None:
    first = await world.send(world.named(nth=0), ActionType.POWER_OFF)
    second = await world.send(world.named(nth=1), ActionType.POWER_OFF)
    bad = first.vm_id
    world.server.faults.always(lambda request: request.target.endswith(bad), faults.status(500, "oops"))
    ended = await world.ended(second)
    assert ended.stage is Stage.VERIFIED
    assert world.engine.update.link.state is LinkState.LIVE
    world.server.faults.clear()
    assert (await world.ended(first)).stage is Stage.VERIFIED


async def test_a_completed_action_stays_so_when_its_vm_goes(make_world: Callable[..., World]) -> None:
    world = await make_world(vms=200).begin()
    sent = await world.send(world.row("stubborn-01"), ActionType.SHUTDOWN)
    await world.until(lambda: world.now(sent).stage is Stage.COMPLETED)
    world.cloud.delete(sent.vm_id)
    ended = await world.ended(sent)
    assert ended.stage is Stage.COMPLETED
    assert "the VM is gone" in ended.message
    await world.engine.stop()


async def test_a_journal_that_cannot_be_used_sends_nothing_but_reading_goes_on(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    world.state_dir.mkdir(mode=0o700)
    (world.state_dir / "journal.sqlite3").touch()
    (world.state_dir / "journal.sqlite3").chmod(0o644)
    await world.begin()
    assert "can be read by others" in world.engine.update.journal_problem
    sent = await world.send(world.named(), ActionType.REBOOT)
    assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "journal")
    assert world.server.ledger.posts == ()
    await world.engine.stop()


async def test_settle_gives_up_waiting_without_giving_up_following(world: World) -> None:
    sent = await world.send(world.named(), ActionType.REBOOT)
    waiting = asyncio.create_task(world.engine.settle([sent.token], timeout_s=3))
    await world.pass_time(5)
    (told,) = await waiting
    assert told.stage is Stage.TIMED_OUT
    assert (await world.ended(sent)).stage is Stage.COMPLETED


async def test_a_wrong_password_is_told_and_not_tried_again(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.engine = world.make_engine(password="wrong")
    await world.engine.start()
    with pytest.raises(Unauthorized):
        await world.engine.first_reading()
    assert world.engine.update.link.state is LinkState.UNAUTHORISED
    world.engine.refresh()
    await world.pass_time(2)
    assert world.server.ledger.count() == 1
    await world.engine.set_credentials("password")
    await world.until(lambda: world.engine.update.link.state is LinkState.LIVE, within_s=5)
    assert len(world.engine.view.vms) == 20
    await world.engine.stop()


async def test_a_dead_host_is_told_and_tried_again_with_growing_waits(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.server.refuse_connections()
    await world.engine.start()
    with pytest.raises(Unreachable):
        await world.engine.first_reading()
    link = world.engine.update.link
    assert (link.state, link.cause) == (LinkState.OFFLINE, "connection refused")
    assert link.next_try is not None
    world.server.resume()
    await world.until(lambda: world.engine.update.link.state is LinkState.LIVE, within_s=60)
    await world.engine.stop()


async def test_while_the_cloud_fails_the_last_good_data_stays(world: World) -> None:
    read_at = world.engine.view.read_at
    world.server.faults.always("*", faults.html_502())
    await world.pass_time(65)
    assert world.engine.update.link.state is LinkState.OFFLINE
    assert len(world.engine.view.vms) == 20
    assert world.engine.view.read_at == read_at
    world.server.faults.clear()
    await world.until(lambda: world.engine.update.link.state is LinkState.LIVE, within_s=120)


async def test_idle_asks_at_most_four_times_a_minute(world: World) -> None:
    before = world.server.ledger.count()
    await world.pass_time(60)
    assert world.server.ledger.count() - before <= 4


async def test_one_list_read_follows_everything_in_progress(world: World) -> None:
    vms = [world.named(nth=index) for index in range(5)]
    plan = make_plan([(vm, requests.simple(ActionType.REBOOT)) for vm in vms], base_url=world.account.base_url)
    await world.engine.execute(plan)
    await world.pass_time(4)
    before = world.server.ledger.count()
    await world.pass_time(10)
    assert world.server.ledger.count() - before <= 6


async def test_a_paused_list_stands_still_while_actions_are_followed(world: World) -> None:
    world.engine.pause(True)
    before = world.server.ledger.count(path="/api/v1/vms")
    sent = await world.send(world.named(), ActionType.POWER_OFF)
    assert (await world.ended(sent)).stage is Stage.VERIFIED
    world.clock.turn(60)
    await world.pass_time(2)
    assert world.server.ledger.count(path="/api/v1/vms") == before
    world.engine.pause(False)
    await world.pass_time(2)
    assert world.server.ledger.count(path="/api/v1/vms") == before + 1


async def test_what_others_do_is_followed_and_their_vm_read_at_the_end(world: World) -> None:
    vm = world.named()
    world.cloud.start_foreign_action(vm.id, "snapshot")
    await world.until(lambda: vm.id in world.engine.view.doing, within_s=40)
    assert not world.engine.view.doing[vm.id].is_own
    await world.until(lambda: len(world.cloud.vm(vm.id).snapshot_ids) > len(vm.snapshot_ids), within_s=600)
    await world.pass_time(4)
    assert world.engine.view.vms[vm.id].snapshot_ids == tuple(world.cloud.vm(vm.id).snapshot_ids)
    assert vm.id not in world.engine.view.doing


async def test_the_state_folder_is_private_and_holds_no_secret(world: World, tmp_path: Path) -> None:
    await world.ended(await world.send(world.named(), ActionType.POWER_OFF))
    await world.engine.stop()
    files = list(world.state_dir.iterdir())
    assert {path.name.partition("-")[0] for path in files} >= {"journal.sqlite3", "fleet"}
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"password" not in path.read_bytes().replace(b"password_reset", b"")
    await world.engine.start()


async def test_an_unreadable_entry_costs_that_entry_and_calls_no_vm_gone(world: World) -> None:
    entries, total = world.cloud.listed_vms(0, 20)
    listed = b", ".join([b"42", *entries[1:]])
    body = b'{"vms": [' + listed + b'], "meta": {"total": ' + str(total).encode() + b"}}"
    world.server.faults.next("GET /vms?", faults.body(body))
    world.engine.refresh()
    await world.pass_time(1)
    assert world.engine.update.link.unreadable == 1
    assert len(world.engine.view.vms) == 20
    assert world.engine.update.link.state is LinkState.LIVE


async def test_a_cloud_without_an_account_endpoint_is_read_all_the_same(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.server.faults.always("GET /account", faults.status(404, '{"id": "not_found", "message": "nothing here"}'))
    await world.begin()
    assert len(world.engine.view.vms) == 20
    assert world.engine.update.link.state is LinkState.LIVE
    await world.engine.stop()


async def test_what_another_program_sends_is_followed_here_too(world: World) -> None:
    """Its row says `sending` when it is first seen; both come to the same end, and the VM is free again."""
    world.server.faults.next("POST", faults.delay(2.5))
    vm = world.named()
    process = await other_program(world, vm)
    await eventually(lambda: len(world.server.ledger.posts) == 1, within_s=20)
    await world.pass_time(31)
    (seen,) = world.engine.view.submissions.values()
    assert seen.stage is Stage.SENDING
    assert await process.wait() == 0
    assert (await world.ended(seen)).stage is Stage.COMPLETED
    assert (await world.send(world.engine.view.vms[vm.id], ActionType.REBOOT)).stage is Stage.ACCEPTED


async def test_an_id_with_half_a_character_breaks_nothing(world: World) -> None:
    world.cloud.add_vm(name="odd", id="sur\ud800id")
    world.engine.refresh()
    await world.pass_time(1)
    assert world.engine.update.link.state is LinkState.LIVE
    odd = [row for row in world.engine.view.vms.values() if row.name == "odd"]
    for row in odd:
        assert (await world.send(row, ActionType.REBOOT)).stage is not Stage.VERIFIED
