"""The journal file: what is promised to be on disk is there, for the owner only, and one VM has one open request."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from cftui.errors import JournalError
from cftui.fleet.history import Finding, Stage, Submission
from cftui.fleet.identity import ActionKey
from cftui.fleet.rows import ActionRow, Phase, Power, VmRow
from cftui.operations.account import account_name
from cftui.operations.journal import (
    LOAD_LIMIT,
    NEWEST,
    NEWEST_OF_ALL,
    UNSETTLED,
    AlreadyOpenError,
    Baseline,
    Journal,
    JournalEntry,
    read_journal,
)
from cftui.operations.journal_file import MIGRATIONS
from cftui.operations.journal_rows import COLUMNS, INSERT, NAMES, values_of
from tests.clock import TurnedClock

ORIGIN = "http://127.0.0.1/api/v1|ops@example.com"
BEFORE = VmRow("id-1", "web-1", Power.ON, "running", "moscow_01", 2, 4, 40, "10.0.0.1", "", False, ("s1",), "web-1")
OLD = ActionRow(
    "id-1", "reboot", "completed", Phase.SUCCEEDED, "2015-01-14T16:31:00Z", 1421253060.0, "", None, "", "", ""
)


def entry(token: str = "a" * 32, vm_id: str = "id-1", stage: Stage = Stage.SENDING) -> JournalEntry:
    submission = Submission(
        token=token,
        plan_id="p1",
        vm_id=vm_id,
        vm_name="web-1",
        type="reboot",
        body='{"type": "reboot"}',
        stage=stage,
        intended=1_000.5,
        before=BEFORE,
    )
    return JournalEntry(submission, ORIGIN, "http://127.0.0.1/api/v1/vms/id-1/actions", Baseline((OLD,), 12.5))


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(tmp_path / "state" / "journal.sqlite3")
    await journal.open()
    yield journal
    await journal.close()


async def test_an_intent_is_on_disk_when_intend_returns(journal: Journal, tmp_path: Path) -> None:
    await journal.intend(entry())
    (found,) = read_journal(tmp_path / "state" / "journal.sqlite3")
    assert found.submission == entry().submission
    assert found.baseline == Baseline((OLD,), 12.5)
    assert found.pid == os.getpid()
    assert found.is_open


async def test_the_outcome_comes_back_whole(journal: Journal) -> None:
    await journal.intend(entry())
    ended = replace(
        entry().submission,
        stage=Stage.UNKNOWN,
        key=ActionKey("id-1", "reboot", 1421253060.25, 1),
        status="in-progress",
        started_at="2015-01-14T16:31:00.25Z",
        message="lone surrogate \ud800 and NUL \x00",
        is_probable=True,
        is_settled=True,
        reason="timeout",
        finding=Finding.PROBABLE,
    )
    await journal.record(replace(entry(), submission=ended, given_up=1_030.0))
    (found,) = await journal.load(ORIGIN)
    assert found.submission == replace(ended, message="lone surrogate \\ud800 and NUL \x00")
    assert found.given_up == 1_030.0


async def test_a_second_open_request_to_one_vm_is_refused_with_which(journal: Journal) -> None:
    await journal.intend(entry())
    with pytest.raises(AlreadyOpenError, match=r"cftui sent reboot to 'web-1' 0 s ago \(act:aaaaaaaa\), its answer"):
        await journal.intend(entry("b" * 32))
    await journal.intend(entry("c" * 32, vm_id="id-2"))
    await journal.record(replace(entry(), submission=replace(entry().submission, stage=Stage.ERRORED, is_settled=True)))
    await journal.intend(entry("d" * 32))


async def test_two_journals_on_one_file_keep_one_open_request_a_vm(journal: Journal, tmp_path: Path) -> None:
    other = Journal(tmp_path / "state" / "journal.sqlite3")
    await other.open()
    results = await asyncio.gather(journal.intend(entry()), other.intend(entry("b" * 32)), return_exceptions=True)
    await other.close()
    assert sorted(type(result).__name__ for result in results) == ["AlreadyOpenError", "NoneType"]
    assert len(read_journal(tmp_path / "state" / "journal.sqlite3")) == 1


async def test_intents_that_wait_together_fail_alone(journal: Journal) -> None:
    same = [entry(f"{index:032x}") for index in range(20)]
    different = [entry(f"{index:032x}", vm_id=f"vm-{index}") for index in range(100, 120)]
    results = await asyncio.gather(*map(journal.intend, same + different), return_exceptions=True)
    assert sum(isinstance(result, AlreadyOpenError) for result in results) == 19
    assert sum(result is None for result in results) == 21


async def test_files_and_folder_are_for_the_owner_only(journal: Journal, tmp_path: Path) -> None:
    await journal.intend(entry())
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()} == {0o600}


@pytest.mark.fault("85")
@pytest.mark.parametrize("what", ["mode", "link", "hard link", "pipe", "folder", "folder link", "owner"])
async def test_a_file_that_cannot_be_trusted_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "state" / "journal.sqlite3"
    path.parent.mkdir(mode=0o700)
    match what:
        case "mode":
            path.touch(0o644)
            path.chmod(0o644)
            words = "chmod 600"
        case "link":
            path.symlink_to(tmp_path / "elsewhere")
            words = "link"
        case "hard link":
            path.touch(0o600)
            (tmp_path / "second").hardlink_to(path)
            words = "hard link"
        case "pipe":
            os.mkfifo(path, 0o600)
            words = "not an ordinary file"
        case "folder":
            path.touch(0o600)
            path.parent.chmod(0o755)
            words = "chmod 700"
        case "folder link":
            path.touch(0o600)
            (tmp_path / "link").symlink_to(path.parent)
            path = tmp_path / "link" / path.name
            words = "link"
        case _ if os.geteuid() == 0:
            path.touch(0o600)
            os.chown(path, 65534, 65534)
            words = "belongs to another user"
        case _:
            path = Path("/etc/journal.sqlite3")
            words = "belongs to another user"
    before = path.lstat() if path.is_symlink() or path.exists() else None
    with pytest.raises(JournalError) as raised:
        await Journal(path).open()
    assert words in str(raised.value)
    assert str(path) in str(raised.value) or str(path.parent) in str(raised.value)
    assert not (tmp_path / "elsewhere").exists()
    assert before is None or path.lstat() == before


@pytest.mark.fault("85")
async def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "journal.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError):
        await Journal(tmp_path / "state" / "journal.sqlite3").open()
    assert not (tmp_path / "elsewhere").exists()


async def test_an_intent_survives_a_killed_process_and_is_known_as_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.sqlite3"
    program = f"""
