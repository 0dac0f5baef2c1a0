"""POSTs that did not leave, or that the cloud refused: why, what else is asked then, and what may be sent next."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from cftui.api import errors, requests
from cftui.errors import UsageError
from cftui.fleet.history import Stage, Submission
from cftui.fleet.rows import ActionType
from cftui.operations.engine import Account, Engine
from cftui.operations.journal import read_journal
from cftui.operations.order import Order
from cftui.operations.plan import make_plan
from cftui.operations.state import Link, LinkState
from cftui.simulator import faults
from tests.api.scripted import ScriptedServer, http, says
from tests.clock import TurnedClock
from tests.faults.broken import MakeBroken
from tests.operations import rows
from tests.operations.conftest import eventually


@pytest.mark.fault("1")
async def test_the_name_is_not_found_any_more(make_broken: MakeBroken, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name service fails between the reads, whose connections are kept, and the POST."""
    is_there = True
    real = socket.getaddrinfo

    def ask(host: Any, *args: Any, **options: Any) -> Any:
        if host in ("cloud.test", b"cloud.test"):
            if not is_there:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            host = "127.0.0.1"
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    world = await make_broken()
    await world.engine.stop()
    world.account = replace(world.account, base_url=f"http://cloud.test:{world.proxy.port}/api/v1")
    world.engine = world.make_engine()
    await world.begin()
    is_there = False
    sent = await world.send(world.named(), ActionType.REBOOT)
    assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "unreachable")
    assert sent.message == f"cloud.test:{world.proxy.port}: name not found"
    assert world.posts == 0
    is_there = True
    assert (await world.send(world.named(), ActionType.REBOOT)).stage is Stage.ACCEPTED, "the keys stay usable"


async def told_of(account: Account, state_dir: Path) -> tuple[Submission, Link]:
    """What comes of a plan where not even a read gets through."""
    engine = Engine(account, state_dir=state_dir, clock=TurnedClock())
    await engine.start()
    with pytest.raises(errors.Unreachable):
        await engine.first_reading()
    plan = make_plan([(rows.vm(), requests.simple(ActionType.REBOOT))], base_url=account.base_url)
    (sent,) = await engine.execute(plan)
    link = engine.update.link
    await engine.stop()
    assert read_journal(state_dir / "journal.sqlite3") == []
    return sent, link


@pytest.mark.fault("4")
async def test_a_certificate_that_proves_nothing_is_told_with_its_fingerprint(tmp_path: Path) -> None:
    leaf = trustme.CA().issue_cert("127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(tls)
    async with ScriptedServer(says(http(200)), tls) as server:
        sent, link = await told_of(Account(server.url, "user@example.com", "password"), tmp_path / "state")
    shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())).digest().hex(":")
    assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "unread")
    assert f"certificate: unable to get local issuer certificate (SHA-256 {shown.upper()})" in sent.message
    assert link.cause == "certificate: unable to get local issuer certificate"
    assert link.hint == "If its authority is a private one, name it with ca_file in the profile."
    assert server.requests == []


@pytest.mark.fault("5")
async def test_a_proxy_that_refuses_lets_nothing_through(tmp_path: Path) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with ScriptedServer(says(refusal)) as proxy:
        account = Account("https://cloud.example/api/v1", "user@example.com", "password", proxy=proxy.origin)
        sent, link = await told_of(account, tmp_path / "state")
    assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "unread")
    assert "proxy refused" in sent.message
    assert link.cause == "proxy refused"
    assert {received.method for received in proxy.requests} == {"CONNECT"}


@pytest.mark.fault("6")
async def test_what_is_no_request_never_becomes_a_plan(make_broken: MakeBroken) -> None:
    world = await make_broken()
    with pytest.raises(UsageError):
        requests.rename("")
    with pytest.raises(UsageError):
        requests.resize(cpu=0)
    with pytest.raises(UsageError):
        requests.snapshot("x" * 300)
    with pytest.raises(UsageError, match="cannot be sent"):
        await world.make_engine(password="\ud800").start()
    assert world.posts == 0
    assert world.kept() == []


