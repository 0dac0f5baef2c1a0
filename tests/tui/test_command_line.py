"""The command line: completion, history, what it would reach; it never sends."""

from typing import Any

import pytest

from cftui.errors import UsageError
from cftui.fleet.fleet import View
from cftui.tui.command_line import CommandGiven, CommandLine
from cftui.tui.commands import COMMANDS, parse_command, reached
from tests.tui.stage import SIZES, DialogApp, shown, view_of, vm

FLEET = view_of(
    *(
        vm(f"web-{number}", number, is_on=number % 3 != 0, region=f"moscow_0{number % 2 + 1}")
        for number in range(1, 13)
    ),
    vm("[/]", 99),
)


class Cockpit(DialogApp):
    """Keeps what was given."""

    def __init__(self, view: View = FLEET) -> None:
        super().__init__()
        self.view = view
        self.given: list[tuple[str, str]] = []

    def on_mount(self) -> None:
        CommandLine.past.clear()
        self.open()

    def open(self) -> None:
        self.screen.mount(CommandLine(view=lambda: self.view))

    def on_command_given(self, event: CommandGiven) -> None:
        self.given.append((event.name, event.argument))


async def test_enter_hands_the_command_over_and_closes() -> None:
    async with (app := Cockpit()).run_test(size=(80, 24)) as pilot:
        await pilot.press(*"reboot web-1", "enter")
        await pilot.pause()
        assert app.given == [("reboot", "web-1")]
        assert not app.screen.query(CommandLine)


async def test_it_tells_what_it_would_reach() -> None:
    async with (app := Cockpit()).run_test(size=(80, 24)) as pilot:
        await pilot.press(*"reboot @web region:mos")
        text = shown(app)
        assert "asks before anything is sent" in text
        assert "12 VMs match @web region:mos   8 can now, 4 skipped" in text
        assert "tab region:moscow_01" in text
        await pilot.press("tab")
        assert ": reboot @web region:moscow_01" in shown(app)


async def test_unknown_words_suggest_the_nearest_and_stay() -> None:
    async with (app := Cockpit()).run_test(size=(80, 24)) as pilot:
        await pilot.press(*"rebot x", "enter")
        assert app.given == []
        assert "× No command rebot. Nearest: reboot." in shown(app)
        await pilot.press("ctrl+u", *"reboot web-99", "enter")
        assert app.given == []
        assert "No VM has the id or name 'web-99'." in shown(app)
        await pilot.press("ctrl+u", *"vm", "enter")
        assert "× vm needs TARGET." in shown(app)


async def test_tab_completes_names_of_commands_and_of_vms() -> None:
    async with (app := Cockpit()).run_test(size=(80, 24)) as pilot:
        await pilot.press(*"power-c", "tab", *"web-1", "tab", "enter")
        await pilot.pause()
        assert app.given == [("power_cycle", "web-1")]


async def test_a_name_with_brackets_can_be_completed() -> None:
    async with (app := Cockpit()).run_test(size=(80, 24)) as pilot:
        await pilot.press(*"vm '[", "tab", "enter")
        await pilot.pause()
        assert app.given == [("vm", "'[/]'")]
        assert [row.name for row in reached(app.given[0][1], FLEET)] == ["[/]"]


async def test_history_comes_back() -> None:
    async with (app := Cockpit()).run_test(size=(80, 24)) as pilot:
        await pilot.press(*"refresh", "enter")
        app.open()
        await pilot.pause()
        await pilot.press(*"pause", "enter")
        app.open()
        await pilot.pause()
        await pilot.press("up", "up", "enter")
        await pilot.pause()
        assert app.given == [("refresh", ""), ("pause", ""), ("refresh", "")]


async def test_escape_leaves_and_an_empty_line_too() -> None:
    for keys in (["escape"], ["enter"], ["q", "escape"]):
        async with (app := Cockpit()).run_test(size=(80, 24)) as pilot:
            await pilot.press(*keys)
            await pilot.pause()
            assert app.given == []
            assert not app.screen.query(CommandLine)


@pytest.mark.parametrize("size", SIZES)
async def test_it_fits_every_size(size: tuple[int, int]) -> None:
    async with (app := Cockpit()).run_test(size=size) as pilot:
        await pilot.press(*"reboot @web")
        assert ": reboot @web" in shown(app).splitlines()[-1]
        assert "12 VMs match @web" in shown(app)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_read_by_its_name(command: Any) -> None:
    assert parse_command(f" {command.name.upper().replace('_', '-')}  x ") == (command, "x")


def test_targets_are_each_meant_once_and_wrong_words_are_refused() -> None:
    assert [row.name for row in reached("web-1 web-2 web-1", FLEET)] == ["web-1", "web-2"]
    assert reached("", FLEET) == ()
    with pytest.raises(UsageError, match="quote"):
        reached("'web-1", FLEET)
