"""A simulated cloud and an engine on clocks that the test turns together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cftui.api import requests
from cftui.fleet.history import Submission
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.engine import Account, Engine
from cftui.operations.plan import Plan, make_plan
from cftui.operations.state import PollLimits
from cftui.simulator.clocks import ManualClock
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from tests.clock import TurnedClock


class World:
    """One simulated cloud, one engine, and the time of both."""

    def __init__(self, state_dir: Path, *, vms: int = 20, quirks: Mapping[str, str] | None = None) -> None:
        self.clock = TurnedClock()
        self.cloud_clock = ManualClock()
        self.cloud = SimulatedCloud(vms=vms, calm=True, quirks=quirks or {}, clock=self.cloud_clock)
        self.server = SimulatorServer(self.cloud)
        self.server.start()
        self.account = Account(self.server.url, "user@example.com", "password")
        self.state_dir = state_dir
        self.engine = self.make_engine()

    def make_engine(self, **account: object) -> Engine:
        """Another engine on the same state folder, as the next start of the program has it."""
        return Engine(
            replace(self.account, **account),  # type: ignore[arg-type]
            state_dir=self.state_dir,
            clock=self.clock,
            poll=PollLimits(idle_s=30, active_s=2),
        )

    async def begin(self) -> World:
        """Start the engine and wait for its first reading."""
        await self.engine.start()
        await self.engine.first_reading()
        return self

    async def pass_time(self, seconds: float) -> None:
        """Both clocks, a second at a time."""
        for _ in range(int(seconds)):
            self.cloud_clock.advance(1)
            await self.clock.advance(1)

    async def until(self, condition: Callable[[], bool], *, within_s: float = 600) -> None:
        """Let time pass until something is so."""
        for _ in range(int(within_s)):
            if condition():
                return
            await self.pass_time(1)
        raise AssertionError("it did not come to pass")

    def row(self, name: str) -> VmRow:
        """A VM as the fleet knows it."""
        return next(row for row in self.engine.view.vms.values() if row.name == name)

    def named(self, status: str = "running", nth: int = 0) -> VmRow:
        """The n-th ordinary VM of a status."""
        rows = [
            row
            for row in self.engine.view.vms.values()
            if row.status == status and not row.locked and not row.name.startswith(("stubborn", "broken"))
        ]
        return rows[nth]

    def plan(self, vm: VmRow, request: requests.ActionRequest | ActionType) -> Plan:
        """A confirmed plan of one step."""
        ready = requests.simple(request) if isinstance(request, ActionType) else request
        return make_plan([(vm, ready)], base_url=self.account.base_url)

    async def send(self, vm: VmRow, request: requests.ActionRequest | ActionType) -> Submission:
        """Execute such a plan."""
        (submission,) = await self.engine.execute(self.plan(vm, request))
        return submission

    def now(self, submission: Submission) -> Submission:
        """The submission as the fleet knows it now."""
        return self.engine.view.submissions[submission.token]

    async def ended(self, submission: Submission, *, within_s: float = 600) -> Submission:
        """The submission when nobody waits for more news of it."""
        await self.until(lambda: self.now(submission).is_settled, within_s=within_s)
        return self.now(submission)


async def eventually(condition: Callable[[], bool], *, within_s: float = 5) -> None:
    """Let real time pass until something is so."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.005)


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes worlds; their servers end with the test."""
    worlds: list[World] = []

    def make(**kind: object) -> World:
        worlds.append(World(tmp_path / "state", **kind))  # type: ignore[arg-type]
        return worlds[-1]

    yield make
    for world in worlds:
        world.server.stop()


@pytest.fixture
async def world(make_world: Callable[..., World]) -> AsyncIterator[World]:
    """A calm cloud of twenty VMs that was read once."""
    made = await make_world().begin()
    yield made
    await made.engine.stop()
    confirmed = len(made.engine.view.submissions)
    assert len(made.server.ledger.executed) <= confirmed, "more was executed than confirmed"
