"""How fast many confirmed actions leave, beside a bare client on the same server; and how many requests each takes."""

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
from cftui.operations.plan import make_plan
from cftui.operations.state import PollLimits
from tests.bench.cloud import EMAIL, PASSWORD, Cloud, fleet
from tests.bench.table import Figure, Goal, Spread

ACTIONS, IN_FLIGHT = 200, 16
_REBOOT = requests.simple(ActionType.REBOOT)
_BARE = "bare httpx POST"


def figures(runs: int) -> Iterator[Figure]:
    """Everything about sending.

    Args:
        runs: Batches of each kind, interleaved.
    """
    yield from asyncio.run(_figures(runs))


async def _figures(runs: int) -> list[Figure]:
    # One VM more than is acted on for every three that are there: some are off or locked.
    fleet_size = ACTIONS * 3 * (runs + 1) * 4 // 3
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
                        sent = await engine.execute(plan, max_parallel=IN_FLIGHT)
                        assert all(one.stage is Stage.ACCEPTED for one in sent), [one.message for one in sent]

                    for name, work in (
                        ("bare", _each(post_bare)),
                        ("client", _each(post_ours)),
                        ("engine", execute),
                    ):
                        before = cloud.requests(), cloud.posts()
                        began = time.perf_counter()
                        await work([next(idle) for _ in range(ACTIONS)])
                        took = time.perf_counter() - began
                        assert cloud.posts() - before[1] == ACTIONS, "one POST for each that was confirmed"
                        if run >= 0:
                            rates[name].append(ACTIONS / took)
                        if run >= 0 and name == "engine":
                            asked.append((cloud.requests() - before[0]) / ACTIONS)
        finally:
            await engine.stop()
    bare_rate = Spread(tuple(rates["bare"]), "/s")
    what = f"{ACTIONS} actions, {IN_FLIGHT} in flight"
    return [
        Figure(f"{what}: POST alone", Spread(tuple(rates["client"]), "/s"), _BARE, bare_rate, Goal("P15", least=1.3)),
        Figure(f"{what}: execute", Spread(tuple(rates["engine"]), "/s"), _BARE, bare_rate, Goal("P15", least=0.3)),
        Figure(f"{what}: requests each", Spread(tuple(asked), ""), goal=Goal("P15", most=3, unit="requests")),
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
