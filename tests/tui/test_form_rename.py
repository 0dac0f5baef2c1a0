"""The rename form: one VM, one name."""

import pytest

from cftui.tui.modals.rename import RenameForm
from tests.tui.stage import HOSTILE, HOSTILE_SHOWN, NOTHING, SMALL, DialogApp, shown, vm


async def test_typing_replaces_the_old_name() -> None:
    async with (app := DialogApp(RenameForm([vm()]))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*"web-9")
        assert '{"type": "rename", "name": "web-9"}' in shown(app)
        await pilot.press("enter")
        assert [(row.name, request.name) for row, request in app.answer] == [("api-04", "web-9")]


async def test_arrows_edit_the_old_name() -> None:
    async with (app := DialogApp(RenameForm([vm()]))).run_test() as pilot:
        await pilot.press("end", "backspace", "5", "enter")
        assert app.answer[0][1].name == "api-05"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (["space"], "× a name cannot be empty"),
        ([*"web-1", "space"], "× no space at the beginning or the end"),
        (["backspace"], "× a name cannot be empty"),
        (["end"], "it is called that now"),
    ],
)
async def test_what_cannot_be_sent_is_told_and_stays_here(keys: list[str], told: str) -> None:
    async with (app := DialogApp(RenameForm([vm()]))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*keys)
        assert told in shown(app)
        await pilot.press("enter")
        assert app.answer == NOTHING


async def test_a_name_that_another_vm_has_is_advised_against() -> None:
    async with (app := DialogApp(RenameForm([vm()], taken={"web-9"}))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*"web-9")
        assert "▲ another VM has this name" in shown(app)
        await pilot.press("enter")
        assert app.answer[0][1].name == "web-9"


async def test_several_cannot_get_one_name() -> None:
    async with (app := DialogApp(RenameForm([vm(), vm("b", 2)]))).run_test(size=(120, 40)) as pilot:
        await pilot.press("x")
        assert "× 2 VMs cannot get one name" in shown(app)
        await pilot.press("enter")
        assert app.answer == NOTHING


@pytest.mark.parametrize("size", SMALL)
async def test_a_hostile_name_is_shown_and_can_be_replaced_at_every_size(size: tuple[int, int]) -> None:
    async with (app := DialogApp(RenameForm([vm(HOSTILE)]))).run_test(size=size) as pilot:
        await pilot.pause()
        assert HOSTILE_SHOWN[:16] in shown(app)
        await pilot.press(*"ok", "enter")
        assert app.answer[0][1].name == "ok"


async def test_a_paste_fills_the_field_and_does_not_go_on() -> None:
    from textual.events import Paste

    async with (app := DialogApp(RenameForm([vm()]))).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        app.post_message(Paste("pasted-1\nsecond line"))
        await pilot.pause()
        assert '"name": "pasted-1"' in shown(app)
        assert app.answer == NOTHING


async def test_a_name_too_long_is_refused() -> None:
    from textual.events import Paste

    async with (app := DialogApp(RenameForm([vm()]))).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        app.post_message(Paste("x" * 256))
        await pilot.press("enter")
        assert "× at most 255 characters" in shown(app)
        assert app.answer == NOTHING
