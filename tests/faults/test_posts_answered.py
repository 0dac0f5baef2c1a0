"""POSTs that left: cancelled, accepted with odd answers, and what this API cannot tell of them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cftui.api import requests
from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.journal import read_journal
from cftui.simulator import faults
from cftui.simulator.faults import Fault
from tests.conftest import EMAIL, PASSWORD, StartSimulator
from tests.faults import proxy as proxies
from tests.faults.broken import Broken, MakeBroken, changed, whole
from tests.operations.conftest import eventually


@pytest.mark.fault("11")
async def test_a_stop_cannot_recall_what_was_sent(make_broken: MakeBroken) -> None:
    """It waits a moment for the answer; what has none is unknown in the journal, and looked up at the next start."""
    world = await make_broken()
    world.server.faults.next("POST", faults.hang(carried_out=True))
    run = asyncio.create_task(world.engine.execute(world.plan(world.named(), ActionType.REBOOT)))
    await eventually(lambda: world.posts == 1)
    await world.engine.stop()
    (kept,) = world.kept()
    assert (kept.stage, kept.reason) == (Stage.UNKNOWN, "cancelled")
    assert "a sent request cannot be recalled, so it is looked up" in kept.message
    (told,) = await run
    assert told == kept
    world.engine = world.make_engine()
    await world.begin()
    assert world.now(kept).stage is Stage.UNKNOWN
    assert (await world.ended(kept)).finding is Finding.PROBABLE
    assert world.posts == 1


@pytest.mark.fault("11")
async def test_who_waits_may_leave_and_the_request_goes_on(make_broken: MakeBroken) -> None:
    world = await make_broken()
    world.server.faults.next("POST", faults.delay(0.2))
    run = asyncio.create_task(world.engine.execute(world.plan(world.named(), ActionType.REBOOT)))
    await eventually(lambda: world.posts == 1)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await eventually(lambda: [one.stage for one in world.kept()] == [Stage.ACCEPTED])
    assert world.posts == 1


@pytest.mark.fault("11")
def test_ctrl_c_recalls_nothing_and_says_so(start_simulator: StartSimulator, tmp_path: Path) -> None:
    """The real command, interrupted while its request is without an answer."""
    simulator = start_simulator(vms=3)
    simulator.faults.next("POST", faults.hang(carried_out=True))
    vm = next(vm for vm in simulator.cloud.vms() if vm.status == "running" and not vm.locked)
    variables = {"CFTUI_URL": simulator.url, "CFTUI_EMAIL": EMAIL, "CFTUI_PASSWORD": PASSWORD}
    command = [sys.executable, "-m", "cftui", "reboot", vm.id, "--yes"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | variables) as process:
        deadline = time.monotonic() + 20
        while not simulator.ledger.posts:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    (kept,) = read_journal(Path(os.environ["XDG_STATE_HOME"], "cftui", "journal.sqlite3"))
    assert f"Interrupted; what was sent cannot be recalled. Look it up: cftui watch {kept.submission.handle}" in told
    # A busy machine may take longer than the program waits: then the next start calls it unknown.
    assert (kept.submission.stage, kept.submission.reason) in ((Stage.UNKNOWN, "cancelled"), (Stage.SENDING, ""))
    assert len(simulator.ledger.posts) == 1


@pytest.mark.fault("22", "23", "25")
@pytest.mark.parametrize("fault", [faults.truncated(), whole(204), changed(started_at=None)])
async def test_an_accepted_action_is_found_in_the_list(make_broken: MakeBroken, fault: Fault) -> None:
    world = await make_broken()
    world.server.faults.next("POST", fault)
    ended = await world.ended(await world.send(world.named(), ActionType.REBOOT))
    assert (ended.stage, ended.is_probable, ended.status) == (Stage.COMPLETED, True, "completed")
    assert ended.key is not None
    assert world.posts == 1


@pytest.mark.fault("24")
@pytest.mark.parametrize("quirk", ["numbered-actions", ""])
async def test_an_id_beside_the_vms_is_the_actions_own(make_broken: MakeBroken, quirk: str) -> None:
    """And one that only repeats the VM's is not: else all actions of a VM would be one."""
    world = await make_broken(quirks={quirk: ""} if quirk else {})
    vm = world.named()
    if not quirk:
        world.server.faults.always("POST", changed(resource_id=vm.id))
    first = await world.ended(await world.send(vm, ActionType.REBOOT))
    second = await world.send(world.engine.view.vms[vm.id], ActionType.REBOOT)
    assert first.key is not None
    assert second.key is not None
    assert first.key != second.key
    assert bool(first.key.number) == bool(quirk)
    assert (first.stage, second.stage) == (Stage.COMPLETED, Stage.ACCEPTED)


