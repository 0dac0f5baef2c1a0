"""A journal that is damaged, emptied or taken away: what was open stays open, what is lost is said."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import stat
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cftui.api import requests
from cftui.fleet.history import Finding, Stage, Submission
from cftui.fleet.rows import ActionType
from cftui.operations.journal import read_journal
from cftui.operations.plan import make_plan
from cftui.simulator import faults
from tests.operations.conftest import World, eventually

LOST = "Unknown outcomes may be missing: the journal "


def journal_of(world: World) -> Path:
    return world.state_dir / "journal.sqlite3"


@pytest.fixture
async def world(make_world: Callable[..., World]) -> AsyncIterator[World]:
    """As everywhere; but rows that are lost are missing among those that were confirmed."""
    made = await make_world().begin()
    yield made
    await made.engine.stop()
    assert max(Counter(post.path for post in made.server.ledger.executed).values()) == 1, "no VM got one twice"


async def with_an_open_request(world: World) -> Submission:
    """Three that ended, and one whose answer was lost."""
    targets = [(world.named(nth=nth), requests.simple(ActionType.REBOOT)) for nth in range(1, 4)]
    for ended in await world.engine.execute(make_plan(targets, base_url=world.account.base_url)):
        await world.ended(ended)
    world.server.faults.next("POST", faults.close(carried_out=True))
    sent = await world.send(world.named(), ActionType.REBOOT)
    assert sent.stage is Stage.UNKNOWN
    return sent


async def start_again(world: World) -> None:
    world.engine = world.make_engine()
    await world.begin()


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)


def overwrite_the_root_of(path: Path, name: str) -> None:
    """Put garbage where a table or an index begins."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    overwrite(path, (page - 1) * size, b"\xff" * size)


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def an_index(path: Path) -> None:
    overwrite_the_root_of(path, "everyone_by_time")


def the_lock_of_a_vm(path: Path) -> None:
    overwrite_the_root_of(path, "one_open_per_vm")


