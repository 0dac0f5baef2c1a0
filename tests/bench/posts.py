"""How fast many confirmed actions leave, beside a bare client on the same server; how many requests each takes, also
when it is followed to its end; and whether each was journalled before it left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx  # noqa: TID251 - the bare client that ours is measured against

from cftui.api import requests
from cftui.api.client import CloudClient
from cftui.fleet.history import Stage
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.operations.engine import Account, Engine
from cftui.operations.order import Order
from cftui.operations.plan import make_plan
from cftui.operations.runs import TargetState
from cftui.operations.state import PollLimits
from tests.bench.cloud import EMAIL, PASSWORD, Cloud, fleet
from tests.bench.table import Figure, Goal, Spread

IN_FLIGHT = 16
_SPEED = 100.0
"""Of the cloud whose actions are followed: a reboot takes half a second there."""
_REBOOT = requests.simple(ActionType.REBOOT)
_BARE = "bare httpx POST"


def figures(runs: int, actions: int) -> Iterator[Figure]:
    """Everything about sending.

    Args:
        runs: Batches of each kind, interleaved.
        actions: In one batch.
    """
    yield from asyncio.run(_figures(runs, actions))
    yield from asyncio.run(_followed(actions))


async def _figures(runs: int, actions: int) -> list[Figure]:
    # One VM more than is acted on for every three that are there: some are off or locked.
    fleet_size = actions * 3 * (runs + 1) * 4 // 3
    with Cloud(fleet_size) as cloud, TemporaryDirectory(prefix="cftui-bench-") as folder:
        idle = iter([vm for vm in fleet(fleet_size) if vm.power is Power.ON and not vm.locked])
        engine = Engine(
            Account(cloud.url, EMAIL, PASSWORD),
            state_dir=Path(folder),
            # Nothing is asked beside the batch: following has figures of its own.
            poll=PollLimits(idle_s=300, active_s=300),
        )
        await engine.start()
        await engine.first_reading()
        rates: dict[str, list[float]] = {"bare": [], "client": [], "engine": []}
        asked: list[float] = []
        try:
            async with CloudClient(cloud.url, EMAIL, PASSWORD) as client, _bare_client() as bare:
                for run in range(-1, runs):  # the first of each is not counted: it opens connections

                    async def post_bare(vm: VmRow) -> None:
                        response = await bare.post(
                            f"{cloud.url}/vms/{vm.id}/actions",
                            content=_REBOOT.body_json,
                            headers={"Content-Type": "application/json"},
                        )
                        assert response.status_code == 201, response.text

                    async def post_ours(vm: VmRow) -> None:
                        await client.submit(vm.id, _REBOOT)

                    async def execute(vms: Sequence[VmRow]) -> None:
                        plan = make_plan([(vm, _REBOOT) for vm in vms], base_url=cloud.url)
                        sent = await engine.execute(plan, Order(max_parallel=IN_FLIGHT))
                        assert all(one.stage is Stage.ACCEPTED for one in sent), [one.message for one in sent]

                    for name, work in (
                        ("bare", _each(post_bare)),
                        ("client", _each(post_ours)),
                        ("engine", execute),
                    ):
                        before = cloud.requests(), cloud.posts()
                        began = time.perf_counter()
                        await work([next(idle) for _ in range(actions)])
                        took = time.perf_counter() - began
                        assert cloud.posts() - before[1] == actions, "one POST for each that was confirmed"
                        if run >= 0:
                            rates[name].append(actions / took)
                        if run >= 0 and name == "engine":
                            asked.append((cloud.requests() - before[0]) / actions)
        finally:
            await engine.stop()
    bare_rate = Spread(tuple(rates["bare"]), "/s")
    what = f"{actions:,} actions, {IN_FLIGHT} in flight"
    return [
        Figure(f"{what}: POST alone", Spread(tuple(rates["client"]), "/s"), _BARE, bare_rate, Goal("P15", least=1.3)),
        Figure(f"{what}: execute", Spread(tuple(rates["engine"]), "/s"), _BARE, bare_rate, Goal("P15", least=0.3)),
        Figure(f"{what}: requests each", Spread(tuple(asked), ""), goal=Goal("P15", most=3, unit="requests")),
    ]


async def _followed(actions: int) -> list[Figure]:
    """One batch to the end of its last action, on a cloud that looks into the journal at each POST."""
    fleet_size = actions * 2
    with Cloud(fleet_size, speed=_SPEED) as cloud, TemporaryDirectory(prefix="cftui-bench-") as folder:
        account = Account(cloud.url, EMAIL, PASSWORD)
        engine = Engine(account, state_dir=Path(folder), poll=PollLimits(idle_s=300))
        await engine.start()
        await engine.first_reading()
        cloud.watch(Path(folder) / "journal.sqlite3")
        idle = [vm for vm in fleet(fleet_size) if vm.power is Power.ON and not vm.locked]
        # What misbehaves there does so by its name.
        vms = [vm for vm in idle if not vm.name.startswith("broken")][:actions]
        before = cloud.requests()
        plan = make_plan([(vm, _REBOOT) for vm in vms], base_url=cloud.url)
        try:
            await engine.execute(plan, Order(max_parallel=IN_FLIGHT))
            run = await engine.end_of(plan.id)
            asked = (cloud.requests() - before) / actions
            assert run.count(TargetState.DONE) == actions, dict(run.counts)
            assert cloud.posts() == actions, "one POST for each that was confirmed"
        finally:
            await engine.stop()
        what = f"{actions:,} actions, {IN_FLIGHT} in flight"
        early = Spread((float(cloud.unrecorded()),), "")
        return [
            Figure(
                f"{what}: requests each, to its end", Spread((asked,), ""), goal=Goal("P15", most=3, unit="requests")
            ),
            Figure(f"{what}: left before their intent", early, goal=Goal("I2", most=0, unit="POSTs")),
        ]


def _bare_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(auth=(EMAIL, PASSWORD))


def _each(send: Callable[[VmRow], Awaitable[None]]) -> Callable[[Sequence[VmRow]], Awaitable[None]]:
    """Send to each, so many at a time, by workers over a queue: the quickest way that httpx knows."""

    async def work(vms: Sequence[VmRow]) -> None:
        waiting = iter(vms)

        async def worker() -> None:
            for vm in waiting:
                await send(vm)

        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))

    return work
