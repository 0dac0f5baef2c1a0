"""The VMs of a run in its frozen order, one line each: how true what is known of each of them is."""

from __future__ import annotations

from textual.strip import Strip

from cftui.fleet.rows import Power, VmRow
from cftui.operations.plan import Skipped
from cftui.operations.runs import TargetView
from cftui.text import clean, cut, cut_middle, fit, width
from cftui.tui.look import Line, Part, cells_of, crop
from cftui.tui.run_telling import RunMoment, TargetTold
from cftui.tui.widgets.row_list import RowList

_WIDE, _MIDDLE = 100, 56
"""From which width there are all columns, and from which more than name, squares and word."""
_NAME_CELLS = (15, 28)
_NOW_CELLS = 20
_SKIPPED = "skipped:"


class TargetList(RowList):
    """A run's VMs; those that were skipped stand at the end."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._told: RunMoment | None = None
        self._targets: dict[str, TargetView] = {}
        self._skipped: dict[str, Skipped] = {}
        self._name_cells = _NAME_CELLS[0]

    @property
    def cursor_target(self) -> TargetView | None:
        """The VM under the cursor; None on one that was skipped."""
        return self._targets.get(self.cursor_id or "")

    @property
    def cursor_skipped(self) -> Skipped | None:
        """The skipped VM under the cursor."""
        return self._skipped.get(self.cursor_id or "")

    @property
    def header_lines(self) -> int:
        """The columns' names."""
        return 1

    def show(self, told: RunMoment) -> None:
        """Take in how the run stands; only cells that are different are painted."""
        is_first = self._told is None
        self._told, run = told, told.run
        self._targets = dict(zip((target.vm_id for target in run.targets), run.targets, strict=True))
        if is_first:
            self._skipped = {f"{_SKIPPED}{one.vm.id}": one for one in run.plan.skipped}
            names = (*(target.vm_name for target in run.targets), *(one.vm.name for one in run.plan.skipped))
            longest = max((width(clean(name)) for name in names), default=0)
            self._name_cells = min(max(longest, _NAME_CELLS[0]), _NAME_CELLS[1])
            self.set_order([*self._targets, *self._skipped])
        else:
            self.repaint()

    def draw_rest(self, y: int) -> Strip:
        """The header, and nothing below the last row."""
        if y or self._told is None:
            return self.look.strip([], self.size.width)
        name = fit("VM", self._name_cells)
        if self.size.width >= _WIDE:
            words = f"    #  {name}  {fit('ID', 8)}  {fit('STATE', 10)}  TRUTH  {fit('NOW', _NOW_CELLS)}  OUTCOME"
        elif self.size.width >= _MIDDLE:
            words = f"    #  {fit('VM', self._narrow_name)}    TRUTH NOW"
        else:
            words = f"  {fit('VM', self._narrow_name)}"
        return self.look.strip(crop([Part(words, "muted")], self.size.width), self.size.width)

    @property
    def _narrow_name(self) -> int:
        return min(self._name_cells, max(12, self.size.width // 4))

    def draw_row(self, index: int) -> Strip:
        """One VM."""
        row_id = self.order[index]
        is_cursor = index == self.cursor
        ground = ("cursor" if self.has_focus else "idle") if is_cursor else "bg"
        bar = self.look.glyphs.cursor if self.has_focus else self.look.glyphs.idle_cursor
        line: Line = [Part(bar if is_cursor else " ", "focus")]
        if (target := self._targets.get(row_id)) is not None:
            line += self._target(index, target, is_cursor=is_cursor)
        else:
            line += self._left_aside(self._skipped[row_id])
        return self.data_look.strip(crop(line, self.size.width - 1), self.size.width, ground)

    def _target(self, index: int, target: TargetView, *, is_cursor: bool) -> Line:
        told = self._told
        assert told is not None
        said = told.told(target)
        vm = told.moment.vms.get(target.vm_id)
        name = clean(target.vm_name)
        ink = "*strong" if is_cursor else "muted" if said.ink == "muted" and said.entry is None else "text"
        if self.size.width < _MIDDLE:
            cells = self._narrow_name
            return [Part(f" {_padded(name, cells)} ", ink), Part(f"{said.squares} ", said.ink), *_word(said)]
        number = Part(f"{index + 1:>4,}  ", "muted")
        if self.size.width < _WIDE:
            head = [number, Part(_padded(name, self._narrow_name) + "  ", ink), *self._power(vm, 1), Part(" ")]
            return [*head, Part(f"{said.squares}   ", said.ink), *self._narrow(target, said, told)]
        head = [number, Part(_padded(name, self._name_cells) + "  ", ink)]
        head += [Part(fit(clean(target.vm_id)[:8], 8) + "  ", "muted"), *self._power(vm, 10)]
        now = told.bar(target, 17) or _word(said)
        gap = " " * max(0, _NOW_CELLS - cells_of(now))
        text_ink = "muted" if said.ink in ("good", "muted") else "text"
        return [*head, Part(f"  {said.squares}    ", said.ink), *now, Part(f"{gap}  "), Part(said.text, text_ink)]

    def _narrow(self, target: TargetView, said: TargetTold, told: RunMoment) -> Line:
        text = Part(f"  {said.text}", "muted" if said.ink in ("good", "muted") else "text")
        if drawn := told.bar(target, 8):
            return [*drawn, text]
        return [*_word(said), text]

    def _power(self, vm: VmRow | None, cells: int) -> Line:
        """The VM's sign and word, or the sign alone."""
        glyphs = self.look.glyphs
        if vm is None:
            return [Part(fit(glyphs.none if cells == 1 else "gone", cells), "muted")]
        glyph, ink, word_ink = {
            Power.ON: (glyphs.running, "run", "muted"),
            Power.OFF: (glyphs.stopped, "stop", "stop"),
        }.get(vm.power, (glyphs.other, "unk", "unk"))
        if cells == 1:
            return [Part(glyph, ink)]
        return [Part(glyph, ink), Part(fit(f" {cut(clean(vm.status), cells - 2)}", cells - 1), word_ink)]

    def _left_aside(self, one: Skipped) -> Line:
        glyphs, name = self.look.glyphs, clean(one.vm.name)
        words = f"skipped: {clean(one.reason)}"
        if self.size.width < _MIDDLE:
            return [Part(f" {_padded(name, self._narrow_name)} skipped", "muted")]
        number = Part(f"{glyphs.none:>4}  ", "muted")
        if self.size.width < _WIDE:
            return [number, Part(f"{_padded(name, self._narrow_name)}    ", "muted"), Part(f"      {words}", "muted")]
        known = f"{_padded(name, self._name_cells)}  {fit(clean(one.vm.id)[:8], 8)}"
        return [number, Part(known, "muted"), Part(" " * 21), Part(words, "muted")]


def _padded(name: str, cells: int) -> str:
    shown = cut_middle(name, cells)
    return shown + " " * (cells - width(shown))


def _word(said: TargetTold) -> Line:
    return [Part(f"{said.glyph} {said.word}".rstrip(), said.ink)]
