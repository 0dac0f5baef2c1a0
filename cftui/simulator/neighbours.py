"""What other people of the account do now and then."""

from __future__ import annotations

import random
from collections.abc import Sequence

from cftui.simulator.rules import Order
from cftui.simulator.state import RUNNING, STOPPED, Vm

USUAL_PAUSE_S = 45.0
"""Mean time between two deeds in a fleet of 100 VMs or more; in a smaller one it is longer in proportion."""

HABITS = {"reboot": 9, "snapshot": 6, "password_reset": 2, "shutdown": 4, "power_cycle": 2}
"""How often each is done to a VM that runs. What was stopped is started again before anything else is stopped."""

MOST_STOPPED = 0.15
"""Above this part of the fleet, nobody stops another VM."""


def pause_s(vms: int, rng: random.Random) -> float:
    """Seconds until somebody acts again."""
    return rng.expovariate(1 / (USUAL_PAUSE_S * max(1.0, 100 / max(vms, 1))))


def next_deed(vms: Sequence[Vm], rng: random.Random) -> tuple[Vm, Order] | None:
    """Whom somebody acts on, and how; None when the VM they looked at cannot be acted on now."""
    if not vms:
        return None
    vm = rng.choice(vms)
    if vm.locked or vm.open_actions:
        return None
    if vm.status == STOPPED:
        if rng.random() < 0.3:
            return vm, Order("resize", {"ram": min(vm.memory * 2, 64) if vm.memory < 64 else vm.memory / 2})
        return vm, Order("power_on")
    if vm.status != RUNNING:
        return None
    (type_,) = rng.choices(list(HABITS), list(HABITS.values()))
    if type_ == "shutdown" and sum(other.status == STOPPED for other in vms) > MOST_STOPPED * len(vms):
        type_ = "reboot"
    return vm, Order(type_)
