"""Engine and disk: what is sent, shown and kept when the journal cannot be written, is held, or is not ours to use."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import ActionType
from cftui.operations import journal_file
from cftui.operations.engine import Engine
from cftui.operations.journal import read_journal
from cftui.simulator import faults
from tests.operations.conftest import World, eventually
from tests.operations.disk import Disk, no_room

ROOT = Path(__file__).parents[2]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """The disk of the state folder."""
    made = Disk(tmp_path / "state")
    yield made
    made.close()


@pytest.fixture
async def small(disk: Disk, make_world: Callable[..., World]) -> AsyncIterator[World]:
    """A world whose state folder lies on that disk."""
    world = await make_world().begin()
    yield world
    await world.engine.stop()
    assert len(world.server.ledger.executed) <= len(world.engine.view.submissions)


def journal_of(world: World) -> Path:
    return world.state_dir / "journal.sqlite3"


def stage_on_disk(world: World, token: str) -> Stage:
    return next(kept.submission.stage for kept in read_journal(journal_of(world)) if kept.submission.token == token)


class TestADiskWithoutRoom:
    """Nothing leaves without its intent; what left is told, whatever becomes of the disk."""

    @pytest.mark.fault("75")
    @pytest.mark.parametrize("is_first", [True, False], ids=["the first request ever", "a later one"])
    async def test_nothing_is_sent_and_reading_goes_on(self, world: World, is_first: bool) -> None:
        if not is_first:
            await world.ended(await world.send(world.named(), ActionType.REBOOT))
        posts, vm = len(world.server.ledger.posts), world.named(nth=1)
        with no_room():
            sent = await world.send(vm, ActionType.REBOOT)
            read_at = world.engine.view.read_at
            await world.pass_time(31)
        assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "journal")
        assert sent.message.startswith("The journal cannot be written: the disk is full")
        assert sent.message.endswith("nothing was sent")
        assert len(world.server.ledger.posts) == posts
        assert world.engine.view.read_at != read_at, "the list was read meanwhile"
        assert (await world.send(world.engine.view.vms[vm.id], ActionType.REBOOT)).stage is Stage.ACCEPTED

    @pytest.mark.fault("75")
    async def test_nothing_is_sent_from_a_full_disk_of_its_own(self, small: World, disk: Disk) -> None:
        await small.ended(await small.send(small.named(), ActionType.REBOOT))
        vm = small.named(nth=1)
        with disk.full():
            sent = await small.send(vm, ActionType.REBOOT)
        assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "journal")
        assert "the disk is full" in sent.message
        assert len(small.server.ledger.posts) == 1
        assert (await small.send(small.engine.view.vms[vm.id], ActionType.REBOOT)).stage is Stage.ACCEPTED

    @pytest.mark.fault("76")
    async def test_an_outcome_that_cannot_be_written_is_told_and_tried_again(self, world: World) -> None:
        world.server.faults.next("POST", faults.delay(0.3))
        vm = world.named()
        run = asyncio.create_task(world.send(vm, ActionType.REBOOT))
        await eventually(lambda: len(world.server.ledger.posts) == 1)
        with no_room():
            sent = world.now(await run)
            assert sent.stage is Stage.ACCEPTED
            assert sent.message.startswith(
                "Accepted, but not recorded: the journal cannot be written: the disk is full"
            )
            assert [one.token for one in world.engine.unrecorded] == [sent.token]
            assert "Not everything is recorded" in world.engine.update.journal_problem
            other = await world.send(world.named(nth=1), ActionType.REBOOT)
            assert (other.stage, other.reason) == (Stage.NOT_SENT, "journal")
            await world.pass_time(6)
            assert world.engine.unrecorded, "it was tried again in vain"
            assert stage_on_disk(world, sent.token) is Stage.SENDING
        await world.pass_time(6)
        await eventually(lambda: world.engine.unrecorded == ())
        assert world.engine.update.journal_problem == ""
        assert "not recorded" not in world.now(sent).message
        assert stage_on_disk(world, sent.token) is world.now(sent).stage
        assert (await world.ended(sent)).stage is Stage.COMPLETED

    @pytest.mark.fault("76")
    async def test_what_never_got_recorded_is_looked_up_at_the_next_start(self, world: World) -> None:
        world.server.faults.next("POST", faults.delay(0.3))
        run = asyncio.create_task(world.send(world.named(), ActionType.REBOOT))
        await eventually(lambda: len(world.server.ledger.posts) == 1)
        with no_room():
            sent = await run
            await world.engine.stop()
        (left,) = world.engine.unrecorded
        assert (left.token, left.stage) == (sent.token, Stage.ACCEPTED)
        world.engine = world.make_engine()
        await world.begin()
        assert (world.now(sent).stage, world.now(sent).reason) == (Stage.UNKNOWN, "crash")
        ended = await world.ended(sent)
        assert ended.finding is Finding.PROBABLE
        assert len(world.server.ledger.posts) == 1


_LOOKER = """
import asyncio, json
from pathlib import Path
from tests.operations.disk import be_nobody_special
be_nobody_special()
from cftui.api.requests import simple
from cftui.fleet.rows import ActionType
from cftui.operations.engine import Account, Engine
from cftui.operations.plan import make_plan
async def main():
    account = Account({url!r}, "user@example.com", "password")
    engine = Engine(account, state_dir=Path({state!r}))
    await engine.start()
    view = (await engine.first_reading()).view
    vm = view.vms[{vm_id!r}]
    sent = await engine.execute(make_plan([(vm, simple(ActionType.REBOOT))], base_url=account.base_url))
    print(json.dumps([engine.update.journal_problem, [[one.token, one.stage] for one in view.submissions.values()],
                      [[one.stage, one.reason, one.message] for one in sent]]))
    await engine.stop()
