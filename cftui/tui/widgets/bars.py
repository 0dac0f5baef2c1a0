"""Lines that tell: the status line, the banner, the bar of marks, and the footer's keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual.strip import Strip

from cftui.tui.look import Line, Part, cells_of, crop, split
from cftui.tui.widgets.painted import Painted

_WIDE = 100
"""From this width counts have their words."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the status line says; texts are cleaned."""

    profile: str = ""
    is_production: bool = False
    modes: tuple[str, ...] = ()
    """`READ-ONLY`, `PAUSED`."""
    writes_for: str = ""
    """For how long changes are still allowed in a session that began read-only; empty in all others."""
    account: str = ""
    host: str = ""
    in_progress: int = 0
    failed: int = 0
    """Failures that nobody looked at yet."""
    unknown: int = 0
    age: str = ""
    """`live`, `reading`, or how old the list is."""
    is_stale: bool = False
    round_trip: str = ""


class StatusLine(Painted):
    """Whose cloud, how it goes, and how old what is shown is."""

    standing = Standing()

    def show(self, standing: Standing) -> None:
        """Say what is true now; cells that stay the same are not sent."""
        self.standing = standing
        self.repaint()

    def draw(self, y: int) -> Strip:
        """The line; what does not fit yields, the account first, then the round trip."""
        now, cells = self.standing, self.size.width
        ground = "prodbar" if now.is_production else "raised"
        badges: Line = []
        if now.is_production:
            badges.append(Part(" PRODUCTION ", "*onalarm", "alarm"))
        else:
            badges.append(Part(f" {now.profile} ", "*oncalm", "calm"))
        modes = (f"{self.look.glyphs.warn} WRITE {now.writes_for}",) if now.writes_for else ()
        for mode in (*modes, *now.modes):
            badges += [Part(" "), Part(f" {mode} ", "*oncaution", "caution")]
        right, trip = self._right(cells), [Part(f"  {now.round_trip}", "muted")] if now.round_trip else []
        profile = [Part(f" {now.profile}", "*strong")] if now.is_production else []
        where = f" {now.account} @ {now.host}" if now.account else f" {now.host}"
        for middle, tail in (
            ([*profile, Part(where, "muted")], trip),
            ([*profile, Part(f" {now.host}", "muted")], trip),
            (profile, trip),
            (profile, []),
            ([], []),
        ):
            if cells_of([*badges, *middle, *right, *tail]) + 2 <= cells:
                return self.look.strip(split([*badges, *middle], [*right, *tail, Part(" ")], cells), cells, ground)
        return self.look.strip(crop([*badges, Part(" "), *right], cells), cells, ground)

    def _right(self, cells: int) -> Line:
        now, glyphs, is_wide = self.standing, self.look.glyphs, cells >= _WIDE
        line: Line = []
        if now.in_progress:
            line += [
                Part(f"{glyphs.busy} ", "busy"),
                Part(f"{now.in_progress}", "*busy"),
                Part(" in progress" if is_wide else "", "busy"),
                Part("  "),
            ]
        for count, word, glyph, ink, ground in (
            (now.failed, "failed", glyphs.failed, "*onalarm", "alarm"),
            (now.unknown, "unknown", glyphs.unknown, "*onunkbg", "unkbg"),
        ):
            if count:
                line += [Part(f" {glyph} {count}{f' {word}' if is_wide else ''} ", ink, ground), Part(" ")]
        line.append(Part(" "))
        line.append(Part(f"{glyphs.warn} {now.age}", "*warn") if now.is_stale else Part(now.age, "text"))
        return line


class Banner(Painted):
    """One line for what changes the rules: offline, read-only, paused. Hidden while nothing does."""

    _said: tuple[Line, str] = ([], "caution")

    def show(self, line: Line, ground: str) -> None:
        """Say it; an empty line hides the banner."""
        self._said = (line, ground)
        self.display = bool(line)
        self.repaint()

    def draw(self, y: int) -> Strip:
        """The line."""
        line, ground = self._said if y == 0 else ([], "")
        return self.look.strip(crop([Part(" "), *line], self.size.width), self.size.width, ground or "bg")


class MarkBar(Painted):
    """The last line of the list while anything is marked."""

    _said: tuple[Line, Line] = ([], [])

    def show(self, left: Line, right: Line) -> None:
        """Say how many are marked, and which keys act on them; an empty line hides the bar."""
        self._said = (left, right)
        self.display = bool(left)
        self.repaint()

    def draw(self, y: int) -> Strip:
        """The line; keys yield where both do not fit."""
        left, right = self._said
        cells = self.size.width
        if cells_of(left) + cells_of(right) + 3 > cells:
            right = []
        return self.look.strip(split([Part(" "), *left], [*right, Part(" ")], cells), cells, "markbg")


class Hint(NamedTuple):
    """A key that works now."""

    key: str
    word: str
    rank: int = 0
    """The higher leaves first where the line is narrow; 0 stays."""


class KeyLine(Painted):
    """The footer: keys that work now, the least important leave first."""

    _hints: Sequence[Hint] = ()

    def show(self, hints: Sequence[Hint]) -> None:
        """Offer these keys."""
        self._hints = tuple(hints)
        self.repaint()

    def draw(self, y: int) -> Strip:
        """The keys that fit."""
        kept = list(self._hints)
        while kept and sum(len(hint.key) + len(hint.word) + 3 for hint in kept) > self.size.width:
            kept.remove(max(kept, key=lambda hint: hint.rank))
        line: Line = []
        for hint in kept:
            line += [Part(f" {hint.key}", "*key"), Part(f" {hint.word} ", "muted")]
        return self.look.strip(line, self.size.width, "raised")
