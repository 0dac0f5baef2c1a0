"""Thousands of POSTs over real sockets, each broken in another way: twice, lost, or called what it was not?

The engine, its journal on a real disk and its client are the product's; the cloud is the simulated one, and between
them stands the fault proxy. The cloud's ledger is the truth. What would be a lie of the cloud's own is not among the
faults: an answer of success without effect, a refusal with one.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from cftui.api import requests
from cftui.api.client import Deadlines
from cftui.fleet.history import Finding, Stage, Submission
from cftui.fleet.rows import ActionType, Power, VmRow
from cftui.operations.engine import Account, Engine
from cftui.operations.journal import read_journal
from cftui.operations.order import Order
from cftui.operations.plan import make_plan
from cftui.operations.state import PollLimits
from cftui.simulator import faults
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.faults import Fault
from cftui.simulator.messages import Request
from cftui.simulator.server import SimulatorServer
from tests.faults import proxy as proxies
from tests.faults.proxy import Break, FaultProxy
from tests.proof.figures import Figure, Scale

SEED = 20261124
_SHORT, _LONG, _BATCH = 150, 10_000, 250
_IN_FLIGHT = 32
_DEADLINES = Deadlines(connect_s=5, get_s=20, post_s=0.5)
"""Long waits prove nothing more than short ones."""

_ACCEPTED = frozenset({Stage.ACCEPTED, Stage.COMPLETED, Stage.VERIFIED, Stage.ERRORED, Stage.TIMED_OUT})
_REFUSED = frozenset({Stage.REJECTED, Stage.NOT_SENT, Stage.SKIPPED})


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to one POST."""

    fault: Fault | None = None
    """At the server."""
    broken: Break | None = None
    """On the way."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One confirmation, and what became of it."""

    fault: str
    """What the server did to it; empty for nothing."""
    broken: Break | None
    """What happened on the way."""
    verdict: Submission
    """As it was told at once."""
    later: Submission
    """As it stands after the look-ups of a few seconds."""
    kept: Submission | None
    """As the journal has it."""
    received: int
    """How many POSTs reached the cloud, whole or not."""
    executed: int

    @property
    def is_twice(self) -> bool:
        """Whether one confirmation was sent more than once."""
        return self.received > 1 or self.executed > 1

    @property
    def is_lost(self) -> bool:
        """Whether a POST left and nobody would ever know of it."""
        if not self.received:
            return False
        return self.kept is None or self.kept.stage in (Stage.NOT_SENT, Stage.SKIPPED, Stage.SENDING)

    @property
    def is_wrong(self) -> bool:
        """Whether anything was said of it that is not so."""
        said = {self.verdict.stage, self.later.stage} | ({self.kept.stage} if self.kept else set())
        if self.executed:
            return bool(said & _REFUSED)
        return bool(said & _ACCEPTED) or self.later.finding in (Finding.PROBABLE, Finding.SEVERAL)


