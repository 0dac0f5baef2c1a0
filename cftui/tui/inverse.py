"""The opposite of the last thing that was done to a VM from here, as a request that is asked about like any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cftui.api.requests import ActionRequest, InvalidRequestError, from_body, rename, resize, simple
from cftui.fleet.effects import current_size
from cftui.fleet.fleet import View
from cftui.fleet.history import HistoryEntry, Stage
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.operations.plan import Workflow
from cftui.text import clean
from cftui.tui.look import Part

if TYPE_CHECKING:
    from cftui.tui.app import CftuiApp

_OPPOSITE = {
    ActionType.POWER_OFF: ActionType.POWER_ON,
    ActionType.SHUTDOWN: ActionType.POWER_ON,
    ActionType.POWER_ON: ActionType.SHUTDOWN,
}
_NOTHING_HAPPENED = frozenset({Stage.SKIPPED, Stage.NOT_SENT, Stage.REJECTED})
_DONE = frozenset({Stage.COMPLETED, Stage.VERIFIED})


async def propose_inverse(app: CftuiApp, targets: Sequence[VmRow]) -> None:
    """Ask about the opposite of the last action from here on one VM, or say why there is none.

    Args:
        app: Knows what was done, and asks.
        targets: The VM; of several nothing is proposed.
    """
    if len(targets) != 1:
        app.say([Part("the opposite is proposed for one VM at a time", "warn")])
        return
    vm, found = targets[0], inverse_of(targets[0], app.update_now.view)
    if isinstance(found, str):
        app.say([Part(f"{clean(vm.name)}: {found}", "warn")])
        return
    # A running VM is not resized: it is stopped first, and started again.
    is_guided = vm.power is not Power.OFF and found.type is ActionType.RESIZE
    await app.acting.confirm_able([(vm, found)], workflow=Workflow.GUIDED_RESIZE if is_guided else Workflow.NONE)


def inverse_of(vm: VmRow, view: View) -> ActionRequest | str:
    """What would undo the last own action on a VM; else why nothing would, in a clause.

    Args:
        vm: The VM.
        view: What is known now.
    """
    own = (entry for entry in view.history if entry.vm_id == vm.id and entry.is_own)
    entry = next((entry for entry in own if entry.stage not in _NOTHING_HAPPENED), None)
    if entry is None:
        return "nothing was done to it from here"
    if entry.is_open:
        return f"its {clean(entry.type)} has not ended yet"
    if entry.stage not in _DONE:
        return f"how its {clean(entry.type)} left it is not certain"
    submission = view.submissions.get(entry.id)
    return _opposite(entry, vm, submission.before if submission is not None else None)


def _opposite(entry: HistoryEntry, vm: VmRow, before: VmRow | None) -> ActionRequest | str:
    if (opposite := _OPPOSITE.get(ActionType(entry.type))) is not None:
        return simple(opposite)
    if entry.type not in (ActionType.RENAME, ActionType.RESIZE):
        return f"{clean(entry.type)} has no opposite"
    if before is None:
        return "how it was before is not known"
    try:
        return _old_name(vm, before) if entry.type == ActionType.RENAME else _old_sizes(entry, vm, before)
    except InvalidRequestError as error:
        return f"it cannot be as before: {error.message}"


def _old_name(vm: VmRow, before: VmRow) -> ActionRequest | str:
    return "it is called as before already" if vm.name == before.name else rename(before.name)


def _old_sizes(entry: HistoryEntry, vm: VmRow, before: VmRow) -> ActionRequest | str:
    asked = from_body(entry.body).sizes
    old = {name: size for name in asked if (size := current_size(before, name)) is not None}
    disk, was = current_size(vm, "disk"), old.get("disk")
    if "disk" in asked and disk is not None and was is not None and disk > was:
        return "its disk has grown, and a disk may not be possible to make smaller again"
    changed = {name: size for name, size in old.items() if current_size(vm, name) != size}
    if not changed:
        return "it has its old sizes already"
    return resize(cpu=changed.get("cpu"), ram_gb=changed.get("ram"), disk_gb=changed.get("disk"))
