"""Journal and poller under everything at once: confirmations, lost answers, deaths, restarts, jumps, other people."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import ActionType
from cftui.operations.journal import Journal
from cftui.simulator import faults
from cftui.simulator.faults import Fault
from tests.operations.machine import NAMES, Death, Scene, dropping, reordered
from tests.operations.rows import entry

QUIRKS: list[dict[str, str]] = [
    {},
    {},
    {"restamped-start": ""},
    {"late-actions": ""},
    {"late-effect": ""},
    {"same-second": ""},
    {"no-actions": ""},
    {"no-global-actions": ""},
    {"numbered-actions": ""},
    {"actions-oldest-first": "", "small-pages": "2"},
    {"endless-actions": ""},
    {"no-date": "", "small-pages": "2"},
]

REFUSED = [
    faults.status(code, '{"id": "x", "message": "no"}') for code in (400, 401, 403, 404, 409, 413, 422, 423, 429)
]
LOST = [
    fault
    for is_carried_out in (False, True)
    for fault in (
        faults.reset(carried_out=is_carried_out),
        faults.close(carried_out=is_carried_out),
        faults.cut(9, carried_out=is_carried_out),
        faults.status(408, carried_out=is_carried_out),
        faults.status(500, "<html>", carried_out=is_carried_out),
        faults.status(503, "{}", headers={"retry-after": "5"}, carried_out=is_carried_out),
        faults.html_502(carried_out=is_carried_out),
        faults.redirect("http://127.0.0.1:1/elsewhere", carried_out=is_carried_out),
        faults.garbage(carried_out=is_carried_out),
        faults.truncated(carried_out=is_carried_out),
        faults.body("<html>captive</html>", carried_out=is_carried_out),
        faults.gzipped(carried_out=is_carried_out),
    )
]
ANSWERS = st.one_of(
    st.none(),
    st.none(),
    st.sampled_from(REFUSED),
    st.sampled_from(LOST),
    st.sampled_from(LOST),
    st.integers(0, 700).map(faults.cut),
)
VMS = st.integers(0, len(NAMES) - 1)
TYPES = st.sampled_from(ActionType)


class CftuiMachine(RuleBasedStateMachine):
    """Everything that may happen to a program between a confirmation and the truth about it."""

    steps: ClassVar[Counter[str]] = Counter()
    """What was done in all examples together."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="cftui-machine-"))
        self.runner = asyncio.Runner()
        self.scene: Scene

    @initialize(quirks=st.sampled_from(QUIRKS))
    def begin(self, quirks: dict[str, str]) -> None:
        self.scene = Scene(self.folder / "state", quirks=quirks)
        self.runner.run(self.scene.begin())
        self.steps["machines"] += 1

    def teardown(self) -> None:
        try:
            if hasattr(self, "scene"):
                self.runner.run(self.scene.engine.stop())
                self.scene.server.stop()
                self.steps.update(self.scene.counts)
        finally:
            self.runner.close()
            shutil.rmtree(self.folder)

    @rule(vm=VMS, type_=TYPES, answer=ANSWERS)
    def confirm(self, vm: int, type_: ActionType, answer: Fault | None) -> None:
        """Mostly what may be done; now and then what may not."""
        scene, vm_id = self.scene, self.scene.vms[vm]
        allowed = scene.allowed(vm_id)
        if allowed and len(scene.confirmed) % 4:
            type_ = allowed[list(ActionType).index(type_) % len(allowed)]
        self.runner.run(scene.confirm(scene.engine, vm_id, type_, answer))

    @rule(vm=VMS, type_=TYPES, death=st.sampled_from(Death))
    def confirm_and_die(self, vm: int, type_: ActionType, death: Death) -> None:
        async def die() -> None:
            await self.scene.confirm(self.scene.engine, self.scene.vms[vm], type_, death=death)
            await self.scene.kill(self.scene.engine)
            await self.scene.start_anew()

        self.runner.run(die())

    @rule(place=st.integers(0, 3), answer=ANSWERS)
    def send_again(self, place: int, answer: Fault | None) -> None:
        """One of those that may be; nothing where there is none."""
        scene, able = self.scene, self.resendable()
        if able:
            token, vm_id, type_ = able[place % len(able)]
            self.runner.run(scene.confirm(scene.engine, vm_id, type_, answer, replaces=token))

    def resendable(self) -> list[tuple[str, str, ActionType]]:
        told = self.scene.engine.view.submissions
        return [
            (one.token, one.vm_id, one.type)
            for one in self.scene.confirmed
            if (submission := told.get(one.token)) is not None
            and submission.stage is Stage.UNKNOWN
            and submission.is_settled
            and submission.finding in (Finding.ABSENT, Finding.UNVERIFIABLE)
        ]

    @rule(vm=VMS, type_=TYPES)
    def another_program_confirms(self, vm: int, type_: ActionType) -> None:
        async def act() -> None:
            other = self.scene.make_engine()
            await other.start()
            await other.first_reading()
            await self.scene.confirm(other, self.scene.vms[vm], type_)
            await self.scene.look(2)
            self.scene.check_words(other, f"another one, {len(self.scene.confirmed)}")
            await other.stop()
            await self.scene.look(31)  # by then this one has read the journal again

        self.runner.run(act())

    @rule(vm=VMS, type_=TYPES)
    def somebody_else_acts(self, vm: int, type_: ActionType) -> None:
        scene = self.scene
        scene.cloud.start_foreign_action(scene.vms[vm], type_, sizes={"cpu": 3}, name=f"theirs~{len(scene.confirmed)}")

    @rule(seconds=st.integers(1, 10))
    def time_passes(self, seconds: int) -> None:
        self.runner.run(self.scene.look(seconds))

    @rule(seconds=st.sampled_from([15, 40, 130, 400, 1000]))
    def time_leaps(self, seconds: int) -> None:
        self.runner.run(self.scene.leap(seconds))

    @rule(seconds=st.sampled_from([-3600, -40, 40, 3600, 86400]))
    def the_wall_clock_jumps(self, seconds: int) -> None:
        self.scene.clock.jump(seconds)

    @rule(fault=st.sampled_from([reordered(), dropping(1), dropping(2), faults.html_502(carried_out=True)]))
    def lists_are_odd(self, fault: Fault) -> None:
        self.scene.server.faults.next("GET /actions", fault, times=3)
        self.runner.run(self.scene.look(3))
        self.scene.server.faults.clear()

    @rule(seconds=st.sampled_from([5, 40]))
    def the_cloud_is_dark(self, seconds: int) -> None:
        self.scene.server.refuse_connections()
        self.runner.run(self.scene.leap(seconds))
        self.scene.server.resume()

    @rule()
    def the_program_is_restarted(self) -> None:
        async def restart() -> None:
            await self.scene.engine.stop()
            await self.scene.start_anew()

        self.runner.run(restart())

    @rule()
    def the_program_is_killed(self) -> None:
        async def kill() -> None:
            await self.scene.kill(self.scene.engine)
            await self.scene.start_anew()

        self.runner.run(kill())

    @invariant()
    def nothing_promised_is_broken(self) -> None:
        if hasattr(self, "scene"):
            self.scene.check(self.scene.engine)


@pytest.mark.parametrize("later", [Stage.ACCEPTED, Stage.COMPLETED, Stage.UNKNOWN])
async def test_what_one_program_saw_done_is_not_taken_back_by_another_that_knows_less(
    tmp_path: Path, later: Stage
) -> None:
    """Both follow the same request and write into the same row; the second is a poll behind."""
    here, there = Journal(tmp_path / "journal.sqlite3"), Journal(tmp_path / "journal.sqlite3")
    await here.open()
    await there.open()
    sent = entry("power_off")
    await here.intend(sent)
    await here.record(replace(sent, submission=replace(sent.submission, stage=Stage.VERIFIED, is_settled=True)))
    await there.record(replace(sent, submission=replace(sent.submission, stage=later)))
    (kept,) = await here.load(sent.origin)
    assert (kept.submission.stage, kept.submission.is_settled) == (Stage.VERIFIED, True)
    await there.close()
    await here.close()


CftuiMachine.TestCase.settings = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=15,
    stateful_step_count=15,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
TestEverythingAtOnce = CftuiMachine.TestCase
