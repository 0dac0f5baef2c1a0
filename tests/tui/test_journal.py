"""The cockpit without a journal, and with one that lost something."""

from __future__ import annotations

from pathlib import Path

import pytest

from cftui.simulator.server import SimulatorServer
from tests.tui.conftest import MakeApp, until_read, wait_until
from tests.tui.screen import shown
from tests.tui.test_nine_actions import SILENCE_S, VM, cursor_on


def leave(tmp_path: Path, content: bytes, mode: int) -> None:
    """Have a journal there before the cockpit opens."""
    (tmp_path / "state").mkdir(mode=0o700)
    path = tmp_path / "state" / "journal.sqlite3"
    path.write_bytes(content)
    path.chmod(mode)


@pytest.mark.fault("78")
async def test_after_a_gap_a_light_action_asks_for_the_name_once(
    simulator: SimulatorServer, make_app: MakeApp, tmp_path: Path
) -> None:
    leave(tmp_path, b"this is no database" * 1000, 0o600)
    app = make_app(simulator)
    async with app.run_test(size=(160, 45)) as pilot:
        await until_read(pilot)
        await wait_until(pilot, lambda: "Unknown outcomes may be missing" in shown(app))
        await cursor_on(pilot, app, VM)
        await pilot.press("a", "r")
        await wait_until(pilot, lambda: f"Type {VM} to go on" in shown(app))
        await wait_until(pilot, lambda: "damaged-" in shown(app))
        await pilot.pause(SILENCE_S)
        await pilot.press("y", "enter")
        assert simulator.ledger.posts == ()
        await pilot.press("ctrl+u", *VM, "enter")
        await wait_until(pilot, lambda: len(simulator.ledger.posts) == 1)
        await wait_until(pilot, lambda: "Unknown outcomes may be missing" not in shown(app))
        await wait_until(pilot, lambda: all(one.is_settled for one in app.update_now.view.submissions.values()))
        await pilot.press("a", "r")
        await wait_until(pilot, lambda: "POST" in shown(app))
        assert "Type " not in shown(app)


@pytest.mark.fault("77")
async def test_without_a_journal_every_action_says_why_it_cannot_be_done(
    simulator: SimulatorServer, make_app: MakeApp, tmp_path: Path
) -> None:
    leave(tmp_path, b"", 0o644)
    app = make_app(simulator)
    async with app.run_test(size=(160, 45)) as pilot:
        await until_read(pilot)
        told = ("NO JOURNAL", "'…/state/journal.sqlite3' can be read by others", "Nothing can be sent.")
        await wait_until(pilot, lambda: all(words in shown(app) for words in told))
        await cursor_on(pilot, app, VM)
        await pilot.press("a")
        await wait_until(pilot, lambda: app.has_dialog)
        assert shown(app).count("no journal: ") > 5
        await pilot.press("r", "y", "enter")
        await pilot.pause(SILENCE_S)
    assert simulator.ledger.posts == ()
