"""How an action is told: its sign, its colour, its words; the same in the list, in Actions and in details."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cftui.fleet.estimates import Estimates, Usual, progress_words
from cftui.fleet.fleet import View
from cftui.fleet.history import TROUBLED_STAGES, Finding, HistoryEntry, Stage
from cftui.fleet.rows import ActionType, VmRow
from cftui.fleet.rules import usual_limit_s
from cftui.text import clean, cut, duration, number
from cftui.tui.glyphs import Glyphs
from cftui.tui.look import Line, Part

_SHOWS_WITHIN_S = 30.0
"""What is completed shows on its VM within this, as a rule; after it, it wants care."""
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
    vms: Mapping[str, VmRow] = field(default_factory=dict)
    """By id, as known now: a failure says how its VM is."""

    def elapsed(self, entry: HistoryEntry) -> float:
        """How long it has been going on, or went on, in seconds."""
        return max(0.0, (self.cloud_now if entry.ended is None else entry.ended) - entry.started)

    def usual(self, entry: HistoryEntry) -> Usual | None:
        """The learned spread of its type, for VMs like its own."""
        return self.estimates.usual(entry.type, self.vms.get(entry.vm_id))

    def is_slow(self, entry: HistoryEntry) -> bool:
        """In progress, and past what is usual; while nothing is usual yet, past what is ever waited for."""
        usual, elapsed_s = self.usual(entry), self.elapsed(entry)
        is_late = elapsed_s > usual_limit_s(entry.type) if usual is None else usual.is_slow(elapsed_s)
        return is_in_progress(entry) and is_late

    def took(self, entry: HistoryEntry) -> str:
        """`elapsed` in words; `?` where the cloud says that it ended before it began."""
        is_odd = entry.ended is not None and entry.ended < entry.started
        return "?" if is_odd else duration(self.elapsed(entry))


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


def is_unfulfilled(entry: HistoryEntry, view: View) -> bool:
    """Whether the cloud calls one of ours completed, and the VM does not show it; nothing newer was done to the VM."""
    if entry.stage is not Stage.COMPLETED or not entry.is_own or entry.type in UNVERIFIABLE:
        return False
    doing = view.doing.get(entry.vm_id)
    return doing is not None and doing.id == entry.id


def what_next(history: Sequence[HistoryEntry], view: View) -> HistoryEntry | None:
    """The newest action of a VM about which something is to be decided: what became of it, or what next.

    Args:
        history: The VM's own, newest first.
        view: What is known now.
    """
    for entry in history:
        if entry.stage is Stage.UNKNOWN or is_unfulfilled(entry, view):
            return entry
        if entry.stage is not Stage.SKIPPED:
            return None
    return None


def needs_eyes(entry: HistoryEntry) -> bool:
    """Whether it ended, or hangs, in a way somebody has to look at."""
    return entry.stage in TROUBLED_STAGES or entry.finding is Finding.LATE


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
    took = moment.took(entry)
    if entry.finding is Finding.LATE:
        return Told(glyphs.warn, "bad", "came late", message or "the request very likely did arrive")
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
            is_late = entry.ended is not None and moment.cloud_now - entry.ended > _SHOWS_WITHIN_S
            sign, ink = (glyphs.warn, "warn") if is_late else (glyphs.busy, "busy")
            return Told(sign, ink, "completed", message or "looking for it on the VM")
        case Stage.COMPLETED:
            return Told(glyphs.warn, "warn", "completed", message or "but the VM does not show it")
        case Stage.ERRORED:
            return Told(glyphs.failed, "bad", "failed", _failure(entry, moment, is_narrow=is_narrow))
        case Stage.REJECTED:
            return Told(glyphs.failed, "bad", "rejected", message)
        case Stage.NOT_SENT:
            return Told(glyphs.failed, "bad", "not sent", message)
        case Stage.TIMED_OUT:
            return Told(glyphs.warn, "warn", "no end seen", message or f"after {took}; it may still be running")
        case Stage.UNKNOWN if not entry.is_settled and is_narrow:
            return Told(glyphs.unknown, "unk", "unknown", f"do not repeat; looked up for {took}")
        case Stage.UNKNOWN if not entry.is_settled and not moment.is_live:
            text = f"outcome still unknown, the cloud does not answer; {took}. Do not repeat"
            return Told(glyphs.unknown, "unk", "unknown", text)
        case Stage.UNKNOWN if not entry.is_settled and (entry.is_probable or entry.finding is not Finding.NONE):
            return Told(glyphs.unknown, "unk", "unknown", f"do not repeat; {message}")
        case Stage.UNKNOWN if not entry.is_settled:
            text = f"{why_unknown(message)}; looking it up, {took}. Do not repeat"
            return Told(glyphs.unknown, "unk", "unknown", text)
        case Stage.UNKNOWN:
            return Told(glyphs.unknown, "unk", "unknown", message or "it may have begun, or not. Do not repeat")
        case _:
            return Told(glyphs.none, "muted", "skipped", message)


def why_unknown(message: str) -> str:
    """Why an outcome is not known, by the first words of its message: "no answer came", "server error 500"."""
    first = cut(clean(re.split(r": |; ", message, maxsplit=1)[0]), 60)
    return f"{first[:1].lower()}{first[1:]}" or "no answer came"


def _failure(entry: HistoryEntry, moment: Moment, *, is_narrow: bool) -> str:
    """`after 12 s, VM running; the API gave no reason`: a failed action may have left its VM in any state."""
    vm = moment.vms.get(entry.vm_id)
    after = f"after {moment.took(entry)}" if entry.ended and not (is_narrow and vm) else ""
    state = f"VM {cut(clean(vm.status), 12)}" if vm is not None else ""
    head = ", ".join(filter(None, (after, state)))
    return "; ".join(filter(None, (head, clean(entry.message) or "the API gave no reason")))


def progress(entry: HistoryEntry, moment: Moment, *, is_narrow: bool = False) -> str:
    """As `progress_words`, or in short: `12 s of 45 s`, `78 s, usual <70 s`."""
    elapsed_s, usual = moment.elapsed(entry), moment.usual(entry)
    if usual is None or not is_narrow:
        return progress_words(elapsed_s, usual)
    if usual.is_slow(elapsed_s):
        return f"{duration(elapsed_s)}, usual <{duration(usual.slow_s)}"
    return f"{duration(elapsed_s)} of {duration(usual.median_s)}"


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


def ago(seconds: float) -> str:
    """How long ago something was, in steps that stand still: `just now`, `20 s ago`, `2 m ago`, `3 h ago`."""
    whole = max(0, int(seconds))
    if whole < 10:
        return "just now"
    for limit, size, unit in ((60, 10, "s"), (3600, 60, "m"), (48 * 3600, 3600, "h")):
        if whole < limit:
            return f"{whole // size * (size if unit == 's' else 1)} {unit} ago"
    return f"{whole // 86400} d ago"


def _joined(first: str, second: str) -> str:
    return f"{first}  {second}" if second else first
