"""How long actions take: believable, different from VM to VM and from time to time, the same for a seed."""

from __future__ import annotations

import random

from cftui.simulator.state import Vm

USUAL_S = {
    "reboot": 45.0,
    "power_cycle": 40.0,
    "shutdown": 20.0,
    "power_off": 6.0,
    "power_on": 21.0,
    "password_reset": 8.0,
    "resize": 45.0,
    "rename": 2.0,
    "snapshot": 180.0,
}
"""About the median of each type, in seconds."""

USUAL_DISK_GB = 40.0
"""The disk whose snapshot takes the usual time; larger ones take longer, though far less than in proportion."""


def duration_s(vm: Vm, type_: str, rng: random.Random) -> float:
    """Seconds that an action takes on this VM, this time.

    Args:
        vm: Its id decides how fast its host is; its disk, how long a snapshot takes.
        type_: One of the nine.
        rng: Where the difference from time to time comes from.
    """
    host = random.Random(vm.id).lognormvariate(0, 0.12)
    size: float = (max(vm.disk, 1) / USUAL_DISK_GB) ** 0.25 if type_ == "snapshot" else 1.0
    return USUAL_S[type_] * host * size * rng.lognormvariate(0, 0.1)
