"""The picker of views: typing narrows, enter opens, delete asks once and removes."""

from __future__ import annotations

from cftui.config.views import SavedView
from cftui.tui.modals.view_picker import ViewPicker
from tests.tui.stage import HOSTILE, HOSTILE_SHOWN, NOTHING, DialogApp, shown


def picker(forgotten: list[str], wrong: str = "") -> ViewPicker:
    views = {
        "by hand": SavedView("db", is_by_hand=True),
        "kind jobs": SavedView("is:stopped"),
        HOSTILE: SavedView("x"),
        "web": SavedView("web"),
    }

    def forget(name: str) -> str:
        forgotten.append(name)
        return wrong

    return ViewPicker(views, words=lambda view: view.filter, forget=forget)


async def test_letters_narrow_and_enter_opens() -> None:
    async with (app := DialogApp(picker([]))).run_test(size=(80, 24)) as pilot:
        assert "4 views" in shown(app)
        assert HOSTILE_SHOWN in shown(app)
        await pilot.press(*"kj")
        assert "no view has this in its name" in shown(app)
        await pilot.press("enter", "delete", "backspace")
        assert app.answer == NOTHING
        await pilot.press("down", "enter")
        assert app.answer == "kind jobs", "the only one with a k"


async def test_delete_asks_once_and_removes() -> None:
    forgotten: list[str] = []
    async with (app := DialogApp(picker(forgotten))).run_test(size=(80, 24)) as pilot:
        await pilot.press("down", "delete")
        assert "delete again removes kind jobs for good" in shown(app)
        await pilot.press("down", "up", "delete")
        assert forgotten == []
        await pilot.press("delete")
        assert forgotten == ["kind jobs"]
        assert "3 views" in shown(app)
        assert "kind jobs" not in shown(app)


async def test_what_cannot_be_removed_says_why_and_stays() -> None:
    async with (app := DialogApp(picker([], "It cannot be removed: no space."))).run_test(size=(80, 24)) as pilot:
        await pilot.press("delete")
        assert "It stands in config.toml" in shown(app)
        await pilot.press("down", "delete", "delete")
        assert "It cannot be removed: no space." in shown(app)
        assert "4 views" in shown(app)
