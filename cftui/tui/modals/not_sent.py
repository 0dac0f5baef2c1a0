"""What was confirmed and provably not sent: why, what is different by now, and one key to ask again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from textual import events
from textual.content import Content
from textual.widgets import Static

from cftui.fleet import rules
from cftui.fleet.history import Submission
from cftui.fleet.rows import VmRow
from cftui.operations.state import Update
from cftui.text import clean, count, cut, cut_middle, size_words
from cftui.tui.modals.changes import is_same
from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import lines, pad

_LABEL_CELLS = 10


class Unsent(NamedTuple):
    """One request that was not sent."""

    submission: Submission
    seen: VmRow | None
    """The VM as it was confirmed; None when that is not known any more."""


class NotSent(Dialog[bool]):
    """Tell what was not sent; True means to ask again, in a confirmation of its own, on the VMs as they are now.

    Args:
        unsent: At least one, all of one type.
        steps: How many requests were confirmed.
        update: Tells what is known now; asked again by `fleet_moved`.
        held: Why nothing at all can be sent now, and the way out; empty when it can.
    """

    tone = "warn"

    def __init__(
        self, unsent: Sequence[Unsent], *, steps: int, update: Callable[[], Update], held: Callable[[], str]
    ) -> None:
        super().__init__()
        self._unsent = tuple(unsent)
        self._steps = steps
        self._update = update
        self._held = held

    @property
    def _first(self) -> Unsent:
        return self._unsent[0]

    @property
    def _is_one(self) -> bool:
        return len(self._unsent) == 1

    def _there(self, one: Unsent) -> VmRow | None:
        """What has its id now, be it another VM."""
        return self._update().view.vms.get(one.submission.vm_id)

    def now(self, one: Unsent) -> VmRow | None:
        """The VM as known now; None where it is gone, or another one has its id."""
        vm = self._there(one)
        return vm if one.seen is None or is_same(one.seen, vm) else None

    def heading(self) -> str:
        """What was not sent."""
        sent = self._first.submission
        if self._steps == 1 or self._is_one:
            return f"Not sent: {clean(sent.type)} of {cut_middle(clean(sent.vm_name), 30)}"
        return f"{len(self._unsent):,} of {count(self._steps, 'request')} were not sent"

    def state(self) -> Content:
        """That nothing happened."""
        return self.ink("nothing was changed" if self._is_one else "nothing was changed on these", "text")

    def choices(self) -> Iterable[Choice]:
        """Close has the focus."""
        return (Choice("Close", id="cancel", key="esc"), Choice("Confirm again…", id="again", key="c", is_off=True))

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        asks = [("c", "asks again before anything is sent")] if self._able() else []
        return [*asks, ("esc", "closes")]

    def fleet_moved(self) -> None:
        """Something newer is known."""
        if self.is_open:
            self.redraw()
            self.redraw_frame()

    def redraw(self) -> None:
        """What was seen, what is now, and whether it can be asked again."""
        self.query_one("#text", Static).update(lines(self._told()))
        self.query_one("#again", Choice).switch(is_off=not self._able())

    def _told(self) -> Iterable[Content]:
        ink = self.ink
        yield from self._one() if self._is_one else self._several()
        yield Content("")
        head = ink("Confirm again: ", "*strong")
        if able := self._able():
            what = "the same request, on the VM as it is now" if self._is_one else f"{count(len(able), 'request')}"
            yield head + ink(f"{what}; it is asked for anew", "muted")
        else:
            yield head + ink(f"not now: {self._why_not()}", "muted")

    def _one(self) -> Iterable[Content]:
        ink, (submission, seen) = self.ink, self._first
        now = self._there(self._first)
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

    def _several(self) -> Iterable[Content]:
        ink = self.ink
        groups: dict[str, list[Unsent]] = {}
        for one in self._unsent:
            groups.setdefault(one.submission.message, []).append(one)
        for message, ones in sorted(groups.items(), key=lambda group: -len(group[1])):
            sign = ink(f"{ink.glyphs.failed} ", "bad")
            yield sign + ink(f"{len(ones):,} ", "*strong") + ink(message)
            names = [cut_middle(clean(one.submission.vm_name), 24) for one in ones]
            cells = min(self.inner_width - 2, max(map(len, names)) + 9)
            columns = max(1, (self.inner_width - 2) // cells)
            pieces = [
                pad(ink(name) + ink(f" {clean(one.submission.vm_id)[:6]}", "muted"), cells)
                for name, one in zip(names, ones, strict=True)
            ]
            for start in range(0, len(pieces), columns):
                yield Content("  ") + Content("").join(pieces[start : start + columns])

    # Asking again.

    def _able(self) -> list[Unsent]:
        return [] if self._held() else [one for one in self._unsent if self._refusal(one) == ""]

    def _refusal(self, one: Unsent) -> str:
        """Why it cannot be asked for now; empty when it can."""
        vm = self.now(one)
        if vm is None:
            return "the VM does not exist any more"
        doing = self._update().view.doing.get(vm.id)
        offer = next(offer for offer in rules.availability(vm, doing=doing) if offer.type == one.submission.type)
        return offer.reason

    def _why_not(self) -> str:
        if held := self._held():
            return held
        return self._refusal(self._first) if self._is_one else "none of them can do it now"

    def pressed(self, event: events.Key) -> None:
        """Asking again, beside what all dialogs do."""
        if event.key == "c" and self._able():
            event.stop()
            self.answer(True)
        else:
            super().pressed(event)

    def chosen(self, choice: str) -> None:
        """Confirm again was pressed."""
        if choice == "again" and self._able():
            self.answer(True)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