asyncio.run(main())
"""


@pytest.mark.fault("77")
@pytest.mark.parametrize("has_journal", [True, False])
async def test_where_nothing_can_be_written_what_was_sent_is_shown_and_nothing_sent(
    world: World, has_journal: bool
) -> None:
    """In a process without root's privileges, whoever runs the tests."""
    past = await world.send(world.named(), ActionType.REBOOT)
    await world.ended(past)
    await world.engine.stop()
    journal = journal_of(world)
    if has_journal:
        journal.chmod(0o400)
    else:
        for path in world.state_dir.iterdir():
            path.unlink()
    world.state_dir.chmod(0o500)
    program = _LOOKER.format(url=world.server.url, state=str(world.state_dir), vm_id=world.named(nth=1).id)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    world.state_dir.chmod(0o700)
    problem, known, sent = json.loads(told)
    assert problem.startswith(f"The journal cannot be written: {str(world.state_dir)!r} is read-only")
    assert known == ([[past.token, "completed"]] if has_journal else [])
    assert sent == [["not_sent", "journal", problem]]
    assert len(world.server.ledger.posts) == 1
    if has_journal:
        journal.chmod(0o600)


async def holder(journal: Path) -> asyncio.subprocess.Process:
    """Another program in the middle of a transaction."""
    program = f"""
import sqlite3, sys
connection = sqlite3.connect({str(journal)!r}, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    return process


@pytest.mark.fault("81")
async def test_a_journal_that_another_program_holds_sends_nothing_and_names_it(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "BUSY_S", 0.3)
    world = await make_world().begin()
    process = await holder(journal_of(world))
    vm = world.named()
    sent = await world.send(vm, ActionType.REBOOT)
    assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "journal")
    who = f"process {process.pid} holds it" if sys.platform == "linux" else "another program holds it"
    assert sent.message == f"Journal busy: {who}; nothing was sent"
    assert world.server.ledger.posts == ()
    await process.communicate(b"")
    assert (await world.send(vm, ActionType.REBOOT)).stage is Stage.ACCEPTED
    await world.engine.stop()


@pytest.mark.fault("81")
async def test_a_journal_that_was_held_at_the_start_is_opened_later(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "BUSY_S", 0.3)
    world = await make_world().begin()
    sent = await world.send(world.named(), ActionType.POWER_OFF)
    await world.engine.stop()
    process = await holder(journal_of(world))
    world.engine = world.make_engine()
    await world.begin()
    assert world.engine.update.journal_problem.startswith("Journal busy")
    await process.communicate(b"")
    assert (await world.ended(sent)).stage is Stage.VERIFIED
    await world.pass_time(31)
    assert world.engine.update.journal_problem == ""
    assert stage_on_disk(world, sent.token) is Stage.VERIFIED, "what was seen meanwhile is written down"
    assert (await world.send(world.named(nth=1), ActionType.REBOOT)).stage is Stage.ACCEPTED
    await world.engine.stop()


@pytest.mark.fault("82")
async def test_the_second_of_two_programs_is_refused_with_which_and_when(world: World) -> None:
    """Both read before either sends; only the journal can tell the second one."""
    vm = world.named()
    first, second = (Engine(world.account, state_dir=world.state_dir) for _ in range(2))
    for engine in (first, second):
        await engine.start()
        await engine.first_reading()
    program = f"""
import asyncio
from pathlib import Path
from cftui.api.requests import simple
from cftui.fleet.rows import ActionType
from cftui.operations.engine import Account, Engine
from cftui.operations.plan import make_plan
async def main():
    account = Account({world.server.url!r}, "user@example.com", "password")
    engine = Engine(account, state_dir=Path({str(world.state_dir)!r}))
    await engine.start()
    vms = (await engine.first_reading()).view.vms
    await engine.execute(make_plan([(vms[{vm.id!r}], simple(ActionType.REBOOT))], base_url=account.base_url))
