"""What may be done to a VM in which state, and the reason when not; how heavy a confirmation is.

What an effect looks like (`effects`) and what sizes are possible (`sizes`) can be had from here too: all rules by one
door.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import IntEnum

from cftui.fleet.effects import effect_seen, effect_words, is_verifiable, missing_effect_words
from cftui.fleet.history import HistoryEntry, Stage
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.fleet.sizes import CLOUDSFOR, Remark, SizeError, Traits, check_resize, parse_size
from cftui.text import clean

__all__ = [
    "CLOUDSFOR",
    "Availability",
    "Remark",
    "Rung",
    "SizeError",
    "Traits",
    "availability",
    "check_resize",
    "description",
    "effect_seen",
    "effect_words",
    "is_verifiable",
    "looks",
    "missing_effect_words",
    "parse_size",
    "read_only_words",
    "rung",
    "usual_limit_s",
    "warnings",
]


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether one action may be done now."""

    type: ActionType
    is_allowed: bool
    reason: str = ""
    """Why not, in plain words: "it is running already"; empty when allowed."""
    way_out: str = ""
    """What to do instead, e.g. "shut it down first: s"; may be empty."""


class Rung(IntEnum):
    """The ladder of confirmations of product.md."""

    YES = 1
    """`y`."""
    TYPE_NAME = 2
    """Type the VM's name, then Enter."""
    TYPE_COUNT = 3
    """Type the number of requests, then Enter."""
    TYPE_COUNT_AND_PROFILE = 4
    """Type the number and the profile's name, then Enter."""


_HEAVY = frozenset({ActionType.POWER_OFF, ActionType.POWER_CYCLE, ActionType.PASSWORD_RESET})

_DESCRIPTIONS = {
    ActionType.REBOOT: "a graceful restart, like reboot on the console",
    ActionType.POWER_CYCLE: "like pushing the reset button of a machine",
    ActionType.SHUTDOWN: "asks the system to stop; it is issued, no more",
    ActionType.POWER_OFF: "a hard stop, for when shutdown did not work",
    ActionType.POWER_ON: "starts the VM",
    ActionType.PASSWORD_RESET: "gives the VM a new password",
    ActionType.RESIZE: "more or less CPU, RAM or disk, while powered off",
    ActionType.RENAME: "gives the VM a new name",
    ActionType.SNAPSHOT: "keeps an image of the VM under a name",
}

_LIMITS_S: dict[str, float] = {ActionType.RESIZE: 3600.0, ActionType.SNAPSHOT: 7200.0}


def availability(
    vm: VmRow,
    *,
    doing: HistoryEntry | None = None,
    is_read_only: bool = False,
    locked_by: str = "",
    not_live_reason: str = "",
) -> tuple[Availability, ...]:
    """All nine actions in the document's order, each allowed or with its reason.

    What is not known to be wrong is allowed: a VM whose status is neither running nor stopped may be sent anything
    that its status does not contradict, and the cloud decides.

    Args:
        vm: The VM as last read.
        doing: Its newest history entry, if any; one that is open blocks all nine.
        is_read_only: Nothing may be changed now.
        locked_by: What made it so for good, as it was named; empty where it can be lifted.
        not_live_reason: Why nothing can be sent at all (before the first reading, offline); empty when it can.
    """
    refusal = _refusal_of_all(vm, doing, read_only_words(locked_by) if is_read_only else None, not_live_reason)
    if refusal is not None:
        return tuple(Availability(type_, False, *refusal) for type_ in ActionType)
    return tuple(Availability(type_, not reason, reason, way_out) for type_, reason, way_out in _by_power(vm))


def read_only_words(locked_by: str) -> tuple[str, str]:
    """That nothing may be changed, and the way out, which is empty where there is none.

    Args:
        locked_by: What made it so for good; empty where it can be lifted.
    """
    return (f"read-only, by {clean(locked_by)}", "") if locked_by else ("read-only", ":rw 10m")


def looks(name: str) -> str:
    """A name as eyes take it: without hidden characters and blanks, and without case. Equal looks need the id, too."""
    if name.isascii() and name.isprintable():
        return name.replace(" ", "").casefold()
    seen = unicodedata.normalize("NFKC", name).casefold()
    return "".join(char for char in seen if not char.isspace() and clean(char) == char)


