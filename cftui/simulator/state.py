"""What the cloud keeps of a VM and of an action. Each holds its JSON as last served, until anything in it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

IN_PROGRESS, COMPLETED, ERRORED = "in-progress", "completed", "errored"
RUNNING, STOPPED = "running", "stopped"


@dataclass(slots=True, eq=False)
class Vm:
    """A VM as the cloud knows it; sizes are numbers here, whatever their spelling on the wire."""

    id: str
    name: str
    region: str
    vcpus: float
    memory: float
    """GB."""
    disk: float
    """GB."""
    status: str
    locked: bool
    created_at: str
    image: Mapping[str, str]
    networks: tuple[Mapping[str, str], ...]
    """IPv4 addresses: `ip_address`, `netmask`, `gateway`, `type`."""
    features: tuple[str, ...] = ()
    backup_ids: tuple[str, ...] = ()
    snapshot_ids: tuple[str, ...] = ()
    open_actions: tuple[Action, ...] = ()
    """Begun and not ended; more than one only where somebody went past the API."""
    json: bytes | None = field(default=None, repr=False)
    """As last served; assigning any other attribute empties it."""

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name != "json":
            object.__setattr__(self, "json", None)


@dataclass(slots=True, eq=False)
class Action:
    """Something asked of a VM, and how it goes."""

    number: int
    """The cloud's own count; no client sees it, but for the quirk `numbered-actions`."""
    vm_id: str
    type: str
    region: str
    started: float
    """Seconds since 1970."""
    status: str = IN_PROGRESS
    completed: float | None = None
    json: bytes | None = field(default=None, repr=False)
    """As last served; assigning any other attribute empties it."""

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name != "json":
            object.__setattr__(self, "json", None)
