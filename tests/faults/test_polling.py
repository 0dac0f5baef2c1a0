"""Reading and following under every fault: what is told, what is kept, and how often it is asked again."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from cftui.api import requests
from cftui.cli.exit_codes import ExitCode, of_outcome
from cftui.fleet import effects, rules
from cftui.fleet.estimates import Estimates
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.rows import ActionType
from cftui.operations.journal import read_journal
from cftui.operations.order import Order
from cftui.operations.plan import make_plan
from cftui.operations.state import LinkState
from cftui.simulator import faults
from cftui.simulator.messages import Request
from cftui.text import clean
from cftui.tui.glyphs import UNICODE
from cftui.tui.standing import banner
from cftui.tui.telling import Moment, told
from tests.faults.conftest import BeginWorld
from tests.faults.rewriting import ACTION_LISTS, each_action, leap, rewritten
from tests.operations.conftest import World, eventually

VM_LIST = "GET /vms?"


def only(vm_id: str) -> Callable[[Request], bool]:
    """Reads of this VM alone."""
    return lambda request: request.method == "GET" and request.target.endswith(f"/vms/{vm_id}")


def reads_of(world: World, vm_id: str) -> int:
    return world.server.ledger.count("GET", f"/vms/{vm_id}")


def gets(world: World) -> int:
    return world.server.ledger.count("GET")


def line_of(world: World, vm_id: str) -> HistoryEntry:
    """The one line of a VM's newest action."""
    return next(entry for entry in world.engine.view.history if entry.vm_id == vm_id)


def words(world: World) -> str:
    """What stands in the banner."""
    return "".join(part.text for part in banner(world.engine.update, world.clock, "ctrl+r", "Z")[0])


def moment(world: World, *, is_live: bool = True) -> Moment:
    offset = world.engine.update.link.server_offset or 0.0
    return Moment(world.clock.monotonic() + offset, Estimates.EMPTY, UNICODE, is_live)


def code_of(submission: Submission) -> ExitCode:
    return of_outcome(
        submission.stage,
        is_verifiable=effects.is_verifiable(submission.type),
        is_probable=submission.is_probable,
        reason=submission.reason,
    )


def kept(world: World) -> Submission:
    (entry,) = read_journal(world.state_dir / "journal.sqlite3")
    return entry.submission


def raw(status: int, *headers: str) -> faults.Fault:
    """An answer with headers that no proper server would send."""
    head = [f"HTTP/1.1 {status} Said", "Content-Length: 2", "Content-Type: application/json", *headers, "", "{}"]
    return faults.garbage("\r\n".join(head).encode())


