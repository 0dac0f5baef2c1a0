"""The action history as a screen of its own, where the cockpit is too low for a panel of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from cftui.operations.state import Update
from cftui.text import count
from cftui.tui import standing as how
from cftui.tui.keymap import bindings
from cftui.tui.look import Line, Part
from cftui.tui.messages import EntryVisited
from cftui.tui.widgets.action_list import ActionList
from cftui.tui.widgets.bars import Banner, Hint, KeyLine, MarkBar, StatusLine
from cftui.tui.widgets.row_list import RowList
from cftui.tui.widgets.rule import Rule

if TYPE_CHECKING:
    from cftui.tui.app import CftuiApp


class HistoryScreen(Screen[None]):
    """Everything in progress and everything recent; what the cursor stands on is seen."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("history")
    AUTO_FOCUS = "ActionList"

    @property
    def cockpit(self) -> CftuiApp:
        """The app."""
        return cast("CftuiApp", self.app)

    def compose(self) -> ComposeResult:
        """From above: status, banner, rule, actions, keys."""
        self.status, self.banner, self.keys = StatusLine(), Banner(), KeyLine()
        self.rule, self.actions = Rule("", "Actions"), ActionList(self.cockpit.moment())
        self.mark_bar = MarkBar()
        yield self.status
        yield self.banner
        yield self.rule
        yield self.actions
        yield self.mark_bar
        yield self.keys

    def on_mount(self) -> None:
        """Show what is known."""
        self.call_after_refresh(self.take, self.cockpit.update_now)

    def on_resize(self) -> None:
        """Other widths have other columns."""
        self.call_after_refresh(self.tick)

    def take(self, update: Update) -> None:
        """Something newer is known."""
        app = self.cockpit
        self.actions.show(update.view.history, frozenset(entry.id for entry in app.unseen()), app.moment())
        self.tick()

    def tick(self) -> None:
        """Clocks step, and the lines around tell how things stand."""
        app, update = self.cockpit, self.cockpit.update_now
        self.actions.tick(app.moment())
        self.status.show(app.standing())
        keys = (app.key_of(name) for name in ("refresh", "pause", "run"))
        self.banner.show(*how.banner(update, app.clock, *keys))
        history, since = update.view.history, how.since(update.view.history, app.clock)
        hint = app.next_hint()
        facts: Line = [Part(f"{count(len(history))} since {since}" if history else "none", "muted")]
        self.rule.show(facts=[*facts, *app.acting.running.hint()], right=hint, is_lit=True)
        self.mark_bar.show(how.marks(app.cockpit.listing, app.look.glyphs, self.size.width - 3), [])
        self.keys.show([Hint("enter", "open"), Hint(app.key_of("help"), "help"), Hint("esc", "back")])

    @on(RowList.CursorMoved)
    def _visited(self) -> None:
        if (entry := self.actions.cursor_entry) is not None:
            self.post_message(EntryVisited(entry.id))

    def action_next(self) -> None:
        """To the next action that waits for a decision, or nobody looked at yet."""
        needing = [entry.id for entry in self.cockpit.needing()]
        if needing:
            at = needing.index(self.actions.cursor_id) if self.actions.cursor_id in needing else -1
            self.actions.move_to_id(needing[(at + 1) % len(needing)])
            self.post_message(EntryVisited(needing[(at + 1) % len(needing)]))

    async def action_details(self) -> None:
        """What became of the action, or its VM."""
        entry = self.actions.cursor_entry
        if entry is None or await self.cockpit.acting.explain(entry):
            return
        self.cockpit.pop_screen()
        self.cockpit.cockpit.table.move_to_id(entry.vm_id)