@pytest.mark.fault("33")
@pytest.mark.parametrize(
    ("path", "words"),
    [("/actions", "cannot read its actions first: "), ("/vms/", "cannot read the VM's state first: ")],
)
async def test_what_cannot_be_read_first_is_not_acted_on(make_broken: MakeBroken, path: str, words: str) -> None:
    world = await make_broken()
    vm = world.named()
    world.server.faults.always(f"GET {path}", faults.status(500, "<h1>Oops</h1>"))
    sent = await world.send(vm, ActionType.REBOOT)
    assert (sent.stage, sent.reason) == (Stage.NOT_SENT, "unread")
    assert sent.message.startswith(words)
    assert world.kept() == [], "no intent without a baseline"
    assert world.posts == 0
    world.server.faults.clear()
    assert (await world.send(vm, ActionType.REBOOT)).stage is Stage.ACCEPTED, "the operator may press again"


class TestRateLimit:
    """Row 15: refused before acting; nothing is sent by itself, and nothing at all until the wait is over."""

    @pytest.mark.fault("15")
    async def test_the_wait_is_told_and_kept(self, make_broken: MakeBroken) -> None:
        world = await make_broken()
        world.server.faults.next("POST", faults.status(429, "{}", headers={"retry-after": "12"}))
        first, other = world.named(), world.named(nth=1)
        sent = await world.send(first, ActionType.REBOOT)
        until = world.clock.now().astimezone().replace(microsecond=0)
        assert (sent.stage, sent.reason) == (Stage.REJECTED, "429")
        assert sent.message.startswith("429: no reason was given; it asks to wait 12 s, until ")
        assert sent.message[-8:] > until.strftime("%H:%M:%S")

        early = await world.send(other, ActionType.REBOOT)
        assert (early.stage, early.reason) == (Stage.NOT_SENT, "wait")
        assert early.message == "the cloud asks to wait 12 s more"
        await world.pass_time(13)
        assert world.posts == 1, "nothing is sent by itself"
        assert (await world.send(world.engine.view.vms[first.id], ActionType.REBOOT)).stage is Stage.ACCEPTED

    @pytest.mark.fault("15")
    async def test_the_rest_of_a_run_begins_after_the_wait(self, make_broken: MakeBroken) -> None:
        """What was refused is not sent again by itself, neither then nor later."""
        world = await make_broken()
        world.server.faults.next("POST", faults.status(429, "{}", headers={"retry-after": "12"}))
        reboot = requests.simple(ActionType.REBOOT)
        plan = make_plan([(world.named(nth=n), reboot) for n in range(3)], base_url=world.account.base_url)
        run = asyncio.create_task(world.engine.execute(plan, Order(max_parallel=1)))
        await eventually(lambda: len(world.kept()) == 1 and world.kept()[0].is_settled)
        await world.pass_time(11)
        assert world.posts == 1
        await world.until(run.done, within_s=10)
        assert [one.stage for one in await run] == [Stage.REJECTED, Stage.ACCEPTED, Stage.ACCEPTED]
        assert world.posts == 3

    @pytest.mark.fault("15")
    async def test_without_a_wait_the_key_stays_usable(self, make_broken: MakeBroken) -> None:
        world = await make_broken()
        world.server.faults.next("POST", faults.status(429, '{"message": "API rate limit exceeded."}'))
        sent = await world.send(world.named(), ActionType.REBOOT)
        assert sent.message == "429: API rate limit exceeded; it does not say how long to wait"
        assert (await world.send(world.named(), ActionType.REBOOT)).stage is Stage.ACCEPTED