@pytest.mark.fault("26")
async def test_a_status_that_is_not_known_is_followed(make_broken: MakeBroken) -> None:
    world = await make_broken(quirks={"unknown-status": "queued2"})
    vm = next(row for row in world.engine.view.vms.values() if row.status == "running" and not row.locked)
    sent = await world.send(vm, ActionType.POWER_OFF)
    assert (sent.stage, sent.status) == (Stage.ACCEPTED, "queued2")
    await world.until(lambda: world.now(sent).status == "completed")


@pytest.mark.fault("27")
async def test_what_was_over_at_once_is_verified_on_the_vm(make_broken: MakeBroken) -> None:
    world = await make_broken()
    world.server.faults.next("POST", changed(status="completed", completed_at="2026-11-24T03:14:00Z"))
    sent = await world.send(world.named(), ActionType.POWER_OFF)
    assert (sent.stage, sent.is_settled) == (Stage.COMPLETED, False)
    assert (await world.ended(sent)).stage is Stage.VERIFIED


@pytest.mark.fault("27", "108")
async def test_a_failure_in_the_answer_is_believed_where_no_list_could_tell(make_broken: MakeBroken) -> None:
    world = await make_broken(quirks={"no-actions": ""})
    world.server.faults.next("POST", changed(status="errored", error={"message": "no host \x1b[2J has room"}))
    sent = await world.send(world.named(), ActionType.REBOOT)
    assert (sent.stage, sent.is_settled) == (Stage.ERRORED, True)
    await world.pass_time(5)
    assert world.now(sent).stage is Stage.ERRORED


@pytest.mark.fault("28")
async def test_an_answer_that_repeats_an_older_action_proves_nothing(make_broken: MakeBroken) -> None:
    """The proxy hands out the first reboot's answer once more."""
    world = await make_broken()
    vm = world.named()
    await world.ended(await world.send(vm, ActionType.REBOOT))
    await eventually(lambda: bool(world.accepted()))
    world.proxy.exchanges.append(world.accepted()[0])
    world.proxy.next(proxies.answer_of_another())
    sent = await world.send(world.engine.view.vms[vm.id], ActionType.REBOOT)
    assert (sent.stage, sent.reason) == (Stage.UNKNOWN, "same-key")
    assert sent.message == "the server repeated an older action; whether a new one began is unclear"
    ended = await world.ended(sent)
    assert ended.finding is Finding.PROBABLE, "the second one is found in the list"
    assert world.posts == 2


@pytest.mark.fault("24")
async def test_an_answer_to_somebody_elses_request_is_noticed(make_broken: MakeBroken) -> None:
    world = await make_broken()
    await world.send(world.named(), ActionType.REBOOT)
    await eventually(lambda: bool(world.accepted()))
    world.proxy.exchanges.append(world.accepted()[0])
    world.proxy.next(proxies.answer_of_another())
    sent = await world.send(world.named(nth=1), ActionType.REBOOT)
    assert (sent.stage, sent.reason) == (Stage.ACCEPTED, "accepted-mismatch")
    ended = await world.ended(sent)
    assert (ended.stage, ended.is_probable) == (Stage.COMPLETED, True)


@pytest.mark.fault("29")
async def test_each_post_takes_a_connection_of_its_own(make_broken: MakeBroken) -> None:
    """So an idle connection that the cloud closes at that very moment is none that a POST is on."""
    world = await make_broken()
    for nth in range(3):
        assert (await world.send(world.named(nth=nth), ActionType.REBOOT)).stage is Stage.ACCEPTED
    posts = world.server.ledger.posts
    assert [post.position for post in posts] == [1, 1, 1]
    assert len({post.connection for post in posts}) == 3


SECRET = "N3w-r00t-s3cret"
TELLTALES = [
    changed(password=SECRET, root_password=SECRET, credentials={"password": SECRET}),
    whole(500, json.dumps({"action": {"root_password": SECRET}})[:-2]),
    whole(500, f"<p>password: {SECRET}</p>", content_type="text/html"),
    whole(201, json.dumps({"password": SECRET})),
    faults.status(422, json.dumps({"message": f"the new password is {SECRET}"})),
    changed(id="77", password=SECRET),
]


