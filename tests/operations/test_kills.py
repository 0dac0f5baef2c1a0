"""kill -9 at the three moments that decide: a process of its own dies, and the next start tells the truth about it."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import ActionType
from cftui.operations.journal import read_journal
from tests.operations.conftest import World
from tests.proof.sender import Job, Senders


@pytest.fixture(scope="module")
def senders() -> Iterator[Senders]:
    """Where the processes come from that die."""
    with Senders() as made:
        yield made


class Scene:
    """A cloud, a VM, and a process that reboots it and dies."""

    def __init__(self, world: World, senders: Senders) -> None:
        self.world = world
        self.senders = senders
        self.vm_id = next(vm.id for vm in world.cloud.vms() if vm.status == "running" and not vm.locked)
        self.journal = world.state_dir / "journal.sqlite3"
        self.pid = 0

    def start(self, *, dies_with_intent: bool = False) -> None:
        job = Job(self.world.server.url, str(self.world.state_dir), self.vm_id, dies_with_intent)
        self.pid = self.senders.start(job)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        assert self.senders.next() == {"is": "sending"}
        assert self.senders.next() == {"status": signal.SIGKILL}
        self.senders.bury()


def with_the_intent_on_disk(scene: Scene) -> None:
    scene.start(dies_with_intent=True)
    scene.wait()
    assert scene.world.server.ledger.posts == ()


def with_the_post_at_the_cloud(scene: Scene) -> None:
    scene.world.server.ledger.on_post = lambda _: scene.kill()
    scene.start()
    scene.wait()


def with_the_answer_there(scene: Scene) -> None:
    """Somebody reads the journal, so that the outcome cannot be committed before the process dies."""
    readers: list[sqlite3.Connection] = []

    def read_on(_: object) -> None:
        reader = sqlite3.connect(scene.journal, isolation_level=None, check_same_thread=False)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM submission").fetchone()
        readers.append(reader)

    scene.world.server.ledger.on_post = read_on
    scene.start()
    while not readers or not _is_being_written(scene.journal):
        time.sleep(0.002)
    scene.kill()
    scene.wait()
    readers[0].close()


def _is_being_written(journal: Path) -> bool:
    """Whether a process is in the middle of a transaction that writes."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(journal, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        return False
    return True


@pytest.mark.fault("12", "86")
@pytest.mark.parametrize(
    ("die", "finding"),
    [
        (with_the_intent_on_disk, Finding.ABSENT),
        (with_the_post_at_the_cloud, Finding.PROBABLE),
        (with_the_answer_there, Finding.PROBABLE),
    ],
)
async def test_the_next_start_finds_one_row_and_sends_nothing(
    make_world: Callable[..., World], senders: Senders, die: Callable[[Scene], None], finding: Finding
) -> None:
    world = make_world()
    scene = Scene(world, senders)
    die(scene)
    world.server.ledger.on_post = None
    posts = world.server.ledger.posts
    (kept,) = read_journal(scene.journal)
    assert (kept.submission.vm_id, kept.submission.stage) == (scene.vm_id, Stage.SENDING)

    await world.engine.start()
    (shown,) = world.engine.view.submissions.values()
    assert (shown.token, shown.stage, shown.reason) == (kept.submission.token, Stage.UNKNOWN, "crash")
    assert not shown.is_settled, "told before anything is read"
    await world.engine.first_reading()
    again = await world.send(world.engine.view.vms[scene.vm_id], ActionType.REBOOT)
    assert again.stage is Stage.SKIPPED, "nothing else may be sent to it meanwhile"
    ended = await world.ended(shown, within_s=90)
    assert (ended.stage, ended.finding) == (Stage.UNKNOWN, finding)
    assert world.server.ledger.posts == posts
    assert len(world.server.ledger.executed) == (finding is Finding.PROBABLE)
    assert len(read_journal(scene.journal)) == 1
    await world.engine.stop()
