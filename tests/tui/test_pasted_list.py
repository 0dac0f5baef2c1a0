"""The dialog of a pasted list: what it says, what it takes, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.widgets import TextArea

from cftui.tui.modals.pasted_list import PastedList, Taken
from tests.tui.stage import HOSTILE, NOTHING, SIZES, SMALL, DialogApp, shown, vm, wait_until

WEB, DB, TWIN, OTHER = vm("web-01", 1), vm("db-01", 2), vm("twin", 3), vm("twin", 4)
VMS = {row.id: row for row in (WEB, DB, TWIN, OTHER)}


async def quiet(app: DialogApp, pilot: Any) -> None:
    await pilot.pause()
    app.clock.turn(0.35)


@pytest.mark.parametrize("size", SIZES)
async def test_it_tells_what_is_named_what_is_ambiguous_and_what_is_nobody(size: tuple[int, int]) -> None:
    text = f"Affected: web-01, DB-01\ntwin\n{HOSTILE}"
    dialog = PastedList(VMS, {WEB.id}, text, is_hidden=lambda ids: 1)
    async with (app := DialogApp(dialog)).run_test(size=size) as pilot:
        await pilot.pause()
        seen = shown(app)
        assert "2 of 9 words name a VM" in seen
        for _ in range(12):
            await pilot.press("down")
            app.clock.turn(0.4)
            seen += shown(app)
        for part in ("2 VMs, 1 marked already", "twin is 2 VMs", "Affected", "x1b", "db-01 000000"):
            assert part in seen
        assert "\x1b" not in seen


@pytest.mark.parametrize(("key", "replaces"), [("m", False), ("r", True)])
async def test_one_key_marks_them(key: str, replaces: bool) -> None:
    async with (app := DialogApp(PastedList(VMS, {TWIN.id}, "db-01 web-01"))).run_test(size=(80, 24)) as pilot:
        await quiet(app, pilot)
        assert "r Mark only these, unmark 1" in shown(app)
        await pilot.press(key)
        assert app.answer == Taken((DB, WEB), replaces)


@pytest.mark.parametrize("keys", [("enter",), ("escape",)])
async def test_enter_and_escape_mark_nothing(keys: tuple[str, ...]) -> None:
    async with (app := DialogApp(PastedList(VMS, (), "db-01"))).run_test() as pilot:
        await quiet(app, pilot)
        await pilot.press(*keys)
        assert app.answer is None


async def test_where_nobody_is_named_there_is_nothing_to_mark() -> None:
    async with (app := DialogApp(PastedList(VMS, {WEB.id}, "one two"))).run_test(size=(80, 24)) as pilot:
        await quiet(app, pilot)
        assert "0 of 2 words name a VM" in shown(app)
        await pilot.press("m", "r", "tab", "enter")
        assert app.answer in (NOTHING, None)


async def test_nothing_of_a_paste_answers_it() -> None:
    """Neither keys before there was a silence, nor another paste and the keys right behind it."""
    async with (app := DialogApp(PastedList(VMS, (), "web-01"))).run_test() as pilot:
        await pilot.pause()
        for key in ("m", "enter", "escape", "tab", "r", "enter"):
            await pilot.press(key)
        assert app.answer == NOTHING
        app.clock.turn(0.35)
        await pilot.press("down")
        app.post_message(events.Paste("db-01\n"))
        await wait_until(pilot, lambda: "2 of 2 words name a VM" in shown(app))
        await pilot.press("m", "enter", "escape")
        assert app.answer == NOTHING
        app.clock.turn(0.06)
        await pilot.press("tab", "enter")
        assert app.answer == Taken((WEB, DB), False)


@pytest.mark.parametrize("size", SMALL)
async def test_a_field_takes_what_is_typed_and_pasted_until_it_is_left(size: tuple[int, int]) -> None:
    async with (app := DialogApp(PastedList(VMS, ()))).run_test(size=size) as pilot:
        await pilot.press(*"web-01", "enter", *"mr")
        await wait_until(pilot, lambda: "1 of 2 words names a VM" in shown(app))
        app.post_message(events.Paste("\ndb-01\n10.9.9.9"))
        await wait_until(pilot, lambda: "2 of 4 words name a VM" in shown(app))
        assert app.screen.query_one(TextArea).text == "web-01\nmr\ndb-01\n10.9.9.9"
        await pilot.press("tab")
        await pilot.press("m", "enter")
        assert app.answer == NOTHING, "as a paste that comes as keys would"
        app.clock.turn(0.35)
        await pilot.press("m")
        assert app.answer == Taken((WEB, DB), False)


async def test_a_table_that_comes_as_keys_is_taken_whole() -> None:
    async with (app := DialogApp(PastedList(VMS, ()))).run_test(size=(80, 24)) as pilot:
        for key in (*"db-01", "tab", *"web-01", "enter", *"m"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await wait_until(pilot, lambda: "2 of 3 words name a VM" in shown(app))
        assert app.screen.query_one(TextArea).text == "db-01 web-01\nm"


async def test_thousands_are_listed_in_part_and_counted() -> None:
    many = {row.id: row for row in (vm(f"web-{n}", n) for n in range(2000))}
    words = [f"web-{n}" for n in range(1000)] + [f"nobody-{n}" for n in range(1000)]
    async with (app := DialogApp(PastedList(many, (), "\n".join(words)))).run_test(size=(80, 24)) as pilot:
        await quiet(app, pilot)
        assert "1,000 of 2,000 words name a VM" in shown(app)
        seen = shown(app)
        for _ in range(3):
            await pilot.press("pagedown")
            seen += shown(app)
        assert "and 960 more" in seen
        await pilot.press("m")
        assert isinstance(app.answer, Taken)
        assert len(app.answer.vms) == 1000
