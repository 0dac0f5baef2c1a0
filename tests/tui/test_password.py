"""Asking for the password."""

import pytest

from cftui.tui.modals.password import AskPassword
from tests.tui.stage import NOTHING, SMALL, DialogApp, shown


@pytest.mark.parametrize("size", SMALL)
async def test_it_is_never_shown(size: tuple[int, int]) -> None:
    dialog = AskPassword("ops@example.com", "cloud.example", "The cloud refused [/] the password.")
    async with (app := DialogApp(dialog)).run_test(size=size) as pilot:
        await pilot.press(*"s3cret:pw")
        text = shown(app)
        assert "s3cret" not in text
        assert "•••" in text
        assert "refused [/]" in text
        assert "ops@example.com" in text
        await pilot.press("enter")
        assert app.answer == "s3cret:pw"


async def test_an_empty_one_is_not_tried() -> None:
    async with (app := DialogApp(AskPassword("ops@example.com", "cloud.example"))).run_test() as pilot:
        await pilot.press("enter")
        assert app.answer == NOTHING
        await pilot.press("escape")
        assert app.answer is None
