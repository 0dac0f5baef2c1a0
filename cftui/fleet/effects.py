"""What an action shows on its VM: whether the effect is there, and how to say so."""

from __future__ import annotations

import json
import math

from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.text import clean, number

_VERIFIABLE = frozenset(ActionType) - {ActionType.REBOOT, ActionType.POWER_CYCLE, ActionType.PASSWORD_RESET}

_POWER = frozenset(
    {ActionType.REBOOT, ActionType.POWER_CYCLE, ActionType.SHUTDOWN, ActionType.POWER_OFF, ActionType.POWER_ON}
)

_LABELS = {"cpu": "CPU", "ram": "RAM", "disk": "disk"}


def is_verifiable(type_: str) -> bool:
    """Whether a VM can show that an action of this type happened; for a type that is none of the nine it cannot."""
    return type_ in _VERIFIABLE


def may_look_alike(one: str, other: str) -> bool:
    """Whether what one action does to a VM can be taken for another's: equal types, and all that touch its power."""
    return one == other or {one, other} <= _POWER


def effect_seen(type_: str, body: str, before: VmRow | None, now: VmRow) -> bool | None:
    """Whether the VM shows what the action was to do.

    Args:
        type_: The action's type.
        body: The request body that was sent, JSON.
        before: The VM as read before sending; what it showed then proves nothing.
        now: The VM as read since.

    Returns:
        True or False where the VM can show it; None where nothing on a VM can (reboot, power_cycle, password_reset),
        or where the VM already looked so before, was not read before, is another VM under the same id, or does not
        tell what is asked about.

    Source: section 11.3 of the API reference.
    """
    shows_now = _shows(type_, body, before, now)
    if shows_now is None:
        return None
    if before is None:
        return None if shows_now else False
    if before.id != now.id or now.is_another_than(before):
        return None
    showed_before = _shows(type_, body, before, before)
    return None if showed_before is not False else shows_now


def effect_words(type_: str, body: str, before: VmRow | None, now: VmRow) -> str:
    """The effect in a few words: `RAM 16 → 32 GB`, `running`, `web-1 → web-2`; empty where a VM can show none."""
    match type_:
        case ActionType.POWER_ON | ActionType.POWER_OFF | ActionType.SHUTDOWN:
            return clean(now.status)
        case ActionType.RENAME:
            return f"{clean(before.name)} → {clean(now.name)}" if before else clean(now.name)
        case ActionType.SNAPSHOT:
            fresh = [i for i in now.snapshot_ids if before is None or i not in before.snapshot_ids]
            return f"snapshot {clean(fresh[-1])[:8]}" if fresh else "no new snapshot"
        case ActionType.RESIZE:
            return ", ".join(_size_words(resource, before, now) for resource in _asked_sizes(body))
        case _:
            return ""


def missing_effect_words(type_: str, body: str, now: VmRow) -> str:
    """What the VM still looks like while the effect is not seen: `the VM still has RAM 16 GB`."""
    match type_:
        case ActionType.RENAME:
            return f"the VM is still named {clean(now.name)}"
        case ActionType.SNAPSHOT:
            return "the VM has no new snapshot"
        case ActionType.RESIZE:
            asked = _asked_sizes(body)
            still = [r for r, wanted in asked.items() if (size := current_size(now, r)) is None or size != wanted]
            return f"the VM still has {', '.join(_size_words(resource, None, now) for resource in still or asked)}"
        case _:
            return f"the VM is still {clean(now.status)}"


def next_step_words(type_: str) -> str:
    """What to do where the effect of a completed action is not seen; empty where waiting is all.

    Source: the section "Shutdown a VM" of the API document: that it is issued is all that is promised.
    """
    return "power_off would be the next step; it asks first" if type_ == ActionType.SHUTDOWN else ""


def current_size(vm: VmRow, resource: str) -> float | None:
    """What a VM has of `cpu` (a count), `ram` or `disk` (GB); None when not known.

    Source: quirk Q7 of the API reference; a resize says cpu, ram, disk where the VM says vcpus, memory, disk.
    """
    return {"cpu": vm.cpu, "ram": vm.ram_gb, "disk": vm.disk_gb}.get(resource)


def _shows(type_: str, body: str, before: VmRow | None, vm: VmRow) -> bool | None:
    match type_:
        case ActionType.POWER_ON:
            return vm.power is Power.ON
        case ActionType.POWER_OFF | ActionType.SHUTDOWN:
            return vm.power is Power.OFF
        case ActionType.RENAME:
            name = _members(body).get("name")
            return vm.name == name if isinstance(name, str) else None
        case ActionType.SNAPSHOT:
            return None if before is None else not set(vm.snapshot_ids) <= set(before.snapshot_ids)
        case ActionType.RESIZE:
            sizes = _asked_sizes(body)
            pairs = [(wanted, current_size(vm, resource)) for resource, wanted in sizes.items()]
            if not pairs or any(size is None for _, size in pairs):
                return None
            return all(size is not None and math.isclose(wanted, size, rel_tol=1e-6) for wanted, size in pairs)
        case _:
            return None


def _size_words(resource: str, before: VmRow | None, now: VmRow) -> str:
    sizes = [current_size(before, resource) if before else None, current_size(now, resource)]
    known = [number(size) for size in sizes if size is not None]
    shown = " → ".join(known) if len(set(known)) > 1 else (known[-1] if known else "unknown")
    return f"{_LABELS[resource]} {shown}{' GB' if known and resource != 'cpu' else ''}"


def _asked_sizes(body: str) -> dict[str, float]:
    """What a resize asked for by resource, from either form of the body."""
    members = _members(body)
    data = members.get("data")
    asked = data if isinstance(data, dict) else {members.get("resource"): members.get("size")}
    sizes = {resource: asked.get(resource) for resource in _LABELS}
    return {r: float(size) for r, size in sizes.items() if isinstance(size, int | float) and not isinstance(size, bool)}


def _members(body: str) -> dict[str, object]:
    try:
        members = json.loads(body)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}
