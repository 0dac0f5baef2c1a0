"""The last known fleet and the learned durations, kept between two starts; losing them costs nothing but a moment."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cftui.fleet.estimates import Estimates
from cftui.fleet.rows import Power, VmRow

_SCHEMA = "cftui/memory/1"
_POWERS = {power.value: power for power in Power}
_POWER, _SNAPSHOTS = VmRow._fields.index("power"), VmRow._fields.index("snapshot_ids")


@dataclass(frozen=True, slots=True)
class Memory:
    """What an earlier run knew."""

    saved_at: float
    """Seconds since 1970."""
    vms: tuple[VmRow, ...]
    estimates: Estimates


def memory_path(state_dir: Path, origin: str) -> Path:
    """One file an account; its name tells nothing about it."""
    return state_dir / f"fleet-{hashlib.sha256(origin.encode()).hexdigest()[:16]}.json"


def load(path: Path, origin: str) -> Memory | None:
    """What was kept for this account, or None; a file that cannot be used is as good as none."""
    try:
        kept = json.loads(path.read_bytes())
        if kept["schema"] != _SCHEMA or kept["origin"] != origin:
            return None
        return Memory(kept["saved_at"], tuple(map(_vm, kept["vms"])), Estimates.from_json(kept["usual"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def save(path: Path, origin: str, *, saved_at: float, vms: Iterable[VmRow], estimates: Estimates) -> None:
    """Replace what is kept, at once and for the owner only; a full disk is no reason to fail."""
    kept = {
        "schema": _SCHEMA,
        "origin": origin,
        "saved_at": saved_at,
        "usual": estimates.to_json(),
        "vms": list(vms),
    }
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".fleet-")
        try:
            with open(handle, "w", encoding="ascii") as file:
                json.dump(kept, file)
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)


def _vm(values: list[Any]) -> VmRow:
    values[_POWER] = _POWERS[values[_POWER]]
    values[_SNAPSHOTS] = tuple(values[_SNAPSHOTS])
    return VmRow._make(values)
