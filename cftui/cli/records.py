"""Rows as the JSON objects of the command line's schemas; keys are stable, and those of a VM are the API's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cftui.cli.output import Listing
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.rows import ActionRow, VmRow

if TYPE_CHECKING:
    from cftui.api.models import VM
    from cftui.cli.ends import TargetEnd
    from cftui.operations.plan import Step

VM_COLUMNS = ("name", "status", "vcpus", "memory", "disk", "address", "region", "id")
_VM_TITLES = {"vcpus": "CPU", "memory": "RAM GB", "disk": "DISK GB"}
RUN_COLUMNS = ("vm_name", "type", "stage", "status", "message", "handle")


def vm_row(row: VmRow) -> dict[str, object]:
    """A VM of the list, under the API's keys; `address` is ours: the first public one."""
    return {
        "id": row.id,
        "name": row.name,
        "memory": _number(row.ram_gb),
        "vcpus": _number(row.cpu),
        "disk": _number(row.disk_gb),
        "locked": row.locked,
        "created_at": row.created_at,
        "status": row.status,
        "region": row.region,
        "snapshot_ids": list(row.snapshot_ids),
        "address": row.address,
    }


def vm_whole(vm: VM) -> dict[str, object]:
    """One VM with everything that the cloud says of it, its numbers as numbers."""
    image = {"id": vm.image.id, "distro": vm.image.distro, "name": vm.image.name} if vm.image else None
    return {
        **vm_row(vm.row()),
        "backup_ids": list(vm.backup_ids),
        "image": image,
        "features": list(vm.features),
        "networks": vm.raw.get("networks"),
        **vm.unknown,
    }


def _number(size: float | None) -> float | None:
    """Whole numbers without a fraction, as the API prints them."""
    return int(size) if size is not None and size == int(size) else size


def vms(records: Sequence[Mapping[str, object]]) -> Listing:
    """`cftui/vms/1`."""
    return Listing("cftui/vms/1", "vms", records, VM_COLUMNS, titles=_VM_TITLES)


def actions(rows: Sequence[ActionRow], names: Mapping[str, str]) -> Listing:
    """`cftui/actions/1`; `vm_id` is what the API calls an action's `id`.

    Args:
        rows: In the order they are printed.
        names: VM names by id; a VM that is gone has none.
    """
    records = [
        {
            "vm_id": row.vm_id,
            "vm_name": names.get(row.vm_id),
            "type": row.type,
            "status": row.status,
            "started_at": row.started_at or None,
            "completed_at": row.completed_at or None,
            "region": row.region,
        }
        for row in rows
    ]
    columns = ("started_at", "vm_name", "type", "status", "completed_at", "vm_id")
    return Listing("cftui/actions/1", "actions", records, columns, name_key="vm_id")


def result(submission: Submission | HistoryEntry) -> dict[str, object]:
    """One request of a run."""
    was_recorded = submission.stage not in (Stage.SKIPPED, Stage.NOT_SENT)
    return {
        "vm_id": submission.vm_id,
        "vm_name": submission.vm_name,
        "type": submission.type,
        "stage": submission.stage.value,
        "status": submission.status or None,
        "started_at": submission.started_at or None,
        "completed_at": submission.completed_at or None,
        "message": submission.message,
        "handle": submission.handle or None if was_recorded else None,
    }


def skipped(vm: VmRow, type_: str, reason: str) -> dict[str, object]:
    """One target that was refused here, before anything was sent."""
    nothing = dict.fromkeys(("status", "started_at", "completed_at"))
    named = {"vm_id": vm.id, "vm_name": vm.name, "type": type_, "stage": Stage.SKIPPED.value}
    return {**named, **nothing, "message": reason, "handle": None}


def run(
    type_: str | None,
    records: Sequence[Mapping[str, object]],
    *,
    name_key: str = "vm_name",
    workflow: str = "",
    targets: Sequence[TargetEnd] = (),
) -> Listing:
    """`cftui/run/1`.

    Args:
        type_: Of the actions; None for several.
        records: One a request.
        name_key: What `-o name` prints.
        workflow: Which, where a VM takes several requests.
        targets: How it ended for each VM, where that is more than what became of one request.
    """
    extra: dict[str, object] = {"type": type_}
    if workflow:
        extra["workflow"] = workflow
    if targets:
        extra["targets"] = [
            {"vm_id": end.vm_id, "vm_name": end.vm_name, "state": str(end.state), "message": end.message}
            for end in targets
        ]
    return Listing("cftui/run/1", "results", records, RUN_COLUMNS, name_key=name_key, extra=extra)


def plan(steps: Sequence[Step], *, has_roles: bool = False) -> Listing:
    """`cftui/plan/1`.

    Args:
        steps: One a request.
        has_roles: Whether it depends on the VM which of them are sent; `role` says on what.
    """
    records = [
        {
            "vm_id": step.vm.id,
            "vm_name": step.vm.name,
            **({"role": step.role.value} if has_roles else {}),
            "method": step.method,
            "url": step.url,
            "body": step.request.body,
        }
        for step in steps
    ]
    columns = ("vm_name", *(("role",) if has_roles else ()), "method", "url", "body")
    return Listing("cftui/plan/1", "requests", records, columns, name_key="vm_name")


def journal(submissions: Sequence[tuple[Submission, str]]) -> Listing:
    """`cftui/journal/1`.

    Args:
        submissions: Each with the account it was sent for.
    """
    records = [
        {
            "handle": submission.handle,
            "sent_at": datetime.fromtimestamp(submission.intended, UTC).isoformat(timespec="milliseconds"),
            "origin": origin,
            **{key: value for key, value in result(submission).items() if key != "handle"},
            "body": submission.body,
        }
        for submission, origin in submissions
    ]
    columns = ("sent_at", "vm_name", "type", "stage", "message", "handle")
    return Listing("cftui/journal/1", "entries", records, columns, name_key="handle")
