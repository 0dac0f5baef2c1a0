"""In which order, and how many at once, the targets of a plan are taken."""

from __future__ import annotations

import math
from dataclasses import dataclass

STOP_LIMIT_S = 120.0
"""How long a VM may take to stop by itself before somebody is asked; a clean stop of a busy system takes minutes."""


@dataclass(frozen=True, slots=True)
class Order:
    """Decided before anyone confirms, shown in the confirmation, kept with the run.

    A VM is *in flight* from its first request until the last one's end is seen.
    """

    max_parallel: int = 4
    """Requests under way at once."""
    in_flight: int | None = None
    """VMs in flight at once; None for as many as there are."""
    stagger_s: float = 0.0
    """Seconds between the beginnings of two VMs."""
    is_canary: bool = False
    """One VM to its end, then a tenth of all to theirs, then the rest."""
    stop_after: int | None = None
    """After so many VMs that went wrong or whose outcome is unknown, no further one is begun; None never stops."""
    stop_limit_s: float = STOP_LIMIT_S
    """How long a VM that was asked to shut down is watched before it is somebody's turn to decide."""
    end_limit_s: float | None = None
    """How long the end of each request is awaited; None for its type's usual limit."""
    force_after_s: float | None = None
    """Cut the power of a VM that has not stopped so long after it was asked; None never does that by itself."""
    is_attended: bool = True
    """Whether somebody is there to decide; if not, a VM that does not stop is given up at its limit."""

    def waves(self, targets: int) -> tuple[int, ...]:
        """How many VMs each wave has; a wave begins when all of the one before have ended.

        >>> Order(is_canary=True).waves(200)
        (1, 20, 179)
        """
        if not self.is_canary or targets < 2:
            return (targets,)
        tenth = min(math.ceil(targets / 10), targets - 1)
        rest = targets - 1 - tenth
        return (1, tenth, rest) if rest else (1, tenth)