asyncio.run(main())
"""
    world.server.faults.next("POST", faults.hang())
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT)
    await eventually(lambda: len(world.server.ledger.posts) == 1, within_s=20)
    refused = [
        (await engine.execute(world.plan(engine.view.vms[vm.id], ActionType.REBOOT)))[0] for engine in (first, second)
    ]
    for one in refused:
        assert (one.stage, one.reason) == (Stage.SKIPPED, "already-open")
        told = rf"another cftui \(pid {process.pid}\) sent reboot to '{vm.name}' \d s ago \(act:[0-9a-f]{{8}}\), "
        assert re.fullmatch(told + "its answer is awaited", one.message.rstrip("."))
    assert len(world.server.ledger.posts) == 1
    process.kill()
    await process.wait()
    for engine in (first, second):
        await engine.stop()


@pytest.mark.fault("83")
async def test_the_journal_of_a_newer_version_is_shown_and_left_as_it_is(world: World) -> None:
    past = await world.send(world.named(), ActionType.POWER_OFF)
    await world.engine.stop()
    journal = journal_of(world)
    with contextlib.closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA user_version=99")
    before = journal.read_bytes()
    world.engine = world.make_engine()
    await world.begin()
    problem = world.engine.update.journal_problem
    assert "written by a newer cftui" in problem
    assert f"its format is 99, this one reads {journal_file.SCHEMA_VERSION}" in problem
    assert (await world.ended(past)).stage is Stage.VERIFIED, "followed all the same"
    sent = await world.send(world.named(nth=1), ActionType.REBOOT)
    assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "journal")
    assert journal.read_bytes() == before
    assert len(world.server.ledger.posts) == 1
    assert world.engine.unrecorded == (), "nothing was sent by this program"


@pytest.mark.parametrize("spelling", ["/v1", "USER@Example.com"])
async def test_one_account_is_one_however_it_is_spelled(world: World, spelling: str) -> None:
    vm = world.named()
    await world.send(vm, ActionType.REBOOT)
    if spelling == "/v1":
        other = world.make_engine(base_url=world.server.url.replace("/api/v1", "/v1"))
    else:
        other = world.make_engine(email=spelling)
    await other.start()
    assert [one.vm_id for one in other.view.submissions.values()] == [vm.id], "the row is found under the other name"
    await other.stop()


class TestStartingAgain:
    """What was sent before is taken up where it stood."""

    @pytest.mark.fault("40")
    async def test_a_look_up_goes_on_with_what_was_listed_before(self, world: World) -> None:
        vm = world.named()
        await world.ended(await world.send(vm, ActionType.REBOOT))
        world.server.faults.next("POST", faults.close(carried_out=True))
        sent = await world.send(world.engine.view.vms[vm.id], ActionType.REBOOT)
        assert sent.stage is Stage.UNKNOWN
        before = read_journal(journal_of(world))[0]
        await world.engine.stop()
        world.cloud_clock.advance(3)
        world.clock.turn(3)
        world.engine = world.make_engine()
        await world.engine.start()
        assert (world.now(sent).stage, world.now(sent).is_settled) == (Stage.UNKNOWN, False), "before anything is read"
        await world.engine.first_reading()
        ended = await world.ended(sent)
        assert ended.finding is Finding.PROBABLE, "the earlier reboot does not fit"
        after = read_journal(journal_of(world))[0]
        assert (after.given_up, after.baseline) == (before.given_up, before.baseline)
        assert len(world.server.ledger.posts) == 2

    @pytest.mark.fault("40")
    async def test_no_trace_is_told_after_a_restart_too(self, world: World) -> None:
        world.server.faults.next("POST", faults.close())
        sent = await world.send(world.named(), ActionType.REBOOT)
        await world.pass_time(10)
        await world.engine.stop()
        world.engine = world.make_engine()
        await world.begin()
        assert world.now(sent).finding is Finding.NONE
        assert (await world.ended(sent, within_s=60)).finding is Finding.ABSENT

    async def test_a_baseline_that_cannot_be_read_proves_neither_one_nor_the_other(self, world: World) -> None:
        """An old reboot is in the list; that it was there before is what cannot be read any more."""
        vm = world.named()
        await world.ended(await world.send(vm, ActionType.REBOOT))
        world.server.faults.next("POST", faults.close())
        sent = await world.send(world.engine.view.vms[vm.id], ActionType.REBOOT)
        await world.engine.stop()
        with contextlib.closing(sqlite3.connect(journal_of(world))) as connection:
            changes = "vm_before = '[1]', baseline = '[{\"name\": 1}]', newest_before = NULL"
            connection.execute(f"UPDATE submission SET {changes} WHERE token = ?", (sent.token,))
            connection.commit()
        world.engine = world.make_engine()
        await world.begin()
        ended = await world.ended(sent, within_s=90)
        assert (ended.stage, ended.finding) == (Stage.UNKNOWN, Finding.UNVERIFIABLE)
        assert "cannot be found out from here" in ended.message
