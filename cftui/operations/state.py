"""How the conversation with the cloud stands, as everyone else may see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cftui.fleet.estimates import Estimates
from cftui.fleet.fleet import Change, View
from cftui.operations.runs import RunView


class LinkState(StrEnum):
    """Whether the cloud answers."""

    CONNECTING = "connecting"
    """Nothing was read yet; a last known fleet may be shown, and nothing can be sent."""
    LIVE = "live"
    OFFLINE = "offline"
    """Reads fail; they are repeated by themselves, with growing waits."""
    UNAUTHORISED = "unauthorised"
    """The cloud refused the credentials; nothing is asked again until they change."""


class ActionSource(StrEnum):
    """Where this cloud lets actions be read."""

    UNTRIED = "untried"
    GLOBAL = "global"
    PER_VM = "per-vm"
    NONE = "none"
    """No action can be read at all; the VM itself is watched."""


@dataclass(frozen=True, slots=True)
class PollLimits:
    """How often to ask, in seconds, 1 to 300."""

    idle_s: float = 30.0
    active_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Link:
    """The state of the conversation; times are seconds of the monotonic clock."""

    state: LinkState = LinkState.CONNECTING
    since: float = 0.0
    cause: str = ""
    """Why it is offline or unauthorised, one short phrase."""
    hint: str = ""
    next_try: float | None = None
    round_trip_s: float | None = None
    """Of the last good request."""
    account: str = ""
    """E-mail of the account as the cloud spells it."""
    loaded: int = 0
    """VMs read so far of a list that is still coming in."""
    total: int | None = None
    """VMs that the cloud says there are; None when it does not say."""
    unreadable: int = 0
    """Entries of the last list that could not be read; VMs missing from it are kept as last read."""
    is_loading: bool = False
    is_paused: bool = False
    action_source: ActionSource = ActionSource.UNTRIED
    server_offset: float | None = None
    """Add to the monotonic clock to get the cloud's time in seconds since 1970; None until an answer told it."""
    skew_s: float | None = None
    """By how much the cloud's clock is ahead of this machine's, to 10 s; None while they differ by less than 30 s."""
    last_known_at: float | None = None
    """When the shown fleet was written to disk, seconds since 1970; None without one, and once the list was read."""
    poll_interval_s: float = 30.0
    """The interval in force; a list younger than twice this is live."""


@dataclass(frozen=True, slots=True)
class Update:
    """What a subscriber is handed when it asks: everything since it asked last, and what is known now."""

    change: Change
    view: View
    link: Link
    estimates: Estimates
    is_read_only: bool
    """Whether nothing may be changed now."""
    journal_problem: str = ""
    """Why nothing can be journalled, and so nothing can be sent; empty when all is well."""
    unsent: int = 0
    """VMs of confirmed plans that have not begun; after leaving now, the next start offers them."""
    writes_until: float | None = None
    """Until when a session that began read-only may change things, in seconds of the monotonic clock."""
    locked_by: str = ""
    """What made the session read-only for good, as it was named; empty where it can be lifted, or is not read-only."""
    journal_gap: str = ""
    """What the journal lost, as a sentence; while it stands there, whoever confirms has to type. Empty: nothing."""
    runs: tuple[RunView, ...] = ()
    """Runs of several VMs or of several steps: those of this session, and interrupted ones of earlier programs."""
