"""Which columns a list of a given width has, and what stands in them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from cftui.fleet.rows import Power, VmRow
from cftui.text import clean, cut_middle, fit, number, size_short, width
from cftui.tui.glyphs import Glyphs
from cftui.tui.look import Line, Part

GUTTER = 3
"""Cursor bar, mark, space."""

ONE_COLUMN_BELOW = 55
"""A list narrower than this shows mark, glyph, name, and what is done or the state."""


class Column(NamedTuple):
    """A column where it stands."""

    key: str
    title: str
    x: int
    """Its first cell."""
    width: int
    is_right: bool = False


_WIDTHS = {"cpu": 3, "ram": 5, "disk": 5, "address": 15, "created": 10}
_NUMBERS = frozenset({"cpu", "ram", "disk"})
_DOING_MIN = 18
_LEAVING = ("disk", "cpu", "ram", "region")
"""The first to go when the list narrows; created and address go before them."""


@lru_cache(64)
def columns(cells: int, *, name_cells: int = 15, region_cells: int = 9, is_wide: bool = False) -> tuple[Column, ...]:
    """The columns of a list, from left to right.

    Args:
        cells: Width of the list.
        name_cells: Widest name, as far as it matters for growing; the column has 15 to 28.
        region_cells: Widest region; the column has 9 to 14.
        is_wide: Keep every column and let what is done be cut instead.
    """
    if cells < ONE_COLUMN_BELOW:
        name = min(max(15, name_cells), 28, max(15, cells - 5 - 1 - _DOING_MIN))
        return (
            Column("glyph", "", 3, 1),
            Column("name", "NAME", 5, name),
            Column("doing", "DOING", 6 + name, max(0, cells - 6 - name)),
        )
    keys = ["name", "state", "region", "cpu", "ram", "disk", "address", "created", "doing"]
    if not is_wide:
        if cells < 110:
            keys.remove("created")
        if cells < 96:
            keys.remove("address")
    widths = _WIDTHS | {"name": 15, "state": 9, "region": 9, "doing": _DOING_MIN}
    leaving = [] if is_wide else list(_LEAVING)
    while leaving and _total(keys, widths) > cells:
        keys.remove(leaving.pop(0))
    spare = max(0, cells - _total(keys, widths))
    widths["name"] += min(spare, max(0, min(name_cells, 28) - 15))
    spare = max(0, cells - _total(keys, widths))
    widths["region"] += min(spare, max(0, min(region_cells, 14) - 9)) if "region" in keys else 0
    placed, x = [], GUTTER
    for before, key in zip([None, *keys], keys, strict=False):
        x += _gap(before, key)
        cells_here = max(0, cells - x) if key == "doing" else widths[key]
        placed.append(Column(key, key.upper(), x, cells_here, key in _NUMBERS))
        x += cells_here
    return tuple(placed)


def _gap(before: str | None, key: str) -> int:
    if before is None:
        return 0
    return 1 if before in _NUMBERS and key in _NUMBERS else 2


def _total(keys: list[str], widths: dict[str, int]) -> int:
    gaps = sum(_gap(before, key) for before, key in zip([None, *keys], keys, strict=False))
    return GUTTER + gaps + sum(widths[key] for key in keys)


def power_sign(vm: VmRow, glyphs: Glyphs) -> Part:
    """The dot of a VM's state."""
    match vm.power:
        case Power.ON:
            return Part(glyphs.running, "run")
        case Power.OFF:
            return Part(glyphs.stopped, "stop")
        case _:
            return Part(glyphs.other, "unk")


def state_ink(vm: VmRow) -> str:
    """The ink of a state's word: running is the normal state, and quiet."""
    return "muted" if vm.power is Power.ON else "stop" if vm.power is Power.OFF else "unk"


def cell(key: str, vm: VmRow, cells: int, glyphs: Glyphs) -> Line:
    """What stands in one column of a VM's row, not yet padded; `doing` and `name` are the table's business."""
    match key:
        case "glyph":
            return [power_sign(vm, glyphs)]
        case "state":
            return [power_sign(vm, glyphs), Part(" " + fit(clean(vm.status), cells - 2).rstrip(), state_ink(vm))]
        case "region":
            return [Part(cut_middle(clean(vm.region), cells), "muted")]
        case "cpu":
            return [Part("?" if vm.cpu is None else number(vm.cpu), "text")]
        case "ram":
            return _size(vm.ram_gb)
        case "disk":
            return _size(vm.disk_gb)
        case "address":
            return [Part(cut_middle(clean(vm.address), cells), "muted")]
        case "created":
            return [Part(clean(vm.created_at[:10]), "muted")]
        case _:
            raise KeyError(key)


def _size(gb: float | None) -> Line:
    short = size_short(gb)
    if gb is None:
        return [Part(short, "muted")]
    return [Part(short[:-1], "text"), Part(short[-1], "muted")]


def padded(line: Line, column: Column) -> Line:
    """A cell's parts, cut and padded to its column."""
    room = column.width
    kept: Line = []
    for part in line:
        text = part.text if width(part.text) <= room else fit(part.text, room)
        kept.append(part._replace(text=text))
        room -= width(text)
    space = Part(" " * max(0, room))
    return [space, *kept] if column.is_right else [*kept, space]
