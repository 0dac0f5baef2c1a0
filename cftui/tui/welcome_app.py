"""The first-start form as an app of its own, before there is a cockpit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal

from textual.filter import LineFilter

from cftui.tui.glyphs import ASCII, UNICODE
from cftui.tui.look import Look
from cftui.tui.one_key import OneKeyAtATime
from cftui.tui.screens.welcome import Test, WelcomeAnswer, WelcomeScreen
from cftui.tui.terminal import DoorFilter
from cftui.tui.themes import COLOURLESS_THEME, DEFAULT_THEME, load_themes


class WelcomeApp(OneKeyAtATime[WelcomeAnswer | Literal["demo"]]):
    """Shows the form alone, before there is a cockpit; returns its answer, or None.

    Args:
        test: See `WelcomeScreen`.
        environ: See `WelcomeScreen`.
        theme: Name of a shipped theme; any other gives the default.
        is_ascii: Draw nothing but ASCII.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { background: $bg; }"

    def __init__(self, *, test: Test, environ: Mapping[str, str], theme: str = "", is_ascii: bool = False) -> None:
        # An empty NO_COLOR is not set by its own standard, but Textual takes it as set.
        self._is_colourless = bool(os.environ.get("NO_COLOR"))
        os.environ.pop("NO_COLOR", None)
        super().__init__()
        themes, styles, _ = load_themes()
        for shipped in themes:
            self.register_theme(shipped)
        name = COLOURLESS_THEME if self._is_colourless else theme if theme in styles else DEFAULT_THEME
        self.theme = name
        self.look = Look(styles[name], ASCII if is_ascii else UNICODE)
        self._door = DoorFilter(is_colourless=self._is_colourless, is_ascii=is_ascii)
        self._form = WelcomeScreen(test=test, environ=environ)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Nothing reaches the terminal but through the door."""
        return [self._door] if self._is_colourless else [*super().get_line_filters(), self._door]

    def on_mount(self) -> None:
        """Show the form; its answer ends the app."""
        self.push_screen(self._form, self.exit)
