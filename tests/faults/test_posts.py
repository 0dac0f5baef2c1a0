"""Every way in which a POST can end, through the engine and real sockets: what is told, kept, and sent.

The server is the simulated cloud; between it and the engine stands the fault proxy. After each test no more was carried
out than was confirmed.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cftui.api import errors, requests
from cftui.api.client import CloudClient, Deadlines
from cftui.errors import JournalError
from cftui.fleet.history import Finding, Stage
from cftui.fleet.rows import ActionRow, ActionType
from cftui.operations.journal import NOTHING_LISTED, read_journal
from cftui.operations.keeping import Keeping
from cftui.operations.submit import Sender
from cftui.simulator import faults
from cftui.simulator.faults import Fault
from tests.faults import proxy as proxies
from tests.faults.broken import BRISK, USUAL, Broken, MakeBroken, changed, whole
from tests.operations import rows
from tests.proof import posts

mark = pytest.mark


def at_cloud(fault: Fault) -> Callable[[Broken], None]:
    return lambda world: world.server.faults.next("POST", fault)


def on_the_way(broken: proxies.Break) -> Callable[[Broken], None]:
    return lambda world: world.proxy.next(broken)


@dataclass(frozen=True)
class End:
    """One way to end."""

    break_it: Callable[[Broken], None]
    stage: Stage
    reason: str
    words: str
    """A regular expression that the message holds."""
    executed: int = 0
    deadlines: Deadlines = USUAL


def case(rows: pytest.MarkDecorator, end: End) -> Any:
    return pytest.param(end, marks=rows)


def unknown(break_it: Callable[[Broken], None], reason: str, words: str, **more: Any) -> End:
    return End(break_it, Stage.UNKNOWN, reason, words, **more)


def refused(status: int, words: str = "", body: str = '{"id": "x", "message": "not now"}') -> End:
    return End(at_cloud(faults.status(status, body)), Stage.REJECTED, str(status), words or f"{status}: not now")


def unreadable(fault: Fault, words: str, reason: str = "accepted-noid") -> End:
    return End(at_cloud(fault), Stage.ACCEPTED, reason, words, executed=1)


PAGE = "<html><head><title>Oops</title></head><body>\x1b]52;c;RVZJTA==\x07 it broke " + "x" * 5000 + "</body></html>"
INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"
ELSEWHERE = "https://thief:hunter2@other.example:8443/api/v1/x?token=hunter3"

ENDS = [
    case(
        mark.fault("2"),
        End(
            lambda world: world.proxy.refuse(), Stage.NOT_SENT, "unreachable", r"^127\.0\.0\.1:\d+: connection refused$"
        ),
    ),
    case(
        mark.fault("3"),
        End(
            lambda world: world.proxy.jam(),
            Stage.NOT_SENT,
            "unreachable",
            r"no connection in 0\.3 s$",
            deadlines=Deadlines(connect_s=0.3),
        ),
    ),
    case(
        mark.fault("7"),
        unknown(at_cloud(faults.reset(carried_out=True)), "read-error", "No answer came: connection lost", executed=1),
    ),
    case(mark.fault("7"), unknown(at_cloud(faults.reset()), "read-error", "connection lost")),
    case(
        mark.fault("8"),
        unknown(at_cloud(faults.close(carried_out=True)), "no-reply", "closed without a whole answer", executed=1),
    ),
    case(
        mark.fault("9"),
        unknown(
            at_cloud(faults.hang(carried_out=True)), "timeout", r"no answer in 0\.3 s", executed=1, deadlines=BRISK
        ),
    ),
    case(
        mark.fault("9"),
        unknown(on_the_way(proxies.silence()), "timeout", r"no answer in 0\.3 s", executed=1, deadlines=BRISK),
    ),
    case(mark.fault("10"), unknown(on_the_way(proxies.cut_request(60)), "no-reply", "No answer came")),
    case(mark.fault("10"), unknown(on_the_way(proxies.reset_peer()), "read-error|write", "No answer came")),
    case(mark.fault("10"), unknown(on_the_way(proxies.cut_request(60, "rst")), "read-error|write", "No answer came")),
    case(
        mark.fault("13"),
        unknown(
            at_cloud(whole(500, PAGE, content_type="text/html")),
            "500",
            r"^Server error 500: Oops \\x1b\]52;c;",
            executed=1,
        ),
    ),
    *[
        case(mark.fault("14"), unknown(at_cloud(whole(code)), str(code), f"^Server error {code}$", executed=1))
        for code in (501, 502, 503, 504, 520, 599)
    ],
    *[case(mark.fault("16"), refused(code)) for code in (409, 422, 423)],
    case(mark.fault("17"), refused(400, r"400: not a size", '{"message": "not a size"}')),
    case(mark.fault("18"), refused(401)),
    case(mark.fault("18"), refused(403)),
    *[case(mark.fault("20"), refused(code)) for code in (405, 410, 413, 415, 451)],
    *[
        case(mark.fault("20"), unknown(at_cloud(whole(code)), str(code), f"^The answer is {code}$", executed=1))
        for code in (408, 425, 499)
    ],
    *[
        case(
            mark.fault("21"),
            unknown(
                at_cloud(faults.redirect(ELSEWHERE, code, carried_out=True)),
                "redirect",
                r"redirects to https://other\.example:8443;",
                executed=1,
            ),
        )
        for code in (301, 302, 303, 307, 308)
    ],
    case(mark.fault("22"), unreadable(faults.truncated(), "does not say what was started; looking it up")),
    case(mark.fault("22"), unreadable(faults.cut(330), "accepted, but the answer did not come whole")),
    case(
        mark.fault("23"),
        unreadable(whole(200, PAGE, content_type="text/html"), "accepted, but the answer is text/html, not JSON"),
    ),
    case(mark.fault("23"), unreadable(whole(201), "does not say what was started")),
    case(mark.fault("23"), unreadable(whole(204), "does not say what was started")),
    case(
        mark.fault("24"),
        unreadable(changed(id="77"), "accepted, but the answer names reboot of 77, not reboot of", "accepted-mismatch"),
    ),
    case(mark.fault("24"), unreadable(changed(type="power_off"), "the answer names power_off of", "accepted-mismatch")),
    case(
        mark.fault("25"),
        End(at_cloud(changed(started_at=None)), Stage.ACCEPTED, "", "accepted, waiting for a start time", executed=1),
    ),
    case(
        mark.fault("25"),
        End(at_cloud(changed(started_at="soon")), Stage.ACCEPTED, "", "accepted, waiting for a start time", executed=1),
    ),
    case(
        mark.fault("26"),
        End(
            at_cloud(changed(status="queued2")),
            Stage.ACCEPTED,
            "",
            "the cloud says 'queued2', which is not known here",
            executed=1,
        ),
    ),
    case(
        mark.fault("27"),
        End(at_cloud(changed(status="completed")), Stage.COMPLETED, "", "cannot be verified on the VM", executed=1),
    ),
    case(
        mark.fault("27", "112"),
        End(at_cloud(changed(status="errored")), Stage.ERRORED, "", "the API gave no reason", executed=1),
    ),
    case(
        mark.fault("32"),
        unknown(
            at_cloud(Fault("interim", True, raw=INTERIM, end="hang")),
            "timeout",
            "no answer in",
            executed=1,
            deadlines=BRISK,
        ),
    ),
    case(
        mark.fault("32"),
        unknown(
            at_cloud(Fault("interim", True, raw=INTERIM * 99, drip_s=0.001, end="hang")),
            "timeout",
            "no answer",
            executed=1,
            deadlines=BRISK,
        ),
    ),
]


@pytest.mark.parametrize("end", ENDS)
async def test_how_a_post_ends(make_broken: MakeBroken, end: End) -> None:
    world = await make_broken(deadlines=end.deadlines)
    end.break_it(world)
    vm = world.named()
    sent = await world.send(vm, ActionType.REBOOT)

    assert sent.stage is end.stage, sent
    assert re.fullmatch(end.reason, sent.reason)
    assert re.search(end.words, sent.message)
    assert len(sent.message) < 300
    assert sent.message.isprintable()
    assert "hunter" not in repr(sent)
    assert world.kept() == [sent]
    assert len(world.server.ledger.executed) == end.executed

    before = world.posts
    again = await world.send(world.engine.view.vms[vm.id], ActionType.REBOOT)
    match end.stage:
        case Stage.UNKNOWN:
            assert (again.stage, again.message) == (
                Stage.SKIPPED,
                "the outcome of reboot is not known yet; looking it up",
            )
        case Stage.ACCEPTED:
            assert (again.stage, again.message) == (Stage.SKIPPED, "reboot is in progress")
    await world.pass_time(3)
    by_hand = again.stage not in (Stage.SKIPPED, Stage.NOT_SENT)
    assert world.posts == before + by_hand, "never sent again by itself"


@pytest.mark.fault("3")
def test_a_connection_is_waited_for_five_seconds() -> None:
    assert (USUAL.connect_s, USUAL.post_s) == (5, 30)


class Odd(CloudClient):
    """A client whose POST ends in a way that nobody foresaw, after it left."""

    error: Exception

    async def submit(self, vm_id: str, request: requests.ActionRequest) -> ActionRow:
        await super().submit(vm_id, request)
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        errors.CloudError("a bug"),
        errors.ReadFailed("a bug", cause="a bug"),
        errors.BadAnswer("a bug", status=422),
        JournalError("a bug"),
        RuntimeError("a bug"),
        ExceptionGroup("bugs", [ValueError("a bug")]),
        TimeoutError(),
        OSError(errno.EPIPE, "a bug"),
        RecursionError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_is_no_proof_is_unknown(make_broken: MakeBroken, tmp_path: Path, error: Exception) -> None:
    """It was carried out all the same: "rejected" or "not sent" would be a lie."""
    world = await make_broken()
    feed = world.engine.feed
    keeping = Keeping(
        tmp_path / "odd" / "journal.sqlite3",
        "x",
        clock=world.clock,
        follow=lambda entry: None,
        feed=feed,
        known=dict,
        is_under_way=lambda token: True,
        changed=lambda: None,
    )
    await keeping.open()
    plan = world.plan(world.named(), ActionType.REBOOT)
    async with Odd(world.account.base_url, world.account.email, world.account.password) as client:
        client.error = error
        sender = Sender(client, keeping, clock=world.clock, origin="x", feed=feed, doing=lambda vm_id: None)
        entry = await sender.send(plan.steps[0], plan, NOTHING_LISTED)
    await keeping.close()
    assert (entry.submission.stage, entry.submission.reason) == (Stage.UNKNOWN, "unforeseen")
    (kept,) = read_journal(tmp_path / "odd" / "journal.sqlite3")
    assert kept.submission == entry.submission


@pytest.mark.fault("13")
async def test_a_page_is_told_in_200_cleaned_characters(make_broken: MakeBroken) -> None:
    world = await make_broken()
    world.server.faults.next("POST", faults.status(500, PAGE, headers={"content-type": "text/html"}))
    sent = await world.send(world.named(), ActionType.REBOOT)
    told = sent.message.removeprefix("Server error 500: ")
    assert len(told) == 200
    assert "<" not in told


def test_the_proof_would_notice() -> None:
    """Each of its three figures counts what it is there for."""

    def outcome(stage: Stage, received: int, executed: int, **told: Any) -> posts.Outcome:
        submission = replace(rows.entry(stage=stage).submission, **told)
        return posts.Outcome("", None, submission, submission, submission, received, executed)

    good = [
        outcome(Stage.UNKNOWN, 1, 1),
        outcome(Stage.UNKNOWN, 1, 0),
        outcome(Stage.ACCEPTED, 1, 1),
        outcome(Stage.REJECTED, 1, 0),
        outcome(Stage.NOT_SENT, 0, 0),
    ]
    assert not any(one.is_twice or one.is_lost or one.is_wrong for one in good)
    assert outcome(Stage.ACCEPTED, 2, 2).is_twice
    assert outcome(Stage.NOT_SENT, 1, 0).is_lost
    assert replace(outcome(Stage.UNKNOWN, 1, 1), kept=None).is_lost
    for stage, executed in [(Stage.REJECTED, 1), (Stage.NOT_SENT, 1), (Stage.ACCEPTED, 0), (Stage.VERIFIED, 0)]:
        assert outcome(stage, 1, executed).is_wrong
    assert outcome(Stage.UNKNOWN, 1, 0, finding=Finding.PROBABLE).is_wrong


async def test_the_ledger_would_notice_a_doubled_request(make_broken: MakeBroken) -> None:
    """A network that doubles requests is none of our doing; here the cloud refuses the second as busy."""
    world = await make_broken()
    world.proxy.next(proxies.duplicate())
    await world.send(world.named(), ActionType.REBOOT)
    assert world.posts == 2
    assert len(world.server.ledger.executed) == 1
