"""What was listed just before a request is sent, read as seldom as that allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cftui.api.errors import BadAnswer, NotFound
from cftui.clock import Clock
from cftui.fleet.rows import ActionRow
from cftui.operations.journal import Baseline
from cftui.operations.plan import Plan
from cftui.operations.state import ActionSource

if TYPE_CHECKING:
    from cftui.api.client import CloudReader
    from cftui.operations.poller import Facade

_FRESH_S = 10.0
"""A list read so long ago still serves: what others begin meanwhile only makes the look-up say "several fit"."""

_SKEW_S, _DAY_S = 60.0, 86400.0
"""How far after the cloud's own time an action may have begun, and after ours where the cloud does not tell its."""


class Baselines:
    """The actions that a run's VMs had before it sent anything more to them; one read serves all that begin together.

    Args:
        plan: What is carried out.
        reader: Reads.
        engine: Takes what was read.
        clock: The time.
    """

    def __init__(self, plan: Plan, reader: CloudReader, engine: Facade, clock: Clock) -> None:
        self._plan = plan
        self._reader = reader
        self._engine = engine
        self._clock = clock
        self._vm_ids = {step.vm.id for step in plan.steps}
        self._rows: dict[str, list[ActionRow]] = {}
        self._newest: dict[str, float | None] = {}
        self._read_at: dict[str, float] = {}
        self._is_global = True
        self._lock = asyncio.Lock()

    async def of(self, vm_id: str, type_: str) -> Baseline:
        """What is listed of a VM's actions of one type.

        Raises:
            CloudError: It cannot be read.
        """
        async with self._lock:
            read_at = self._read_at.get(vm_id)
            if read_at is None or self._clock.monotonic() - read_at > _FRESH_S:
                # Where each VM has a list of its own, all of them are read once, and later only the one that is needed.
                await self._read(self._vm_ids if self._is_global or not self._read_at else {vm_id})
            if vm_id not in self._rows:
                raise BadAnswer("those of others can be read", vm_id=vm_id)
            return Baseline(tuple(row for row in self._rows[vm_id] if row.type == type_), self._newest[vm_id])

    async def _read(self, vm_ids: set[str]) -> None:
        sequence, asked_at = self._engine.next_sequence(), self._clock.monotonic()
        listing = await self._reader.follow(vm_ids)
        rows, of_all = listing.rows, listing.vm_ids is None
        if self._plan.replaces and listing.source != ActionSource.NONE:
            (vm_id,) = self._vm_ids  # whether the first request left a trace is told by a whole list only
            rows, of_all = await _all_actions_of(vm_id, self._reader), False
        self._engine.feed(actions=rows, sequence=sequence)
        of_vm: dict[str, list[ActionRow]] = {vm_id: [] for vm_id in vm_ids}
        for row in rows:
            if row.vm_id in of_vm:
                of_vm[row.vm_id].append(row)
        now = self._latest()
        newest = _newest(rows, now) if of_all else None
        self._is_global = listing.vm_ids is None
        readable = None if listing.vm_ids is None else listing.vm_ids | listing.no_list | listing.no_vm
        for vm_id, found in of_vm.items():
            self._rows.pop(vm_id, None)
            self._read_at[vm_id] = asked_at
            if readable is None or vm_id in readable:
                self._rows[vm_id] = found
                self._newest[vm_id] = newest if newest is not None else _newest(found, now)

    def _latest(self) -> float:
        """After which an action cannot have begun by now, in seconds since 1970."""
        offset = self._reader.server_offset
        if offset is None:
            return self._clock.now().timestamp() + _DAY_S
        return self._clock.monotonic() + offset + _SKEW_S


async def _all_actions_of(vm_id: str, reader: CloudReader) -> tuple[ActionRow, ...]:
    """All that the cloud has on a VM.

    Raises:
        CloudError: It could not be read.
    """
    try:
        return await reader.vm_actions(vm_id)
    except NotFound:
        return tuple(row for row in await reader.actions(whole=True) if row.vm_id == vm_id)


def _newest(rows: Iterable[ActionRow], now: float) -> float | None:
    """When the newest began; an odd time after `now` would let everything that comes look old."""
    return max((row.started for row in rows if row.started is not None and row.started <= now), default=None)
