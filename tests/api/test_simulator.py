"""The client and the simulated cloud, which share no code but the document."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cftui.api import requests
from cftui.api.client import CloudClient
from cftui.api.errors import Forbidden, OutcomeUnknown, Rejected, Unauthorized
from cftui.fleet.rows import ActionType, Phase, Power, VmRow
from cftui.simulator.server import SimulatorServer
from tests.conftest import EMAIL, PASSWORD, StartSimulator

QUIRKS = [
    [],
    ["trailing-commas"],
    ["numbers-as-strings", "unknown-fields"],
    ["strings-as-numbers", "region-objects"],
    ["nulls"],
    ["missing-members"],
    ["small-pages"],
    ["small-pages", "no-links"],
    ["small-pages", "no-meta", "trailing-commas"],
    ["unknown-status"],
    ["hostile-names"],
    ["no-date"],
]


@asynccontextmanager
async def connected(server: SimulatorServer, password: str = PASSWORD) -> AsyncIterator[CloudClient]:
    async with CloudClient(server.url, EMAIL, password) as client:
        yield client


async def fleet(client: CloudClient) -> list[VmRow]:
    pages = [page async for page in client.list_vms()]
    assert [page.is_last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert sum(page.unreadable for page in pages) == 0
    return [row for page in pages for row in page.rows]


@pytest.mark.parametrize("quirks", QUIRKS, ids=" ".join)
async def test_the_fleet_is_the_same_whatever_the_spelling(start_simulator: StartSimulator, quirks: list[str]) -> None:
    plain, odd = start_simulator(), start_simulator(quirks=quirks)
    async with connected(plain) as client, connected(odd) as other:
        expected, rows = await fleet(client), await fleet(other)
        assert [row.id for row in rows] == [row.id for row in expected]
        assert [(row.cpu, row.disk_gb) for row in rows] == [(row.cpu, row.disk_gb) for row in expected]
        whole = await other.get_vm(rows[0].id)
        assert whole.row() == rows[0]


@pytest.mark.parametrize("quirks", [[], ["trailing-commas"], ["numbered-actions"], ["no-date"]], ids=" ".join)
async def test_all_nine_actions(start_simulator: StartSimulator, quirks: list[str]) -> None:
    server = start_simulator(vms=60, quirks=quirks)
    async with connected(server) as client:
        rows = [row for row in await fleet(client) if not row.locked]
        running = [row for row in rows if row.power is Power.ON]
        stopped = [row for row in rows if row.power is Power.OFF]
        simple = [type_ for type_ in list(ActionType)[:6] if type_ is not ActionType.POWER_ON]
        asked = [(running.pop().id, requests.simple(type_)) for type_ in simple]
        asked += [
            (stopped.pop().id, requests.simple(ActionType.POWER_ON)),
            (stopped.pop().id, requests.resize(ram_gb=64)),
            (stopped.pop().id, requests.resize(cpu=16, ram_gb=64, disk_gb=2000)),
            (running.pop().id, requests.rename("new-name")),
            (running.pop().id, requests.snapshot("New Snapshot")),
        ]
        for vm_id, request in asked:
            row = await client.submit(vm_id, request)
            assert (row.vm_id, row.type, row.phase) == (vm_id, request.type, Phase.RUNNING)
            assert row.started is not None
            assert bool(row.number) == ("numbered-actions" in quirks)
        listed = {(row.vm_id, row.type) for row in (await client.follow({vm_id for vm_id, _ in asked})).rows}
        assert listed.issuperset((vm_id, request.type) for vm_id, request in asked)
        if "no-date" not in quirks:
            assert client.server_offset is not None
    received = [json.loads(post.body) for post in server.ledger.posts]
    assert received == [request.body for _, request in asked]
    assert [post.position for post in server.ledger.posts] == [1] * len(asked)


async def test_what_the_cloud_refuses(start_simulator: StartSimulator) -> None:
    server = start_simulator(quirks=["demo-mode"])
    async with connected(server) as client:
        running = next(row for row in await fleet(client) if row.power is Power.ON and not row.locked)
        with pytest.raises(Rejected) as raised:
            await client.submit(running.id, requests.resize(ram_gb=64))
        assert raised.value.status == 422
        with pytest.raises(Forbidden):
            await client.submit(running.id, requests.snapshot("New Snapshot"))
    async with connected(server, "wrong") as stranger:
        with pytest.raises(Unauthorized):
            await stranger.account()
    async with connected(server, "wrong") as stranger:
        with pytest.raises(Unauthorized):
            await stranger.submit(running.id, requests.simple(ActionType.REBOOT))
    assert not server.ledger.executed


async def test_a_lost_answer_is_unknown_and_sent_once(start_simulator: StartSimulator) -> None:
    server = start_simulator(quirks=["drop-after-accept"])
    async with connected(server) as client:
        running = next(row for row in await fleet(client) if row.power is Power.ON and not row.locked)
        with pytest.raises(OutcomeUnknown):
            await client.submit(running.id, requests.simple(ActionType.REBOOT))
    assert len(server.ledger.posts) == len(server.ledger.executed) == 1


@pytest.mark.parametrize(
    ("quirks", "source"), [([], "global"), (["no-global-actions"], "per-vm"), (["no-actions"], "none")]
)
async def test_where_actions_can_be_read(start_simulator: StartSimulator, quirks: list[str], source: str) -> None:
    async with connected(start_simulator(quirks=quirks)) as client:
        rows = await fleet(client)
        listing = await client.follow({rows[0].id})
        assert (listing.source, client.action_source) == (source, source)


@pytest.mark.parametrize("quirks", [["small-pages"], ["small-pages", "actions-oldest-first"], ["actions-oldest-first"]])
async def test_the_newest_action_is_found_in_any_order(start_simulator: StartSimulator, quirks: list[str]) -> None:
    async with connected(start_simulator(quirks=quirks)) as client:
        running = next(row for row in await fleet(client) if row.power is Power.ON and not row.locked)
        begun = await client.submit(running.id, requests.simple(ActionType.REBOOT))
        for _ in range(2):
            newest = await client.actions()
            assert (begun.vm_id, begun.type, begun.started) in {(row.vm_id, row.type, row.started) for row in newest}
        whole = await client.actions(whole=True)
        assert len(whole) >= len(newest)
