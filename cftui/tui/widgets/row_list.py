"""A list of rows that belong to ids: cursor, pages, scrolling. It draws the rows in sight, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from cftui.tui.keymap import bindings
from cftui.tui.widgets.painted import Painted

_WHEEL_ROWS = 3


class RowList(Painted, can_focus=True):
    """A virtual list; a subclass draws a row in `draw_row`, and what is not a row in `draw_rest`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")

    class CursorMoved(Message):
        """The cursor stands on another row, or on none."""

        def __init__(self, row_list: RowList) -> None:
            super().__init__()
            self.row_list = row_list

        @property
        def control(self) -> RowList:
            """The list."""
            return self.row_list

    class Scrolled(CursorMoved):
        """Other rows are in sight, or there are more or fewer of them."""

        def can_replace(self, message: Message) -> bool:
            """Only the newest matters."""
            return isinstance(message, RowList.Scrolled) and message.row_list is self.row_list

    class RowChosen(CursorMoved):
        """A row was clicked that had the cursor already."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.order: Sequence[str] = ()
        """Ids from above; replaced, never changed in place."""
        self.cursor = 0
        """Index of the cursor row; 0 while there is none."""
        self.top = 0
        """Index of the first row in sight."""
        self._chosen_id: str | None = None
        """Where a person put the cursor last; it goes back there when a filter lets it."""
        self._chosen_line = 0
        """On which line of the screen that was."""

    @property
    def header_lines(self) -> int:
        """Lines above the first row."""
        return 0

    @property
    def cursor_id(self) -> str | None:
        """The id under the cursor."""
        return self.order[self.cursor] if self.order else None

    @property
    def page_rows(self) -> int:
        """How many rows fit."""
        return max(1, self.size.height - self.header_lines)

    @property
    def ids_in_sight(self) -> Sequence[str]:
        """Ids of the rows on the screen."""
        return self.order[self.top : self.top + self.page_rows]

    def draw_row(self, index: int) -> Strip:
        """The row at an index of `order`."""
        raise NotImplementedError

    def draw_rest(self, y: int) -> Strip:
        """A line of the header, or one below the last row."""
        return self.look.strip([], self.size.width)

    def draw(self, y: int) -> Strip:
        """A row, the header, or what lies below the rows."""
        index = self.top + y - self.header_lines
        if y < self.header_lines or index >= len(self.order):
            return self.draw_rest(y)
        return self.draw_row(index)

    def set_order(self, order: Sequence[str], *, is_filter: bool = False) -> None:
        """Show other rows or another order; the cursor stays on its id and on its line of the screen.

        Args:
            order: Ids from above.
            is_filter: Another filter made it: where the cursor's row is hidden, the first row takes the cursor.
        """
        cursor_id, line = self.cursor_id, self.cursor - self.top
        self.order = order
        places = [self._place(row_id) for row_id in dict.fromkeys((self._chosen_id, cursor_id))]
        found = next((place for place in places if place is not None), None)
        self.cursor = found if found is not None else 0 if is_filter else min(self.cursor, max(0, len(order) - 1))
        has_returned = self.cursor_id != cursor_id and self.cursor_id == self._chosen_id
        self.top = self._clamped(self.cursor - (self._chosen_line if has_returned else line))
        self.repaint_all()
        self.post_message(self.Scrolled(self))
        if self.cursor_id != cursor_id:
            self.post_message(self.CursorMoved(self))

    def choose(self) -> None:
        """Take the row under the cursor as the one a person put it on."""
        self._chosen_id, self._chosen_line = self.cursor_id, self.cursor - self.top

    def _place(self, row_id: str | None) -> int | None:
        if row_id is None:
            return None
        if self.cursor < len(self.order) and self.order[self.cursor] == row_id:
            return self.cursor
        try:
            return self.order.index(row_id)
        except ValueError:
            return None

    def move_to(self, index: int) -> None:
        """Put the cursor on a row, and the row in sight."""
        if not self.order:
            return
        before, top = self.cursor, self.top
        self.cursor = min(max(0, index), len(self.order) - 1)
        self.top = self._clamped(min(self.cursor, max(self.top, self.cursor - self.page_rows + 1)))
        self.choose()
        if self.top != top:
            self.repaint_all()
            self.post_message(self.Scrolled(self))
        elif self.cursor != before:
            self.repaint_rows(before, self.cursor)
        if self.cursor != before:
            self.post_message(self.CursorMoved(self))

    def move_to_id(self, row_id: str) -> bool:
        """Put the cursor on an id; False where it is not in the list."""
        if row_id not in self.order:
            return False
        self.move_to(self.order.index(row_id))
        return True

    def repaint_rows(self, *indexes: int) -> None:
        """Draw rows anew, those of them that are in sight."""
        lines = (index - self.top + self.header_lines for index in indexes)
        self.repaint(y for y in lines if self.header_lines <= y < self.size.height)

    def _clamped(self, top: int) -> int:
        return max(0, min(top, len(self.order) - self.page_rows))

    def action_move(self, rows: int) -> None:
        """One row up or down."""
        self.move_to(self.cursor + rows)

    def action_page(self, pages: float) -> None:
        """A part of a page up or down; the cursor keeps its line."""
        rows = round(pages * max(1, self.page_rows - 1)) or (1 if pages > 0 else -1)
        line = self.cursor - self.top
        self.cursor_and_top(self.cursor + rows, line)

    def cursor_and_top(self, index: int, line: int) -> None:
        """Put the cursor on a row and the row on a line of the screen, as far as the list's ends allow."""
        if self.order:
            self.top = self._clamped(min(max(0, index), len(self.order) - 1) - line)
            before, self.cursor = self.cursor, min(max(0, index), len(self.order) - 1)
            self.choose()
            self.repaint_all()
            self.post_message(self.Scrolled(self))
            if self.cursor != before:
                self.post_message(self.CursorMoved(self))

    def action_first(self) -> None:
        """To the first row."""
        self.move_to(0)

    def action_last(self) -> None:
        """To the last row."""
        self.move_to(len(self.order) - 1)

    def on_focus(self) -> None:
        """The cursor row shows whether keys come here."""
        self.repaint_rows(self.cursor)

    def on_blur(self) -> None:
        """The cursor row shows whether keys come here."""
        self.repaint_rows(self.cursor)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in sight."""
        self.top = self._clamped(min(self.cursor, max(self.top, self.cursor - self.page_rows + 1)))
        self.post_message(self.Scrolled(self))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the rows, not the cursor."""
        self._wheel(_WHEEL_ROWS)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the rows, not the cursor."""
        self._wheel(-_WHEEL_ROWS)
        event.stop()

    def _wheel(self, rows: int) -> None:
        top = self._clamped(self.top + rows)
        if top != self.top:
            self.top = top
            self.repaint_all()
            self.post_message(self.Scrolled(self))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; one on the cursor row chooses it."""
        index = self.top + event.y - self.header_lines
        if event.y >= self.header_lines and index < len(self.order):
            if index == self.cursor and event.chain == 2:
                self.post_message(self.RowChosen(self))
            else:
                self.move_to(index)
