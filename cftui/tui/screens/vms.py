"""The cockpit's screen: what keys do to the list, its filter, its marks and its panes."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.widget import Widget

from cftui.fleet.order import Column
from cftui.fleet.query import QueryError
from cftui.text import clean
from cftui.tui.choosing import Choosing
from cftui.tui.inverse import propose_inverse
from cftui.tui.keymap import bindings
from cftui.tui.look import Part
from cftui.tui.messages import EntryVisited
from cftui.tui.screens.panes import VmsPanes, names_of
from cftui.tui.telling import what_next
from cftui.tui.widgets.row_list import RowList
from cftui.tui.widgets.too_small import is_too_small
from cftui.tui.widgets.vm_table import VmTable


class VmsScreen(VmsPanes):
    """List, details and actions under the operator's hands; what reaches the cloud is asked of the app."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("vms")

    def __init__(self) -> None:
        super().__init__()
        self.choosing = Choosing(self)
        """Marks by filter and by list, and saved views."""

    # Events of the widgets

    @on(RowList.CursorMoved, "#table")
    def _cursor_moved(self) -> None:
        if self.table.cursor_id != self._vanished_onto:
            self._vanished = ""
        self._range_moved()
        self.show_details()

    @on(RowList.CursorMoved, "#actions")
    def _action_visited(self) -> None:
        entry = self.actions.cursor_entry
        if entry is not None and self.actions.has_focus:
            self.post_message(EntryVisited(entry.id))

    @on(RowList.Scrolled)
    def _scrolled(self) -> None:
        self.show_scroll()

    @on(RowList.RowChosen)
    async def _row_chosen(self) -> None:
        await self.action_details()

    @on(VmTable.SortClicked)
    def _sort_clicked(self, event: VmTable.SortClicked) -> None:
        is_same = event.key == self.listing.sort
        self.sort_by(event.key, is_reversed=is_same and not self.listing.is_reversed)

    def on_descendant_focus(self) -> None:
        """Rules and keys tell where the focus is."""
        self.tick()
        self._action_visited()

    def on_descendant_blur(self) -> None:
        """Rules and keys tell where the focus is."""
        self.tick()

    async def on_paste(self, event: events.Paste) -> None:
        """A text pasted into the cockpit is a list of VMs to choose, never keys."""
        event.stop()
        if not is_too_small(self.app.size):
            await self.choosing.paste(event.text)

    # Filter and order

    async def action_filter(self) -> None:
        """Open the filter's line and type into it."""
        from cftui.tui.widgets.filter_bar import FilterBar

        bar = self.query_one_optional(FilterBar)
        if bar is None:
            bar = FilterBar(self.listing.query.text)
            await self.query_one("#list").mount(bar, after=self.list_rule)
        self.show_pane("")
        self.set_focus(bar.field)
        bar.advise()

    def filter(self, text: str) -> str:
        """Show what passes; what is wrong with the text, or nothing."""
        try:
            self.listing.filter(text)
        except QueryError as error:
            return error.message
        self.show_order(is_filter=True)
        self.tick()
        self.show_details()
        return ""

    async def set_filter(self, text: str) -> str:
        """As if it had been typed and kept."""
        from cftui.tui.widgets.filter_bar import FilterBar

        await self.action_filter()
        self.query_one(FilterBar).field.value = text
        wrong = self.filter(text)
        if not wrong:
            await self.leave_filter(is_kept=True)
        return wrong

    async def leave_filter(self, *, is_kept: bool) -> None:
        """Back to the list; an empty or dropped filter's line goes."""
        from cftui.tui.widgets.filter_bar import FilterBar

        bar = self.query_one_optional(FilterBar)
        self.set_focus(self.table)
        if bar is None:
            return
        if is_kept and bar.field.value.strip():
            bar.field.value = self.listing.query.text
            self.table.choose()
            self.call_after_refresh(bar.advise)
            return
        self.filter("")
        await bar.remove()

    def sort_by(self, key: Column, *, is_reversed: bool = False) -> None:
        """Sort anew; the cursor stays on its VM."""
        self.listing.sort_by(key, is_reversed=is_reversed)
        self.show_order()
        self.table.repaint()
        self.show_rules()

    async def action_sort(self) -> None:
        """Choose what to sort by."""
        from cftui.tui.modals.pickers import SortPicker

        def answered(choice: tuple[str, bool] | None) -> None:
            if choice is not None:
                self.sort_by(Column(choice[0]), is_reversed=choice[1])

        await self.cockpit.push_screen(SortPicker((self.listing.sort.value, self.listing.is_reversed)), answered)

    def action_sort_reverse(self) -> None:
        """The other way round."""
        self.sort_by(self.listing.sort, is_reversed=not self.listing.is_reversed)

    # Marks

    def action_mark(self) -> None:
        """Mark the VM under the cursor, or take its mark away, and go on."""
        vm_id = self.table.cursor_id
        if vm_id is None or not self.table.has_focus:
            return
        self.listing.mark(vm_id, vm_id not in self.listing.marks)
        self.table.move_to(self.table.cursor + 1)
        self.marked()

    def action_extend(self, rows: int) -> None:
        """Mark from where the first of such keys was pressed to where the cursor moves; any other move ends it."""
        vm_id = self.table.cursor_id
        if vm_id is None or not self.table.has_focus:
            return
        if not self.listing.is_marking_range or self._shifted_to not in ("", vm_id):
            self.listing.begin_range(vm_id)
            self._shifted_to = vm_id
        self.table.move_to(self.table.cursor + rows)
        if self._shifted_to:
            self._shifted_to = self.table.cursor_id or ""
        self._range_moved()

    def action_range(self) -> None:
        """Begin a range at the cursor, or end it where the cursor is."""
        vm_id = self.table.cursor_id
        if self.is_range_open:
            self.end_range()
        elif vm_id is not None and self.table.has_focus:
            self._shifted_to = ""
            self.listing.begin_range(vm_id)
        self.marked()

    def end_range(self) -> None:
        """A range that was begun ends where the cursor is, be a message of its last move still under way."""
        if self.is_range_open and self.table.cursor_id is not None:
            self.listing.extend_range(self.table.cursor_id)
        self.listing.end_range()

    def _range_moved(self) -> None:
        vm_id = self.table.cursor_id
        if vm_id is None or not self.listing.is_marking_range:
            return
        if self._shifted_to in ("", vm_id):
            self.listing.extend_range(vm_id)
        else:
            self.listing.end_range()
        self.marked()

    def action_mark_all(self) -> None:
        """Mark everything visible, or unmark it."""
        self.listing.mark_all()
        self.marked()

    def action_invert(self) -> None:
        """Turn the marks of what is visible round."""
        self.listing.invert()
        self.marked()

    def action_unmark(self) -> None:
        """No marks at all, hidden ones neither; those that vanished are seen."""
        self.lost.clear()
        self.listing.unmark_all()
        self.marked()

    def marked(self) -> None:
        """Other VMs are marked: show it."""
        self.table.repaint()
        self.tick()

    # Where to look

    async def action_palette(self) -> None:
        """Act on the visible marks, or on the VM under the cursor."""
        if self.actions.has_focus and not self.listing.marks:
            self.go_to_vm_of_entry()
        elif self.says_what_vanished():
            return
        self.end_range()
        await self.cockpit.acting.choose(self.targets())

    async def action_include_hidden(self) -> None:
        """Act on all marks, those hidden by the filter too."""
        self.end_range()
        if self.listing.marks:
            await self.cockpit.acting.choose(self.targets(includes_hidden=True))

    async def action_inverse(self) -> None:
        """Propose the opposite of what was last done to the VM, or to the marked one."""
        if not self.says_what_vanished():
            await propose_inverse(self.cockpit, self.targets())

    async def action_next(self) -> None:
        """To the next VM that waits for a decision, or action nobody looked at; marked VMs that vanished come first."""
        if self.lost:
            self.say([Part(f"{names_of(self.lost)} does not exist any more; the mark is gone", "warn")])
            self.lost.clear()
            self.tick()
            return
        needing = self.cockpit.needing()
        if not needing:
            self.say([Part("nothing needs you", "muted")])
            return
        at = next((index for index, entry in enumerate(needing) if entry.id == self.actions.cursor_id), -1)
        entry = needing[(at + 1) % len(needing)]
        self.actions.move_to_id(entry.id)
        if not self.table.move_to_id(entry.vm_id):
            name = clean(entry.vm_name)
            why = "is hidden by the filter" if entry.vm_id in self.listing.vms else "does not exist any more"
            self.say([Part(f"{name} {why}", "warn")])
        self.post_message(EntryVisited(entry.id))
        if entry in self.cockpit.announcing.turn_entries():
            await self.cockpit.acting.running.open_entry(entry)

    def go_to_vm_of_entry(self) -> bool:
        """Put the list's cursor on the VM of the action under the cursor."""
        entry = self.actions.cursor_entry
        return entry is not None and self.table.move_to_id(entry.vm_id)

    async def action_details(self) -> None:
        """Everything about the VM; in Actions, what became of the action."""
        if self.actions.has_focus:
            entry = self.actions.cursor_entry
            if entry is not None and not await self.cockpit.acting.explain(entry) and self.go_to_vm_of_entry():
                self.set_focus(self.table)
            return
        if self.vm is None:
            return
        view = self.cockpit.update_now.view
        own = [entry for entry in view.history if entry.vm_id == self.vm.id]
        if self.about.has_focus and (entry := what_next(own, view)) is not None:
            await self.cockpit.acting.explain(entry)
        elif self._has_details:
            self.show_pane("details")
            self.set_focus(self.about)
        else:
            await self.cockpit.open_vm(self.vm.id)

    async def action_pane(self, number: int) -> None:
        """Focus a pane; the details open as a screen where they have no pane."""
        if number == 1:
            self.show_pane("")
            self.set_focus(self.table)
        elif number == 2 and not self._has_details:
            if self.vm is not None:
                await self.cockpit.open_vm(self.vm.id)
        elif number == 2:
            self.set_focus(self.about)
        else:
            await self.action_history()

    async def action_history(self) -> None:
        """Focus the actions; again to enlarge them; again to go back."""
        if not self.actions.display:
            await self.cockpit.open_history()
        elif not self.actions.has_focus:
            self.set_focus(self.actions)
        else:
            self.show_pane("" if self._enlarged else "actions")

    def action_larger(self) -> None:
        """The focused pane alone."""
        panes: dict[Widget, str] = {self.table: "list", self.about: "details", self.actions: "actions"}
        if self.focused in panes:
            self.show_pane(panes[self.focused])

    def action_smaller(self) -> None:
        """The resting layout."""
        self.show_pane("")

    def action_wide(self) -> None:
        """Every column, or those that fit."""
        self.table.is_wide = not self.table.is_wide
        self.table.repaint_all()

    def action_watch(self) -> None:
        """Watch the VM under the cursor, or of the action under it; again ends it."""
        if self.actions.has_focus and not self.go_to_vm_of_entry():
            return
        if self.vm is not None and not self.says_what_vanished():
            self.cockpit.duty.toggle(self.vm)

    async def action_copy(self) -> None:
        """Copy something of the VM or of the marked ones."""
        await self.cockpit.acting.copy(self.targets())

    async def back(self) -> None:
        """One step back: range, enlarged pane, filter, list; marks stay, and it never quits."""
        if self.is_range_open:
            self.end_range()
            self.marked()
        elif self._enlarged:
            self.show_pane("")
        elif not self.table.has_focus:
            self.set_focus(self.table)
        elif self.listing.query.text.strip():
            await self.leave_filter(is_kept=False)
