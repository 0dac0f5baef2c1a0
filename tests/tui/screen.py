"""What a person sees: the screen as lines of text, as it is composed for the terminal."""

from __future__ import annotations

from typing import Any

from textual._compositor import LayoutUpdate
from textual.app import App


def shown(app: App[Any]) -> str:
    """The screen, line by line, without blanks at the ends.

    As `App.export_screenshot` composes it, without the picture, which takes a tenth of a second.
    """
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    assert isinstance(update, LayoutUpdate)
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in update.strips)