import asyncio, os, signal, sys
from pathlib import Path
from tests.operations.test_journal import Journal, entry
async def main():
    journal = Journal(Path({str(path)!r}))
    await journal.open()
    await journal.intend(entry())
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    killed = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    assert killed.returncode == -9
    (found,) = read_journal(path)
    assert found.submission.stage is Stage.SENDING
    assert found.is_left_behind(found.submission.intended)
    assert found.is_left_behind(found.submission.intended + 61)


async def test_reading_makes_nothing(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "nowhere" / "journal.sqlite3") == []
    assert not (tmp_path / "nowhere").exists()


async def test_a_caller_that_gave_up_does_not_end_the_writer(journal: Journal) -> None:
    waiting = asyncio.create_task(journal.intend(entry()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await journal.intend(entry("b" * 32, vm_id="id-2"))
    assert len(await journal.load(ORIGIN)) >= 1


async def test_a_row_of_another_version_costs_its_proof_and_not_the_start(journal: Journal, tmp_path: Path) -> None:
    await journal.intend(entry())
    with sqlite3.connect(tmp_path / "state" / "journal.sqlite3") as other:
        other.execute("""UPDATE submission SET vm_before = '["id-1", 1]', baseline = '[{"x": 1}]'""")
    other.close()
    (found,) = await journal.load(ORIGIN)
    assert found.is_open
    assert (found.submission.before, found.baseline.is_known) == (None, False)
    await journal.record(found)
    (found,) = await journal.load(ORIGIN)
    assert not found.baseline.is_known, "writing down its outcome makes nothing known"


@pytest.mark.parametrize("text", ["[]", "{}", "null", "[[1]]", "garbage", '[{"vm_id": "x"}]'])
async def test_only_a_list_of_actions_says_what_was_listed(journal: Journal, tmp_path: Path, text: str) -> None:
    await journal.intend(entry())
    with sqlite3.connect(tmp_path / "state" / "journal.sqlite3") as other:
        other.execute("UPDATE submission SET baseline = ?, newest_before = NULL", (text,))
    other.close()
    (found,) = await journal.load(ORIGIN)
    assert found.baseline.is_known == (text == "[]")
    assert bool(found.candidates([OLD])) == (text == "[]"), "an old action is not taken for a new one"


class TestVersions:
    """A journal of an earlier version is brought up to date, whatever it holds."""

    def first_version(self, path: Path, *rows: JournalEntry) -> None:
        path.parent.mkdir(mode=0o700)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.executescript(MIGRATIONS[0])
            connection.execute("PRAGMA user_version=1")
            for row in rows:
                connection.execute(INSERT, values_of(row))
            connection.commit()
        path.chmod(0o600)

    async def test_accounts_get_their_one_name(self, tmp_path: Path) -> None:
        path = tmp_path / "state" / "journal.sqlite3"
        old = replace(entry(), origin="https://Cloud.example/v1|Ops@Example.com")
        self.first_version(path, old)
        journal = Journal(path)
        await journal.open()
        origin = account_name("https://cloud.example:443/api/v1", "ops@example.com ")
        (found,) = await journal.load(origin)
        assert found.submission == old.submission
        with pytest.raises(AlreadyOpenError):
            await journal.intend(replace(entry("b" * 32), origin=origin))
        await journal.close()

    async def test_two_names_of_one_account_may_both_have_had_one_open(self, tmp_path: Path) -> None:
        path = tmp_path / "state" / "journal.sqlite3"
        first = replace(entry(), origin="https://cloud.example/v1|ops@example.com")
        second = replace(entry("b" * 32), origin="https://cloud.example/api/v1|ops@example.com")
        self.first_version(path, first, second)
        journal = Journal(path)
        await journal.open()
        origin = account_name("https://cloud.example", "ops@example.com")
        assert {one.submission.token[0] for one in await journal.load(origin)} == {"a", "b"}
        unknown = replace(first.submission, stage=Stage.UNKNOWN)
        await journal.record(replace(first, submission=unknown))
        with pytest.raises(AlreadyOpenError, match="act:bbbbbbbb"):
            await journal.intend(replace(entry("c" * 32), origin=origin))
        await journal.close()


class TestManyRows:
    """What a start costs does not grow with the years."""

    @pytest.fixture
    async def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "state" / "journal.sqlite3"
        journal = Journal(path)
        await journal.open()
        await journal.intend(entry("0" * 32))
        await journal.close()
        fill(path, 20_000)
        return path

    @pytest.mark.fault("88")
    async def test_a_start_reads_what_is_unsettled_and_the_newest(self, path: Path) -> None:
        journal = Journal(path)
        await journal.open()
        loaded = await journal.load(ORIGIN)
        await journal.close()
        assert len(loaded) == LOAD_LIMIT + 1
        assert [one.submission.token for one in loaded if one.is_open] == ["0" * 32]
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for statement, index in (
                (UNSETTLED, "unsettled"),
                (NEWEST, "by_time"),
                (NEWEST_OF_ALL, "everyone_by_time"),
            ):
                plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", (ORIGIN,)).fetchall()
                assert len(plan) == 1, "nothing is sorted"
                assert f"USING INDEX {index}" in plan[0][3]

    @pytest.mark.fault("88")
    async def test_what_ended_long_ago_is_moved_some_at_a_start_and_what_is_open_never(self, path: Path) -> None:
        journal = Journal(path, clock=TurnedClock())
        await journal.open()
        counts = []
        for _ in range(2):
            await journal.archive()
            with contextlib.closing(sqlite3.connect(path)) as connection:
                tables = ("submission", "ended")
                counts.append([connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables])
        assert counts == [[18_001, 2_000], [16_001, 4_000]]
        with contextlib.closing(sqlite3.connect(path)) as connection:
            row = (entry().submission.plan_id, ORIGIN, "{}", 0.0, "somewhere", 1, 0.0, "open", "")
            connection.execute(f"INSERT INTO run VALUES ({', '.join('?' * len(row))})", row)
            connection.commit()
        await journal.archive()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            moved = connection.execute("SELECT count(*) FROM ended").fetchone()[0]
        assert moved == 4_000, "a run that may go on has to know what it sent"
        assert "0" * 32 in {one.submission.token for one in await journal.load(ORIGIN) if one.is_open}
        await journal.close()


def fill(path: Path, rows: int) -> None:
    """Add so many ended rows, a minute apart, the last of them a year ago by the turned clock."""
    ended = replace(entry().submission, stage=Stage.VERIFIED, is_settled=True)
    values = dict(zip(COLUMNS, values_of(replace(entry(), submission=ended)), strict=True))
    made = {"token": "printf('%032x', n)", "vm_id": "'vm-' || (n % 5000)", "intended": "1764000000 - 60 * n"}
    chosen = ", ".join(made.get(name, "?") for name in COLUMNS)
    bound = [value for name, value in values.items() if name not in made]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        numbers = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT {rows})"
        connection.execute(f"INSERT INTO submission ({NAMES}) {numbers} SELECT {chosen} FROM n", bound)
        connection.commit()
