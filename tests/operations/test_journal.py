"""The journal file: what is promised to be on disk is there, for the owner only, and one VM has one open request."""

from __future__ import annotations

import asyncio
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
from cftui.operations.journal import AlreadyOpenError, Baseline, Journal, JournalEntry, read_journal

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
    with pytest.raises(AlreadyOpenError, match=r"cftui already sent reboot to 'web-1' \(act:aaaaaaaa\)"):
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


@pytest.mark.parametrize("what", ["mode", "link", "folder", "garbage", "newer"])
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
        case "folder":
            path.touch(0o600)
            path.parent.chmod(0o755)
            words = "chmod 700"
        case "garbage":
            path.write_bytes(b"this is not a database" * 100)
            path.chmod(0o600)
            words = "cannot be used"
        case _:
            with sqlite3.connect(path) as connection:
                connection.execute("PRAGMA user_version=99")
            connection.close()
            path.chmod(0o600)
            words = "newer cftui"
    before = path.lstat()
    with pytest.raises(JournalError) as raised:
        await Journal(path).open()
    assert words in str(raised.value)
    assert not (tmp_path / "elsewhere").exists()
    assert path.lstat().st_size == before.st_size


async def test_a_journal_that_was_replaced_takes_no_intent(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "state" / "journal.sqlite3").unlink()
    with pytest.raises(JournalError, match="replaced or removed"):
        await journal.intend(entry())


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
    assert (found.submission.before, found.baseline.rows) == (None, ())