@pytest.mark.fault("105")
@pytest.mark.parametrize("fault", TELLTALES)
async def test_a_new_password_in_an_answer_is_kept_nowhere(
    make_broken: MakeBroken, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world = await make_broken()
    world.server.faults.next("POST", fault)
    sent = await world.send(world.named(), ActionType.PASSWORD_RESET)
    await world.pass_time(5)
    is_told = SECRET in repr(sent) or SECRET in repr(world.engine.update) or SECRET in caplog.text
    assert not is_told
    await world.engine.stop()
    for path in world.state_dir.iterdir():
        assert SECRET.encode() not in path.read_bytes()


@pytest.mark.fault("105")
@pytest.mark.parametrize(
    ("quirks", "stage", "words"),
    [
        ({}, Stage.COMPLETED, "cannot be verified on the VM"),
        ({"no-actions": ""}, Stage.ACCEPTED, "issued; this cloud lists no actions, so its end cannot be verified"),
    ],
)
async def test_the_end_of_a_password_reset_cannot_be_seen(
    make_broken: MakeBroken, quirks: dict[str, str], stage: Stage, words: str
) -> None:
    world = await make_broken(quirks=quirks)
    ended = await world.ended(await world.send(world.named(), ActionType.PASSWORD_RESET))
    assert (ended.stage, ended.message) == (stage, words)
    assert world.kept() == [ended]


@pytest.mark.fault("107")
async def test_the_documents_trailing_commas_are_read(make_broken: MakeBroken) -> None:
    world = await make_broken(quirks={"trailing-commas": ""})
    sent = await world.send(world.named(), ActionType.POWER_OFF)
    assert (sent.stage, sent.reason, sent.message) == (Stage.ACCEPTED, "", "")
    assert (await world.ended(sent)).stage is Stage.VERIFIED


@pytest.mark.fault("110")
async def test_a_shutdown_that_completed_while_the_vm_runs_on(make_broken: MakeBroken) -> None:
    """It is told apart from done, and the next step is a confirmation of its own: nothing follows by itself."""
    world = await make_broken(vms=200)
    vm = world.row("stubborn-01")
    sent = await world.send(vm, ActionType.SHUTDOWN)
    await world.until(lambda: world.now(sent).stage is Stage.COMPLETED)
    await world.pass_time(92)
    assert re.search(
        r"the VM is still running.* after 90 s|the VM is still running after 60 s", world.now(sent).message
    )
    assert not world.now(sent).is_settled
    assert world.posts == 1
    second = await world.send(world.engine.view.vms[vm.id], ActionType.POWER_OFF)
    assert second.stage is Stage.ACCEPTED
    assert (await world.ended(second)).stage is Stage.VERIFIED


@pytest.mark.fault("111")
async def test_a_vm_that_is_deleted_while_the_answer_is_missing(make_broken: MakeBroken) -> None:
    world = await make_broken()
    world.server.faults.next("POST", faults.close(carried_out=True))
    vm = world.named()
    sent = await world.send(vm, requests.snapshot("before"))
    world.cloud.delete(vm.id)
    ended = await world.ended(sent)
    assert (ended.stage, ended.reason) == (Stage.UNKNOWN, "gone")
    assert "the VM is gone" in ended.message
    assert world.posts == 1
    assert {request.method for request in world.server.ledger.requests} == {"GET", "POST"}, "nothing is ever deleted"


class TestTwoResizes:
    """Row 113: an action does not say which size it is for, so there is one at a time, and the VM's size decides."""

    def stopped(self, world: Broken) -> VmRow:
        return next(row for row in world.engine.view.vms.values() if row.status == "stopped" and not row.locked)

    @pytest.mark.fault("113")
    async def test_the_second_is_refused_while_the_first_is_open(self, make_broken: MakeBroken) -> None:
        world = await make_broken(vms=20)
        vm = self.stopped(world)
        first = await world.send(vm, requests.resize(cpu=16))
        second = await world.send(world.engine.view.vms[vm.id], requests.resize(cpu=32))
        assert (second.stage, second.message) == (Stage.SKIPPED, "resize is in progress")
        ended = await world.ended(first, within_s=3600)
        assert ended.stage is Stage.VERIFIED
        assert ended.message.endswith("→ 16")
        assert world.posts == 1

    @pytest.mark.fault("113")
    async def test_a_lost_answer_is_decided_by_the_size_alone(self, make_broken: MakeBroken) -> None:
        """Somebody else's resize fits the list, and does not make ours so."""
        world = await make_broken(vms=20)
        vm = self.stopped(world)
        world.server.faults.next("POST", faults.close())
        sent = await world.send(vm, requests.resize(cpu=16))
        world.cloud.start_foreign_action(vm.id, "resize", sizes={"cpu": 32})
        await world.until(lambda: world.now(sent).finding is Finding.PROBABLE)
        await world.until(lambda: "completed" in world.now(sent).message, within_s=3600)
        await world.pass_time(20)
        assert world.now(sent).stage is Stage.UNKNOWN, "16 was asked for, the VM has 32"

    @pytest.mark.fault("113")
    async def test_and_by_the_right_size_it_is(self, make_broken: MakeBroken) -> None:
        world = await make_broken(vms=20)
        world.server.faults.next("POST", faults.close(carried_out=True))
        sent = await world.send(self.stopped(world), requests.resize(cpu=16))
        ended = await world.ended(sent, within_s=3600)
        assert ended.stage is Stage.VERIFIED
        assert ended.message.startswith("seen on the VM: CPU ")
