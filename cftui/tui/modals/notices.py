"""Dialogs that tell something: an error, and what is known of a request whose answer was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from textual import events
from textual.content import Content
from textual.widgets import Static

from cftui.errors import CftuiError
from cftui.fleet.fleet import View
from cftui.fleet.history import Finding, HistoryEntry, Stage, Submission
from cftui.text import clean, clock_time, cut_middle
from cftui.tui.modals.dialog import Choice, Dialog
from cftui.tui.modals.ink import lines, pad, put
from cftui.tui.telling import ago

_REASONS = {
    "timeout": "no answer came in time",
    "read-error": "the connection broke before the answer came",
    "no-reply": "the connection was closed without an answer",
    "redirect": "the answer led elsewhere, and was not followed",
    "accepted-noid": "it was taken, and the answer cannot be read",
    "cancelled": "it was cut short before the answer came",
    "journal": "cftui ended before the answer came",
}


class Problem(Dialog[None]):
    """An error: what failed, and what to do next.

    Args:
        error: Its three texts hold no secret.
    """

    tone = "bad"

    def __init__(self, error: CftuiError) -> None:
        super().__init__()
        self._error = error
        self._is_copied = False

    def heading(self) -> str:
        """Two or three words."""
        return self._error.title

    def choices(self) -> Iterable[Choice]:
        """Nothing to decide."""
        return (Choice("Close", id="cancel", key="esc"),)

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        return [("ctrl+y", "copied" if self._is_copied else "copy it"), ("esc", "close")]

    def redraw(self) -> None:
        """Message and hint."""
        ink, error = self.ink, self._error
        told = [ink(f"{ink.glyphs.failed} ", "bad") + ink(error.message)]
        if error.hint:
            told += [Content(""), ink(error.hint, "muted")]
        put(self.query_one("#text", Static), lines(told))

    def pressed(self, event: events.Key) -> None:
        """Copying, beside what all dialogs do."""
        if event.key == "ctrl+y":
            event.stop()
            getattr(self.app, "copy_text", self.app.copy_to_clipboard)(f"{self._error.title}: {self._error}")
            self._is_copied = True
            self.redraw_frame()
        else:
            super().pressed(event)


class UnknownOutcome(Dialog[Literal["resend"]]):
    """What is known of a request whose answer was lost, what is being done, and when it may be sent again.

    Args:
        entry: Its line in the history.
        submission: What was sent.
        view: Tells what is known now; asked again by `fleet_moved`.
        held: Why nothing at all can be sent now, and the way out; empty when it can.
    """

    tone = "unk"

    def __init__(
        self,
        entry: HistoryEntry,
        submission: Submission | None,
        *,
        view: Callable[[], View] | None = None,
        held: Callable[[], str] = lambda: "",
    ) -> None:
        super().__init__()
        self._held = held
        self._entry = entry
        self._submission = submission
        self._view = view
        self._is_copied = False

    @property
    def may_resend(self) -> bool:
        """Only when the look-up ended without a trace, or nothing could ever tell; and while anything may be sent."""
        return self._is_unexplained and not self._held()

    @property
    def _is_unexplained(self) -> bool:
        """Whether the look-up ended without a trace, or nothing could ever tell."""
        return (
            self._submission is not None
            and self._submission.stage is Stage.UNKNOWN
            and self._submission.is_settled
            and self._submission.finding in (Finding.ABSENT, Finding.UNVERIFIABLE)
        )

    def heading(self) -> str:
        """The question it answers."""
        return f"What became of {clean(self._entry.type)} on {cut_middle(clean(self._entry.vm_name), 30)}?"

    def state(self) -> Content:
        """What not to do."""
        if self._entry.stage is not Stage.UNKNOWN:
            return self.ink(f"now {self._entry.stage.value}", "*strong")
        return self.ink("think before you repeat it" if self._is_unexplained else "do not repeat it yet", "*unk")

    def choices(self) -> Iterable[Choice]:
        """Close has the focus."""
        return (Choice("Close", id="cancel", key="esc"), Choice("Send again…", id="resend", key="r", is_off=True))

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        closes = "closes; looking goes on" if not self._entry.is_settled else "closes"
        return [("esc", closes), ("ctrl+y", "copied" if self._is_copied else "copy everything")]

    def fleet_moved(self) -> None:
        """Something newer is known."""
        if self._view is None or not self.is_open:
            return
        view = self._view()
        self._submission = view.submissions.get(self._entry.id, self._submission)
        self._entry = next((entry for entry in view.history if entry.id == self._entry.id), self._entry)
        self.redraw()
        self.redraw_frame()

    def tick(self) -> None:
        """A second has passed."""
        if self.is_open:
            self.redraw()

    def redraw(self) -> None:
        """What is known, and what is being done."""
        told = lines(self._told())
        put(self.query_one("#text", Static), told)
        self.query_one("#resend", Choice).switch(is_off=not self.may_resend)

    def _told(self) -> Iterable[Content]:
        ink, entry, sent = self.ink, self._entry, self._submission
        yield ink(f"Sent {self._when(sent.intended if sent else entry.started)}; {self._reason()}.")
        if entry.is_open:
            yield ink("The cloud may have acted, or not. All nine actions on this VM wait for it.")
        yield Content("")
        for sign, tone, fact, told in self._facts():
            head, said = ink(f"{sign} ", tone) + ink(fact), ink(told, "muted" if tone == "muted" else "strong")
            fits = 28 + said.cell_length <= self.inner_width
            yield pad(head, 28) + said if fits else lines((head, Content("  ") + said))
        yield Content("")
        if self._is_unexplained:
            yield ink(f"{ink.glyphs.warn} ", "warn") + ink("The first request may still arrive: then it happens twice.")
        yield ink("Send again: ", "text" if self.may_resend else "muted") + ink(self._resend_words(), "muted")

    def _resend_words(self) -> str:
        if not self._is_unexplained:
            return "not now: only if the look-up ends without a trace"
        return f"not now: {held}" if (held := self._held()) else "a new request; it asks for the VM's name"

    def _facts(self) -> Iterable[tuple[str, str, str, str]]:
        glyphs, sent, entry = self.ink.glyphs, self._submission, self._entry
        if sent is not None and sent.before is not None:
            before = f"{clean(sent.before.status)}, {clean(sent.before.name)}"
            yield glyphs.good, "good", "before it was sent", before
        if entry.stage is not Stage.UNKNOWN:
            yield glyphs.good, "good", "known now", clean(entry.message) or entry.stage.value
            return
        if not entry.is_settled:
            yield glyphs.busy, "busy", "looking for it", "in the action list and on the VM"
        yield from self._finding()
        if not entry.is_settled:
            since = sent.intended if sent else entry.started
            yield glyphs.waiting, "muted", "certain enough to tell", f"about a minute after {self._clock_time(since)}"

    def _finding(self) -> Iterable[tuple[str, str, str, str]]:
        """What the look-up came to so far, in the words that stand for it everywhere."""
        glyphs, message = self.ink.glyphs, clean(self._entry.message)
        finding = self._submission.finding if self._submission is not None else Finding.NONE
        match finding:
            case Finding.PROBABLE:
                yield glyphs.unknown, "unk", "very likely yours", f"(not proven) {_after(message, 'not proven')}"
            case Finding.LATE:
                yield glyphs.warn, "bad", "it did arrive late", _after(message, "it did arrive late")
            case Finding.SEVERAL:
                yield glyphs.unknown, "unk", "several fit", _after(message, "several fit")
            case Finding.ABSENT:
                told = _after(message, "no trace so far")
                is_said_below = told.startswith("it may still arrive")
                where = "neither in the action list nor on the VM" if is_said_below else told
                yield glyphs.unknown, "unk", "no trace so far", where
            case Finding.UNVERIFIABLE:
                told = _after(message, "cannot be found out from here")
                yield glyphs.unknown, "unk", "cannot be found out from here", told
            case _ if self._entry.is_settled:
                yield glyphs.unknown, "unk", "the look-up ended", message or "it may have begun, or not"
            case _:
                yield glyphs.waiting, "muted", "traces of it", "none so far"

    def _reason(self) -> str:
        reason = self._submission.reason if self._submission else ""
        if reason.isdigit():
            return f"the cloud answered {reason}, which says nothing of what it did"
        known = _REASONS.get(reason)
        is_looked_up = self._submission is None or self._submission.finding is not Finding.NONE
        message = "" if is_looked_up else clean(self._entry.message).rstrip(".")
        return known or message or "no answer says what became of it"

    def _when(self, instant: float) -> str:
        """`03:13:44, 2 m ago`."""
        return f"{self._clock_time(instant)}, {ago(self.clock.now().timestamp() - instant)}"

    def _clock_time(self, instant: float) -> str:
        return clock_time(instant, self.clock.now())

    def pressed(self, event: events.Key) -> None:
        """Sending again goes to a confirmation of its own."""
        if event.key == "r" and self.may_resend:
            event.stop()
            self.answer("resend")
        elif event.key == "ctrl+y":
            event.stop()
            self._copy()
        else:
            super().pressed(event)

    def chosen(self, choice: str) -> None:
        """Send again was pressed."""
        if choice == "resend" and self.may_resend:
            self.answer("resend")

    def _copy(self) -> None:
        told = [self.heading(), *(line.plain for line in self._told())]
        told += [f"{self._entry.handle} {clean(self._entry.vm_id)} {clean(self._entry.body)}"]
        getattr(self.app, "copy_text", self.app.copy_to_clipboard)("\n".join(told))
        self._is_copied = True
        self.redraw_frame()


def _after(message: str, words: str) -> str:
    """What a sentence says behind the words that were told already."""
    return message.rpartition(words)[2].lstrip(" :,;)") if words in message else message
