"""The resize form: checks while typing, units, arrows; nothing goes on before all of it is valid."""

import pytest

from cftui.tui.modals.resize import ResizeForm
from tests.tui.stage import HOSTILE, NOTHING, SIZES, DialogApp, shown, vm

STOPPED = vm("db-1", is_on=False)


async def test_one_size_is_asked_for_in_the_single_form() -> None:
    async with (app := DialogApp(ResizeForm([STOPPED]))).run_test(size=(120, 40)) as pilot:
        await pilot.press("tab", *"32")
        assert "+16 GB  to 32 GB" in shown(app)
        await pilot.press("enter")
        ((row, request),) = app.answer
        assert row == STOPPED
        assert request.body_json == '{"type": "resize", "resource": "ram", "size": 32}'


async def test_several_sizes_are_asked_for_in_one_request_whatever_their_units() -> None:
    async with (app := DialogApp(ResizeForm([STOPPED]))).run_test(size=(120, 40)) as pilot:
        await pilot.press("8", "tab", *"32768 MB", "tab", *"900")
        text = shown(app)
        assert "+16 GB  to 32 GB" in text
        assert "▲ it may not be possible to undo" in text
        assert '{"type": "resize", "data": {"cpu": 8, "ram": 32, "disk": 900}}' in text
        await pilot.press("enter")
        assert app.answer[0][1].sizes == {"cpu": 8, "ram": 32, "disk": 900}


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("2.5", "× whole CPUs only: 2 or 3"),
        ("nonsense", "× a number, such as 8 or 1.5"),
        ("0", "× a number above 0"),
        ("-3", "× a number, such as 8 or 1.5"),
        ("8 GB", "× a count has no unit: write 2"),
        ("4", "× it has 4 already; leave it empty"),
        ("1,5", "× no commas: write 1.5 or 1000"),
    ],
)
async def test_what_cannot_be_sent_is_told_at_the_field_and_stays_here(typed: str, told: str) -> None:
    async with (app := DialogApp(ResizeForm([STOPPED]))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*typed)
        text = shown(app)
        assert told in text
        assert "not yet: 1 field to correct" in text
        assert "– Continue" in text
        await pilot.press("enter", "tab", *"32", "enter")
        assert app.answer == NOTHING


async def test_an_empty_form_does_not_go_on() -> None:
    async with (app := DialogApp(ResizeForm([STOPPED]))).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter")
        assert app.answer == NOTHING
        assert "not yet: no new size yet" in shown(app)
        await pilot.press("escape")
        assert app.answer is None


async def test_arrows_are_one_more_and_one_less_from_now() -> None:
    async with (app := DialogApp(ResizeForm([STOPPED]))).run_test(size=(120, 40)) as pilot:
        await pilot.press("up", "up", "up", "down", "tab", "down")
        text = shown(app)
        assert "+2  to 6" in text
        assert "to 15 GB" in text


async def test_several_get_the_same_sizes_and_those_that_have_them_are_left_out() -> None:
    rows = [vm(f"w{number}", number, is_on=False, cpu=4 + number) for number in range(1, 6)]
    async with (app := DialogApp(ResizeForm(rows))).run_test(size=(120, 40)) as pilot:
        await pilot.press("6")
        text = shown(app)
        assert "5-9" in text
        assert "1 VM that has these sizes already will be left out." in text
        await pilot.press("enter")
        assert [row.name for row, _ in app.answer] == ["w1", "w3", "w4", "w5"]
        assert {request.body_json for _, request in app.answer} == {'{"type": "resize", "resource": "cpu", "size": 6}'}


@pytest.mark.parametrize("size", SIZES)
async def test_everything_is_reachable_at_every_size(size: tuple[int, int]) -> None:
    async with (app := DialogApp(ResizeForm([vm(HOSTILE, is_on=False)]))).run_test(size=size) as pilot:
        seen = ""
        for _ in range(3):
            await pilot.press("9", "tab")
            await pilot.pause()
            seen += shown(app)
        await pilot.press("pagedown")
        seen += shown(app)
        for part in ("CPU", "RAM", "disk", "Cancel", "Continue", "Request"):
            assert part in seen


async def test_keys_that_come_before_the_field_has_the_focus_are_delivered_in_order() -> None:
    from textual.events import Key

    app = DialogApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        form = ResizeForm([STOPPED])
        form.take_early([Key("1", "1")])
        app.push_screen(form, app._answered)
        for key in "2345":
            app.post_message(Key(key, key))
        await pilot.press("6")
        assert "123456" in shown(app)