class TestTheCloudFails:
    """Nothing that was known is lost, one place says it, and the way back is slow and sure."""

    @pytest.mark.fault("41")
    @pytest.mark.parametrize(("status", "body"), [(500, "{}"), (502, "<html>"), (503, ""), (504, '{"message": "x"}')])
    async def test_server_errors_cost_no_row_its_state(self, world: World, status: int, body: str) -> None:
        sent = await world.send(world.named(), ActionType.REBOOT)
        known, read_at = world.engine.view.vms, world.engine.view.read_at
        world.server.faults.always("*", faults.status(status, body))
        await leap(world, 65, step=5)
        link = world.engine.update.link
        assert (link.state, link.cause) == (LinkState.OFFLINE, f"server error {status}")
        assert words(world).count(f"server error {status}") == 1
        assert (world.engine.view.vms, world.engine.view.read_at) == (known, read_at)
        assert world.now(sent) == sent == kept(world)
        assert told(line_of(world, sent.vm_id), moment(world, is_live=False)).text.startswith("last seen ")
        world.server.faults.clear()
        assert (await world.ended(sent)).stage is Stage.COMPLETED

    @pytest.mark.fault("42")
    async def test_a_rate_limit_is_kept_to_and_told(self, world: World) -> None:
        world.server.faults.next(VM_LIST, faults.status(429, "{}", headers={"retry-after": "7"}))
        world.engine.refresh()
        await world.pass_time(1)
        asked = gets(world)
        assert world.engine.update.link.state is LinkState.LIVE
        assert words(world) == "WAITING slowed by the cloud for 7 s.  Next try in 6 s."
        world.engine.refresh()
        await world.pass_time(5)
        assert gets(world) == asked
        await world.pass_time(2)
        assert gets(world) > asked
        assert words(world) == ""

    @pytest.mark.fault("43")
    @pytest.mark.parametrize(
        ("values", "least", "most"),
        [
            (["{in_40_s}"], 40, 40),
            (["{an_hour_ago}"], 1, 1),
            (["1000000000"], 300, 300),
            (["1" + "0" * 20], 300, 300),
            (["3", "9"], 9, 9),
            (["0"], 1, 1),
            (["-5"], 1, 2),
            (["1e9"], 1, 2),
            (["٣"], 1, 2),
            ([""], 1, 2),
            (["soon"], 1, 2),
        ],
        ids=str,
    )
    async def test_odd_waits(self, world: World, values: list[str], least: float, most: float) -> None:
        """A date is meant by the cloud's clock, which is a day ahead here; what says nothing leaves our own wait."""
        theirs = world.clock.now() + timedelta(days=1)
        dates = {"in_40_s": theirs + timedelta(seconds=40), "an_hour_ago": theirs - timedelta(hours=1)}
        said = {name: format_datetime(date, usegmt=True) for name, date in dates.items()}
        headers = [f"Retry-After: {value.format(**said)}" for value in values]
        world.server.faults.next(VM_LIST, raw(429, *headers, f"Date: {format_datetime(theirs, usegmt=True)}"))
        world.engine.refresh()
        await eventually(lambda: world.engine.update.link.next_try is not None)
        assert least <= (world.engine.update.link.next_try or 0) - world.clock.monotonic() <= most

    @pytest.mark.fault("44")
    async def test_one_vm_that_stalls_holds_up_no_other(self, world: World) -> None:
        """A read that gets no answer costs its own VM some time; the others go on."""
        slow, quick = [await world.send(world.named(nth=nth), ActionType.POWER_OFF) for nth in range(2)]
        world.server.faults.always(only(slow.vm_id), faults.close())
        assert (await world.ended(quick)).stage is Stage.VERIFIED
        assert world.engine.update.link.state is LinkState.LIVE
        await world.until(lambda: "cannot be read" in world.now(slow).message, within_s=60)
        before = reads_of(world, slow.vm_id)
        await world.pass_time(30)
        assert reads_of(world, slow.vm_id) - before <= 4
        world.server.faults.clear()
        assert (await world.ended(slow)).stage is Stage.VERIFIED

    @pytest.mark.fault("65")
    @pytest.mark.parametrize("fault", [faults.reset(), faults.close()], ids=lambda fault: fault.name)
    async def test_a_kept_connection_that_broke_is_not_noticed(self, world: World, fault: faults.Fault) -> None:
        states = set()
        subscription = world.engine.subscribe(lambda: states.add(world.engine.update.link.state))
        asked = gets(world)
        world.server.faults.next(VM_LIST, fault)
        world.engine.refresh()
        for _ in range(3):
            await world.pass_time(1)
            subscription.take()
        assert states <= {LinkState.LIVE}
        assert gets(world) - asked == 3, "the list twice, and the actions"

    @pytest.mark.fault("68")
    @pytest.mark.parametrize(
        ("link", "told_so"),
        [
            ("http://127.0.0.2:9/api/v1/vms?page=2", "another host, http://127.0.0.2:9"),
            ("?per_page=200", "in a circle"),
        ],
    )
    async def test_links_that_lead_nowhere(self, world: World, link: str, told_so: str) -> None:
        known = world.engine.view.vms
        asked = gets(world)
        fault = rewritten(lambda reply: reply.update(links={"pages": {"next": link}}))
        world.server.faults.always(VM_LIST, fault)
        world.engine.refresh()
        await world.pass_time(1)
        assert gets(world) == asked + 1
        assert told_so in words(world)
        assert world.engine.view.vms == known


