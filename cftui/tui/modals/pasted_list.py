"""A list from elsewhere, such as a ticket: which VMs it names, which words are nobody, and whether to mark them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static, TextArea

from cftui.fleet.pasted import MAX_WORDS, Pasted, PastedReader
from cftui.fleet.rows import VmRow
from cftui.text import clean, count, cut, cut_middle
from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import lines, pad, put
from cftui.tui.modals.silence import ALONE_S, Silence

_LISTED = 300
"""Names or words that are listed of one kind; more are counted."""
_FIRST = 40
"""Of those that name nobody, as many: they stand above the names."""


class Taken(NamedTuple):
    """What is to be marked."""

    vms: tuple[VmRow, ...]
    """As they were when the list was read."""
    replaces: bool
    """No other VM is to be marked."""


class ListField(TextArea):
    """Where a list is pasted or typed; all keys but escape and a person's tab are text."""

    def __init__(self) -> None:
        super().__init__(highlight_cursor_line=False)
        self.cursor_blink = False
        self._last_key = -math.inf

    def on_key(self, event: events.Key) -> None:
        """A tab in one burst with other keys stands between two columns of a table that comes as keys."""
        since, self._last_key = event.time - self._last_key, event.time
        if event.key == "tab" and since < ALONE_S:
            event.stop()
            event.prevent_default()
            self.insert(" ")


class _Button(Choice):
    """A button that takes no key of a paste."""

    def on_key(self, event: events.Key) -> None:
        """Let nothing through but a person's key; what a key does is `Choice`'s own handler, called next."""
        if isinstance(self.screen, PastedList) and not self.screen.takes(event):
            event.stop()
            event.prevent_default()