def figures(scale: Scale) -> list[Figure]:
    """Break so many POSTs."""
    if scale is Scale.SHORT:
        outcomes = one_batch(SEED, _SHORT)
    else:
        seeds = range(SEED, SEED + _LONG // _BATCH)
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            batches = pool.map(one_batch, seeds, [_BATCH] * len(seeds))
            outcomes = [outcome for batch in batches for outcome in batch]
    tried, left = len(outcomes), sum(bool(outcome.received) for outcome in outcomes)
    stages = Counter(outcome.verdict.stage.value.replace("_", " ") for outcome in outcomes)
    told = ", ".join(f"{number:,} {stage}" for stage, number in stages.most_common())
    executed = sum(outcome.executed for outcome in outcomes)

    def figure(what: str, is_bad: Callable[[Outcome], bool], note: str) -> Figure:
        return Figure(f"broken POSTs: {what}", tried, sum(map(is_bad, outcomes)), "POSTs", note)

    return [
        figure(
            "sent twice",
            lambda one: one.is_twice,
            f"seed {SEED}; {left:,} reached the cloud, {executed:,} were carried out",
        ),
        figure("lost", lambda one: one.is_lost, "left, and neither answered nor identified nor unknown"),
        figure("wrong verdicts", lambda one: one.is_wrong, told),
    ]


def one_batch(seed: int, count: int) -> list[Outcome]:
    """So many confirmations on a cloud and a journal of their own; the same for the same seed."""
    rng = random.Random(seed)
    cloud = SimulatedCloud(vms=count * 4 // 3 + 10, seed=seed % 1000, calm=True, speed=50)
    return asyncio.run(broken(cloud, [_trouble(rng) for _ in range(count)], lambda vm: _request(vm, rng)))


async def broken(
    cloud: SimulatedCloud,
    troubles: Sequence[Trouble],
    request: Callable[[VmRow], requests.ActionRequest],
    *,
    deadlines: Deadlines = _DEADLINES,
) -> list[Outcome]:
    """Confirm as many steps as there are troubles, each on a VM of its own, and let each meet its own.

    Args:
        cloud: With enough VMs that are not locked.
        troubles: In the order of the VMs.
        request: What is asked of a VM.
        deadlines: Of the engine.
    """
    with SimulatorServer(cloud) as server, FaultProxy(server.port) as proxy, TemporaryDirectory("-proof") as folder:
        account = Account(proxy.url, cloud.email, cloud.password)
        engine = Engine(
            account,
            state_dir=Path(folder) / "state",
            poll=PollLimits(idle_s=300, active_s=2),
            keeps_fleet=False,
            deadlines=deadlines,
        )
        await engine.start()
        await engine.first_reading()
        vms = [vm for vm in engine.view.vms.values() if not vm.locked][: len(troubles)]
        assert len(vms) == len(troubles), "enough VMs"
        by_id = {vm.id: trouble for vm, trouble in zip(vms, troubles, strict=True)}
        _arrange(by_id, server, proxy)
        of_type: dict[ActionType, list[tuple[VmRow, requests.ActionRequest]]] = {}
        for vm in vms:
            asked = request(vm)
            of_type.setdefault(asked.type, []).append((vm, asked))
        plans = [make_plan(pairs, base_url=account.base_url) for pairs in of_type.values()]
        each = -(-_IN_FLIGHT // len(plans))
        runs = await asyncio.gather(*(engine.execute(plan, Order(max_parallel=each)) for plan in plans))
        verdicts = [verdict for run in runs for verdict in run]
        await asyncio.sleep(1.5)  # the first look-ups; and what was still on its way arrives
        await engine.stop()
        later = engine.view.submissions
        kept = {e.submission.token: e.submission for e in read_journal(Path(folder) / "state" / "journal.sqlite3")}
    received = Counter(post.path.split("/")[-2] for post in server.ledger.posts)
    executed = Counter(post.path.split("/")[-2] for post in server.ledger.executed)
    return [
        Outcome(
            fault.name if (fault := by_id[verdict.vm_id].fault) else "",
            by_id[verdict.vm_id].broken,
            verdict,
            later[verdict.token],
            kept.get(verdict.token),
            received[verdict.vm_id],
            executed[verdict.vm_id],
        )
        for verdict in verdicts
    ]


def _arrange(troubles: dict[str, Trouble], server: SimulatorServer, proxy: FaultProxy) -> None:
    """Let every POST, and nothing else, meet its trouble."""

    def meets(vm_id: str) -> Callable[[Request], bool]:
        return lambda request: request.method == "POST" and vm_id in request.target

    for vm_id, trouble in troubles.items():
        if trouble.fault is not None:
            server.faults.always(meets(vm_id), trouble.fault)

    def choose(head: bytes) -> Break | None:
        found = re.match(rb"POST \S+/vms/([^/]+)/actions ", head)
        trouble = troubles.get(found[1].decode()) if found else None
        return trouble.broken if trouble else None

    proxy.choose = choose


def _request(vm: VmRow, rng: random.Random) -> requests.ActionRequest:
    if vm.power is not Power.ON:
        return requests.simple(ActionType.POWER_ON)
    return requests.simple(
        rng.choice(
            [
                ActionType.REBOOT,
                ActionType.POWER_CYCLE,
                ActionType.SHUTDOWN,
                ActionType.POWER_OFF,
                ActionType.PASSWORD_RESET,
            ]
        )
    )


def _trouble(rng: random.Random) -> Trouble:
    where = rng.random()
    fault = _at_the_server(rng) if where < 0.6 else None
    return Trouble(fault, _on_the_way(rng) if where > 0.45 else None)


def _at_the_server(rng: random.Random) -> Fault | None:
    done = rng.random() < 0.5
    undecided = rng.choice([408, 425, 499, 500, 501, 502, 503, 504, 520, 522, 524, 599])
    refusal = rng.choice([400, 402, 403, 404, 405, 409, 410, 413, 415, 418, 422, 423, 429, 451])
    page = rng.choice([b"", b"<html>oops</html>", b'{"message": "no"}', b'{"action": {"id": "x"', b"\xff\x00"])
    return rng.choice(
        [
            None,
            faults.hang(carried_out=done),
            faults.reset(carried_out=done),
            faults.close(carried_out=done),
            faults.html_502(carried_out=done),
            faults.redirect("https://other.example/", rng.choice([301, 302, 303, 307, 308]), carried_out=done),
            faults.garbage(carried_out=done),
            faults.status(undecided, page, carried_out=done),
            faults.status(refusal, page),
            faults.status(rng.choice([200, 201, 202, 204]), page, carried_out=True),
            faults.cut(rng.randrange(600), end=rng.choice(["close", "reset", "hang"])),
            faults.truncated(),
            faults.gzipped(),
            faults.body(page),
            faults.delay(rng.choice([0.05, 0.2, 0.6])),
        ]
    )


def _on_the_way(rng: random.Random) -> Break:
    return rng.choice(
        [
            proxies.latency(rng.choice([0.01, 0.1, 0.3])),
            proxies.bandwidth(rng.choice([500, 5_000, 50_000])),
            proxies.slicer(rng.choice([1, 7, 100])),
            proxies.cut_request(rng.randrange(450), rng.choice(["fin", "rst"])),
            proxies.cut_answer(rng.randrange(700), rng.choice(["fin", "rst"])),
            proxies.silence(),
            proxies.reset_peer(),
            proxies.slow_close(rng.choice([0.05, 0.6])),
        ]
    )