class TestCredentials:
    @pytest.mark.fault("52")
    async def test_one_401_ends_all_asking_until_there_are_others(self, world: World) -> None:
        sent = [await world.send(world.named(nth=nth), ActionType.POWER_OFF) for nth in range(2)]
        world.server.faults.always("*", faults.status(401, "{}"))
        await world.until(lambda: world.engine.update.link.state is LinkState.UNAUTHORISED, within_s=20)
        asked = gets(world)
        await leap(world, 1800, step=100)
        world.engine.refresh()
        await leap(world, 30)
        assert gets(world) == asked
        assert [world.now(one) for one in sent] == sent, "kept as they were, and followed on"
        assert words(world).startswith("NOT SIGNED IN")
        world.server.faults.clear()
        await world.engine.set_credentials("password")
        assert {(await world.ended(one)).stage for one in sent} == {Stage.VERIFIED}

    @pytest.mark.fault("52")
    @pytest.mark.parametrize("status", [401, 429])
    async def test_it_is_not_tried_on_every_vm(self, begin_world: BeginWorld, status: int) -> None:
        """Where each VM has a list of its own, a dozen of them is asked for at once."""
        world = await begin_world(quirks={"no-global-actions": "", "endless-actions": ""})
        vms = [world.named(nth=nth) for nth in range(12)]
        plan = make_plan([(vm, requests.simple(ActionType.REBOOT)) for vm in vms], base_url=world.account.base_url)
        await world.engine.execute(plan)
        await world.pass_time(4)
        refused = faults.status(status, "{}", headers={"retry-after": "60"})
        world.server.faults.always("/actions", refused)
        asked = gets(world)
        await world.pass_time(5)
        assert gets(world) - asked <= 4, "those that were under way"

    @pytest.mark.fault("53")
    async def test_a_vm_that_is_forbidden_is_left_alone(self, world: World) -> None:
        sent = await world.send(world.named(), ActionType.POWER_OFF)
        world.server.faults.always(only(sent.vm_id), faults.status(403, "{}"))
        await world.until(lambda: world.now(sent).stage is Stage.COMPLETED, within_s=60)
        assert world.now(sent).message == "but no access to the VM; asked again every 5 minutes"
        assert told(line_of(world, sent.vm_id), moment(world)).text.startswith("but no access")
        asked = reads_of(world, sent.vm_id)
        await leap(world, 240, step=5)
        assert reads_of(world, sent.vm_id) == asked
        assert world.engine.update.link.state is LinkState.LIVE
        world.server.faults.clear()
        assert (await world.ended(sent)).stage is Stage.VERIFIED

    @pytest.mark.fault("53")
    async def test_a_vm_whose_list_is_forbidden_takes_nobody_offline(self, begin_world: BeginWorld) -> None:
        world = await begin_world(quirks={"no-global-actions": ""})
        sent = await world.send(world.named(), ActionType.REBOOT)
        path = f"/vms/{sent.vm_id}/actions"
        world.server.faults.always(f"GET {path}", faults.status(403, "{}"))
        await world.pass_time(3)
        assert world.now(sent).message == "no access to its actions; asked again every 5 minutes"
        asked = world.server.ledger.count("GET", path)
        await leap(world, 240, step=5)
        assert world.server.ledger.count("GET", path) == asked
        assert world.engine.update.link.state is LinkState.LIVE
        world.server.faults.clear()
        assert (await world.ended(sent)).stage is Stage.COMPLETED

    @pytest.mark.fault("33", "53")
    async def test_a_vm_whose_list_cannot_be_read_is_not_acted_on(self, begin_world: BeginWorld) -> None:
        """What it did before is not known, so a lost answer could not be looked up."""
        world = await begin_world(quirks={"no-global-actions": ""})
        first, second = [world.named(nth=nth) for nth in range(2)]
        world.server.faults.always(f"GET /vms/{second.id}/actions", faults.status(403, "{}"))
        pairs = [(vm, requests.simple(ActionType.REBOOT)) for vm in (first, second)]
        sent = await world.engine.execute(make_plan(pairs, base_url=world.account.base_url))
        assert [(one.stage, one.reason) for one in sent] == [(Stage.ACCEPTED, ""), (Stage.NOT_SENT, "unread")]
        assert len(world.server.ledger.posts) == 1

    async def test_an_account_that_may_not_list_all_actions_reads_those_of_each_vm(
        self, begin_world: BeginWorld
    ) -> None:
        world = await begin_world(lambda world: world.server.faults.always("/v1/actions", faults.status(403, "{}")))
        sent = await world.send(world.named(), ActionType.REBOOT)
        assert (await world.ended(sent)).stage is Stage.COMPLETED
        assert world.engine.update.link.state is LinkState.LIVE


