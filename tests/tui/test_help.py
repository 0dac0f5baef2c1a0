"""Help: the live keys, the signs and the squares, searchable."""

import pytest

from cftui.tui import keymap
from cftui.tui.screens.help import HelpScreen
from tests.tui.stage import SMALL, DialogApp, shown


@pytest.mark.parametrize("size", SMALL)
async def test_every_key_and_sign_is_reachable(size: tuple[int, int]) -> None:
    async with (app := DialogApp(HelpScreen(keymap.KEYS, pane="VM list"))).run_test(size=size) as pilot:
        await pilot.pause()
        seen = shown(app)
        for _ in range(30):
            await pilot.press("pagedown")
            seen += shown(app)
        for part in ("ctrl+r", "space", "power_cycle", "■□□", "?□□", "outcome unknown", "region:moscow_01", "Close"):
            assert part in seen


async def test_typing_finds() -> None:
    async with (app := DialogApp(HelpScreen(keymap.KEYS))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*"suspend")
        text = shown(app)
        assert "Nothing here is called suspend" in text or "ctrl+z" in text
        await pilot.press("ctrl+u", *"invert")
        text = shown(app)
        assert "Invert the marks" in text
        assert "ctrl+r" not in text
        await pilot.press("ctrl+u", *"[/]")
        assert "Nothing here is called [/]." in shown(app)
        await pilot.press("escape")
        assert app.answer is None


async def test_keys_that_were_remapped_are_shown_as_they_are() -> None:
    async with (app := DialogApp(HelpScreen(keymap.KEYS, {"refresh": "f5"}))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*"ask the cloud")
        assert "f5" in shown(app)
        assert "ctrl+r" not in shown(app)
