"""Rows and entries as the tests of operations need them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from cftui.fleet.history import Stage, Submission
from cftui.fleet.identity import ActionKey
from cftui.fleet.rows import ActionRow, Phase, Power, VmRow
from cftui.operations.journal import Baseline, JournalEntry

T0 = 1_421_253_060.0
"""The document's first sample: 2015-01-14T16:31:00Z, by the cloud's clock."""


def vm(**changes: Any) -> VmRow:
    """A running VM."""
    row = VmRow("id-1", "web-1", Power.ON, "running", "moscow_01", 2, 4, 40, "10.0.0.1", "", False, (), "web-1")
    return row._replace(**changes)


STOPPED = vm(power=Power.OFF, status="stopped")


def action(type_: str = "reboot", status: str = "in-progress", started: float | None = T0, **changes: Any) -> ActionRow:
    """An action of that VM."""
    phase = {"in-progress": Phase.RUNNING, "completed": Phase.SUCCEEDED, "errored": Phase.FAILED}.get(
        status, Phase.UNKNOWN
    )
    ended = started + 12 if started is not None and phase in (Phase.SUCCEEDED, Phase.FAILED) else None
    row = ActionRow("id-1", type_, status, phase, _iso(started), started, _iso(ended), ended, "moscow_01", "", "")
    return row._replace(**changes)


def entry(
    type_: str = "reboot",
    *,
    stage: Stage = Stage.ACCEPTED,
    started: float | None = T0,
    before: VmRow | None = None,
    baseline: tuple[ActionRow, ...] = (),
    **members: object,
) -> JournalEntry:
    """A submission for that VM, accepted at T0 unless said otherwise."""
    submission = Submission(
        token="a" * 32,
        plan_id="p",
        vm_id="id-1",
        vm_name="web-1",
        type=type_,
        body=json.dumps({"type": type_} | members),
        stage=stage,
        intended=0.0,
        key=ActionKey("id-1", type_, started) if stage is Stage.ACCEPTED and started is not None else None,
        before=before or vm(),
    )
    given_up = 0.0 if submission.key is None else None
    return JournalEntry(submission, "origin", "url", Baseline(baseline), given_up=given_up)


def _iso(instant: float | None) -> str:
    return "" if instant is None else datetime.fromtimestamp(instant, UTC).isoformat().replace("+00:00", "Z")
