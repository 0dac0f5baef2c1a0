"""A while with many actions: nothing is left open, and nothing grows that may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from cftui.api.client import MAX_CONNECTIONS
from tests.proof.soak import live


@pytest.mark.fault("106")
async def test_a_while_leaves_nothing_open(tmp_path: Path) -> None:
    """`python -m tests.proof soak` lives a day with a thousand actions, and weighs the memory too."""
    day = await live(tmp_path / "state", hours=0.2, actions=8)
    early, late = day.early, day.late
    assert late.sockets <= early.sockets + MAX_CONNECTIONS, "few connections are kept"
    assert (late.files, late.threads) == (early.files, early.threads)
    assert late.followed == 0, "what has ended is looked after no more"
    assert late.history <= early.history + late.actions - early.actions
    assert late.rows == late.actions
    assert day.stages.total() == late.actions
    assert not {"sending", "not_sent", "skipped"} & day.stages.keys()