class TestNotFound:
    @pytest.mark.fault("54")
    async def test_a_vm_without_a_list_is_watched_itself(self, begin_world: BeginWorld) -> None:
        """Others have theirs, so the cloud as such can list."""
        world = await begin_world(quirks={"no-global-actions": ""})
        first, second = [await world.send(world.named(nth=nth), ActionType.POWER_OFF) for nth in range(2)]
        path = f"/vms/{second.vm_id}/actions"
        world.server.faults.always(f"GET {path}", faults.status(404, "{}"))
        await world.pass_time(3)
        assert world.now(second).message == "the cloud has no list of its actions; watching the VM instead"
        assert (await world.ended(first)).message == "stopped"
        assert (await world.ended(second)).message == "seen on the VM: stopped"

    @pytest.mark.fault("54")
    @pytest.mark.parametrize("quirks", [{}, {"no-global-actions": ""}, {"no-actions": ""}], ids=str)
    async def test_a_vm_is_gone_after_five_reads_over_a_minute(
        self, begin_world: BeginWorld, quirks: dict[str, str]
    ) -> None:
        world = await begin_world(quirks={"endless-actions": ""} | quirks)
        sent = await world.send(world.named(), ActionType.POWER_OFF)
        await world.pass_time(3)
        world.cloud.delete(sent.vm_id)
        world.engine.refresh()
        said: list[str] = []
        for _ in range(100):
            await world.pass_time(1)
            if (message := world.now(sent).message) not in said[-1:]:
                said.append(message)
        assert [word for word in said if "not found" in word] == [
            f"the VM is not found ({n} of 5)" for n in (1, 2, 3, 4)
        ]
        ended = world.now(sent)
        assert (ended.stage, ended.is_settled) == (Stage.UNKNOWN, True), "never done"
        assert ended.message == "the VM is gone; the outcome of power_off will never be known"
        assert kept(world) == ended
        assert world.engine.update.link.state is LinkState.LIVE

    @pytest.mark.fault("54")
    async def test_where_nothing_is_found_no_vm_is_gone(self, begin_world: BeginWorld) -> None:
        """A proxy that answers 404 to everything deletes nothing."""
        world = await begin_world(quirks={"no-actions": "", "late-effect": "600"})
        sent = await world.send(world.named(), ActionType.POWER_OFF)
        await world.pass_time(3)
        world.server.faults.always("*", faults.status(404, "{}"))
        await leap(world, 200, step=5)
        assert world.engine.update.link.state is LinkState.OFFLINE
        assert not world.now(sent).is_settled
        assert len(world.engine.view.vms) == 20
        world.server.faults.clear()
        await world.until(lambda: world.engine.update.link.state is LinkState.LIVE, within_s=60)
        assert "not found" not in world.now(sent).message

    @pytest.mark.fault("55")
    async def test_an_action_that_is_listed_no_more_is_lost_at_last(self, world: World) -> None:
        sent = await world.send(world.named(), ActionType.REBOOT)

        def drop(reply: dict[str, Any]) -> None:
            reply["actions"] = [action for action in reply["actions"] if action["id"] != sent.vm_id]

        world.server.faults.always(ACTION_LISTS, rewritten(drop))
        await world.pass_time(30)
        assert world.now(sent).message.startswith("not in the cloud's list for 2")
        assert not world.now(sent).is_settled
        ended = await world.ended(sent, within_s=90)
        assert (ended.stage, code_of(ended)) == (Stage.TIMED_OUT, ExitCode.UNFINISHED)
        assert ended.message == "no longer listed by the cloud; its end was not seen; the VM is running"

    @pytest.mark.fault("69")
    @pytest.mark.parametrize("type_", [ActionType.POWER_OFF, ActionType.REBOOT])
    async def test_another_vm_under_the_same_id_is_not_the_one_that_was_meant(
        self, begin_world: BeginWorld, type_: ActionType
    ) -> None:
        world = await begin_world(quirks={"endless-actions": ""})
        vm = world.named()
        sent = await world.send(vm, type_)
        await world.pass_time(3)
        world.cloud.delete(vm.id)
        world.cloud.add_vm(vm.name, id=vm.id, status="stopped")
        subscription = world.engine.subscribe()
        subscription.take()
        world.engine.refresh()
        await world.until(lambda: world.now(sent).is_settled, within_s=40)
        change = subscription.take().change
        assert vm.id in change.added
        assert change.gone == {vm.id: vm.name}
        ended = world.now(sent)
        assert (ended.stage, ended.reason) == (Stage.UNKNOWN, "gone")
        replaced = "the VM was replaced: another one has its id now"
        assert ended.message == f"{replaced}; the outcome of {type_} will never be known"
        assert vm.id not in world.engine.view.doing, "told of the one that is gone"

    @pytest.mark.fault("70")
    async def test_an_answer_about_another_vm_is_thrown_away(self, world: World) -> None:
        sent = await world.send(world.named(), ActionType.POWER_OFF)
        other = json.loads(world.cloud.shown_vm(world.named("stopped").id))
        world.server.faults.always(only(sent.vm_id), rewritten(lambda reply: reply.update(vm=other)))
        await world.until(lambda: world.now(sent).stage is Stage.COMPLETED, within_s=60)
        assert world.now(sent).message.startswith("but the VM cannot be read: Wrong VM in reply: ")
        assert world.engine.update.link.state is LinkState.LIVE
        world.server.faults.clear()
        assert (await world.ended(sent)).stage is Stage.VERIFIED


