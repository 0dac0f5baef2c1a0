"""The action palette: the nine actions and the four workflows in the same order, each with its key and its words.

What cannot be done stays in its place, and says why and what to do instead.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region
from textual.widgets import Static

from cftui.fleet import rules
from cftui.fleet.history import HistoryEntry
from cftui.fleet.rows import ActionType, VmRow
from cftui.operations.plan import Workflow
from cftui.operations.state import Update
from cftui.text import clean, count, cut, cut_middle
from cftui.tui.modals.changes import changes_of, changes_words, hidden_words, is_same
from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import lines, put
from cftui.tui.offers import ACTION_KEYS, KEYS, Offer, Wish, offers
from cftui.tui.standing import not_live_reason as why_not_live
from cftui.tui.workflow_words import DESCRIPTIONS, WITH_FORM

_NAME_CELLS = 19
_WITH_FORM: frozenset[Wish] = frozenset({ActionType.RESIZE, ActionType.RENAME, ActionType.SNAPSHOT, *WITH_FORM})

_DEAF_S = 0.6
"""A pause after which a letter is a wish again."""


class ActionPalette(Dialog[Wish]):
    """Choose an action or a workflow; its key goes on at once, to the form or to the question.

    Args:
        targets: The VMs to act on, at least one; frozen here.
        doing: By VM id, its newest history entry.
        is_read_only: Nothing may be changed; all of them are shown, none can be done.
        locked_by: What made it so for good; empty where it can be lifted.
        not_live_reason: Why nothing can be sent at all; empty when it can.
        is_production: Lifts the confirmations, which the palette announces.
        has_gap: As well.
        hidden: How many of the targets the filter hides.
        update: Tells what is known now; asked again by `fleet_moved`, so that a VM that changes is told at once.
    """

    DEFAULT_CSS = """
    ActionPalette #note { min-height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"take('{key}')", wish.value, id=f"palette.{wish}", show=False) for key, wish in KEYS.items()),
        Binding("up,k", "move(-1)", "Action above", show=False),
        Binding("down,j", "move(1)", "Action below", show=False),
        Binding("enter", "take_it", "Take the action under the cursor", show=False),
        Binding("slash", "find", "Find by name", show=False),
    ]

    def __init__(
        self,
        targets: Sequence[VmRow],
        doing: Mapping[str, HistoryEntry],
        *,
        is_read_only: bool = False,
        locked_by: str = "",
        not_live_reason: str = "",
        is_production: bool = False,
        has_gap: bool = False,
        hidden: int = 0,
        update: Callable[[], Update] | None = None,
    ) -> None:
        super().__init__()
        self.targets = tuple(targets)
        self._update = update
        self._now = self.targets
        self._changes: dict[str, str] = {}
        self._offers = offers(
            self.targets, doing, is_read_only=is_read_only, locked_by=locked_by, not_live_reason=not_live_reason
        )
        self._is_production = is_production
        self._has_gap = has_gap
        self._hidden = hidden
        self._at = next((index for index, offer in enumerate(self._offers) if offer.is_open), 0)
        self._search: str | None = None
        self._refused: Wish | None = None
        self._last_letter = -math.inf

    def heading(self) -> str:
        """Whom it acts on."""
        if len(self.targets) == 1:
            return f"Act on {cut_middle(clean(self.targets[0].name), 40)}"
        return f"Act on {count(len(self.targets), 'marked VM')}{hidden_words(self._hidden, self.app.size.width)}"

    def state(self) -> Content:
        """State, region and address of one VM; how many run of several."""
        ink = self.ink
        if self._hidden and self.app.size.width < 72:  # the title needs the room
            return Content("")
        if len(self.targets) == 1:
            vm = self._now[0]
            return ink.power(vm) + ink(f"  {cut(clean(vm.region), 14)}  {cut(clean(vm.address), 16)}", "text")
        states = Counter(clean(vm.status) for vm in self._now)
        return ink(", ".join(f"{times:,} {cut(status, 16)}" for status, times in states.most_common(3)), "muted")

    def compose_body(self) -> ComposeResult:
        """One text, a line each."""
        yield Static(id="actions")

    def compose_answer(self) -> ComposeResult:
        """One line that never scrolls away."""
        yield Static(id="note")

    def choices(self) -> list[Choice]:
        """None: the letters are the buttons."""
        return []

    def first_focus(self) -> None:
        """The list has all keys."""

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        if self._search is not None:
            return [("enter", "takes it"), ("esc", "back to the letters")]
        goes_on = "goes on to the form or the question"
        if self.app.size.width < 72:
            return [("esc", "back"), ("letter", "goes on"), ("/", "find")]
        return [("letter", goes_on), ("/", "find"), ("esc", "back")]

    def fleet_moved(self) -> None:
        """Something newer is known: what can be done by now to these very VMs, and which of them are different."""
        if self._update is None or not self.is_open:
            return
        update = self._update()
        vms = update.view.vms
        self._changes = changes_of(self.targets, update.view)
        there = [vms[vm.id] for vm in self.targets if is_same(vm, vms.get(vm.id))]
        self._now = tuple(there) or self.targets
        self._offers = offers(
            self._now,
            update.view.doing,
            is_read_only=update.is_read_only,
            locked_by=update.locked_by,
            not_live_reason=why_not_live(update) if there else "it does not exist any more",
        )
        self.redraw()
        self.redraw_frame()

    def redraw(self) -> None:
        """Draw the lines, a gap before the workflows where there is room for it, and the lines below them."""
        rows = [self._row(offer, index == self._at) for index, offer in enumerate(self._offers)]
        if self._gap:
            rows.insert(len(ACTION_KEYS), Content(""))
        put(self.query_one("#actions", Static), lines(rows))
        changed = changes_words(self.targets, self._changes)
        told = [self.ink(f"{self.ink.glyphs.warn} {changed}", "*warn")] if changed else []
        put(self.query_one("#note", Static), lines([*told, self._note()]))
        self.fit()
        body = self.query_one("#body")
        if body.max_scroll_y:
            body.scroll_to_region(Region(0, self._line_of(self._at), 1, 1), animate=False, force=True)

    @property
    def _gap(self) -> int:
        """Empty lines between actions and workflows."""
        return int(self.app.size.height >= 24)

    def _line_of(self, index: int) -> int:
        return index + (self._gap if index >= len(ACTION_KEYS) else 0)

    def _row(self, offer: Offer, is_at: bool) -> Content:
        ink, width = self.ink, self.inner_width
        glyphs, ground = ink.glyphs, "cursor" if is_at else ""
        bar = ink(glyphs.cursor if is_at else " ", "focus", ground)
        dash = ink(" " if offer.is_open else glyphs.none, "muted", ground)
        name = ink(
            cut(offer.name, _NAME_CELLS - 2).ljust(_NAME_CELLS),
            ("*strong" if is_at else "text") if offer.is_open else "muted",
            ground,
        )
        head = bar + dash + ink(f" {offer.key}  ", "*key" if offer.is_open else "muted", ground) + name
        tail = self._tail(offer, ground)
        room = width - head.cell_length - tail.cell_length - (2 if tail.cell_length else 0)
        words = self._words(offer, ground).truncate(max(0, room), ellipsis=True) if width >= 60 else Content("")
        gap = max(0, width - head.cell_length - words.cell_length - tail.cell_length)
        return head + words + ink(" " * gap, "text", ground) + tail

    def _words(self, offer: Offer, ground: str) -> Content:
        ink = self.ink
        if offer.is_open:
            words = DESCRIPTIONS[offer.type] if isinstance(offer.type, Workflow) else rules.description(offer.type)
            return ink(words, "text" if ground else "muted", ground)
        reason, way_out, _ = offer.refusals[0]
        told = ink("not now: ", "*strong" if ground else "*muted", ground) + ink(reason, "muted", ground)
        if way_out:
            told += ink(f" {ink.glyphs.arrow} {way_out}", "text", ground)
        return told

    def _tail(self, offer: Offer, ground: str) -> Content:
        ink = self.ink
        if not offer.is_open:
            return Content("")
        if len(self.targets) > 1:
            tone = "text" if offer.able == len(self.targets) else "warn"
            return ink(f"{offer.able:,} of {len(self.targets):,}", tone, ground)
        if self._rung(offer) < rules.Rung.TYPE_NAME:
            return Content("")
        return ink(ink.glyphs.warn if self.app.size.width < 100 else f"{ink.glyphs.warn} asks the name", "warn", ground)

    def _note(self) -> Content:
        """What the action under the cursor skips, or why it cannot be done; in find mode, what was typed."""
        ink, offer = self.ink, self._offers[self._at]
        if self._search is not None:
            return ink("/", "focus") + ink(self._search, "text", "field") + ink(" ", "text", "cursor")
        if self._refused is not None and not offer.is_open:
            reason, way_out, _ = offer.refusals[0]
            way = f" {ink.glyphs.arrow} {way_out}" if way_out else ""
            return ink(f"{ink.glyphs.failed} {offer.name}", "bad") + ink(f" not now: {reason}{way}", "text")
        if len(self.targets) > 1 and offer.refusals and offer.is_open:
            told = "; ".join(f"{times:,} {reason}" for reason, _, times in offer.refusals[:3])
            more = "; …" if len(offer.refusals) > 3 else ""
            return ink("Skipped: ", "warn") + ink(told + more, "muted")
        if not offer.is_open and self.inner_width >= 90:
            return Content("")
        if not offer.is_open or self.inner_width < 60:
            return self._words(offer, "")
        return ink(self._what_comes_next(offer), "muted")

    def _what_comes_next(self, offer: Offer) -> str:
        asks = {
            rules.Rung.YES: "y confirms it",
            rules.Rung.TYPE_NAME: "it asks for the name",
            rules.Rung.TYPE_COUNT: "it asks for the number of requests",
        }.get(self._rung(offer), "it asks for the number of requests and the profile")
        return f"{'First a form, then' if offer.type in _WITH_FORM else 'Then'} {asks}; nothing is sent before."

    def _rung(self, offer: Offer) -> rules.Rung:
        """How heavy the confirmation will be; all that a workflow begins with is as light as a shutdown."""
        return rules.rung(
            ActionType.SHUTDOWN if isinstance(offer.type, Workflow) else offer.type,
            targets=len(self.targets),
            is_production=self._is_production,
            has_gap=self._has_gap,
        )

    # Keys.

    def action_move(self, rows: int) -> None:
        """Move the cursor; it stops at the ends."""
        self._refused = None
        self._at = max(0, min(len(self._offers) - 1, self._at + rows))
        self.redraw()

    def action_take(self, key: str) -> None:
        """Go on with what a key stands for, or say why it cannot be done.

        After a letter that cannot be done, those that follow without a pause are the name that hands go on to type for
        a heavier one, and no wishes.
        """
        before = self._last_letter
        now = self._last_letter = self.clock.monotonic()
        is_deaf = self._refused is not None and now - before < _DEAF_S
        index = list(KEYS).index(key)
        offer = self._offers[index]
        if is_deaf and offer.is_open:
            return
        self._at = index
        if offer.is_open:
            self.answer(offer.type)
        else:
            self._refused = offer.type
            self.redraw()

    def action_take_it(self) -> None:
        """Go on with the action under the cursor."""
        self.action_take(self._offers[self._at].key)

    def action_find(self) -> None:
        """Letters now look for a name."""
        self._search, self._refused = "", None
        self.redraw()
        self.redraw_frame()

    def back(self) -> None:
        """Out of finding, else out of the palette."""
        if self._search is None:
            super().back()
        else:
            self._search = None
            self.redraw()
            self.redraw_frame()

    def on_click(self, event: events.Click) -> None:
        """A click on a line takes it."""
        widget = self.query_one("#actions")
        if event.widget is widget:
            at = next((index for index in range(len(self._offers)) if self._line_of(index) == event.y), None)
            if at is not None:
                self.action_take(self._offers[at].key)

    def pressed(self, event: events.Key) -> None:
        """While finding, what is typed narrows; the cursor goes to the first name that holds it."""
        if event.key in ("up", "down", "enter"):
            return
        super().pressed(event)
        if self._search is None or event.key == "escape":
            return
        event.stop()
        if event.key == "backspace":
            self._search = self._search[:-1]
        elif event.is_printable and event.character:
            self._search += event.character.lower()
        wanted, names = _plain(self._search), [_plain(offer.name) for offer in self._offers]
        found = [index for index, name in enumerate(names) if wanted in name]
        if wanted and found:
            starts = [index for index in found if names[index].startswith(wanted)]
            self._at = (starts or found)[0]
        self.redraw()


def _plain(name: str) -> str:
    return name.replace("-", "_").replace(" ", "_")
