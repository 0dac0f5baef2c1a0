"""One VM as a screen of its own, where the cockpit is too narrow for a pane of details."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from cftui.fleet.rows import VmRow
from cftui.operations.state import Update
from cftui.text import clean, count
from cftui.tui import standing as how
from cftui.tui.inverse import propose_inverse
from cftui.tui.keymap import bindings
from cftui.tui.look import Line, Part
from cftui.tui.messages import DetailsWanted
from cftui.tui.modals.changes import is_same
from cftui.tui.telling import what_next
from cftui.tui.widgets.bars import Banner, Hint, KeyLine, MarkBar, StatusLine
from cftui.tui.widgets.rule import Rule
from cftui.tui.widgets.vm_details import Attributes, VmDetails

if TYPE_CHECKING:
    from cftui.tui.app import CftuiApp


class VmScreen(Screen[None]):
    """Everything about one VM; its neighbours in the list are one key away.

    Args:
        vm_id: The VM.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("details")
    AUTO_FOCUS = "VmDetails"

    def __init__(self, vm_id: str) -> None:
        super().__init__()
        self._vm_id = vm_id
        self._seen: VmRow | None = None
        """The VM as it was when this was opened on it."""

    @property
    def cockpit(self) -> CftuiApp:
        """The app."""
        return cast("CftuiApp", self.app)

    def compose(self) -> ComposeResult:
        """From above: status, banner, rule, details, keys."""
        self.status, self.banner, self.keys = StatusLine(), Banner(), KeyLine()
        self.rule, self.about = Rule("", "", id="vm-rule"), VmDetails(self.cockpit.moment())
        self.mark_bar = MarkBar()
        yield self.status
        yield self.banner
        yield self.rule
        yield self.about
        yield self.mark_bar
        yield self.keys

    def on_mount(self) -> None:
        """Show what the list knows, and read the rest."""
        self._show()

    def on_resize(self) -> None:
        """Other widths have other columns."""
        self.call_after_refresh(self.tick)

    @property
    def vm(self) -> VmRow | None:
        """The VM as last read; None once it is gone, or another VM has its id."""
        now = self.cockpit.update_now.view.vms.get(self._vm_id)
        if self._seen is None or self._seen.id != self._vm_id:
            self._seen = now
        return now if self._seen is not None and is_same(self._seen, now) else None

    def take(self, update: Update) -> None:
        """Something newer is known."""
        self.tick()

    def tick(self) -> None:
        """Show what is known now."""
        app, update = self.cockpit, self.cockpit.update_now
        self.status.show(app.standing())
        self.banner.show(*how.banner(update, app.clock, app.key_of("refresh"), app.key_of("pause")))
        history = [entry for entry in update.view.history if entry.vm_id == self._vm_id][:20]
        kept = app.cockpit.attributes.get(self._vm_id)
        next_step = what_next(history, update.view)
        self.about.watched = app.announcing.watching.ids
        self.about.show(self.vm, kept[1] if kept else None, history, app.moment(), next_step)
        order = app.cockpit.table.order
        title = clean(self.vm.name) if self.vm else "gone: it does not exist any more"
        place = f"{count(order.index(self._vm_id) + 1)} of {count(len(order))}" if self._vm_id in order else ""
        previous, following = app.key_of("previous_vm"), app.key_of("next_vm")
        right: Line = [Part(f"{previous} {following}", "*key"), Part(" previous, next", "muted")]
        self.rule.show(title=title, facts=[Part(place, "muted")] if place else [], right=right, is_lit=True)
        alone: Line = [Part(app.key_of("palette"), "*key"), Part(" acts on this VM alone", "muted")]
        self.mark_bar.show(how.marks(app.cockpit.listing, app.look.glyphs, self.size.width - 3), alone)
        hints = [Hint("enter", "what next")] if next_step is not None else []
        hints += [Hint(app.key_of("palette"), "act"), Hint(app.key_of("copy"), "copy", 2)]
        hints += [Hint(f"{previous} {following}", "previous, next", 3), Hint("esc", "list")]
        self.keys.show([*hints, Hint(app.key_of("help"), "help")])

    def details_read(self, vm_id: str, vm: VmRow, attributes: Attributes) -> None:
        """A whole reading came in; the list's screen keeps it."""
        self.tick()

    def _show(self) -> None:
        self.call_after_refresh(self.tick)
        kept = self.cockpit.cockpit.attributes.get(self._vm_id)
        if (kept is None or kept[0] != self.vm) and how.is_fresh(self.cockpit.update_now):
            self.post_message(DetailsWanted(self._vm_id))

    def action_neighbour(self, rows: int) -> None:
        """The VM before or after it in the list; the list's cursor goes along."""
        table = self.cockpit.cockpit.table
        if table.move_to_id(self._vm_id):
            table.action_move(rows)
            self._vm_id = table.cursor_id or self._vm_id
            self._show()

    async def action_details(self) -> None:
        """What there is to decide about its action, if anything."""
        view = self.cockpit.update_now.view
        history = [entry for entry in view.history if entry.vm_id == self._vm_id]
        if (entry := what_next(history, view)) is not None:
            await self.cockpit.acting.explain(entry)

    async def action_palette(self) -> None:
        """Act on this VM, whatever is marked."""
        if self.vm is not None:
            await self.cockpit.acting.choose([self.vm])

    def action_watch(self) -> None:
        """Watch this VM; again ends it."""
        if self.vm is not None:
            self.cockpit.duty.toggle(self.vm)

    async def action_inverse(self) -> None:
        """Propose the opposite of what was last done to this VM."""
        if self.vm is not None:
            await propose_inverse(self.cockpit, [self.vm])

    async def action_copy(self) -> None:
        """Copy something of this VM."""
        if self.vm is not None:
            await self.cockpit.acting.copy([self.vm])
