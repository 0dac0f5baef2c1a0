"""The head of a run: one cell a VM, how many have ended, how many stand where, and how long it will still take."""

from __future__ import annotations

from textual.strip import Strip

from cftui.operations.runs import RunState
from cftui.text import clean, count, duration
from cftui.tui.look import Line, Part, cells_of, split
from cftui.tui.ordering import about
from cftui.tui.run_telling import RunMoment, counts_of, is_over, strip_of
from cftui.tui.widgets.painted import Painted

_INDENT = "   "
_TALL = 4
"""From so many lines on there is an empty one above and below."""


_MIDDLE = 56
"""From this width on there is room for words."""


def _stands(told: RunMoment) -> str:
    """Why nothing more of a run is sent, or not now; empty while all goes as it was confirmed."""
    if told.run.state is RunState.INTERRUPTED:
        return "nothing more is sent before you say so"
    return clean(told.run.message)


class RunHead(Painted):
    """Two lines that sum a run up, with air around them where there is room."""

    _lines: tuple[tuple[Line, Line], ...] = ()

    def show(self, told: RunMoment, *, eta_s: float | None) -> None:
        """Say how it stands now.

        Args:
            told: The run and its instant.
            eta_s: How long it will still take, in seconds, where that is known.
        """
        self._lines = (self._progress(told, eta_s), self._counted(told))
        self.repaint()

    def _progress(self, told: RunMoment, eta_s: float | None) -> tuple[Line, Line]:
        run, is_narrow = told.run, self.size.width < _MIDDLE
        words = f" of {count(len(run.targets))}{'' if is_narrow else ' ended'}"
        ended: Line = [Part(f"  {run.ended:,}", "*strong"), Part(words, "text")]
        right: Line = []
        if eta_s is not None and not is_over(run):
            right += [Part("" if is_narrow else "about ", "text"), Part(about(eta_s), "*strong"), Part(" left", "text")]
        elapsed = run.elapsed_s(told.now)
        if elapsed is not None and not (is_narrow and right):
            gap = Part("    ") if right else Part("")
            right += [gap, Part(f"{duration(elapsed)} {'in all' if is_over(run) else 'so far'}", "muted")]
        room = self.size.width - len(_INDENT) - cells_of(ended) - cells_of(right) - 3
        return [Part(_INDENT), *strip_of(run, told.glyphs, room), *ended], [*right, Part("  ")]

    def _counted(self, told: RunMoment) -> tuple[Line, Line]:
        right = [*self._stops(told), Part("  ")]
        left = counts_of(told)
        if len(_INDENT) + cells_of(left) + cells_of(right) + 2 > self.size.width:
            left = counts_of(told, is_short=True)
        if len(_INDENT) + cells_of(left) + cells_of(right) > self.size.width and not _stands(told):
            right = []
        return [Part(_INDENT), *left], right

    def _stops(self, told: RunMoment) -> Line:
        """Why it waits or stopped; else how near it is to stopping by itself."""
        run, glyphs = told.run, told.glyphs
        if why := _stands(told):
            return [Part(f"{glyphs.warn} {why}", "warn")]
        limit = run.order.stop_after
        if limit and 0 < run.doubtful < limit and not is_over(run):
            left = limit - run.doubtful
            more = "1 failure more stops it" if left == 1 else f"{left:,} failures more stop it"
            return [Part(f"{glyphs.warn} {more}", "warn")]
        return []

    def draw(self, y: int) -> Strip:
        """A line of it."""
        at = y - (1 if self.size.height >= _TALL else 0)
        if not 0 <= at < len(self._lines):
            return self.look.strip([], self.size.width)
        left, right = self._lines[at]
        return self.data_look.strip(split(left, right, self.size.width), self.size.width)
