"""Hundreds at once: each request once and journalled before it left, and no event costs more than in a small run."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from cftui.api import requests
from cftui.clock import Clock
from cftui.fleet.history import Stage, Submission
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.operations.engine import Account, Engine
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Step, make_plan
from cftui.operations.run import Run
from cftui.operations.runs import RunState, TargetState
from cftui.operations.state import PollLimits
from tests.conftest import EMAIL, PASSWORD, StartSimulator

MANY = 250
"""The bench has the thousand, in a process of its own."""


@pytest.mark.fault("106")
async def test_hundreds(start_simulator: StartSimulator, tmp_path: Path) -> None:
    server = start_simulator(vms=400, speed=1000.0)
    ledger = server.ledger
    journal = tmp_path / "state" / "journal.sqlite3"
    engine = Engine(
        Account(server.url, EMAIL, PASSWORD), state_dir=journal.parent, poll=PollLimits(300, 2), keeps_fleet=False
    )
    await engine.start()
    idle = [vm for vm in (await engine.first_reading()).view.vms.values() if vm.power is Power.ON and not vm.locked]
    vms = [vm for vm in idle if not vm.name.startswith("broken")]
    assert len(vms) >= MANY
    pairs = [(vm, requests.simple(ActionType.REBOOT)) for vm in vms[:MANY]]
    plan = make_plan(pairs, base_url=server.url)
    unrecorded: list[str] = []

    def on_post(received: Any) -> None:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
            vm_id = received.path.split("/")[-2]
            if not connection.execute("SELECT 1 FROM submission WHERE vm_id = ?", (vm_id,)).fetchone():
                unrecorded.append(vm_id)

    ledger.on_post = on_post
    asked = ledger.count()
    sent = await engine.execute(plan, Order(max_parallel=16))
    run = await engine.end_of(plan.id)
    asked = ledger.count() - asked
    await engine.stop()
    assert (run.state, run.count(TargetState.DONE), len(sent)) == (RunState.ENDED, MANY, MANY)
    assert Counter(post.path for post in ledger.executed) == Counter(f"/api/v1/vms/{vm.id}/actions" for vm, _ in pairs)
    assert len(ledger.posts) == MANY
    assert unrecorded == []
    assert asked <= 3 * MANY, "requests, following included"


class Instant:
    """Whoever can send, without a cloud: accepted at once, and at its end a moment later."""

    wait_s = 0.0

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[str, Submission] = {}

    async def send(self, step: Step) -> Submission:
        sent = Submission(
            step.token, self._plan.id, step.vm.id, step.vm.name, "reboot", step.body, Stage.ACCEPTED, intended=1.0
        )
        self._known[step.token] = sent
        await asyncio.sleep(0)
        return sent

    def leave_out(self, step: Step, message: str) -> None:
        raise AssertionError("nothing is left out")

    def now(self, token: str) -> Submission | None:
        return self._known.get(token)

    def vm(self, vm_id: str) -> VmRow | None:
        return None

    async def look(self, vm_id: str) -> None:
        raise AssertionError("nothing is looked at")

    async def news_of(self, token: str, *, within_s: float) -> None:
        await asyncio.sleep(0)
        self._known[token] = replace(self._known[token], stage=Stage.COMPLETED, is_settled=True)


def calls_of(targets: int, order: Order) -> int:
    """How many calls of Python functions a run of so many makes, with somebody who looks at it at every change."""
    rows = [VmRow(f"{n}", f"vm-{n}", Power.ON, "running", "", 1, 1, 1, "", "", False, (), "") for n in range(targets)]
    plan = make_plan([(vm, requests.simple(ActionType.REBOOT)) for vm in rows], base_url="https://cloud.example/v1")
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call"

    async def carry_out() -> None:
        run = Run(plan, order, Instant(plan), clock=Clock(), confirmed_at=0.0, changed=lambda: seen.append(0))
        seen: list[int] = []
        looked = asyncio.create_task(look(run, seen))
        await run.carry_out()
        looked.cancel()
        assert run.view.count(TargetState.DONE) == targets

    async def look(run: Run, seen: list[int]) -> None:
        while True:
            if seen:
                seen.clear()
                assert sum(run.view.counts.values()) == targets
                assert run.unsent == run.view.count(TargetState.WAITING)
            await asyncio.sleep(0)

    sys.setprofile(count)
    try:
        asyncio.run(carry_out())
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("order", [Order(max_parallel=16), Order(max_parallel=16, in_flight=16, stop_after=5)])
def test_what_a_run_costs_grows_with_its_vms_and_no_faster(order: Order) -> None:
    few, many = calls_of(100, order), calls_of(800, order)
    assert many / few < 8 * 1.25