def rung(
    type_: ActionType,
    *,
    targets: int,
    resources: frozenset[str] = frozenset(),
    is_production: bool = False,
    is_resend: bool = False,
    has_gap: bool = False,
) -> Rung:
    """How heavy the confirmation is.

    Args:
        type_: What is to be done.
        targets: To how many VMs.
        resources: For a resize, which of cpu, ram and disk.
        is_production: Whether the profile is a production one, which lifts each rung by one.
        is_resend: Whether it is sent again although the first outcome is not known.
        has_gap: Whether the journal lost rows and nobody acknowledged it: a request of unknown outcome may be missing.
    """
    if targets > 1:
        return Rung.TYPE_COUNT_AND_PROFILE if is_production else Rung.TYPE_COUNT
    is_heavy = type_ in _HEAVY or is_resend or (type_ is ActionType.RESIZE and "disk" in resources)
    return Rung.TYPE_NAME if is_heavy or is_production or has_gap else Rung.YES


def description(type_: ActionType) -> str:
    """What an action does, in a line that follows the document's words."""
    return _DESCRIPTIONS[type_]


def warnings(
    type_: ActionType,
    resources: frozenset[str] = frozenset(),
    *,
    vm: VmRow | None = None,
    is_resend: bool = False,
) -> tuple[str, ...]:
    """Sentences to read before confirming, the gravest first; none for an action that harms nothing.

    For an action that no VM can show (`is_verifiable`) the last one says so.

    Args:
        type_: What is to be done.
        resources: For a resize, which of cpu, ram and disk.
        vm: The VM as last read; None for several.
        is_resend: Whether it is sent again although the first outcome is not known.

    Source: the sections of the API document of the same names; what it does not say is said to be unknown.
    """
    told: list[str] = []
    if is_resend:
        told.append("The first request may still arrive: then it happens twice.")
    match type_:
        case ActionType.POWER_OFF:
            told.append("Like cutting the power of a server; it could lead to complications.")
            told.append("It should only be used when a shutdown did not work.")
        case ActionType.POWER_CYCLE:
            told.append("Like pushing the reset button: nothing is asked or saved first.")
        case ActionType.SHUTDOWN:
            told.append("The cloud promises that the command is issued, not that the VM stops.")
        case ActionType.PASSWORD_RESET:
            told.append("The answer does not hold the new password; the document does not say how it reaches you.")
        case ActionType.RESIZE if "disk" in resources:
            told.append("A disk that was made larger may not be possible to make smaller again.")
        case ActionType.SNAPSHOT if vm is not None and vm.power is not Power.OFF:
            told.append("The VM is not stopped: what is written meanwhile may be incomplete in the snapshot.")
        case _:
            pass
    if not is_verifiable(type_):
        told.append("Nothing on the VM can verify its end.")
    return tuple(told)


def usual_limit_s(type_: str) -> float:
    """After how long an action is given up waiting for: resize 60 min, snapshot 120 min, all others 5 min."""
    return _LIMITS_S.get(type_, 300.0)


def _refusal_of_all(
    vm: VmRow, doing: HistoryEntry | None, read_only: tuple[str, str] | None, not_live_reason: str
) -> tuple[str, str] | None:
    """Why none of the nine may be done, and the way out."""
    if not_live_reason:
        return not_live_reason, ""
    if read_only is not None:
        return read_only
    if doing is not None and doing.is_open:
        type_ = clean(doing.type)
        if doing.stage is Stage.UNKNOWN:
            return f"the outcome of {type_} is not known yet; looking it up", "do not repeat it"
        if doing.stage is Stage.SENDING:
            return f"{type_} is being sent", "follow it: t"
        return f"{type_} is in progress{'' if doing.is_own else ', not from here'}", "follow it: t"
    if vm.locked:
        return "locked by the provider", ""
    return None


def _by_power(vm: VmRow) -> list[tuple[ActionType, str, str]]:
    """Type, reason against it (empty when there is none) and way out, in the document's order."""
    is_on, is_off = vm.power is Power.ON, vm.power is Power.OFF
    stopped = ("it is stopped", "power it on: n") if is_off else ("", "")
    stopped_already = ("it is stopped already", "") if is_off else ("", "")
    refusals = {
        ActionType.REBOOT: stopped,
        ActionType.POWER_CYCLE: stopped,
        ActionType.SHUTDOWN: stopped_already,
        ActionType.POWER_OFF: stopped_already,
        ActionType.POWER_ON: ("it is running already", "") if is_on else ("", ""),
    }
    if is_on:
        refusals[ActionType.RESIZE] = ("must be powered off first", "2 does it")
    elif vm.power is Power.CHANGING:
        refusals[ActionType.RESIZE] = (f"must be powered off, and is {clean(vm.status)} just now", "wait for it")
    return [(type_, *refusals.get(type_, ("", ""))) for type_ in ActionType]
