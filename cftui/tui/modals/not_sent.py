"""What was confirmed and provably not sent: why, what is different by now, and one key to ask again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual import events
from textual.content import Content
from textual.widgets import Static

from cftui.fleet import rules
from cftui.fleet.history import Submission
from cftui.fleet.rows import VmRow
from cftui.operations.state import Update
from cftui.text import clean, cut, cut_middle, size_words
from cftui.tui.modals.changes import is_same
from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import lines, pad, put

_LABEL_CELLS = 10


class NotSent(Dialog[bool]):
    """Tell why; True means to ask again, in a confirmation of its own, on the VM as it is now.

    Args:
        submission: The request.
        seen: The VM as it was confirmed; None when that is not known any more.
        update: Tells what is known now; asked again by `fleet_moved`.
        held: Why nothing at all can be sent now, and the way out; empty when it can.
    """

    tone = "warn"

    def __init__(
        self, submission: Submission, seen: VmRow | None, *, update: Callable[[], Update], held: Callable[[], str]
    ) -> None:
        super().__init__()
        self._submission = submission
        self._seen = seen
        self._update = update
        self._held = held

    def _there(self) -> VmRow | None:
        """What has its id now, be it another VM."""
        return self._update().view.vms.get(self._submission.vm_id)

    def now(self) -> VmRow | None:
        """The VM as known now; None where it is gone, or another one has its id."""
        vm = self._there()
        return vm if self._seen is None or is_same(self._seen, vm) else None

    def heading(self) -> str:
        """What was not sent."""
        sent = self._submission
        return f"Not sent: {clean(sent.type)} of {cut_middle(clean(sent.vm_name), 30)}"

    def state(self) -> Content:
        """That nothing happened."""
        return self.ink("nothing was changed", "text")

    def choices(self) -> Iterable[Choice]:
        """Close has the focus."""
        return (Choice("Close", id="cancel", key="esc"), Choice("Confirm again…", id="again", key="c", is_off=True))

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        asks = [] if self._why_not() else [("c", "asks again before anything is sent")]
        return [*asks, ("esc", "closes")]

    def fleet_moved(self) -> None:
        """Something newer is known."""
        if self.is_open:
            self.redraw()
            self.redraw_frame()

    def redraw(self) -> None:
        """What was seen, what is now, and whether it can be asked again."""
        put(self.query_one("#text", Static), lines(self._told()))
        self.query_one("#again", Choice).switch(is_off=bool(self._why_not()))

    def _told(self) -> Iterable[Content]:
        ink = self.ink
        yield from self._compared()
        yield Content("")
        head = ink("Confirm again: ", "*strong")
        if why_not := self._why_not():
            yield head + ink(f"not now: {why_not}", "muted")
        else:
            yield head + ink("the same request, on the VM as it is now; it is asked for anew", "muted")

    def _compared(self) -> Iterable[Content]:
        ink, submission, seen, now = self.ink, self._submission, self._seen, self._there()
        yield ink(f"{ink.glyphs.failed} ", "bad") + ink(_sentence(submission.message), "*strong")
        yield ink(f"id {clean(submission.vm_id)}", "muted")
        if seen is None and now is None:
            return
        yield Content("")
        wide = max(12, min(30, (self.inner_width - _LABEL_CELLS) // 2 - 2))
        if seen is not None:
            yield pad(ink("", "muted"), _LABEL_CELLS) + pad(ink("you saw", "muted"), wide) + ink("it is now", "muted")
        for label, of in self._rows(seen, now):
            before = of(seen) if seen is not None else None
            after = of(now) if now is not None else ink("gone", "*bad")
            is_same_text = before is None or before.plain == after.plain
            row = pad(ink(label, "muted"), _LABEL_CELLS)
            if before is not None:
                row += pad(before, wide)
            yield row + (after if is_same_text else ink(f"{ink.glyphs.warn} ", "warn") + after)

    def _rows(self, seen: VmRow | None, now: VmRow | None) -> Iterable[tuple[str, Callable[[VmRow], Content]]]:
        ink = self.ink
        yield "name", lambda vm: ink(cut_middle(clean(vm.name), 28), "*strong")
        yield "state", ink.power
        yield "lock", lambda vm: ink("locked", "*warn") if vm.locked else ink("unlocked")
        sizes = [(vm.cpu, vm.ram_gb, vm.disk_gb) for vm in (seen, now) if vm is not None]
        if len(set(sizes)) > 1:
            yield "RAM, disk", lambda vm: ink(f"{size_words(vm.ram_gb)}, {size_words(vm.disk_gb)}")
        created = {vm.created_at for vm in (seen, now) if vm is not None}
        if len(created) > 1:
            yield "created", lambda vm: ink(cut(clean(vm.created_at), 28))

    # Asking again.

    def _why_not(self) -> str:
        """Why it cannot be asked for now; empty when it can."""
        if held := self._held():
            return held
        vm = self.now()
        if vm is None:
            return "the VM does not exist any more"
        doing = self._update().view.doing.get(vm.id)
        offers = rules.availability(vm, doing=doing)
        return next(offer.reason for offer in offers if offer.type == self._submission.type)

    def pressed(self, event: events.Key) -> None:
        """Asking again, beside what all dialogs do."""
        if event.key == "c" and not self._why_not():
            event.stop()
            self.answer(True)
        else:
            super().pressed(event)

    def chosen(self, choice: str) -> None:
        """Confirm again was pressed."""
        if choice == "again" and not self._why_not():
            self.answer(True)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
