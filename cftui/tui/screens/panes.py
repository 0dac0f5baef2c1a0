"""The panes of the cockpit: what stands where at which size, and what is drawn when something is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.screen import Screen
from textual.timer import Timer

from cftui.fleet.rows import VmRow
from cftui.operations.state import Update
from cftui.text import clean, count, cut_middle
from cftui.tui import standing as how
from cftui.tui.listing import Listing
from cftui.tui.look import Line, Part
from cftui.tui.messages import DetailsWanted
from cftui.tui.telling import what_next
from cftui.tui.widgets.action_list import ActionList
from cftui.tui.widgets.bars import Banner, Hint, KeyLine, MarkBar, StatusLine
from cftui.tui.widgets.rule import Rule, Separator
from cftui.tui.widgets.too_small import is_too_small
from cftui.tui.widgets.vm_details import Attributes, VmDetails
from cftui.tui.widgets.vm_table import VmTable

if TYPE_CHECKING:
    from cftui.tui.app import CftuiApp

_DETAILS_FROM = 116
"""Narrower terminals show details as a screen of its own."""
_REST_S = 0.35
"""How long the cursor rests on a VM before it is read whole, in seconds."""
_DETAILS_STEP_S = 0.1
"""While a key is held, details follow this often."""
_ACTION_ROWS = ((36, 10), (28, 7), (20, 5), (0, 0))
"""Rows of the Actions panel, from which height on."""
_SAID_S = 6.0
"""How long a message stands in a rule, in seconds."""


class VmsPanes(Screen[None]):
    """List, details, actions. It owns order, filter, marks and cursor; what is known comes from the app."""

    AUTO_FOCUS = "VmTable"

    def __init__(self) -> None:
        super().__init__()
        self.listing = Listing()
        self.attributes: dict[str, tuple[VmRow, Attributes]] = {}
        """What whole readings told, by VM id, with the row they came with."""
        self._enlarged = ""
        self._laid_out_for: Size | None = None
        self._was_read = False
        self._shifted_to = ""
        """The id that the last shifted arrow left the cursor on; empty while a range goes on until it is ended."""
        self.lost: dict[str, str] = {}
        """Names by id of VMs that vanished while they were marked, until somebody has seen it."""
        self._vanished = ""
        """The name of a VM that vanished from under the cursor; empty once the cursor was moved, or it was told."""
        self._vanished_onto: str | None = None
        """The id that the cursor stands on since."""
        self._said: Line = []
        self._said_until = 0.0
        """Until when a message stands, by the monotonic clock."""
        self._details_timer: Timer | None = None
        self._rest_timer: Timer | None = None

    @property
    def cockpit(self) -> CftuiApp:
        """The app."""
        return cast("CftuiApp", self.app)

    def compose(self) -> ComposeResult:
        """From above: status, banner, list beside details, actions, keys."""
        moment = self.cockpit.moment()
        self.status, self.banner, self.keys = StatusLine(id="status"), Banner(id="banner"), KeyLine(id="keys")
        self.list_rule, self.details_rule = Rule("1", "VMs", id="list-rule"), Rule("2", "", id="details-rule")
        self.actions_rule = Rule("3", "Actions", id="actions-rule")
        self.table, self.about = VmTable(self.listing, moment, id="table"), VmDetails(moment, id="about")
        self.actions = ActionList(moment, id="actions")
        self.mark_bar, self.separator = MarkBar(id="marks"), Separator(id="separator")
        self.marks_below = MarkBar(id="marks-below")
        yield self.status
        yield self.banner
        with Horizontal(id="panes"):
            with Vertical(id="list"):
                yield self.list_rule
                yield self.table
                yield self.mark_bar
            yield self.separator
            with Vertical(id="details"):
                yield self.details_rule
                yield self.about
        yield self.actions_rule
        yield self.actions
        yield self.marks_below
        yield self.keys

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.take(self.cockpit.update_now)

    # What is known

    def take(self, update: Update) -> None:
        """Take in what changed, and touch only that."""
        change, app = update.change, self.cockpit
        is_first = not self.listing.vms
        lost = self.listing.take(update.view, change)
        if lost:
            self.lost |= lost
            self.say([Part(f"{self.table.look.glyphs.warn} {names_of(lost)} vanished; no longer marked", "*warn")])
        before = self.table.cursor_id
        if change.added or change.changed or is_first:
            self.table.measure()
        may_sort = not self._was_read or app.is_settled(has_marks=bool(self.listing.marks))
        self._was_read = update.view.read_at is not None
        if self.listing.is_stale and may_sort:
            self.listing.reorder()
        moment, unseen = app.moment(), frozenset(entry.id for entry in app.unseen())
        newly = self.table.unseen ^ unseen
        watched = app.announcing.watching.ids
        other_marks = self.table.watched ^ watched
        self.table.moment, self.table.unseen, self.table.watched = moment, unseen, watched
        if self.table.order != self.listing.order:
            self.show_order(is_untouched=app.is_untouched)
        else:
            touched = change.changed | change.acting | other_marks
            if newly:
                touched |= {entry.vm_id for entry in update.view.history if entry.id in newly}
            self.table.repaint_ids(touched)
        if before is not None and before in change.gone:
            self._vanished, self._vanished_onto = change.gone[before], self.table.cursor_id
        self.actions.show(update.view.history, unseen, moment)
        self.tick()
        self.show_details()

    def tick(self) -> None:
        """Bring to the second what tells of time; cells that stay the same cost nothing."""
        app, update = self.cockpit, self.cockpit.update_now
        moment, clock = app.moment(), app.clock
        if clock.monotonic() >= self._said_until:
            self._said = []
        if self.listing.is_stale and app.is_settled(has_marks=bool(self.listing.marks)) and self.listing.reorder():
            self.show_order()
        self.table.tick(moment)
        self.actions.tick(moment)
        self.about.tick(moment)
        self.status.show(app.standing())
        key = app.key_of("refresh")
        self.banner.show(*how.banner(update, clock, key, app.key_of("pause"), app.key_of("run")))
        glyphs = self.table.look.glyphs
        notes = [] if self.table.order else how.notes(update, self.listing, app.profile, clock, key)
        tail = how.loading_tail(update, self.table.size.width, glyphs.bar, glyphs.bar_rest)
        if (notes, tail) != (self.table.notes, self.table.tail):
            self.table.notes, self.table.tail = notes, tail
            self.table.repaint()
        self.show_rules()
        self._show_marks()
        self._show_keys()

    def repaint_data(self) -> None:
        """What is known became fresh, or ceased to be: its colours come or go."""
        for widget in (self.table, self.about, self.actions):
            widget.repaint_all()

    def say(self, line: Line) -> None:
        """Stand a message in a rule for some seconds; the newest wins, and nothing is covered."""
        self._said = line
        self._said_until = self.cockpit.clock.monotonic() + _SAID_S
        self.show_rules()

    def details_read(self, vm_id: str, vm: VmRow, attributes: Attributes) -> None:
        """A whole reading of a VM came in."""
        self.attributes[vm_id] = (vm, attributes)
        self.show_details()

    @property
    def vm(self) -> VmRow | None:
        """The VM under the cursor."""
        vm_id = self.table.cursor_id
        return self.listing.vms.get(vm_id) if vm_id is not None else None

    @property
    def is_range_open(self) -> bool:
        """Whether a range of marks was begun that follows the cursor until it is ended."""
        return self.listing.is_marking_range and not self._shifted_to

    def targets(self, *, includes_hidden: bool = False) -> list[VmRow]:
        """What an action would reach: the visible marks if there are any, else the VM under the cursor."""
        vms, marked = self.listing.vms, self.listing.visible_marks
        if includes_hidden:
            marked += sorted(self.listing.marks.difference(marked), key=lambda vm_id: vms[vm_id].name)
        if marked:
            return [vms[vm_id] for vm_id in marked]
        return [self.vm] if self.vm is not None and not self.listing.marks else []

    def says_what_vanished(self) -> bool:
        """Say, once, that the VM under the cursor is gone and the cursor stands on another since; whether it is so."""
        name, self._vanished = self._vanished, ""
        if not name or self.listing.marks:
            return False
        on = f"; the cursor is on {clean(self.vm.name)} now" if self.vm is not None else ""
        sign = self.table.look.glyphs.warn
        self.say([Part(f"{sign} {clean(name)} does not exist any more", "*warn"), Part(on, "text")])
        return True

    # Drawing

    def show_order(self, *, is_untouched: bool = False, is_filter: bool = False) -> None:
        """Bring the order to the screen; the cursor stays on its VM, or on the first row while untouched."""
        self.table.set_order(list(self.listing.order), is_filter=is_filter)
        if is_untouched:
            self.table.move_to(0)

    def show_details(self) -> None:
        """Show the VM under the cursor; a moment later while a key is held."""
        if self._details_timer is None:
            self._details_timer = self.set_timer(_DETAILS_STEP_S, self._show_details)

    def _show_details(self) -> None:
        self._details_timer = None
        vm, app = self.vm, self.cockpit
        if vm is None:
            self.about.show(None, None, [], app.moment())
            self.details_rule.show(title="")
            return
        history = [entry for entry in app.update_now.view.history if entry.vm_id == vm.id][:20]
        kept = self.attributes.get(vm.id)
        next_step = what_next(history, app.update_now.view)
        self.about.watched = app.announcing.watching.ids
        self.about.show(vm, kept[1] if kept else None, history, app.moment(), next_step)
        self.details_rule.show(title=clean(vm.name))
        if (
            (kept is None or kept[0] != vm)
            and how.is_fresh(app.update_now)
            and self.about.display
            and self._has_details
        ):
            if self._rest_timer is not None:
                self._rest_timer.stop()
            self._rest_timer = self.set_timer(_REST_S, self._ask_for_details)

    def _ask_for_details(self) -> None:
        if self.vm is not None:
            self.post_message(DetailsWanted(self.vm.id))

    @property
    def _has_details(self) -> bool:
        return self.size.width >= _DETAILS_FROM and self._enlarged in ("", "details")

    @property
    def _is_list_lit(self) -> bool:
        return self.table.has_focus or (self.focused is not None and self.focused.id == "filter-input")

    def show_rules(self) -> None:
        """Titles, facts, messages, and where the focus is."""
        app, update = self.cockpit, self.cockpit.update_now
        facts = how.list_facts(update, self.listing, app.clock)
        glyphs = self.table.look.glyphs
        if self.table.columns[0].key == "glyph":
            sign = glyphs.down if self.listing.is_reversed else glyphs.up
            facts += [Part(f"  by {self.listing.sort} {sign}", "muted")]
        if self.is_range_open:
            facts += [Part("  marking a range, ", "mark"), Part(app.key_of("range"), "*key"), Part(" ends it", "mark")]
        hint = app.next_hint()
        has_actions = self.actions.display
        facts += app.acting.running.hint() if not has_actions else []
        self.list_rule.show(facts=facts, right=self._said if not has_actions else [], is_lit=self._is_list_lit)
        self.details_rule.show(is_lit=self.about.has_focus)
        history = update.view.history
        since = how.since(history, app.clock)
        told: Line = [Part(f"{count(len(history))} since {since}" if history else "none", "muted")]
        told += app.acting.running.hint() if has_actions else []
        junction = self.separator.region.x if self.separator.display and self.separator.region else -1
        self.actions_rule.show(facts=told, right=self._said or hint, is_lit=self.actions.has_focus, junction=junction)
        self.show_scroll()

    def show_scroll(self) -> None:
        """Where the rows in sight lie among all of them."""
        self.separator.show(
            total=len(self.table.order),
            top=self.table.top,
            page=self.table.page_rows,
            is_lit=self._is_list_lit,
            has_details=self._has_details,
        )

    def _show_marks(self) -> None:
        app, glyphs = self.cockpit, self.table.look.glyphs
        is_beside = self._enlarged in ("", "list")
        bar, other = (self.mark_bar, self.marks_below) if is_beside else (self.marks_below, self.mark_bar)
        other.show([], [])
        lost: Line = [Part(f"{glyphs.warn} {names_of(self.lost)} vanished while marked", "*warn")] if self.lost else []
        left = how.marks(self.listing, glyphs, self.app.size.width - 3)
        if not left:
            seen: Line = [Part(app.key_of("next"), "*key"), Part(" seen", "muted")]
            bar.show(lost, seen if lost else [])
            return
        marked, hidden = len(self.listing.marks), self.listing.hidden_among(self.listing.marks)
        left += [Part("  "), *lost] if lost else []
        right: Line = [Part(app.key_of("palette"), "*key"), Part(f" act on {count(marked - hidden)}", "muted")]
        if hidden:
            right += [Part(" visible  ", "muted"), Part(app.key_of("include_hidden"), "*key")]
            right += [Part(f" all {count(marked)}", "muted")]
        if lost:
            right += [Part(f"  {app.key_of('next')}", "*key"), Part(" seen", "muted")]
        right += [Part(f"  {app.key_of('unmark')}", "*key"), Part(" unmark", "muted")]
        bar.show(left, right)

    def _show_keys(self) -> None:
        key, update = self.cockpit.key_of, self.cockpit.update_now
        if self.focused is not None and self.focused.id == "filter-input":
            self.keys.show([Hint("enter", "keep"), Hint("esc", "clear"), Hint("up down", "move", 1)])
            return
        act = "see what could be done" if update.is_read_only and self.size.width >= 100 else "act"
        hints = [Hint(key("palette"), act)] if not how.not_live_reason(update) else [Hint(key("refresh"), "try now")]
        if self.actions.has_focus:
            hints += [Hint("enter", "open", 2), Hint(key("history"), "enlarge", 4), Hint("esc", "list")]
        else:
            hints += [Hint(key("filter"), "filter", 1), Hint(key("mark"), "mark", 3), Hint("enter", "details", 2)]
            hints += [Hint(key("history"), "actions", 5)]
        if (need := self.cockpit.next_word()) and not self.actions.display:
            hints.append(Hint(key("next"), need, 1))
        hints += [Hint(key("copy"), "copy", 7), Hint(key("command"), "command", 6)]
        self.keys.show([*hints, Hint(key("help"), "help"), Hint(key("quit"), "quit", 8)])

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """The resting layout of this size; an enlarged pane goes back.

        A terminal that tells no size is 24 lines to Textual's driver and 25 to its console: laying out anew for each
        of them in turn would never end.
        """
        if self._laid_out_for != self.app.size:
            self.show_pane("")

    def show_pane(self, name: str) -> None:
        """One pane alone: `list`, `details` or `actions`; all of them with `""`."""
        self._enlarged = name
        self.lay_out()

    def lay_out(self) -> None:
        """Give every pane its place."""
        width, height = self._laid_out_for = self.app.size
        if is_too_small(self.app.size):
            return
        rows = next(rows for least, rows in _ACTION_ROWS if height >= least)
        enlarged = self._enlarged
        self.query_one("#panes").display = enlarged != "actions"
        self.query_one("#list").display = self.separator.display = enlarged in ("", "list")
        details = self.query_one("#details")
        details.display = enlarged == "details" or (not enlarged and width >= _DETAILS_FROM)
        details.styles.width = "1fr" if enlarged else 48 if width >= 170 else 40
        self.actions.display = self.actions_rule.display = enlarged == "actions" or (not enlarged and rows > 0)
        self.actions.styles.height = "1fr" if enlarged else rows
        self.call_after_refresh(self.tick)
        self.show_details()


def names_of(lost: Mapping[str, str]) -> str:
    """Up to three names, and how many more."""
    names = [cut_middle(clean(name), 20) for name in lost.values()]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
