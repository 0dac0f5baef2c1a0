"""VMs whose names cannot be told apart by eye."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cftui.fleet.rows import VmRow
from cftui.fleet.rules import looks


def twins_of(targets: Sequence[VmRow], among: Iterable[VmRow]) -> dict[str, list[VmRow]]:
    """By id of a target, the other VMs whose name looks the same; without those that have none."""
    by_looks: dict[str, list[VmRow]] = {looks(vm.name): [] for vm in targets}
    for vm in among:
        if (alike := by_looks.get(looks(vm.name))) is not None:
            alike.append(vm)
    twins = {vm.id: [other for other in by_looks[looks(vm.name)] if other.id != vm.id] for vm in targets}
    return {vm_id: others for vm_id, others in twins.items() if others}