@pytest.mark.fault("16")
async def test_the_cloud_itself_says_that_it_is_busy(make_broken: MakeBroken) -> None:
    """Where no action can be read, only the cloud's refusal tells that somebody else is at it."""
    world = await make_broken(quirks={"no-actions": ""})
    vm = world.named()
    world.cloud.start_foreign_action(vm.id, "snapshot")
    sent = await world.send(vm, ActionType.REBOOT)
    assert (sent.stage, sent.reason) == (Stage.REJECTED, "422")
    assert sent.message.startswith("422: The VM already has an action in progress: snapshot, since 20")
    assert len(world.server.ledger.executed) == 0


@pytest.mark.fault("18")
async def test_refused_credentials_are_not_tried_again(make_broken: MakeBroken) -> None:
    world = await make_broken()
    world.server.faults.next("POST", faults.status(401, '{"message": "no"}'))
    await world.send(world.named(), ActionType.REBOOT)
    before = world.server.ledger.count()
    await world.pass_time(5)
    assert world.engine.update.link.state is LinkState.UNAUTHORISED
    assert world.server.ledger.count() == before


class TestNotFound:
    """Row 19: a 404 means one of two things, which two reads tell apart; nothing is sent under another path."""

    @pytest.mark.fault("19")
    async def test_the_vm_is_gone(self, make_broken: MakeBroken) -> None:
        world = await make_broken()
        vm = world.named()
        seen: list[object] = []

        def delete(request: Any) -> bool:
            """As the POST arrives, somebody deletes the VM."""
            if request.method == "POST" and not seen:
                seen.append(request)
                world.cloud.delete(vm.id)
            return False

        world.server.faults.always(delete, faults.delay(0))
        sent = await world.send(vm, ActionType.REBOOT)
        assert (sent.stage, sent.reason) == (Stage.REJECTED, "404")
        assert sent.message.endswith("; the VM no longer exists")
        assert world.kept() == [sent]
        assert vm.id not in world.engine.view.vms

    @pytest.mark.fault("19", "109")
    async def test_the_base_path_is_wrong(self, make_broken: MakeBroken) -> None:
        world = await make_broken()
        vm = world.named()

        def is_after_the_post(request: Any) -> bool:
            return request.method == "POST" or world.posts > 0

        world.server.faults.always(is_after_the_post, faults.status(404, '{"message": "nothing here"}'))
        sent = await world.send(vm, ActionType.REBOOT)
        assert (sent.stage, sent.reason) == (Stage.REJECTED, "404")
        assert sent.message == (
            "404: nothing here; neither the VM nor the account is found, so the base path may be wrong"
        )
        assert vm.id in world.engine.view.vms, "no proof that it is gone"
        (post,) = world.server.ledger.posts
        assert post.path.startswith("/api/v1/"), "the other prefix is never tried with a POST"

    @pytest.mark.fault("19")
    async def test_the_vm_is_there_all_the_same(self, make_broken: MakeBroken) -> None:
        world = await make_broken()
        world.server.faults.next("POST", faults.status(404, '{"message": "nothing here"}'))
        sent = await world.send(world.named(), ActionType.REBOOT)
        assert sent.message == "404: nothing here; the VM is there, so the base path may be wrong"

    @pytest.mark.fault("19")
    @pytest.mark.parametrize(("status", "reason"), [(404, "unread"), (405, "unread"), (501, "unread")])
    async def test_a_vm_that_cannot_be_read_is_not_called_gone(
        self, make_broken: MakeBroken, status: int, reason: str
    ) -> None:
        """Before the POST: the account is not found either, or there is no such endpoint."""
        world = await make_broken()
        vm = world.named()
        world.server.faults.always("GET /vms/", faults.status(status, "{}"))
        if status == 404:
            world.server.faults.always("GET /account", faults.status(404, "{}"))
        sent = await world.send(vm, ActionType.REBOOT)
        assert (sent.stage, sent.reason) == (Stage.NOT_SENT, reason)
        assert vm.id in world.engine.view.vms
        assert world.posts == 0
