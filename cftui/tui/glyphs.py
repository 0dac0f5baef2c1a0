"""Signs: one cell wide, without an emoji form, each with an ASCII twin; a word always stands beside them."""

from __future__ import annotations

from typing import NamedTuple

from cftui.fleet.history import Stage


class Glyphs(NamedTuple):
    """One set of signs."""

    running: str = "●"
    stopped: str = "○"
    other: str = "?"
    busy: str = "►"
    warn: str = "▲"
    failed: str = "×"
    unknown: str = "?"
    good: str = "✓"
    none: str = "–"
    waiting: str = "·"
    marked: str = "◆"
    watched: str = "◉"
    cursor: str = "▌"
    idle_cursor: str = "│"
    square: str = "■"
    hollow: str = "□"
    bar: str = "━"
    bar_end: str = "╸"
    bar_rest: str = "─"
    rule: str = "─"
    heavy_rule: str = "━"
    vertical: str = "│"
    heavy_vertical: str = "┃"
    usual_end: str = "┆"
    tee_down: str = "┬"
    tee_up: str = "┴"
    ellipsis: str = "…"
    up: str = "↑"
    down: str = "↓"
    arrow: str = "→"

    def squares(self, stage: Stage, *, is_verifiable: bool = True) -> str:
        """The three squares of looks.md: how true the outcome is, always three cells.

        Args:
            stage: How far it got.
            is_verifiable: Whether a VM can show the effect at all.
        """
        full, hollow = self.square, self.hollow
        match stage:
            case Stage.VERIFIED:
                return full * 3
            case Stage.COMPLETED:
                return full * 2 + (hollow if is_verifiable else self.none)
            case Stage.ACCEPTED | Stage.TIMED_OUT:
                return full + hollow * 2
            case Stage.ERRORED:
                return full + self.failed + hollow
            case Stage.REJECTED | Stage.NOT_SENT:
                return self.failed + hollow * 2
            case Stage.UNKNOWN:
                return self.unknown + hollow * 2
            case _:
                return hollow * 3


UNICODE = Glyphs()
ASCII = Glyphs(
    running="*",
    stopped="o",
    other="?",
    busy="~",
    warn="!",
    failed="x",
    unknown="?",
    good="v",
    none="-",
    waiting=",",
    marked="+",
    watched="@",
    cursor=">",
    idle_cursor="|",
    square="#",
    hollow=".",
    bar="=",
    bar_end="=",
    bar_rest="-",
    rule="-",
    heavy_rule="=",
    vertical="|",
    heavy_vertical="#",
    usual_end=":",
    tee_down="+",
    tee_up="+",
    ellipsis="~",
    up="^",
    down="v",
    arrow=">",
)
