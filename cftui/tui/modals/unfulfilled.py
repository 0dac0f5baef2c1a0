"""An action that the cloud calls completed while the VM does not show it: what is known, and the next step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual import events
from textual.content import Content
from textual.widgets import Static

from cftui.fleet import effects, rules
from cftui.fleet.history import HistoryEntry, Stage
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.operations.state import Update
from cftui.text import age, clean, clock_time, cut_middle, duration
from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import lines, pad, put
from cftui.tui.telling import ago

_HEAD_CELLS = 13


class Unfulfilled(Dialog[bool]):
    """Tell the stages apart; True means to go on with cutting the power, which asks for the name first.

    Args:
        entry: Its line in the history.
        update: Tells what is known now; asked again by `fleet_moved`.
        cloud_now: The cloud's time, in seconds since 1970.
        held: Why nothing at all can be sent now, and the way out; empty when it can.
    """

    tone = "warn"

    def __init__(
        self,
        entry: HistoryEntry,
        *,
        update: Callable[[], Update],
        cloud_now: Callable[[], float],
        held: Callable[[], str],
    ) -> None:
        super().__init__()
        self._entry = entry
        self._update = update
        self._cloud_now = cloud_now
        self._held = held

    @property
    def _vm(self) -> VmRow | None:
        return self._update().view.vms.get(self._entry.vm_id)

    @property
    def _is_shutdown(self) -> bool:
        return self._entry.type == ActionType.SHUTDOWN

    @property
    def _is_fulfilled(self) -> bool:
        return self._entry.stage is Stage.VERIFIED

    def heading(self) -> str:
        """What it is about."""
        return f"{clean(self._entry.type)} of {cut_middle(clean(self._entry.vm_name), 30)}"

    def state(self) -> Content:
        """How the VM is, and how old that is."""
        ink, vm, read_at = self.ink, self._vm, self._update().view.read_at
        if vm is None:
            return ink("the VM is gone", "*bad")
        word = ink("now ", "text") if self._is_fulfilled else ink("still ", "*warn")
        told = word + ink.power(vm)
        return told if read_at is None else told + ink(f"  {age(self.clock.monotonic() - read_at)}", "muted")

    def choices(self) -> Iterable[Choice]:
        """Watching on has the focus."""
        watch = Choice("Keep watching", id="cancel", key="w")
        if not self._is_shutdown:
            return (watch,)
        return (watch, Choice("Power off…", id="off", key="o", is_off=True))

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        cuts = [("o", "asks for the name first")] if self._is_shutdown and not self._why_not() else []
        return [*cuts, ("esc", "closes; watching goes on" if not self._entry.is_settled else "closes")]

    def tick(self) -> None:
        """A second has passed."""
        if self.is_open:
            self.redraw()

    def fleet_moved(self) -> None:
        """Something newer is known."""
        if self.is_open:
            history = self._update().view.history
            self._entry = next((entry for entry in history if entry.id == self._entry.id), self._entry)
            self.redraw()
            self.redraw_frame()

    def redraw(self) -> None:
        """The stages, one line each."""
        told = lines(self._told())
        put(self.query_one("#text", Static), told)
        if self._is_shutdown:
            self.query_one("#off", Choice).switch(is_off=bool(self._why_not()))

    def _told(self) -> Iterable[Content]:
        ink, entry, vm = self.ink, self._entry, self._vm
        glyphs, now = ink.glyphs, self.clock.now()
        took = f", after {duration(entry.ended - entry.started)}" if entry.ended is not None else ""
        yield from self._stage(glyphs.good, "good", "accepted", clock_time(entry.started, now))
        only = ": the command was issued, no more" if self._is_shutdown else ""
        yield from self._stage(glyphs.good, "good", "completed", f"for the API{took}{only}")
        if self._is_fulfilled:
            yield from self._stage(glyphs.good, "good", "on the VM", clean(entry.message))
        else:
            since = "" if entry.ended is None else f"; completed {ago(self._cloud_now() - entry.ended)}"
            seen = "it is gone" if vm is None else effects.missing_effect_words(entry.type, entry.body, vm)
            yield from self._stage(glyphs.warn, "warn", "on the VM", f"{seen}{since}")
        yield Content("")
        if self._is_shutdown:
            head = ink("Power off:  ", "*strong")
            why_not = self._why_not()
            tail = f"not now: {why_not}" if why_not else "cuts the power; it could lead to complications"
            yield head + ink(tail, "muted")
        goes_on = "has ended; it is read with the list" if entry.is_settled else "goes on, also when this is closed"
        yield ink("Watching:   ", "*strong") + ink(goes_on, "muted")

    def _stage(self, sign: str, tone: str, word: str, told: str) -> Iterable[Content]:
        head, said = self.ink(f"{sign} ", tone) + self.ink(word), self.ink(told, "strong")
        if _HEAD_CELLS + said.cell_length <= self.inner_width:
            yield pad(head, _HEAD_CELLS) + said
        else:
            yield head
            yield Content("  ") + said

    def _why_not(self) -> str:
        """Why the power cannot be cut now; empty when it can."""
        vm = self._vm
        if held := self._held():
            return held
        if vm is None:
            return "the VM does not exist any more"
        if vm.power is Power.OFF:
            return "it is stopped"
        doing = self._update().view.doing.get(vm.id)
        offers = rules.availability(vm, doing=doing)
        return next(offer.reason for offer in offers if offer.type is ActionType.POWER_OFF)

    def pressed(self, event: events.Key) -> None:
        """Cutting the power goes to a confirmation of its own."""
        if event.key == "o" and self._is_shutdown and not self._why_not():
            event.stop()
            self.answer(True)
        elif event.key == "w":
            event.stop()
            self.back()
        else:
            super().pressed(event)

    def chosen(self, choice: str) -> None:
        """Power off was pressed."""
        if choice == "off" and not self._why_not():
            self.answer(True)
