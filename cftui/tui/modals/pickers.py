"""Small choices: what to copy, what to sort by."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from textual.content import Content

from cftui.api.requests import quote_id
from cftui.fleet.order import Column
from cftui.fleet.rows import VmRow
from cftui.text import clean, count, cut_middle, number, size_short
from cftui.tui.modals.menu import Item, Menu

_SORT_WORDS = {
    Column.NAME: "numbers in names count as numbers",
    Column.STATE: "running, then stopped",
    Column.REGION: "",
    Column.CPU: "fewest first",
    Column.RAM: "smallest first",
    Column.DISK: "smallest first",
    Column.ADDRESS: "",
    Column.CREATED: "oldest first",
}


class CopyMenu(Menu[str]):
    """What to copy of one VM or of several; answers with the text, one line a VM.

    Args:
        vms: At least one.
        base_url: Origin and base path of the API; without it the curl line asks the environment.
    """

    def __init__(self, vms: Sequence[VmRow], *, base_url: str = "") -> None:
        self._vms = tuple(vms)
        base = shlex.quote(base_url) if base_url else '"$CFTUI_URL"'
        texts = [
            ("n", "name", [clean(vm.name) for vm in vms]),
            ("i", "id", [clean(vm.id) for vm in vms]),
            ("a", "address", [clean(vm.address) for vm in vms]),
            ("r", "row", [_row(vm) for vm in vms]),
            ("u", "curl", [f'curl -u "$CFTUI_EMAIL" {base}/vms/{shlex.quote(quote_id(vm.id))}' for vm in vms]),
        ]
        super().__init__([Item(key, label, of[0].replace("\t", "  "), "\n".join(of)) for key, label, of in texts])

    def heading(self) -> str:
        """Whose."""
        first = cut_middle(clean(self._vms[0].name), 40)
        return f"Copy from {first}" if len(self._vms) == 1 else f"Copy from {count(len(self._vms), 'marked VM')}"

    def state(self) -> Content:
        """How many lines it will be."""
        return self.ink(count(len(self._vms), "line"), "muted")


class SortPicker(Menu[tuple[str, bool]]):
    """What the list is sorted by; the column in force turned round is offered first.

    Args:
        current: Column and whether it is reversed.
    """

    def __init__(self, current: tuple[str, bool]) -> None:
        self._current = current
        column, is_reversed = current
        items = [
            Item(
                key,
                name.value,
                ("turn it round: now " + ("descending" if is_reversed else "ascending"))
                if name == column
                else _SORT_WORDS[name],
                (name.value, not is_reversed if name == column else False),
            )
            for key, name in zip("nsrcmdat", Column, strict=True)
        ]
        super().__init__(items, at=[item.label for item in items].index(column) if column in list(Column) else 0)

    def heading(self) -> str:
        """What it asks."""
        return "Sort by"

    def state(self) -> Content:
        """What is in force."""
        column, is_reversed = self._current
        return self.ink(f"now {column} {self.ink.glyphs.down if is_reversed else self.ink.glyphs.up}", "muted")


def _row(vm: VmRow) -> str:
    cpu = "?" if vm.cpu is None else number(vm.cpu)
    cells = (vm.name, vm.id, vm.status, vm.region, cpu, size_short(vm.ram_gb), size_short(vm.disk_gb), vm.address)
    return "\t".join(clean(cell) for cell in cells)
