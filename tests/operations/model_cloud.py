"""A cloud in memory, of one VM: its lists are copies some seconds old, and its server may begin late."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from cftui.api.action_lists import ActionList
from cftui.api.errors import NotFound, Unreachable
from cftui.api.models import VM, AccountInfo
from cftui.api.vm_list import VmPage
from cftui.fleet.rows import ActionRow, ActionType, Power, VmRow
from tests.clock import TurnedClock
from tests.operations.rows import action


class JumpingClock(TurnedClock):
    """A turned clock whose wall can be put forward or back; the monotonic one never notices."""

    def jump(self, seconds: float) -> None:
        """Put the wall clock on, or back."""
        self._start += timedelta(seconds=seconds)


@dataclass(eq=False)
class Deed:
    """Something that the cloud really does to the VM; times are seconds of the cloud's clock."""

    type: ActionType
    begins: float
    takes_s: float
    token: str = ""
    """Whose request it was; empty for somebody else's."""
    is_errored: bool = False

    @property
    def ends(self) -> float:
        return self.begins + self.takes_s

    def row(self, at: float) -> ActionRow:
        """As listed by a copy of the cloud that stands at this moment."""
        status = "in-progress" if at < self.ends else "errored" if self.is_errored else "completed"
        return action(self.type.value, status, float(int(self.begins)))


class ModelCloud:
    """One VM's actions, and a list of them that is a copy some seconds old. Doubles for the reader of the poller."""

    round_trip_s: float | None = 0.05
    server_offset: float | None = None

    def __init__(
        self, clock: TurnedClock, before: VmRow, *, lag_s: float = 0.0, can_list: bool = True, page: int = 200
    ) -> None:
        self._clock = clock
        self._before = before
        self.lag_s = lag_s
        self.can_list = can_list
        self.page = page
        self.deeds: list[Deed] = []
        self.is_dark = False
        self.reads = 0
        """How often the list was read."""
        self.zero = clock.now().timestamp() - clock.monotonic()

    def now(self) -> float:
        """The cloud's time; no wall clock of ours moves it."""
        return self.zero + self._clock.monotonic()

    def listed(self) -> list[Deed]:
        """What is in the list now, newest first."""
        at = self.now() - self.lag_s
        return sorted((deed for deed in self.deeds if deed.begins <= at), key=lambda d: d.begins, reverse=True)

    def rows(self) -> tuple[ActionRow, ...]:
        """The whole list."""
        return tuple(deed.row(self.now() - self.lag_s) for deed in self.listed())

    def quiet_s(self) -> float:
        """How long nothing of what it shows will change by itself."""
        shown = [moment + lag for d in self.deeds for moment in (d.begins, d.ends) for lag in (0.0, self.lag_s)]
        return min((moment - self.now() for moment in shown if moment > self.now()), default=math.inf)

    def vm(self) -> VmRow:
        """The VM as it is now."""
        row = self._before
        for deed in sorted(self.deeds, key=lambda d: d.ends):
            if deed.ends <= self.now() and not deed.is_errored:
                row = after(row, deed)
        return row

    # What the poller asks

    @property
    def action_source(self) -> str:
        return "global" if self.can_list else "none"

    def darken(self) -> None:
        """Nothing answers any more."""
        self.is_dark = True

    def light_up(self) -> None:
        """It answers again."""
        self.is_dark = False

    def _answer(self) -> None:
        if self.is_dark:
            raise Unreachable("nobody answers", cause="no route to it")

    async def account(self) -> AccountInfo:
        self._answer()
        return AccountInfo()

    async def list_vms(self) -> AsyncGenerator[VmPage[VmRow], None]:
        self._answer()
        yield VmPage((self.vm(),), total=1, is_last=True)

    async def actions(self, *, whole: bool = False) -> tuple[ActionRow, ...]:
        self._answer()
        if not self.can_list:
            raise NotFound("no such endpoint", status=404)
        return self.rows()

    async def vm_actions(self, vm_id: str) -> tuple[ActionRow, ...]:
        return await self.actions(whole=True)

    async def follow(self, vm_ids: Collection[str]) -> ActionList:
        self._answer()
        if not self.can_list:
            return ActionList((), "none", frozenset(vm_ids))
        self.reads += 1
        return ActionList(self.rows()[: self.page], "global", None)

    async def get_vm(self, vm_id: str) -> VM:
        self._answer()
        return cast(VM, _Read(self.vm()))


class _Read:
    def __init__(self, row: VmRow) -> None:
        self._row = row

    def row(self) -> VmRow:
        return self._row


def after(row: VmRow, deed: Deed) -> VmRow:
    match deed.type:
        case ActionType.POWER_ON | ActionType.REBOOT | ActionType.POWER_CYCLE:
            return row._replace(power=Power.ON, status="running")
        case ActionType.POWER_OFF | ActionType.SHUTDOWN:
            return row._replace(power=Power.OFF, status="stopped")
        case ActionType.RENAME:
            return row._replace(name="web-2")
        case ActionType.RESIZE:
            return row._replace(ram_gb=8.0)
        case ActionType.SNAPSHOT:
            return row._replace(snapshot_ids=(*row.snapshot_ids, f"s{deed.begins}"))
        case _:
            return row
