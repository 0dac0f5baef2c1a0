"""Everything about one VM: what it is, what is being done to it, and what was done before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual.strip import Strip

from cftui.fleet.history import HistoryEntry
from cftui.fleet.rows import VmRow
from cftui.text import clean, clock_time, cut, duration, number, width
from cftui.tui.glyphs import Glyphs
from cftui.tui.look import Line, Part, cells_of, crop
from cftui.tui.telling import Moment, bar, is_moving, needs_eyes, squares, told
from cftui.tui.widgets.columns import power_sign, state_ink
from cftui.tui.widgets.painted import Painted

if TYPE_CHECKING:
    from cftui.api.models import VM

_LABEL_CELLS = 11
_TWO_COLUMNS = 76
"""From this width Now and Before stand beside the attributes."""
_FIRST_COLUMN = 44


@dataclass(frozen=True, slots=True)
class Attributes:
    """What only a reading of the whole VM tells; texts as the cloud sent them."""

    addresses: tuple[tuple[str, str], ...] = ()
    """Address and kind, such as `10.0.1.13` and `private`."""
    image: str = ""
    snapshots: int | None = None
    backups: int | None = None
    features: tuple[str, ...] = ()
    kernel: str = ""


class VmDetails(Painted, can_focus=True):
    """One VM; attributes of the list are there at once, the rest when it was read.

    Args:
        moment: Now, and what is usual.
    """

    def __init__(self, moment: Moment, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.moment = moment
        self.vm: VmRow | None = None
        self.watched: frozenset[str] = frozenset()
        """Ids of VMs with a watch mark."""
        self._attributes: Attributes | None = None
        self._own: Sequence[HistoryEntry] = ()
        self._next_step: HistoryEntry | None = None
        self._lines: list[Line] = []

    def show(
        self,
        vm: VmRow | None,
        attributes: Attributes | None,
        history: Sequence[HistoryEntry],
        moment: Moment,
        next_step: HistoryEntry | None = None,
    ) -> None:
        """Show a VM, or none.

        Args:
            vm: As last read.
            attributes: What a whole reading told; None before it came.
            history: Its own actions, newest first.
            moment: Now, and what is usual.
            next_step: The one of its actions about which something is to be decided.
        """
        self._next_step = next_step
        self.vm, self._attributes, self._own, self.moment = vm, attributes, history, moment
        self._arrange()
        self.repaint()

    def tick(self, moment: Moment) -> None:
        """A second has passed."""
        if any(is_moving(entry) for entry in self._own):
            self.show(self.vm, self._attributes, self._own, moment, self._next_step)

    def draw(self, y: int) -> Strip:
        """A line."""
        if y == 0 or not self._lines:
            self._arrange()
        line = self._lines[y] if y < len(self._lines) else []
        return self.data_look.strip(crop([Part("  "), *line], self.size.width), self.size.width)

    def _arrange(self) -> None:
        cells = self.size.width - 2
        if self.vm is None or cells < 1:
            self._lines = []
            return
        head, facts = self._about(self.vm, cells)
        is_beside = cells + 2 >= _TWO_COLUMNS
        told_lines = self._actions(self.vm, min(cells - (_FIRST_COLUMN - 2 if is_beside else 0), 38))
        if not is_beside:
            self._lines = [*head, [], *facts, [], *told_lines]
            return
        rows = max(len(facts), len(told_lines))
        beside = []
        for index in range(rows):
            left = crop(facts[index], _FIRST_COLUMN - 2) if index < len(facts) else []
            right = told_lines[index] if index < len(told_lines) else []
            beside.append([*left, Part(" " * (_FIRST_COLUMN - 2 - cells_of(left))), *right])
        self._lines = [*head, [], *beside]

    def _about(self, vm: VmRow, cells: int) -> tuple[list[Line], list[Line]]:
        glyphs, more = self.look.glyphs, self._attributes
        state = Part(" " + cut(clean(vm.status), 20), f"*{'run' if state_ink(vm) == 'muted' else state_ink(vm)}")
        locked = Part("locked", "*warn") if vm.locked else Part("unlocked", "muted")
        head: list[Line] = [[power_sign(vm, glyphs), state, Part("   "), locked]]
        if vm.id in self.watched:
            head[0] += [Part("   "), Part(f"{glyphs.watched} watched", "text")]
        sizes: Line = []
        for size, unit in ((vm.cpu, " CPU"), (vm.ram_gb, " GB RAM"), (vm.disk_gb, " GB disk")):
            sizes += [Part("?" if size is None else number(size), "*strong"), Part(unit + "   ", "muted")]
        addresses = more.addresses if more and more.addresses else ((vm.address, ""),) if vm.address else ()
        facts: list[Line] = [sizes, []]
        for index, (address, kind) in enumerate(addresses):
            label = "address" if index == 0 else ""
            facts.append([*_label(label), Part(clean(address)), Part(f"  {clean(kind)}" if kind else "", "muted")])
        facts.append([*_label("region"), Part(clean(vm.region) or "unknown")])
        if more and more.image:
            facts.append([*_label("image"), *_wrapped_first(clean(more.image), cells)])
        facts.append([*_label("created"), Part(_created(vm.created_at))])
        facts.append([*_label("snapshots"), Part(str(len(vm.snapshot_ids)))])
        if more and more.backups is not None:
            facts.append([*_label("backups"), Part(str(more.backups))])
        if more and more.features:
            facts.append([*_label("features"), Part(", ".join(map(clean, more.features)))])
        facts.append([Part("id  ", "muted"), Part(clean(vm.id))])
        return head, facts

    def _actions(self, vm: VmRow, cells: int) -> list[Line]:
        glyphs, moment = self.look.glyphs, self.moment
        current = [
            entry
            for entry in self._own
            if is_moving(entry) or (needs_eyes(entry) and not entry.is_settled) or entry == self._next_step
        ]
        lines: list[Line] = [[Part("Now", "*strong")]]
        if not current:
            lines.append([Part("nothing in progress", "muted")])
        for entry in current:
            lines += self._now(entry, cells, glyphs)
        before = [entry for entry in self._own if entry not in current]
        if before:
            lines += [[], [Part("Before", "*strong")]]
        for entry in before:
            said = told(entry, moment)
            ago = _ago(max(0.0, moment.cloud_now - entry.started))
            took = duration(moment.elapsed(entry)) if entry.ended is not None else said.word
            lines.append(
                [
                    Part(f"{ago:>4}  ", "muted"),
                    Part(f"{cut(clean(entry.type), 14):<14} ", "text"),
                    Part(squares(entry, glyphs), said.ink),
                    Part(f"  {took}" if said.ink in ("good", "muted") else f"  {said.word}", "muted"),
                ]
            )
        return lines

    def _now(self, entry: HistoryEntry, cells: int, glyphs: Glyphs) -> list[Line]:
        said, moment = told(entry, self.moment), self.moment
        now = datetime.fromtimestamp(moment.cloud_now, UTC)
        at = clock_time(entry.started if entry.ended is None else entry.ended, now)
        kind = clean(entry.type)
        lines: list[Line] = [[Part(f"{said.glyph} ", said.ink), Part(kind, f"*{said.ink}")]]
        drawn = bar(entry, moment, max(8, cells - 8))
        text = Part(f"  {said.text}", said.ink if said.ink in ("busy", "warn") else "text")
        if cells_of(lines[0]) + width(text.text) <= cells:
            lines[0].append(text)
        else:
            lines += [[Part("  "), Part(piece, "text")] for piece in _wrapped(said.text, cells - 2)]
        if drawn:
            lines.append([Part("  "), *drawn])
            if (usual := moment.usual(entry)) is not None:
                learned = f"usually {duration(usual.median_s)}: {usual.learned_from}"
                lines += [[Part("  "), Part(piece, "muted")] for piece in _wrapped(learned, cells - 2)]
        word = "accepted" if said.word == "in progress" else said.word
        lines.append([Part("  "), Part(squares(entry, glyphs), said.ink), Part(f" {word} {at}", "muted")])
        if entry == self._next_step:
            lines.append([Part("  "), Part("enter", "*key"), Part(" here: what next", "muted")])
        return lines


def _label(word: str) -> Line:
    return [Part(word.ljust(_LABEL_CELLS), "muted")]


def _wrapped_first(text: str, cells: int) -> Line:
    return [Part(cut(text, max(8, cells - _LABEL_CELLS)))]


def _wrapped(text: str, cells: int) -> list[str]:
    """The text broken at spaces into lines of at most `cells`."""
    lines: list[str] = []
    for word in text.split():
        if lines and width(lines[-1]) + 1 + width(word) <= cells:
            lines[-1] += " " + word
        else:
            lines.append(cut(word, cells))
    return lines


def _created(at: str) -> str:
    """`2015-01-14 16:00 UTC` where the cloud's text can be read, else the text."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return clean(at) or "unknown"
    if moment.tzinfo is None:
        return clean(at)
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _ago(seconds: float) -> str:
    """`12 s`, `4 m`, `2 h`, `9 d`."""
    for limit, size, unit in ((100, 1, "s"), (3600, 60, "m"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 86400)} d"


def attributes_of(vm: VM) -> Attributes:
    """What details show beyond the list, out of a whole reading."""
    return Attributes(
        addresses=tuple((address.ip_address, address.type) for address in vm.networks),
        image=vm.image.name if vm.image else "",
        backups=len(vm.backup_ids),
        features=vm.features,
    )
