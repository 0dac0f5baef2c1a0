"""An engine, a simulated cloud and its truth, for machines that do everything to them in any order."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import cast

from cftui.api import requests
from cftui.cli.exit_codes import ExitCode, of_outcome
from cftui.fleet.effects import is_verifiable
from cftui.fleet.history import Finding, Stage, Submission
from cftui.fleet.rows import ActionType
from cftui.fleet.rules import availability
from cftui.operations.engine import Engine
from cftui.operations.journal import JournalEntry, read_journal
from cftui.operations.keeping import Keeping
from cftui.operations.plan import make_plan
from cftui.simulator import faults
from cftui.simulator.faults import Fault
from cftui.simulator.ledger import Received
from cftui.simulator.messages import Answer
from cftui.simulator.state import COMPLETED, ERRORED, RUNNING, STOPPED, Action, Vm
from tests.operations.conftest import World, eventually
from tests.operations.model_cloud import JumpingClock

NAMES = {"web-1": RUNNING, "web-2": STOPPED, "broken-1": RUNNING, "stubborn-1": RUNNING}

STICKY = {
    Stage.VERIFIED: {Stage.VERIFIED},
    Stage.COMPLETED: {Stage.COMPLETED, Stage.VERIFIED},
    Stage.ERRORED: {Stage.ERRORED},
    Stage.REJECTED: {Stage.REJECTED},
    Stage.NOT_SENT: {Stage.NOT_SENT},
    Stage.SKIPPED: {Stage.SKIPPED},
}
"""What a finished stage may still become."""


Commit = Callable[[JournalEntry], Awaitable[None]]


class Death(StrEnum):
    """When a program is killed in the middle of a confirmation."""

    BEFORE_INTENT = "before the intent is on disk"
    AFTER_INTENT = "after it, before the request leaves"
    UNHEARD = "while the request is under way, which the cloud never carries out"
    IN_FLIGHT = "while the request is under way, which the cloud carries out"
    BEFORE_OUTCOME = "after the answer, before it is on disk"
    AFTER_OUTCOME = "after all of it"


class DyingJournal:
    """A journal whose program ends at one of its commits: whoever waits for it waits for ever."""

    problem = ""

    def __init__(self, journal: Keeping, death: Death) -> None:
        self._journal = journal
        self._death = death
        self.has_died = asyncio.Event()

    async def intend(self, entry: JournalEntry) -> None:
        await self._commit(self._journal.intend, entry, Death.BEFORE_INTENT, Death.AFTER_INTENT)

    async def keep(self, entry: JournalEntry) -> None:
        if not self.has_died.is_set():
            await self._commit(self._journal.keep, entry, Death.BEFORE_OUTCOME, Death.AFTER_OUTCOME)

    async def _commit(self, commit: Commit, entry: JournalEntry, before: Death, after: Death) -> None:
        if self._death is not before:
            await commit(entry)
        if self._death in (before, after):
            self.has_died.set()
            await asyncio.Event().wait()


@dataclass
class Confirmed:
    """One confirmation, and the truth about it."""

    token: str
    vm_id: str
    type: ActionType
    body: str
    before: Vm
    posts: int
    """How many requests reached the cloud because of it."""
    is_executed: bool
    action: Action | None
    """What the cloud began."""
    is_anothers: bool
    """Whether another program than the one that is looked at sent it."""
    has_shown: bool = False
    """The VM has looked as asked at some moment since."""
    last: dict[str, Stage] = field(default_factory=dict)
    """As each program told it last; one may be behind another."""


class Scene(World):
    """A world of four VMs, one of which breaks every action and one of which does not stop when asked."""

    def __init__(self, state_dir: Path, *, quirks: Mapping[str, str] | None = None) -> None:
        super().__init__(state_dir, vms=0, quirks=quirks)
        self.clock: JumpingClock = JumpingClock()
        self.engine = self.make_engine()
        self.vms = [self.cloud.add_vm(name, status=status).id for name, status in NAMES.items()]
        self.confirmed: list[Confirmed] = []
        self.without_intent: list[str] = []
        self.counts: Counter[str] = Counter()
        self.server.ledger.on_post = self._look_for_intent

    def _look_for_intent(self, post: Received) -> None:
        """On the server's thread, when a POST has arrived and before it is answered: its intent is in the file."""
        vm_id = post.path.split("/")[-2]
        uri = f"file:{self.state_dir / 'journal.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
            found = connection.execute(
                "SELECT count(*) FROM submission WHERE vm_id = ? AND body = ? AND stage = 'sending'",
                (vm_id, post.body.decode()),
            ).fetchone()[0]
        if found != 1:
            self.without_intent.append(f"{found} intents of {post.body!r}")

    # What is done

    async def confirm(
        self,
        engine: Engine,
        vm_id: str,
        type_: ActionType,
        fault: Fault | None = None,
        *,
        death: Death | None = None,
        replaces: str = "",
    ) -> None:
        """One yes of an operator; nothing when the VM is not known yet."""
        row = engine.view.vms.get(vm_id)
        if row is None:
            return
        pair = (row, self._request(type_, self.cloud.vm(vm_id)))
        plan = make_plan([pair], base_url=self.account.base_url, is_resend=bool(replaces), replaces=replaces)
        (step,) = plan.steps
        before, known = replace(self.cloud.vm(vm_id)), len(self.cloud.actions(vm_id))
        posts, executed = len(self.server.ledger.posts), len(self.server.ledger.executed)
        if fault is not None:
            self.server.faults.next("POST", fault)
        try:
            if death is None:
                await engine.execute(plan)
            else:
                await self._die(engine, asyncio.create_task(engine.execute(plan)), death, posts)
        finally:
            self.server.faults.clear()
        is_executed = len(self.server.ledger.executed) > executed
        self.confirmed.append(
            Confirmed(
                step.token,
                vm_id,
                type_,
                step.body,
                before,
                len(self.server.ledger.posts) - posts,
                is_executed,
                self.cloud.actions(vm_id)[known] if is_executed else None,
                is_anothers=engine is not self.engine,
            )
        )
        self.counts[f"confirmed, {'executed' if is_executed else 'not executed'}"] += 1

    def allowed(self, vm_id: str) -> list[ActionType]:
        """What may be done to a VM, as far as the program knows."""
        view = self.engine.view
        if (row := view.vms.get(vm_id)) is None:
            return []
        return [one.type for one in availability(row, doing=view.doing.get(vm_id)) if one.is_allowed]

    def _request(self, type_: ActionType, vm: Vm) -> requests.ActionRequest:
        count = len(self.confirmed)
        match type_:
            case ActionType.RESIZE:
                return requests.resize(cpu=int(vm.vcpus) % 8 + 1)
            case ActionType.RENAME:
                return requests.rename(f"{vm.name.partition('~')[0]}~{count}")
            case ActionType.SNAPSHOT:
                return requests.snapshot(f"s{count}")
            case _:
                return requests.simple(type_)

    async def _die(self, engine: Engine, run: asyncio.Task[list[Submission]], death: Death, posts: int) -> None:
        """Let the program end in the middle, as `kill -9` does."""
        assert engine._sending is not None
        assert engine._keeping is not None
        journal = DyingJournal(engine._keeping, death)
        engine._sending._journal = cast(Keeping, journal)
        if death in (Death.UNHEARD, Death.IN_FLIGHT):
            self.server.faults.next("POST", faults.hang(carried_out=death is Death.IN_FLIGHT))
            await eventually(lambda: run.done() or len(self.server.ledger.posts) > posts)
        else:
            died = asyncio.create_task(journal.has_died.wait())
            await asyncio.wait((run, died), return_when=asyncio.FIRST_COMPLETED)
            died.cancel()
        journal.has_died.set()
        await self.kill(engine)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    async def kill(self, engine: Engine) -> None:
        """End a program without a word to the journal or to anyone."""
        tasks = [task for task in (engine._polling,) if task is not None]
        if engine._sending is not None:
            tasks += list(engine._sending._tasks)  # type: ignore[arg-type]  # whatever they return
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await engine._clients.close()
        if engine._keeping is not None:
            await engine._keeping.close()

    async def start_anew(self) -> None:
        """The next start of the program."""
        self.engine = self.make_engine()
        await self.engine.start()
        await self.look(1)

    async def look(self, seconds: float) -> None:
        """A second at a time."""
        for _ in range(int(seconds)):
            self.cloud_clock.advance(1)
            self.sample()
            await self.clock.advance(1)

    async def leap(self, seconds: float) -> None:
        """Time passes while nobody asks; then a few rounds."""
        for _ in range(10):
            self.cloud_clock.advance(seconds / 10)
            self.sample()
        self.clock.turn(seconds)
        await self.look(3)

    def sample(self) -> None:
        """Note which VMs look as asked now; within one instant of the cloud nothing changes."""
        for one in self.confirmed:
            one.has_shown = one.has_shown or _shows(one, self.cloud.vm(one.vm_id))

    # What must hold

    def check(self, engine: Engine) -> None:
        """Everything that is promised, at any moment."""
        self.sample()
        posts = len(self.server.ledger.posts)
        assert posts == sum(one.posts for one in self.confirmed), "something was sent that nobody confirmed"
        assert all(one.posts <= 1 for one in self.confirmed), "one confirmation, several requests"
        assert len(self.server.ledger.executed) <= len(self.confirmed)
        assert not self.without_intent, self.without_intent
        self.check_words(engine)

    def check_words(self, engine: Engine, who: str = "this one") -> None:
        """What one program says of all that was confirmed."""
        history = {entry.id: entry for entry in engine.view.history}
        for one in self.confirmed:
            submission = engine.view.submissions.get(one.token)
            if submission is None:
                assert not one.posts or (one.is_anothers and one.token in self._kept()), (
                    "a request that left has vanished"
                )
                continue
            assert one.token in history, "a request is in no line of the history"
            self._check_submission(one, submission, who)
            line = history[one.token]
            assert (line.stage, line.is_settled) == (submission.stage, submission.is_settled)

    def _kept(self) -> set[str]:
        """What is in the journal file: all that a program knows of others that has not read it since."""
        return {one.submission.token for one in read_journal(self.state_dir / "journal.sqlite3")}

    def _check_submission(self, one: Confirmed, submission: Submission, who: str) -> None:
        stage, told = submission.stage, f"{one} is told as {submission}"
        before = one.last.get(who)
        self.counts[stage.value] += before is not stage
        if one.posts:
            assert stage not in (Stage.NOT_SENT, Stage.SKIPPED), told
        if one.is_executed:
            assert stage is not Stage.REJECTED, told
        if before in STICKY:
            assert stage in STICKY[before], told
        one.last[who] = stage
        if submission.finding is Finding.ABSENT:
            assert stage is Stage.UNKNOWN, told
            assert "no trace so far" in submission.message, told
        status = one.action.status if one.action is not None else ""
        is_guess = submission.is_probable and "very likely" in submission.message
        match stage:
            case Stage.VERIFIED:
                assert one.has_shown, told
                assert status == COMPLETED or "seen on the VM" in submission.message, told
            case Stage.COMPLETED:
                assert status == COMPLETED or is_guess, told
            case Stage.ERRORED:
                assert status == ERRORED or is_guess, told
            case _:
                pass
        code = of_outcome(
            stage,
            is_verifiable=is_verifiable(submission.type),
            is_probable=submission.is_probable,
            reason=submission.reason,
        )
        if code is ExitCode.DONE and submission.reason != "stopped":
            assert stage is Stage.VERIFIED or (status == COMPLETED and not is_verifiable(submission.type)), told


