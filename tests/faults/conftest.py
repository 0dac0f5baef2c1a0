"""A home of its own for the processes of a test; a cloud and an engine on turned clocks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.broken import make_broken
from tests.faults.places import Places
from tests.operations.conftest import World, make_world, world

__all__ = ["make_broken", "make_world", "world"]

BeginWorld = Callable[..., Awaitable[World]]


@pytest.fixture
async def begin_world(make_world: Callable[..., World]) -> AsyncIterator[BeginWorld]:
    """Begins other worlds than the usual one: `await begin_world(quirks={"no-actions": ""})`."""
    worlds: list[World] = []

    async def begin(prepare: Callable[[World], None] = lambda world: None, **kind: object) -> World:
        made = make_world(**kind)
        worlds.append(made)
        prepare(made)
        return await made.begin()

    yield begin
    for made in worlds:
        await made.engine.stop()
        executed, confirmed = made.server.ledger.executed, made.engine.view.submissions
        assert len(executed) <= len(confirmed), "more was executed than confirmed"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """One user's home, configuration, state and temporary folder."""
    root = tmp_path / "places"
    root.mkdir(mode=0o700)
    return Places(root)
