"""How an action is told: its sign, its colour, its words; the same in the list, in Actions and in details."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

from cftui.fleet.estimates import Estimates, Usual
from cftui.fleet.history import TROUBLED_STAGES, HistoryEntry, Stage
from cftui.fleet.rows import ActionType
from cftui.text import clean, duration, number
from cftui.tui.glyphs import Glyphs
from cftui.tui.look import Line, Part

UNVERIFIABLE = frozenset({ActionType.REBOOT, ActionType.POWER_CYCLE, ActionType.PASSWORD_RESET})
"""Actions whose end nothing on the VM can show."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is needed to tell how far actions are, at one instant."""

    cloud_now: float
    """Seconds since 1970 by the cloud's clock."""
    estimates: Estimates
    glyphs: Glyphs
    is_live: bool = True
    """False while the cloud does not answer: nothing is known to go on."""

    def elapsed(self, entry: HistoryEntry) -> float:
        """How long it has been going on, or went on, in seconds."""
        return max(0.0, (self.cloud_now if entry.ended is None else entry.ended) - entry.started)

    def usual(self, entry: HistoryEntry) -> Usual | None:
        """The learned spread of its type."""
        return self.estimates.usual(entry.type)

    def is_slow(self, entry: HistoryEntry) -> bool:
        """In progress, and past what is usual."""
        usual = self.usual(entry)
        return usual is not None and is_in_progress(entry) and self.elapsed(entry) > usual.slow_s


class Told(NamedTuple):
    """An action in words."""

    glyph: str
    ink: str
    word: str
    """How it stands: "in progress", "failed"."""
    text: str
    """What else there is to say; cleaned."""


def is_moving(entry: HistoryEntry) -> bool:
    """Whether its clock goes on by itself."""
    return entry.ended is None and (entry.is_open or (entry.stage is Stage.COMPLETED and not entry.is_settled))


def is_in_progress(entry: HistoryEntry) -> bool:
    """Whether it is under way for certain; one of unknown outcome is not counted as such."""
    return is_moving(entry) and entry.stage is not Stage.UNKNOWN


def needs_eyes(entry: HistoryEntry) -> bool:
    """Whether it ended, or hangs, in a way somebody has to look at."""
    return entry.stage in TROUBLED_STAGES


def squares(entry: HistoryEntry, glyphs: Glyphs) -> str:
    """The three squares; a stranger's action cannot be verified, as nobody here saw the VM before it."""
    return glyphs.squares(entry.stage, is_verifiable=entry.is_own and entry.type not in UNVERIFIABLE)


def told(entry: HistoryEntry, moment: Moment, *, is_narrow: bool = False) -> Told:
    """An action in words, for a line of the history.

    Args:
        entry: What is told.
        moment: Now, and what is usual.
        is_narrow: The short form of times: "12 s of 45 s".
    """
    glyphs, message = moment.glyphs, clean(entry.message)
    took = duration(moment.elapsed(entry))
    match entry.stage:
        case Stage.SENDING:
            return Told(glyphs.busy, "busy", "sending", took)
        case Stage.ACCEPTED if not moment.is_live:
            return Told(glyphs.busy, "busy", "in progress", f"last seen {took} in")
        case Stage.ACCEPTED:
            slow = moment.is_slow(entry)
            return Told(
                glyphs.warn if slow else glyphs.busy,
                "warn" if slow else "busy",
                "in progress",
                message or progress(entry, moment, is_narrow=is_narrow),
            )
        case Stage.VERIFIED:
            return Told(glyphs.good, "good", "verified", _joined(took, message or asked(entry, glyphs)))
        case Stage.COMPLETED if not entry.is_own:
            return Told(glyphs.none, "muted", "completed", _joined(took, message))
        case Stage.COMPLETED if entry.type in UNVERIFIABLE:
            return Told(glyphs.none, "muted", "completed", _joined(took, message or "cannot be verified on the VM"))
        case Stage.COMPLETED if not entry.is_settled:
            return Told(glyphs.busy, "busy", "completed", message or "looking for it on the VM")
        case Stage.COMPLETED:
            return Told(glyphs.warn, "warn", "completed", message or "but the VM does not show it")
        case Stage.ERRORED:
            reason = message or "the API gave no reason"
            return Told(glyphs.failed, "bad", "failed", f"after {took}; {reason}" if entry.ended else reason)
        case Stage.REJECTED:
            return Told(glyphs.failed, "bad", "rejected", message)
        case Stage.NOT_SENT:
            return Told(glyphs.failed, "bad", "not sent", message)
        case Stage.TIMED_OUT:
            return Told(glyphs.warn, "warn", "no end seen", message or f"after {took}; it may still be running")
        case Stage.UNKNOWN if not entry.is_settled and is_narrow:
            return Told(glyphs.unknown, "unk", "unknown", f"do not repeat; looked up for {took}")
        case Stage.UNKNOWN if not entry.is_settled and entry.is_probable:
            return Told(glyphs.unknown, "unk", "unknown", f"do not repeat; {message}")
        case Stage.UNKNOWN if not entry.is_settled:
            return Told(glyphs.unknown, "unk", "unknown", f"no answer came; looking it up, {took}. Do not repeat")
        case Stage.UNKNOWN:
            return Told(glyphs.unknown, "unk", "unknown", message or "it may have begun, or not. Do not repeat")
        case _:
            return Told(glyphs.none, "muted", "skipped", message)


