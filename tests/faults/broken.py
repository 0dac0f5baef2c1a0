"""A world whose engine talks to its cloud through a fault proxy, and what its cloud may answer instead of the truth."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cftui.api.client import Deadlines
from cftui.fleet.history import Submission
from cftui.operations.engine import Engine
from cftui.operations.journal import read_journal
from cftui.operations.state import PollLimits
from cftui.simulator import faults
from cftui.simulator.faults import Fault
from cftui.simulator.messages import Answer
from tests.faults.proxy import FaultProxy
from tests.operations.conftest import World

USUAL = Deadlines()
BRISK = Deadlines(post_s=0.3)
"""For servers that are meant to keep us waiting."""


class Broken(World):
    """A world whose engine talks to its cloud through a fault proxy."""

    def __init__(self, state_dir: Path, *, deadlines: Deadlines = USUAL, **kind: Any) -> None:
        self.deadlines = deadlines
        super().__init__(state_dir, **{"vms": 8} | kind)
        self.proxy = FaultProxy(self.server.port)
        self.proxy.start()
        self.account = replace(self.account, base_url=self.proxy.url)
        self.engine = self.make_engine()

    def make_engine(self, **account: object) -> Engine:
        return Engine(
            replace(self.account, **account),  # type: ignore[arg-type]
            state_dir=self.state_dir,
            clock=self.clock,
            poll=PollLimits(idle_s=30, active_s=2),
            deadlines=self.deadlines,
        )

    def kept(self) -> list[Submission]:
        """What the journal has, newest first."""
        return [entry.submission for entry in read_journal(self.state_dir / "journal.sqlite3")]

    def accepted(self) -> list[tuple[bytes, bytes]]:
        """The POSTs that the proxy passed on with the cloud's acceptance."""
        return [one for one in self.proxy.exchanges if one[1].startswith(b"HTTP/1.1 201")]

    @property
    def posts(self) -> int:
        """How many POSTs the cloud received whole."""
        return sum(post.verdict != "incomplete" for post in self.server.ledger.posts)


MakeBroken = Callable[..., Awaitable[Broken]]


@pytest.fixture
async def make_broken(tmp_path: Path) -> AsyncIterator[MakeBroken]:
    """Makes such worlds, read once; at the end each must have carried out no more than was confirmed."""
    worlds: list[Broken] = []

    async def make(**kind: Any) -> Broken:
        world = Broken(tmp_path / f"state-{len(worlds)}", **kind)
        worlds.append(world)
        await world.begin()
        return world

    yield make
    for world in worlds:
        await world.engine.stop()
        world.proxy.stop()
        world.server.stop()
        assert len(world.server.ledger.executed) <= len(world.engine.view.submissions)


def changed(**members: object) -> Fault:
    """The true answer with other members in its action; None leaves one out."""

    def rewrite(true: Answer) -> Answer:
        said = json.loads(true.body)
        action = said["action"] | members
        return replace(true, body=json.dumps({"action": action}).encode())

    return Fault("changed", carried_out=True, rewrite=rewrite)


def whole(status: int, body: bytes | str = b"", **headers: str) -> Fault:
    """Another answer, with the effect all the same."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return faults.status(status, body, headers=named, carried_out=True)
