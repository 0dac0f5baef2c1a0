"""Partial updates that send the changed cells of a line, and not all that stands left of them in its widget."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.control import Control
from textual._compositor import ChopsUpdate


class TightUpdate(ChopsUpdate):
    """Textual 8.2.8 cuts a changed span at its right end only: a tick resends a row from its start.

    Here both ends are cut: one changed cell costs some 60 bytes instead of a line. It may go when Textual does so.
    """

    def render_segments(self, console: Console) -> str:
        """The cells of all spans, each with its place."""
        written: list[str] = []
        for y, first, end in self.spans:
            for strip_end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= end or strip_end <= first:
                    continue
                start, stop = max(x, first), min(strip_end, end)
                cells = strip if (start, stop) == (x, strip_end) else strip.crop(start - x, stop - x)
                written += (Control.move_to(start, y).segment.text, cells.render(console))
        return "".join(written)


def tightened(renderable: RenderableType) -> RenderableType:
    """The same update, cut at both ends if it is a partial one."""
    if type(renderable) is ChopsUpdate:
        return TightUpdate(renderable.chops, renderable.spans, renderable.chop_ends)
    return renderable
