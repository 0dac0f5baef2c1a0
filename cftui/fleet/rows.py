"""Slim rows: what the table, the rules and the filter need of a VM and of an action, and no more.

Named tuples on purpose: 10,000 of them are made, compared and kept in a tenth of what full models cost, and a start
from the last known fleet needs neither pydantic nor httpx. Texts are as the cloud sent them; clean them on the way out.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class ActionType(StrEnum):
    """The nine actions, in the order of the API document; the cloud may list others, which stay plain text."""

    REBOOT = "reboot"
    POWER_CYCLE = "power_cycle"
    SHUTDOWN = "shutdown"
    POWER_OFF = "power_off"
    POWER_ON = "power_on"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a type of action
    RESIZE = "resize"
    RENAME = "rename"
    SNAPSHOT = "snapshot"


class Power(StrEnum):
    """What the rules know of a VM's power; the cloud's own word is kept beside it."""

    ON = "on"
    OFF = "off"
    CHANGING = "changing"
    UNKNOWN = "unknown"


class Phase(StrEnum):
    """Where an action stands for the cloud; an unknown word is not finished."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class VmRow(NamedTuple):
    """A VM as the list needs it; sizes are numbers in GB whatever the cloud's spelling was."""

    id: str
    name: str
    power: Power
    status: str
    """The cloud's own word: running, stopped, or anything else."""
    region: str
    cpu: float | None
    ram_gb: float | None
    disk_gb: float | None
    address: str
    """The first public address, else the first one; empty when there is none."""
    created_at: str
    locked: bool
    snapshot_ids: tuple[str, ...]
    search: str
    """Id, name, addresses, region, status in lower case, separated by line feeds; what plain filter words look at."""

    def is_another_than(self, before: VmRow) -> bool:
        """Whether it is another VM under the same id: made later, as far as the times can be read."""
        made, made_before = instant(self.created_at), instant(before.created_at)
        return made is not None and made_before is not None and made > made_before


class ActionRow(NamedTuple):
    """An action as the cloud lists it."""

    vm_id: str
    type: str
    status: str
    """The cloud's own word: in-progress, completed, errored, or anything else."""
    phase: Phase
    started_at: str
    """As received; empty when not known."""
    started: float | None
    """`started_at` as an instant, in seconds since 1970 by the cloud's clock; None when not readable."""
    completed_at: str
    completed: float | None
    region: str
    number: str
    """The action's own id where this cloud gives one (`resource_id` beside `id`); else empty."""
    failure: str
    """The cloud's reason for a failure, where it gives one; else empty."""


def instant(text: str) -> float | None:
    """A time of the cloud as seconds since 1970; None when it cannot be read or names no zone.

    Source: section 11.1, rule 7 of the API reference: `Z` or an offset, with or without a fraction.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.timestamp() if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
