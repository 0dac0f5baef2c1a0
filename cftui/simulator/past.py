"""What was done to the fleet in the last days, so that usual durations can be learned from the first minute on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from cftui.simulator.durations import duration_s
from cftui.simulator.state import COMPLETED, ERRORED, RUNNING, STOPPED, Action, Vm

DAYS = 7
"""How far back it goes."""

QUIET_S = 150.0
"""The last of it ended at least so long ago."""

MOST_EXTRA = 10_000
"""How many sittings a large fleet adds at most."""

BROKEN_SITTINGS = 6
"""How often somebody tried something with each `broken-…` VM."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """What somebody did to one VM, one action after the other; it leaves the VM's power as it was."""

    types: tuple[str, ...]
    status: str
    """The status the VM has before and after."""
    times: int
    """How often, in a fleet of any size."""
    share: int
    """How often among those that a large fleet adds."""


SITTINGS = (
    Sitting(("reboot",), RUNNING, 44, 30),
    Sitting(("power_cycle",), RUNNING, 34, 6),
    Sitting(("password_reset",), RUNNING, 34, 4),
    Sitting(("rename",), RUNNING, 34, 4),
    Sitting(("snapshot",), RUNNING, 44, 40),
    Sitting(("shutdown", "power_on"), RUNNING, 12, 6),
    Sitting(("power_off", "power_on"), RUNNING, 34, 3),
    Sitting(("shutdown", "resize", "power_on"), RUNNING, 36, 5),
    Sitting(("power_on", "reboot", "shutdown"), STOPPED, 4, 2),
)
"""Together at least 30 completed actions of each type."""


def past_actions(
    vms: list[Vm], now: float, speed: float, rng: random.Random, new_id: Callable[[], str]
) -> list[Action]:
    """Finished actions, oldest first; what they left behind (snapshots) is put into the VMs.

    Args:
        vms: The fleet; only `snapshot_ids` is touched. `broken-…` have all that errored.
        now: Seconds since 1970.
        speed: Durations are divided by it, as those of actions to come.
        rng: Decides everything but the times of day, which follow `now`.
        new_id: For snapshots.
    """
    sound = [vm for vm in vms if not vm.locked and not vm.name.startswith(("broken-", "stubborn-"))]
    broken = [vm for vm in vms if vm.name.startswith("broken-")]
    if not sound:
        return []
    by_status = {status: [vm for vm in sound if vm.status == status] for status in (RUNNING, STOPPED)}
    planned = [sitting for sitting in SITTINGS for _ in range(sitting.times)]
    planned += rng.choices(SITTINGS, [sitting.share for sitting in SITTINGS], k=min(len(vms), MOST_EXTRA))
    visits = [
        (rng.choice(by_status[sitting.status]), sitting.types) for sitting in planned if by_status[sitting.status]
    ]
    visits += [
        (vm, (rng.choice(("reboot", "snapshot", "password_reset")),)) for vm in broken for _ in range(BROKEN_SITTINGS)
    ]
    rng.shuffle(visits)
    pause_s = DAYS * 86_400 / len(visits)
    found = []
    for place, (vm, types) in enumerate(visits):
        started = now - (len(visits) - place) * pause_s + rng.random() * pause_s / 2
        for type_ in types:
            is_broken = vm in broken
            ended = started + duration_s(vm, type_, rng) / speed / (3 if is_broken else 1)
            found.append((started, vm, type_, ended, ERRORED if is_broken else COMPLETED))
            started = ended + rng.uniform(5, 60)
    free_at = dict.fromkeys((vm.id for vm in vms), 0.0)
    actions: list[Action] = []
    for started, vm, type_, ended, status in sorted(found, key=lambda act: act[0]):
        if started < free_at[vm.id] or ended > now - QUIET_S:
            continue
        free_at[vm.id] = ended
        actions.append(Action(len(actions) + 1, vm.id, type_, vm.region, started, status, ended))
        if type_ == "snapshot" and status == COMPLETED:
            vm.snapshot_ids = (*vm.snapshot_ids, new_id())
    return actions
