"""A confirmed plan while it is carried out, as everyone else may see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cftui.operations.order import Order
from cftui.operations.plan import Plan

STOPPED = "the run was stopped before its turn"

WAIT = "wait"
"""The reason of a request that was not sent because the cloud asked to wait; it may be sent when that time is over."""


class RunState(StrEnum):
    """Whether more is to come."""

    RUNNING = "running"
    PAUSED = "paused"
    """No further target is begun; what is in flight goes on to its end."""
    STOPPING = "stopping"
    """It was aborted, or too much went wrong: no further target is begun, and what is in flight goes on to its end."""
    ENDED = "ended"
    INTERRUPTED = "interrupted"
    """The program ended before it did: what was sent is followed, and nothing more is sent without a new yes."""


class TargetState(StrEnum):
    """Where one VM of a run stands."""

    WAITING = "waiting"
    ACTIVE = "active"
    ASKING = "asking"
    """It did not stop within its limit; somebody has to decide. It is watched on meanwhile."""
    DONE = "done"
    FAILED = "failed"
    """Refused, rejected, errored, not sent, timed out, or given up."""
    UNKNOWN = "unknown"
    LEFT_OUT = "left_out"
    """Not begun: the run was stopped before its turn."""


OVER = frozenset({TargetState.DONE, TargetState.FAILED, TargetState.UNKNOWN, TargetState.LEFT_OUT})
"""States in which nothing more will be sent to a target in this run."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """One VM of a run."""

    vm_id: str
    vm_name: str
    """As confirmed."""
    tokens: tuple[str, ...]
    """Of its steps, in the plan's order; what became of each is in the submission of that token, if it was begun."""
    state: TargetState = TargetState.WAITING
    not_needed: frozenset[str] = frozenset()
    """Tokens of steps that were passed over because the VM was so already."""
    message: str = ""
    """What is being waited for, or how it ended, one plain phrase."""
    began_at: float | None = None
    """Seconds of the monotonic clock."""
    ended_at: float | None = None
    decide_by: float | None = None
    """While a VM is asked to stop: when it will be somebody's turn, or the power is cut; monotonic."""


@dataclass(frozen=True, slots=True)
class RunView:
    """One run."""

    plan: Plan
    order: Order
    state: RunState
    confirmed_at: float
    """Seconds since 1970."""
    targets: tuple[TargetView, ...]
    message: str = ""
    """Why it stopped, or waits."""
    counts: Mapping[TargetState, int] = field(default_factory=dict, compare=False)
    """How many targets are in each state; counted where it is not given."""
    began_at: float | None = None
    """When it was confirmed or gone on with, by the monotonic clock; None for one that an earlier program began."""
    ended_at: float | None = None
    doubtful: int = field(default=0, compare=False)
    """With how many something went wrong, or was not known for a while: so many count for `Order.stop_after`."""

    def __post_init__(self) -> None:
        if not self.counts:
            object.__setattr__(self, "counts", Counter(target.state for target in self.targets))

    @property
    def id(self) -> str:
        """The plan's id; its first four digits name the run on the screen."""
        return self.plan.id

    def count(self, state: TargetState) -> int:
        """How many targets are in a state."""
        return self.counts.get(state, 0)

    @property
    def ended(self) -> int:
        """How many targets have come to their end."""
        return sum(self.count(state) for state in OVER)

    def elapsed_s(self, now: float) -> float | None:
        """For how long it has been carried out, or was; None while it is not carried out.

        Args:
            now: Seconds of the monotonic clock.
        """
        return None if self.began_at is None else (now if self.ended_at is None else self.ended_at) - self.began_at
