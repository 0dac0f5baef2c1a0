"""The usual way to show many rows: Textual's DataTable, an Input that filters it, a key that sorts it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, Input

from cftui.fleet.rows import VmRow
from tests.bench.cloud import fleet

_COLUMNS = ("NAME", "STATE", "REGION", "CPU", "RAM", "DISK", "ADDRESS", "CREATED", "ID")


class DataTableApp(App[None]):
    """VMs in a DataTable.

    Args:
        vms: What is shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("slash", "filter", "filter"), ("O", "sort", "sort")]

    def __init__(self, vms: Iterable[VmRow]) -> None:
        super().__init__()
        self._vms = sorted(vms, key=lambda vm: vm.name)
        self._is_reversed = False

    def compose(self) -> ComposeResult:
        """Filter and table."""
        field = Input(compact=True)
        field.cursor_blink = False
        yield field
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Fill it."""
        self.query_one(DataTable).add_columns(*_COLUMNS)
        self._fill("")
        self.query_one(DataTable).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what passes."""
        self.query_one(DataTable).clear()
        self._fill(event.value)

    def on_input_submitted(self) -> None:
        """Back to the table."""
        self.query_one(DataTable).focus()

    def action_filter(self) -> None:
        """To the filter."""
        self.query_one(Input).focus()

    def action_sort(self) -> None:
        """The other way round."""
        self._is_reversed = not self._is_reversed
        table = self.query_one(DataTable)
        table.sort(next(iter(table.columns)), reverse=self._is_reversed)

    def _fill(self, word: str) -> None:
        self.query_one(DataTable).add_rows(
            (vm.name, vm.status, vm.region, vm.cpu, vm.ram_gb, vm.disk_gb, vm.address, vm.created_at[:10], vm.id)
            for vm in self._vms
            if word in vm.search
        )


if __name__ == "__main__":
    DataTableApp(fleet(int(sys.argv[1]))).run()