def progress(entry: HistoryEntry, moment: Moment, *, is_narrow: bool = False) -> str:
    """`12 s of usually 45 s`, `78 s, slow: usually under 70 s`, or `12 s` where nothing is usual yet."""
    took, usual = duration(moment.elapsed(entry)), moment.usual(entry)
    if usual is None:
        return took
    if moment.is_slow(entry):
        limit = duration(usual.slow_s)
        return f"{took}, usual <{limit}" if is_narrow else f"{took}, slow: usually under {limit}"
    return f"{took} of {'' if is_narrow else 'usually '}{duration(usual.median_s)}"


def bar(entry: HistoryEntry, moment: Moment, cells: int) -> Line:
    """Elapsed over usual; it stops full, and ends in a sign when overdue. Empty where nothing is usual yet."""
    usual, glyphs = moment.usual(entry), moment.glyphs
    if usual is None or not moment.is_live or not is_in_progress(entry):
        return []
    if moment.is_slow(entry):
        return [Part(glyphs.bar * (cells - 1) + glyphs.warn, "warn")]
    full = min(cells, int(cells * moment.elapsed(entry) / max(usual.median_s, 0.1)))
    return [Part(glyphs.bar * full, "busy"), Part(glyphs.bar_rest * (cells - full), "line")]


def doing(entry: HistoryEntry, moment: Moment, *, is_seen: bool) -> Line:
    """What the list says beside a VM: sign, action, seconds or outcome."""
    kind = clean(entry.type)
    line = told(entry, moment)
    if entry.stage in (Stage.SENDING, Stage.ACCEPTED):
        return [Part(f"{line.glyph} {kind} {duration(moment.elapsed(entry))}", line.ink)]
    return [Part(f"{line.glyph} {kind} {line.word}", "muted" if is_seen else line.ink)]


def asked(entry: HistoryEntry, glyphs: Glyphs) -> str:
    """What a request of ours asked for beyond its type: `RAM → 32 GB`, a name; empty for the others."""
    try:
        body = json.loads(entry.body)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    if isinstance(name := body.get("name"), str):
        return clean(name)
    sizes = body["data"] if isinstance(body.get("data"), dict) else {body.get("resource"): body.get("size")}
    words = []
    for resource, size in sizes.items():
        if isinstance(resource, str) and isinstance(size, int | float):
            unit = "" if resource == "cpu" else " GB"
            words.append(f"{clean(resource.upper())} {glyphs.arrow} {number(size)}{unit}")
    return ", ".join(words)


def _joined(first: str, second: str) -> str:
    return f"{first}  {second}" if second else first