class TestWhatIsListed:
    @pytest.mark.fault("56")
    async def test_order_and_overlap_change_nothing(self, world: World) -> None:
        rng = random.Random(1)

        def shuffle(reply: dict[str, Any]) -> None:
            rng.shuffle(reply["actions"])
            reply["actions"] += reply["actions"][:3]

        world.server.faults.always(ACTION_LISTS, rewritten(shuffle))
        sent = await world.send(world.named(), ActionType.REBOOT)
        assert (await world.ended(sent)).stage is Stage.COMPLETED
        before = world.engine.view.history
        assert len({entry.id for entry in before if entry.vm_id == sent.vm_id and entry.is_own}) == 1
        subscription = world.engine.subscribe()
        subscription.take()
        await leap(world, 95)
        assert subscription.take().change.entries == frozenset()
        assert world.engine.view.history == before

    @pytest.mark.fault("57")
    async def test_an_action_without_end_is_called_stalled_and_asked_about_more_slowly(
        self, begin_world: BeginWorld
    ) -> None:
        world = await begin_world(quirks={"endless-actions": ""})
        sent = await world.send(world.named(), ActionType.REBOOT)
        await leap(world, 365, step=5)
        assert world.now(sent).message == "stalled: still in progress after 6 m 00 s; watching on"
        assert world.now(sent).stage is Stage.ACCEPTED
        line = told(line_of(world, sent.vm_id), moment(world))
        assert (line.ink, line.word) == ("warn", "in progress")
        world.engine.pause(True)
        asked = gets(world)
        await leap(world, 600)
        assert gets(world) - asked <= 11

    @pytest.mark.fault("58")
    async def test_an_unknown_word_is_shown_and_is_no_end(self, begin_world: BeginWorld) -> None:
        world = await begin_world(quirks={"unknown-status": "\x1b[2Jqueued2"})
        vm = next(row for row in world.engine.view.vms.values() if row.status in ("running", "\x1b[2Jqueued2"))
        sent = await world.send(vm, ActionType.REBOOT)
        await world.pass_time(4)
        assert (world.now(sent).stage, world.now(sent).status) == (Stage.ACCEPTED, "\x1b[2Jqueued2")
        line = told(line_of(world, sent.vm_id), moment(world))
        assert "queued2" in line.text
        assert clean(line.text) == line.text
        assert world.engine.view.doing[vm.id].is_open
        ended = await world.ended(sent)
        assert (ended.stage, ended.message) == (Stage.COMPLETED, "cannot be verified on the VM")

    @pytest.mark.fault("59")
    async def test_what_is_completed_stays_so(self, world: World) -> None:
        sent = await world.send(world.named(), ActionType.REBOOT)
        assert (await world.ended(sent)).stage is Stage.COMPLETED

        def take_back(action: dict[str, Any]) -> None:
            if action["id"] == sent.vm_id and action["started_at"] == sent.started_at:
                action.update(status="in-progress", completed_at=None)

        world.server.faults.always(ACTION_LISTS, each_action(take_back))
        await world.until(lambda: "again" in world.now(sent).message, within_s=70)
        assert world.now(sent).stage is Stage.COMPLETED
        told_so = "cannot be verified on the VM; the cloud says 'in-progress' again"
        assert line_of(world, sent.vm_id).message == world.now(sent).message == kept(world).message == told_so
        await leap(world, 400)
        world.engine.pause(True)
        asked = gets(world)
        await leap(world, 120)
        assert gets(world) == asked, "it is looked at for five minutes"

    @pytest.mark.fault("60")
    async def test_completed_and_then_errored_is_no_success(self, begin_world: BeginWorld) -> None:
        world = await begin_world(quirks={"late-effect": "200"})
        sent = await world.send(world.named(), ActionType.SHUTDOWN)
        await world.until(lambda: world.now(sent).stage is Stage.COMPLETED, within_s=60)
        await world.pass_time(2)

        def flip(action: dict[str, Any]) -> None:
            if action["id"] == sent.vm_id and action["started_at"] == sent.started_at:
                action.update(status="errored")

        world.server.faults.always(ACTION_LISTS, each_action(flip))
        ended = await world.ended(sent, within_s=30)
        assert (ended.stage, code_of(ended)) == (Stage.COMPLETED, ExitCode.FAILED)
        told_so = "but the VM is still running; the cloud contradicts itself: 'errored' after 'completed'"
        assert line_of(world, sent.vm_id).message == ended.message == kept(world).message == told_so

    @pytest.mark.fault("60")
    async def test_errored_and_then_completed_is_no_success_either(self, world: World) -> None:
        sent = await world.send(world.named(), ActionType.REBOOT)

        def flip(status: str) -> faults.Fault:
            def change(action: dict[str, Any]) -> None:
                if action["id"] == sent.vm_id and action["started_at"] == sent.started_at:
                    action.update(status=status)

            return each_action(change)

        world.server.faults.always(ACTION_LISTS, flip("errored"))
        assert (await world.ended(sent)).stage is Stage.ERRORED
        world.server.faults.clear()
        world.server.faults.always(ACTION_LISTS, flip("completed"))
        await world.until(lambda: "contradicts" in world.now(sent).message, within_s=70)
        assert (world.now(sent).stage, code_of(world.now(sent))) == (Stage.ERRORED, ExitCode.FAILED)

    @pytest.mark.fault("61")
    async def test_an_end_before_its_beginning_takes_no_time_at_all(self, world: World) -> None:
        sent = await world.send(world.named(), ActionType.REBOOT)
        learned = world.engine.update.estimates.durations("reboot")

        def end_early(action: dict[str, Any]) -> None:
            action["progress"] = 90 if action["status"] == "in-progress" else 10
            if action["completed_at"] is not None and action["id"] == sent.vm_id:
                action["completed_at"] = "2015-01-14T16:31:00Z"

        world.server.faults.always(ACTION_LISTS, each_action(end_early))
        ended = await world.ended(sent)
        assert (ended.stage, ended.completed_at) == (Stage.COMPLETED, "2015-01-14T16:31:00Z")
        line = told(line_of(world, sent.vm_id), moment(world))
        assert line.text.startswith("?  ")
        assert "-" not in line.text
        assert world.engine.update.estimates.durations("reboot") == learned

    @pytest.mark.fault("62")
    async def test_a_start_that_is_stamped_anew_is_the_same_line(self, begin_world: BeginWorld) -> None:
        world = await begin_world(quirks={"restamped-start": "3"})
        before = len(world.engine.view.history)
        sent = await world.send(world.named(), ActionType.POWER_OFF)
        ended = await world.ended(sent)
        await world.pass_time(31)
        assert ended.stage is Stage.VERIFIED
        assert ended.started_at != sent.started_at
        assert ended.is_probable, "by inference"
        assert len(world.engine.view.history) == before + 1

    @pytest.mark.fault("63")
    @pytest.mark.parametrize(
        "odd",
        [
            "2026-11-24T03:14:60Z",
            "2026-02-30T00:00:00Z",
            "2026-11-24T03:14:00.123456789Z",
            "0001-01-01T00:00:00Z",
            "2027-11-24T03:14:00Z",
            "2025-11-24T03:14:00Z",
            "yesterday \x1b[2J",
        ],
    )
    async def test_odd_start_times_hide_no_action(self, world: World, odd: str) -> None:
        vm = world.named()
        true: list[str] = []

        def change(action: dict[str, Any]) -> None:
            if action["id"] == vm.id and action["type"] == "reboot":
                if action["status"] == "in-progress" and not true:
                    true.append(action["started_at"])
                if action["started_at"] in true:
                    action["started_at"] = odd

        world.server.faults.always("/actions", each_action(change))
        sent = await world.send(vm, ActionType.REBOOT)
        assert sent.stage is Stage.ACCEPTED
        ended = await world.ended(sent)
        assert (ended.stage, ended.started_at) == (Stage.COMPLETED, odd)
        line = told(line_of(world, sent.vm_id), moment(world))
        assert clean(line.text) == line.text
        assert len([entry for entry in world.engine.view.history if entry.vm_id == vm.id and entry.is_own]) == 1

    @pytest.mark.fault("64")
    async def test_a_vm_that_lags_behind_is_waited_for_and_told(self, begin_world: BeginWorld) -> None:
        world = await begin_world(quirks={"late-effect": "150"})
        sent = await world.send(world.named(), ActionType.POWER_OFF)
        await world.until(lambda: world.now(sent).stage is Stage.COMPLETED, within_s=60)
        await world.pass_time(2)
        assert world.now(sent).message == "but the VM is still running"
        await leap(world, 130, step=2)
        assert world.now(sent).message == "but the VM is still running after 2 m 00 s"
        assert kept(world) == world.now(sent)
        ended = await world.ended(sent)
        assert (ended.stage, ended.message) == (Stage.VERIFIED, "stopped")

    @pytest.mark.fault("110")
    async def test_a_shutdown_that_the_vm_ignores_names_the_next_step(self, begin_world: BeginWorld) -> None:
        world = await begin_world(vms=200)
        vm = world.row("stubborn-01")
        sent = await world.send(vm, ActionType.SHUTDOWN)
        await world.until(lambda: world.now(sent).stage is Stage.COMPLETED)
        await leap(world, 92, step=2)
        then = "power_off would be the next step; it asks first"
        assert world.now(sent).message == f"but the VM is still running after 60 s; {then}"
        allowed = rules.availability(world.engine.view.vms[vm.id], doing=world.engine.view.doing[vm.id])
        assert ActionType.POWER_OFF in {one.type for one in allowed if one.is_allowed}
        posts = len(world.server.ledger.posts)
        await leap(world, 300, step=2)
        ended = world.now(sent)
        assert (ended.stage, ended.is_settled, code_of(ended)) == (Stage.COMPLETED, True, ExitCode.UNFINISHED)
        assert len(world.server.ledger.posts) == posts == 1, "never by itself"

    @pytest.mark.fault("66")
    async def test_ten_thousand_vms(self, begin_world: BeginWorld) -> None:
        world = await begin_world(vms=10_000)
        assert len(world.engine.view.vms) == 10_000
        assert world.engine.update.link.state is LinkState.LIVE

    @pytest.mark.fault("66")
    async def test_unknown_members_and_types(self, begin_world: BeginWorld) -> None:
        world = await begin_world(quirks={"unknown-fields": ""})
        vm = world.named()
        world.cloud.start_foreign_action(vm.id, "snapshot", name="x")

        def rename(action: dict[str, Any]) -> None:
            if action["id"] == vm.id and action["status"] == "in-progress":
                action["type"] = "defragment[/]"

        world.server.faults.always(ACTION_LISTS, each_action(rename))
        world.engine.refresh()
        await world.pass_time(1)
        entry = world.engine.view.doing[vm.id]
        assert (entry.type, entry.stage) == ("defragment[/]", Stage.ACCEPTED)
        assert [one.type for one in rules.availability(world.engine.view.vms[vm.id])] == list(ActionType)


