"""A small app that shows one dialog, and what a person sees of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from cftui.fleet.fleet import View
from cftui.fleet.rows import Power, VmRow
from cftui.tui.cockpit import ProfileBadge
from cftui.tui.glyphs import ASCII, UNICODE
from cftui.tui.look import Look
from cftui.tui.themes import load_themes
from tests.clock import TurnedClock
from tests.tui.screen import shown

__all__ = ["shown"]

_THEMES, _STYLES, _ = load_themes()
NOTHING = "nothing yet"
HOSTILE = "[/]\x1b]52;c;RVZJTA==\x07"
HOSTILE_SHOWN = r"[/]\x1b]52;c;RVZJTA==\x07"
STAGING = ProfileBadge("staging", False, "cloud.example", "ops@example.com")
PRODUCTION = ProfileBadge("prod", True, "cloud.example", "ops@example.com")
SIZES = [(120, 40), (80, 24), (40, 12)]
SMALL = [(80, 24), (40, 12)]


def vm(name: str = "api-04", number: int = 1, *, is_on: bool = True, **changes: Any) -> VmRow:
    """A VM of 4 CPUs, 16 GB and 40 GB."""
    power, status = (Power.ON, "running") if is_on else (Power.OFF, "stopped")
    created = "2015-01-14T16:00:00Z"
    row = VmRow(
        f"{number:032x}", name, power, status, "moscow_01", 4, 16, 40, "10.0.1.14", created, False, (), name.lower()
    )
    return row._replace(**changes)


def view_of(*vms: VmRow, **known: Any) -> View:
    """What is known, read 2 s ago."""
    return View(vms={row.id: row for row in vms}, read_at=998.0, **known)


class DialogApp(App[None]):
    """Shows what it is given; the clock is turned by hand."""

    def __init__(self, screen: Screen[Any] | None = None, *, theme: str = "night", is_ascii: bool = False) -> None:
        super().__init__()
        for shipped in _THEMES:
            self.register_theme(shipped)
        self.theme = theme
        self.look = Look(_STYLES[theme], ASCII if is_ascii else UNICODE)
        self.clock = TurnedClock()
        self.answer: Any = NOTHING
        self.copied: list[str] = []
        self._given = screen

    def compose(self) -> ComposeResult:
        """Something behind the dialog."""
        yield Static("behind")

    def on_mount(self) -> None:
        """Show it."""
        if self._given is not None:
            self.push_screen(self._given, self._answered)

    def _answered(self, answer: Any) -> None:
        self.answer = answer

    def copy_text(self, text: str) -> None:
        """The clipboard."""
        self.copied.append(text)

    def get_css_variables(self) -> dict[str, str]:
        """Textual's own styles name these, and its ANSI themes bring them."""
        return {"ansi-background": "ansi_black", "ansi-foreground": "ansi_white"} | super().get_css_variables()


async def wait_until(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    """Let the app go on until something is so."""
    for _ in range(200):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"never so; the screen:\n{shown(pilot.app)}")
