"""What a poll of many VMs costs from its bytes to the change that the screen is told of; no network, no screen."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Callable, Iterator, Sequence

from pydantic import BaseModel

from cftui.api.pages import PER_PAGE, PagedLists
from cftui.api.vm_list import VmList, slim
from cftui.clock import Clock
from cftui.fleet.fleet import Change, Fleet, Reading
from cftui.simulator.cloud import SimulatedCloud
from tests.bench.table import Figure, Goal, milliseconds

VMS, CHANGED = 10_000, 50
_BASE_URL = "http://127.0.0.1/api/v1"
_AGAINST = "json.loads, models, =="

Bodies = Sequence[bytes]


def figures(runs: int) -> Iterator[Figure]:
    """Everything about polls.

    Args:
        runs: Polls of each kind, interleaved.
    """
    before, after = _bodies()
    ours, plain = _Ours(), _Plain()
    for poll in (ours, plain):
        assert len(poll(before)) == VMS
        assert len(poll(after)) == CHANGED
    changed = _timed(runs, {"ours": ours, "plain": plain}, (before, after), CHANGED)
    _timed(2, {"ours": ours, "plain": plain}, (before,), None)
    same = _timed(runs, {"ours": ours, "plain": plain}, (before,), 0)
    for what, times, goal in (
        (f"poll of {VMS:,} VMs, {CHANGED} changed, cpu", changed, Goal("P13", most=0.06)),
        (f"poll of {VMS:,} VMs, nothing changed, cpu", same, None),
    ):
        yield Figure(what, milliseconds(times["ours"]), _AGAINST, milliseconds(times["plain"]), goal)


def _timed(
    runs: int, polls: dict[str, Callable[[Bodies], Sequence[str]]], versions: Sequence[Bodies], expected: int | None
) -> dict[str, list[float]]:
    """Processor seconds of each poll, the collector off."""
    times: dict[str, list[float]] = {name: [] for name in polls}
    gc.collect()
    gc.disable()
    try:
        for run in range(runs):
            for name, poll in polls.items():
                # What comes from a socket is never the same object as last time, even if it is equal.
                bodies = [bytes(bytearray(body)) for body in versions[run % len(versions)]]
                began = time.thread_time()
                changed = poll(bodies)
                times[name].append(time.thread_time() - began)
                assert expected is None or len(changed) == expected
    finally:
        gc.enable()
    return times


class _Ours:
    """What the poller does with the list."""

    def __init__(self) -> None:
        self._bodies: Iterator[bytes] = iter(())
        self._list = VmList(PagedLists(_BASE_URL, self._read, Clock()), slim)
        self._fleet = Fleet(_BASE_URL)
        self._sequence = 0

    async def _read(self, url: str, *, vm_id: str = "") -> bytes:
        return next(self._bodies)

    def __call__(self, bodies: Bodies) -> Sequence[str]:
        self._bodies = iter(bodies)
        change = asyncio.run(self._poll())
        return tuple(change.added | change.changed)

    async def _poll(self) -> Change:
        self._sequence += 1
        rows = [row async for page in self._list.pages() for row in page.rows]
        return Change() | self._fleet.apply(
            Reading(self._sequence, _BASE_URL, at=self._sequence, vms=tuple(rows), is_whole_fleet=True)
        )


class _Image(BaseModel):
    id: str
    distro: str
    name: str


class _Address(BaseModel):
    ip_address: str
    netmask: str
    gateway: str
    type: str


class _Vm(BaseModel):
    """The object as the document prints it, and nothing clever."""

    id: str
    name: str
    memory: float
    vcpus: float
    disk: float
    locked: bool
    created_at: str
    status: str
    backup_ids: list[str]
    snapshot_ids: list[str]
    image: _Image
    features: list[str]
    networks: dict[str, list[_Address]]
    region: str


class _Plain:
    """What a client does that has no reason to think of it."""

    def __init__(self) -> None:
        self._known: dict[str, _Vm] = {}

    def __call__(self, bodies: Bodies) -> Sequence[str]:
        read = [_Vm.model_validate(entry) for body in bodies for entry in json.loads(body)["vms"]]
        changed = [vm.id for vm in read if self._known.get(vm.id) != vm]
        self._known = {vm.id: vm for vm in read}
        return changed


def _bodies() -> tuple[Bodies, Bodies]:
    """Two polls of a fleet, page by page; VMs spread over all pages differ."""
    cloud = SimulatedCloud(vms=VMS, calm=True)
    before = [_page(cloud, start) for start in range(0, VMS, PER_PAGE)]
    for vm in cloud.vms()[:: VMS // CHANGED]:
        cloud.set_status(vm.id, "stopped" if vm.status == "running" else "running")
    return before, [_page(cloud, start) for start in range(0, VMS, PER_PAGE)]


def _page(cloud: SimulatedCloud, start: int) -> bytes:
    entries, total = cloud.listed_vms(start, start + PER_PAGE)
    page = start // PER_PAGE + 2
    links = {"pages": {"next": f"{_BASE_URL}/vms?page={page}&per_page={PER_PAGE}"}} if start + PER_PAGE < total else {}
    return b'{"vms": [%s], "links": %s, "meta": {"total": %d}}' % (
        b", ".join(entries),
        json.dumps(links).encode(),
        total,
    )