def _shows(one: Confirmed, vm: Vm) -> bool:
    members = json.loads(one.body)
    match one.type:
        case ActionType.POWER_ON:
            return vm.status == RUNNING and one.before.status != RUNNING
        case ActionType.POWER_OFF | ActionType.SHUTDOWN:
            return vm.status == STOPPED and one.before.status != STOPPED
        case ActionType.RENAME:
            return bool(vm.name == members["name"])
        case ActionType.RESIZE:
            return bool(vm.vcpus == members["size"])
        case ActionType.SNAPSHOT:
            return len(vm.snapshot_ids) > len(one.before.snapshot_ids)
        case _:
            return False


def reordered() -> Fault:
    """The list, the other way round."""
    return _listed(lambda entries: entries[::-1])


def dropping(every: int) -> Fault:
    """The list, without some of its entries."""
    return _listed(lambda entries: [entry for place, entry in enumerate(entries) if (place + 1) % every])


def _listed(change: Callable[[list[object]], list[object]]) -> Fault:
    def rewrite(answer: Answer) -> Answer:
        if answer.status != 200:
            return answer
        body = json.loads(answer.body)
        return replace(answer, body=json.dumps(body | {"actions": change(body["actions"])}).encode())

    return Fault("another list", carried_out=True, rewrite=rewrite)