class PastedList(Dialog[Taken]):
    """The VMs that a text names; marks nothing by itself.

    Like a confirmation its buttons take no key until the keyboard was silent, so that nothing of a paste that holds its
    own end, or comes as keys, can answer. With a field to paste into, all keys are text until it is left.

    Args:
        vms: All that are known, by id; the text is read against these, whatever becomes of them meanwhile.
        marked: Ids of those that are marked already.
        text: What was pasted; None gives a field to paste into.
        is_hidden: Tells how many of some VMs the filter hides.
    """

    DEFAULT_CSS = """
    PastedList #body > ListField {
        height: 5; border: none; padding: 0 1; margin: 0 0 1 0; background: $field; background-tint: $field 0%;
        color: $text; border-left: outer $line; scrollbar-size-vertical: 1;
    }
    PastedList #body > ListField:focus { border-left: outer $focus; }
    PastedList.-ascii #body > ListField { border-left: ascii $line; }
    PastedList ListField:ansi .text-area--cursor { color: ansi_default; background: ansi_default; text-style: reverse; }
    PastedList.-low #body > ListField { height: 3; margin: 0; }
    """

    def __init__(
        self,
        vms: Mapping[str, VmRow],
        marked: Collection[str],
        text: str | None = None,
        *,
        is_hidden: Callable[[Iterable[str]], int] = lambda vm_ids: 0,
    ) -> None:
        super().__init__()
        self._vms = vms
        self._marked = marked
        self._is_hidden = is_hidden
        self._has_field = text is None
        self._text = text or ""
        self._silence = self._new_silence()
        self._reader = PastedReader(vms)
        self.found: Pasted = self._reader.read(self._text)

    def _new_silence(self) -> Silence:
        return Silence(lambda: self.clock.monotonic())

    # What it says.

    def heading(self) -> str:
        """How much of it is understood."""
        if not self.found.words:
            return "Which VMs? Paste a list of names, ids or addresses"
        name = "names" if self.found.naming == 1 else "name"
        return f"{self.found.naming:,} of {count(self.found.words, 'word')} {name} a VM"

    def state(self) -> Content:
        """What is marked already."""
        has_room = self._marked and self.app.size.width >= 60
        return self.ink(f"{count(len(self._marked))} marked now", "muted") if has_room else Content("")

    def compose_body(self) -> ComposeResult:
        """A field, if one is wanted, and what the text came to."""
        if self._has_field:
            yield ListField()
        yield Static(id="text")

    def choices(self) -> Iterable[Choice]:
        """Cancel, and the two ways to take it."""
        return (
            _Button("Cancel", id="cancel", key="esc"),
            _Button("Mark", id="mark", key="m"),
            _Button("Mark only these", id="replace", key="r"),
        )

    def first_focus(self) -> Widget:
        """The field; without one, Cancel."""
        return self.query_one(ListField) if self._has_field else self.query_one("#cancel", Choice)

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        if isinstance(self.focused, ListField):
            return [("tab", "to the buttons"), ("esc", "cancel")]
        arrows = "up/down" if self.ink.is_ascii else "↑↓"
        return [(arrows, "scroll")] if self.query_one("#body").max_scroll_y else []

    def redraw(self) -> None:
        """What was found, what was not, and what the buttons would do."""
        found = self.found
        told = list(self._told())
        put(self.query_one("#text", Static), lines(told if told[-1].cell_length else told[:-1]))
        number, others = len(found.vm_ids), len(set(self._marked).difference(found.vm_ids))
        self.query_one("#mark", Choice).switch(is_off=not number, label=f"Mark {number:,}" if number else "Mark")
        replace = self.query_one("#replace", Choice)
        replace.display = bool(others)
        words = f"Mark only these, unmark {others:,}" if self.inner_width >= 60 else "Only"
        replace.switch(is_off=not number, label=words)

    def _told(self) -> Iterable[Content]:
        ink, found = self.ink, self.found
        if not found.words:
            yield ink("In any order, with whatever stands between them. Nothing is marked before you say so.", "muted")
            return
        if found.is_cut:
            yield ink(f"{ink.glyphs.warn} Only the first {MAX_WORDS:,} words were looked at.", "*warn")
            yield Content("")
        yield from self._summary()
        for word, meant in found.ambiguous[:_FIRST]:
            head = ink(f"{cut(clean(word), 24)}", "*warn") + ink(f" is {count(len(meant), 'VM')}: ")
            who = ", ".join(f"{cut_middle(clean(vm.name), 24)} {clean(vm.id)[:6]}" for vm in meant[:8])
            room = max(24, self.inner_width - self._label - head.cell_length)
            yield self._labelled("Ambiguous" if word == found.ambiguous[0][0] else "", head + ink(cut(who, room)))
        if (rest := len(found.ambiguous) - _FIRST) > 0:
            yield self._labelled("", ink(f"and {count(rest, 'more word')} that several VMs answer to", "muted"))
        if found.ambiguous:
            yield Content("")
        # A word with a digit may be a mistyped name; the others are the prose around it.
        nobody = sorted(found.unmatched, key=lambda word: not any(map(str.isdigit, word)))[:_FIRST]
        words = [ink(cut(clean(word), 40), "warn" if any(map(str.isdigit, word)) else "muted") for word in nobody]
        yield from self._listed("No VM", words, len(found.unmatched))
        vms = [self._vms[vm_id] for vm_id in found.vm_ids[:_LISTED]]
        names = [ink(cut_middle(clean(vm.name), 24)) + ink(f" {clean(vm.id)[:6]}", "muted") for vm in vms]
        yield from self._listed("VMs", names, len(found.vm_ids))

    def _summary(self) -> Iterable[Content]:
        """How many VMs, and what is known of them at once."""
        ink, ids = self.ink, self.found.vm_ids
        if not ids:
            yield self._labelled("Found", ink("no VM", "*warn"))
            yield Content("")
            return
        already, hidden = len(set(ids) & set(self._marked)), self._is_hidden(ids)
        told = ink(count(len(ids), "VM"), "*strong")
        told += ink(f", {already:,} marked already", "muted") if already else Content("")
        told += ink(f", {hidden:,} hidden by the filter", "warn") if hidden else Content("")
        yield self._labelled("Found", told)
        yield Content("")

    def _listed(self, title: str, shown: Sequence[Content], total: int) -> Iterable[Content]:
        """Pieces in columns; those that are not shown are counted."""
        if not shown:
            return
        room = self.inner_width - self._label
        cells = min(room, max(piece.cell_length for piece in shown) + 2)
        columns = max(1, room // cells)
        for start in range(0, len(shown), columns):
            row = Content("").join(pad(piece, cells) for piece in shown[start : start + columns])
            yield self._labelled("" if start else title, row)
        if rest := total - len(shown):
            yield self._labelled("", self.ink(f"and {rest:,} more", "muted"))
        yield Content("")

    @property
    def _label(self) -> int:
        return 11 if self.inner_width >= 60 else 0

    def _labelled(self, title: str, row: Content) -> Content:
        head = self.ink(title, "*strong")
        if self._label:
            return pad(head, self._label) + row
        return lines((head, row)) if title else row

    # Time, pastes and keys.

    def begin(self) -> None:
        """It can be seen: the silence before the first key begins."""
        self.call_after_refresh(self._silence.begin)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Read what is in the field by now."""
        event.stop()
        self._text = event.text_area.text
        self._silence = self._new_silence()
        self._silence.begin()
        self._again()

    def on_descendant_focus(self) -> None:
        """Other keys work."""
        self._redraw_keys()

    def on_paste(self, event: events.Paste) -> None:
        """Another piece of the list; it answers nothing."""
        event.stop()
        self._silence.pasted(event)
        if isinstance(self.focused, ListField):
            return  # it has the text by now
        if self._has_field:
            self.query_one(ListField).insert(f"{event.text}\n")
        else:
            self._text += f"\n{event.text}"
            self._again()

    def _again(self) -> None:
        self.found = self._reader.read(self._text)
        self.redraw()
        self.redraw_frame()

    def takes(self, event: events.Key) -> bool:
        """Whether a key is a person's answer."""
        return self.is_answered or self._silence.takes(event)

    def pressed(self, event: events.Key) -> None:
        """The letters of the buttons, beside what all dialogs do."""
        if event.key in ("m", "r") and isinstance(self.focused, Choice):
            event.stop()
            self.query_one("#mark" if event.key == "m" else "#replace", Choice).press()
        else:
            super().pressed(event)

    def chosen(self, choice: str) -> None:
        """One of the two ways to take it."""
        self.answer(Taken(tuple(self._vms[vm_id] for vm_id in self.found.vm_ids), choice == "replace"))