MANY = 80
"""Actions in progress at once."""


class TestAnHourOfDarkness:
    """Row 67: one probe whatever is followed, and no rush on return."""

    @pytest.mark.fault("67")
    async def test_probes_and_the_return(self, begin_world: BeginWorld) -> None:
        """Where each VM has a list of its own, which is the worst case."""
        world = await begin_world(vms=150, quirks={"endless-actions": "", "no-global-actions": ""})
        vms = [row for row in world.engine.view.vms.values() if row.status == "running" and not row.locked][:MANY]
        pairs = [(vm, requests.simple(ActionType.REBOOT)) for vm in vms]
        plan = make_plan(pairs, base_url=world.account.base_url)
        sent = await world.engine.execute(plan, Order(max_parallel=16))
        assert len(sent) == MANY
        known = world.engine.view.submissions
        world.server.faults.always("*", faults.status(503, "{}"))
        await leap(world, 60, step=5)
        since = world.engine.update.link.since
        asked = gets(world)
        await leap(world, 3600)
        assert gets(world) - asked <= 3600 / 15
        link = world.engine.update.link
        assert (link.state, link.since) == (LinkState.OFFLINE, since)
        assert dict(world.engine.view.submissions) == dict(known)
        world.server.faults.clear()
        asked, a_second = gets(world), Counter[int]()
        for second in range(45):
            before = gets(world)
            await world.pass_time(1)
            a_second[second] = gets(world) - before
        assert world.engine.update.link.state is LinkState.LIVE
        assert gets(world) - asked <= MANY + 10, "one list a VM, and the usual"
        assert max(a_second.values()) <= MANY / 2
        assert {world.now(one).stage for one in sent} == {Stage.ACCEPTED}

    @pytest.mark.fault("67")
    async def test_a_line_that_breaks_every_read_is_probed_once_a_time(self, world: World) -> None:
        world.server.faults.always("*", faults.close())
        await leap(world, 120, step=5)
        asked = gets(world)
        await leap(world, 600)
        assert gets(world) - asked <= math.ceil(600 / 15)
