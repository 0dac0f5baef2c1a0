"""The last known fleet and the learned durations, kept between two starts; losing them costs nothing but a moment."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cftui import private
from cftui.errors import ConfigError
from cftui.fleet.estimates import Estimates
from cftui.fleet.rows import Power, VmRow

_SCHEMA = "cftui/memory/1"
_MAX_BYTES = 256 * 2**20
"""A few times what the largest fleet takes."""
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
        kept = json.loads(private.read(path, is_secret=True, max_bytes=_MAX_BYTES))
        if kept["schema"] != _SCHEMA or kept["origin"] != origin:
            return None
        return Memory(kept["saved_at"], tuple(map(_vm, kept["vms"])), Estimates.from_json(kept["usual"]))
    except (OSError, ConfigError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def save(path: Path, origin: str, *, saved_at: float, vms: Iterable[VmRow], estimates: Estimates) -> None:
    """Replace what is kept, at once and for the owner only; a full disk or an unsafe folder is no reason to fail."""
    kept = {
        "schema": _SCHEMA,
        "origin": origin,
        "saved_at": saved_at,
        "usual": estimates.to_json(),
        "vms": list(vms),
    }
    with contextlib.suppress(OSError, ConfigError):
        private.replace(path, json.dumps(kept).encode("ascii"))


def _vm(values: list[Any]) -> VmRow:
    values[_POWER] = _POWERS[values[_POWER]]
    values[_SNAPSHOTS] = tuple(values[_SNAPSHOTS])
    return VmRow._make(values)
