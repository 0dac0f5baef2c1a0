"""Rows as an answer of the cloud would give them, with what a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime

from cftui.fleet.fleet import Reading
from cftui.fleet.history import HistoryEntry, Stage, Submission
from cftui.fleet.identity import ActionKey
from cftui.fleet.rows import ActionRow, Phase, Power, VmRow, instant

ORIGIN = "https://cloud.test/api/v1|user@example.com"

PHASES = {"in-progress": Phase.RUNNING, "completed": Phase.SUCCEEDED, "errored": Phase.FAILED}
POWERS = {"running": Power.ON, "stopped": Power.OFF}


def vm(
    id_: str = "5609f1ee1b0c4d2da622737b5ca25e6c",
    name: str = "web-1",
    status: str = "running",
    *,
    region: str = "moscow_01",
    cpu: float | None = 2,
    ram_gb: float | None = 4,
    disk_gb: float | None = 40,
    address: str = "203.0.113.7",
    created_at: str = "2015-01-14T16:00:00Z",
    locked: bool = False,
    snapshot_ids: tuple[str, ...] = (),
) -> VmRow:
    search = "\n".join([id_, name, address, region, status]).lower()
    power = POWERS.get(status, Power.UNKNOWN)
    return VmRow(
        id_, name, power, status, region, cpu, ram_gb, disk_gb, address, created_at, locked, snapshot_ids, search
    )


def at(second: float) -> str:
    """The time so many seconds after the document's first sample."""
    start = instant("2015-01-14T16:31:00Z")
    assert start is not None
    return datetime.fromtimestamp(start + second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def action(
    vm_id: str = "a",
    type_: str = "reboot",
    status: str = "in-progress",
    *,
    second: float | None = 0,
    took: float | None = None,
    number: str = "",
    failure: str = "",
) -> ActionRow:
    started_at = "" if second is None else at(second)
    completed_at = "" if took is None or second is None else at(second + took)
    phase = PHASES.get(status, Phase.UNKNOWN)
    return ActionRow(
        vm_id,
        type_,
        status,
        phase,
        started_at,
        instant(started_at),
        completed_at,
        instant(completed_at),
        "moscow_01",
        number,
        failure,
    )


def key(vm_id: str = "a", type_: str = "reboot", second: float = 0, occurrence: int = 0) -> ActionKey:
    return ActionKey(vm_id, type_, instant(at(second)), occurrence)


def submission(
    token: str = "3f9c01aa" + "0" * 24,
    vm_id: str = "a",
    type_: str = "reboot",
    stage: Stage = Stage.ACCEPTED,
    *,
    key: ActionKey | None = None,
    before: VmRow | None = None,
    is_settled: bool = False,
    is_probable: bool = False,
    message: str = "",
    body: str = "",
) -> Submission:
    return Submission(
        token=token,
        plan_id="plan",
        vm_id=vm_id,
        vm_name="name-when-sent",
        type=type_,
        body=body or f'{{"type": "{type_}"}}',
        stage=stage,
        intended=instant(at(0)) or 0.0,
        key=key,
        before=before,
        is_settled=is_settled,
        is_probable=is_probable,
        message=message,
    )


def reading(
    sequence: int,
    *vms: VmRow,
    whole: bool = False,
    gone: tuple[str, ...] = (),
    actions: tuple[ActionRow, ...] | None = None,
    whole_history: bool = False,
    submissions: tuple[Submission, ...] = (),
    at_s: float | None = None,
) -> Reading:
    return Reading(
        sequence=sequence,
        origin=ORIGIN,
        at=float(sequence) if at_s is None else at_s,
        vms=vms,
        gone_ids=frozenset(gone),
        is_whole_fleet=whole,
        actions=actions,
        is_whole_history=whole_history,
        submissions=submissions,
    )


def entry(
    stage: Stage = Stage.ACCEPTED, type_: str = "reboot", *, is_own: bool = True, is_settled: bool = False
) -> HistoryEntry:
    return HistoryEntry(
        id="entry",
        vm_id="a",
        vm_name="web-1",
        type=type_,
        stage=stage,
        status="",
        started=0.0,
        started_at="",
        ended=None,
        completed_at="",
        message="",
        is_own=is_own,
        is_settled=is_settled,
        handle="",
        body="",
    )
