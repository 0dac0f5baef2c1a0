"""A connection cut at every byte of a POST exchange, in both directions, in order (FIN) and with a reset (RST)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cftui.api import requests
from cftui.api.client import CloudClient, Deadlines
from cftui.fleet.history import Stage
from cftui.fleet.rows import ActionType
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from tests.faults import proxy as proxies
from tests.faults.proxy import Break, End, FaultProxy
from tests.operations.conftest import eventually
from tests.proof.figures import Figure, Scale
from tests.proof.posts import Outcome, Trouble, broken

_BATCH = 250
_REBOOT = requests.simple(ActionType.REBOOT)


def figures(scale: Scale) -> list[Figure]:
    """Cut at every byte, or at every sixteenth."""
    return asyncio.run(_figures(16 if scale is Scale.SHORT else 1))


async def _figures(step: int) -> list[Figure]:
    request, answer, head = await _sizes()

    def offsets(size: int) -> list[int]:
        return sorted({*range(0, size, step), size - 1, size})

    ends: tuple[End, ...] = ("fin", "rst")
    cuts = [proxies.cut_request(at, end) for end in ends for at in offsets(request)]
    cuts += [proxies.cut_answer(at, end) for end in ends for at in offsets(answer)]
    outcomes = await _cut([Trouble(broken=cut) for cut in cuts])
    found = []
    for name in dict.fromkeys(cut.name for cut in cuts):
        of_name = [outcome for outcome in outcomes if outcome.broken is not None and outcome.broken.name == name]
        wrong = sum(_is_wrong(outcome, head, answer) for outcome in of_name)
        size = request if "request" in name else answer
        note = f"bytes 0 to {size}{'' if step == 1 else f', every {step}th and the last two'}"
        found.append(Figure(f"{name[:-3]}{name[-3:].upper()}", len(of_name), wrong, "offsets", note))
    return found


def _is_wrong(outcome: Outcome, head: int, whole: int) -> bool:
    assert outcome.broken is not None
    is_request = outcome.broken.cut_request_at is not None
    is_wrong = _is_wrong_request(outcome) if is_request else _is_wrong_answer(outcome, outcome.broken, head, whole)
    return is_wrong or outcome.is_twice or outcome.is_lost or outcome.is_wrong


def _is_wrong_request(outcome: Outcome) -> bool:
    """No answer can have come; and some of it left, if only to the proxy."""
    return outcome.verdict.stage is not Stage.UNKNOWN


def _is_wrong_answer(outcome: Outcome, cut: Break, head: int, whole: int) -> bool:
    """Only a whole answer names an action, and only a whole head says "accepted".

    A reset may take bytes away that had arrived before it: then less is known, and never more.
    """
    assert cut.cut_answer_at is not None
    verdict = outcome.verdict
    known = (verdict.stage is Stage.ACCEPTED) + (verdict.key is not None)
    allowed = (cut.cut_answer_at >= head) + (cut.cut_answer_at >= whole)
    is_right = known == allowed if cut.end == "fin" else known <= allowed
    return not is_right or verdict.stage not in (Stage.ACCEPTED, Stage.UNKNOWN)


async def _sizes() -> tuple[int, int, int]:
    """Bytes of a request, of its answer, and of that answer's head; all VMs here have the same."""
    cloud = _cloud(1)
    with SimulatorServer(cloud) as server, FaultProxy(server.port) as proxy:
        async with CloudClient(proxy.url, cloud.email, cloud.password) as client:
            await client.submit(cloud.vms()[0].id, _REBOOT)
        await eventually(lambda: bool(proxy.exchanges))  # its own thread notes the end
        ((request, answer),) = proxy.exchanges
    return len(request), len(answer), answer.index(b"\r\n\r\n") + 4


async def _cut(troubles: Sequence[Trouble]) -> list[Outcome]:
    outcomes = []
    for start in range(0, len(troubles), _BATCH):
        batch = troubles[start : start + _BATCH]
        outcomes += await broken(_cloud(len(batch)), batch, lambda vm: _REBOOT, deadlines=Deadlines())
    return outcomes


def _cloud(vms: int) -> SimulatedCloud:
    """VMs that differ in nothing that has a length."""
    cloud = SimulatedCloud(vms=0, calm=True, speed=50)
    for number in range(vms):
        cloud.add_vm(f"cut-{number:04}")
    return cloud