def the_table(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE submission")


def another_program(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    path.chmod(0o600)


@pytest.mark.fault("78")
@pytest.mark.parametrize(
    ("damage", "is_salvaged"),
    [
        (garbage, False),
        (half, None),
        (an_index, True),
        (the_lock_of_a_vm, True),
        pytest.param(the_table, False, marks=pytest.mark.fault("79")),
        (another_program, False),
    ],
)
async def test_a_damaged_journal_is_begun_anew_beside_it(
    world: World, damage: Callable[[Path], None], is_salvaged: bool | None
) -> None:
    """What can be read of it is taken over; that something may be missing is said until somebody typed."""
    first = await with_an_open_request(world)
    await world.engine.stop()
    damage(journal_of(world))
    broken = journal_of(world).read_bytes()
    await start_again(world)

    (kept,) = world.state_dir.glob("journal.damaged-*.sqlite3")
    assert kept.read_bytes() == broken
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert (
        world.engine.update.journal_gap
        == f"{LOST}was damaged and was begun anew; the old one is kept as {str(kept)!r}."
    )
    assert world.engine.update.journal_problem == ""
    is_known = first.token in world.engine.view.submissions
    assert is_salvaged is None or is_known == is_salvaged
    if is_known:
        again = await world.send(world.engine.view.vms[first.vm_id], ActionType.REBOOT)
        assert again.stage is Stage.SKIPPED
        assert (await world.ended(first)).finding is Finding.PROBABLE

    posts, vm = len(world.server.ledger.posts), world.named(nth=4)
    refused = await world.send(vm, ActionType.REBOOT)
    assert (refused.stage, refused.reason) == (Stage.NOT_SENT, "journal")
    assert refused.message.startswith(LOST)
    assert len(world.server.ledger.posts) == posts

    (sent,) = await world.engine.execute(world.plan(vm, ActionType.REBOOT), accepts_gap=True)
    assert sent.stage is Stage.ACCEPTED
    assert world.engine.update.journal_gap == ""
    await world.engine.stop()
    await start_again(world)
    assert world.engine.update.journal_gap == "", "once is enough"


@pytest.mark.fault("78")
async def test_every_page_may_be_the_broken_one(world: World, tmp_path: Path) -> None:
    """Whichever it is: the start goes on, and an open request is still known or a gap is told."""
    first = await with_an_open_request(world)
    await world.engine.stop()
    whole = tmp_path / "whole"
    shutil.copytree(world.state_dir, whole)
    size = journal_of(world).stat().st_size
    for offset in range(0, size, 4096):
        shutil.rmtree(world.state_dir)
        shutil.copytree(whole, world.state_dir)
        overwrite(journal_of(world), offset, os.urandom(4096))
        world.engine = world.make_engine()
        await world.engine.start()
        update = world.engine.update
        await world.engine.stop()
        assert update.journal_problem == ""
        assert first.token in update.view.submissions or update.journal_gap.startswith(LOST)


@pytest.mark.fault("79")
@pytest.mark.parametrize("what", ["emptied", "removed"])
async def test_a_journal_without_its_rows_is_no_first_start(world: World, what: str) -> None:
    assert world.engine.update.journal_gap == "", "this one was"
    await with_an_open_request(world)
    await world.engine.stop()
    if what == "emptied":
        os.truncate(journal_of(world), 0)
    else:
        journal_of(world).unlink()
    await start_again(world)
    assert world.engine.update.journal_gap == f"{LOST}was empty or gone and was begun anew."
    assert (await world.send(world.named(nth=4), ActionType.REBOOT)).stage is Stage.NOT_SENT
    (sent,) = await world.engine.execute(world.plan(world.named(nth=4), ActionType.REBOOT), accepts_gap=True)
    assert sent.stage is Stage.ACCEPTED


@pytest.mark.fault("79")
async def test_an_empty_journal_that_never_held_a_row_is_a_first_start(world: World) -> None:
    await world.engine.stop()
    os.truncate(journal_of(world), 0)
    await start_again(world)
    assert world.engine.update.journal_gap == ""
    assert (await world.send(world.named(), ActionType.REBOOT)).stage is Stage.ACCEPTED


def remove(path: Path) -> None:
    path.unlink()


def put_an_old_copy_there(path: Path) -> None:
    """As a backup that is played back does; it is another file of the same name."""
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.execute("DELETE FROM submission WHERE is_open")
        connection.commit()
    os.replace(copy, path)


@pytest.mark.fault("80")
@pytest.mark.parametrize("away", [remove, put_an_old_copy_there])
class TestTakenAwayWhileRunning:
    """Nothing is sent on the word of a file that nobody will find again; what is known is written anew."""

    async def test_the_next_intent_is_refused_and_all_rows_written_anew(
        self, world: World, away: Callable[[Path], None]
    ) -> None:
        first = await with_an_open_request(world)
        away(journal_of(world))
        sent = await world.send(world.named(nth=4), ActionType.REBOOT)
        assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "journal")
        assert sent.message.startswith("The journal was replaced or removed while running")
        assert len(world.server.ledger.posts) == 4
        rows = {one.submission.token: one for one in read_journal(journal_of(world))}
        assert rows.keys() >= set(world.engine.view.submissions) - {sent.token}
        assert rows[first.token].is_open
        plan = world.plan(world.named(nth=4), ActionType.REBOOT)
        (sent,) = await world.engine.execute(plan, accepts_gap=True)
        assert sent.stage is Stage.ACCEPTED
        assert (await world.send(world.engine.view.vms[first.vm_id], ActionType.REBOOT)).stage is Stage.SKIPPED

    async def test_an_outcome_is_written_into_the_file_that_is_there(
        self, world: World, away: Callable[[Path], None]
    ) -> None:
        world.server.faults.next("POST", faults.delay(0.3))
        run = asyncio.create_task(world.send(world.named(), ActionType.REBOOT))
        await eventually(lambda: len(world.server.ledger.posts) == 1)
        away(journal_of(world))
        sent = await run
        assert sent.stage is Stage.ACCEPTED
        (kept,) = read_journal(journal_of(world))
        assert (kept.submission.token, kept.submission.stage) == (sent.token, Stage.ACCEPTED)
        assert world.engine.unrecorded == ()


@pytest.mark.fault("80")
async def test_a_removed_journal_is_a_gap_for_what_others_wrote(world: World) -> None:
    await with_an_open_request(world)
    journal_of(world).unlink()
    await world.send(world.named(nth=4), ActionType.REBOOT)
    assert world.engine.update.journal_gap.startswith(LOST)


@pytest.mark.fault("78")
async def test_damage_that_shows_only_while_running_costs_the_intent_that_met_it(world: World) -> None:
    first = await with_an_open_request(world)
    with contextlib.closing(sqlite3.connect(journal_of(world))) as other:
        other.execute("CREATE TABLE news (x)")  # so that what the engine has read of it counts no more
    overwrite_the_root_of(journal_of(world), "one_open_per_vm")
    sent = await world.send(world.named(nth=4), ActionType.REBOOT)
    assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "journal")
    assert len(world.server.ledger.posts) == 4
    assert list(world.state_dir.glob("journal.damaged-*.sqlite3"))
    assert first.token in {one.submission.token for one in read_journal(journal_of(world))}
    (sent,) = await world.engine.execute(world.plan(world.named(nth=4), ActionType.REBOOT), accepts_gap=True)
    assert sent.stage is Stage.ACCEPTED
