"""What a partial update sends: the changed cells and where they are, no more."""

from __future__ import annotations

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.strip import Strip

from cftui.tui.updates import TightUpdate, tightened

STYLE = Style(color="#34d0e4", bgcolor="#0d1117")
CONSOLE = Console(force_terminal=True, color_system="truecolor", legacy_windows=False)


def row(text: str) -> Strip:
    return Strip([Segment(text, STYLE)], len(text))


def update(*spans: tuple[int, int, int]) -> ChopsUpdate:
    left, right = "row of the list, 12 s", "its details"
    return ChopsUpdate([{0: row(left), 21: row(right)}], list(spans), [[21, 32]])


def test_one_changed_cell_is_under_100_bytes() -> None:
    sent = tightened(update((0, 17, 19)))
    assert isinstance(sent, TightUpdate)
    written = sent.render_segments(CONSOLE)
    assert "\x1b[1;18H" in written
    assert "12" in written
    assert "list" not in written
    assert len(written.encode()) < 100


def test_a_span_over_two_widgets_is_whole() -> None:
    written = TightUpdate(*(getattr(update((0, 19, 24)), name) for name in ("chops", "spans", "chop_ends")))
    assert " s" in written.render_segments(CONSOLE)
    assert "its" in written.render_segments(CONSOLE)


def test_nothing_else_is_touched() -> None:
    assert tightened("text") == "text"


def test_textual_still_resends_the_start_of_a_row() -> None:
    """Once this fails, Textual cuts both ends by itself, and `TightUpdate` may go."""
    assert "row of the list" in update((0, 17, 19)).render_segments(CONSOLE)
