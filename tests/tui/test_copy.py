"""Small choices: what to copy, what to sort by."""

import pytest

from cftui.tui.modals.pickers import CopyMenu, SortPicker
from tests.tui.stage import HOSTILE, HOSTILE_SHOWN, SMALL, DialogApp, shown, vm


@pytest.mark.parametrize(
    ("key", "copied"),
    [
        ("n", "api-04\nb"),
        ("i", f"{1:032x}\n{2:032x}"),
        ("a", "10.0.1.14\n10.0.1.14"),
        ("r", f"api-04\t{1:032x}\trunning\tmoscow_01\t4\t16G\t40G\t10.0.1.14\n"),
        ("u", f'curl -u "$CFTUI_EMAIL" https://cloud.example/api/v1/vms/{1:032x}\n'),
    ],
)
async def test_a_letter_takes_one_line_a_vm(key: str, copied: str) -> None:
    menu = CopyMenu([vm(), vm("b", 2)], base_url="https://cloud.example/api/v1")
    async with (app := DialogApp(menu)).run_test() as pilot:
        await pilot.press(key)
        assert app.answer.startswith(copied)
        assert app.answer.count("\n") == 1


@pytest.mark.parametrize("size", SMALL)
async def test_a_hostile_name_is_copied_clean(size: tuple[int, int]) -> None:
    async with (app := DialogApp(CopyMenu([vm(HOSTILE)]))).run_test(size=size) as pilot:
        await pilot.pause()
        assert HOSTILE_SHOWN[:12] in shown(app)
        await pilot.press("enter")
        assert app.answer == HOSTILE_SHOWN


async def test_the_column_in_force_is_turned_round() -> None:
    async with (app := DialogApp(SortPicker(("ram", False)))).run_test() as pilot:
        await pilot.press("enter")
        assert app.answer == ("ram", True)
    async with (app := DialogApp(SortPicker(("ram", True)))).run_test() as pilot:
        await pilot.press("n")
        assert app.answer == ("name", False)


async def test_escape_chooses_nothing() -> None:
    async with (app := DialogApp(SortPicker(("name", False)))).run_test() as pilot:
        await pilot.press("escape")
        assert app.answer is None
