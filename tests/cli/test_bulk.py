"""Many VMs by one command: each ends in a named state, the summary adds up, and a second look tells the same story."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest

from cftui.cli.options import parse
from cftui.cli.planning import order_of
from cftui.simulator.faults import status
from cftui.simulator.messages import Request
from cftui.simulator.server import SimulatorServer
from tests.cli.conftest import COMMAND, Ran, Run, account_of
from tests.conftest import StartSimulator

Process = subprocess.Popen[str]


def bulk(simulator: SimulatorServer, number: int, **attributes: object) -> list[str]:
    """VMs named bulk-01, bulk-02, …; their ids."""
    return [simulator.cloud.add_vm(f"bulk-{place:02d}", **attributes).id for place in range(1, number + 1)]


def states(ran: Ran) -> Counter[str]:
    return Counter(target["state"] for target in ran.json["targets"])


class Posts:
    """Counts the POSTs that come in, and picks some of them."""

    def __init__(self) -> None:
        self.seen = 0

    def nth(self, place: int) -> object:
        """Matches the POST of this place, counted from 1; the first of all such matchers counts."""
        return lambda request: self._is(request, place)

    def _is(self, request: Request, place: int) -> bool:
        return request.method == "POST" and self.seen == place

    def count(self, request: Request) -> bool:
        """Matches nothing, and counts."""
        self.seen += request.method == "POST"
        return False


@pytest.mark.fault("64")
def test_sixty_of_which_some_are_gone_locked_refused_and_lost(cftui: Run, run: Run, simulator: SimulatorServer) -> None:
    """Two vanish between the list and their turn, three are locked, and 429 and then 503 come in the middle."""
    ids = bulk(simulator, 60)
    for vm_id in ids[10:13]:
        simulator.cloud.lock(vm_id)
    posts = Posts()

    def some_vanish(request: Request) -> bool:
        posts.count(request)
        if posts.seen == 1 and request.method == "POST":
            for vm_id in ids[-2:]:
                simulator.cloud.delete(vm_id)
        return False

    simulator.faults.always(some_vanish, status(500))
    too_many = status(429, '{"message": "too many requests"}', headers={"retry-after": "2"})
    simulator.faults.next(posts.nth(20), too_many)  # type: ignore[arg-type]
    simulator.faults.next(posts.nth(30), status(503, "busy"))  # type: ignore[arg-type]
    ran = cftui("reboot", "@bulk", "--yes", "--expect-count", "60", "--timeout", "4", "-o", "json")
    assert ran.code == 6
    stages = Counter(result["stage"] for result in ran.json["results"])
    assert stages == {"skipped": 3, "not_sent": 2, "rejected": 1, "unknown": 1, "completed": 53}
    assert states(ran) == {"skipped": 3, "failed": 3, "unknown": 1, "done": 53}
    assert "60 VMs: 53 done, 3 failed, 1 unknown, 3 skipped." in ran.stderr
    assert "Waiting: the cloud asks to wait" in ran.stderr
    assert re.search(r"^\d+ of 57", ran.stderr, re.MULTILINE)
    gone = [one["message"] for one in ran.json["results"] if one["stage"] == "not_sent"]
    assert gone == ["the VM no longer exists"] * 2
    assert len(simulator.ledger.posts) == 55
    assert len({post.path for post in simulator.ledger.posts}) == 55, "none is asked twice"
    journalled = Counter(entry["stage"] for entry in run("journal", "-o", "json").json["entries"])
    assert journalled == {"completed": 53, "rejected": 1, "unknown": 1, "not_sent": 2}
    listed = cftui("actions", "@bulk", "-o", "json").json["actions"]
    assert Counter(action["status"] for action in listed) == {"completed": 53}


def test_a_canary_that_fails_leaves_out_the_rest(cftui: Run, simulator: SimulatorServer) -> None:
    bulk(simulator, 5)
    simulator.faults.next("POST", status(422, '{"message": "not today"}'))
    ran = cftui("shutdown", "@bulk", "--canary", "--yes", "--expect-count", "5", "-o", "json")
    assert (ran.code, states(ran)) == (1, {"failed": 1, "left_out": 4})
    assert len(simulator.ledger.posts) == 1
    assert "Stopping: the first VM went wrong." in ran.stderr
    assert "5 VMs: 1 failed, 4 left out." in ran.stderr


def test_no_vm_is_begun_after_so_many_failures(cftui: Run, simulator: SimulatorServer) -> None:
    for name in ("broken-1", "broken-2", "fine-1", "fine-2", "fine-3"):
        simulator.cloud.add_vm(name)
    words = ("off", "broken-1", "broken-2", "@fine", "--in-flight", "1", "--stop-after", "2")
    ran = cftui(*words, "--yes", "--expect-count", "5", "-o", "json")
    assert (ran.code, states(ran)) == (1, {"failed": 2, "left_out": 3})
    assert [result["type"] for result in ran.json["results"]] == ["shutdown"] * 5
    assert len(simulator.ledger.posts) == 2


@pytest.fixture
def endless(start_simulator: StartSimulator) -> SimulatorServer:
    """A cloud in which nothing ends."""
    return start_simulator(quirks=["endless-actions"])


def begin(simulator: SimulatorServer, *words: str) -> Process:
    """Start a command and let it go on."""
    return subprocess.Popen(
        [*COMMAND, *words, "--yes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | account_of(simulator),
    )


def told(process: Process) -> Iterator[str]:
    """What it tells, line by line."""
    assert process.stderr is not None
    return iter(process.stderr.readline, "")


def until(process: Process, words: str, times: int) -> None:
    for line in told(process):
        times -= words in line
        if not times:
            return
    raise AssertionError(f"{words!r} did not come often enough")


def test_an_interrupt_begins_nothing_more_and_names_what_is_left_out(endless: SimulatorServer, run: Run) -> None:
    bulk(endless, 10)
    with begin(endless, "reboot", "@bulk", "--in-flight", "2", "--expect-count", "10") as process:
        until(process, "accepted", 2)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
    assert (process.returncode, stdout) == (130, "")
    handles = re.findall(r"act:[0-9a-f]{8}", stderr)
    journal = run("journal", "-o", "json")
    assert sorted(handles) == sorted(entry["handle"] for entry in journal.json["entries"])
    names = ", ".join(f"bulk-{place:02d}" for place in range(3, 11))
    assert f"Left out; nothing was sent to 8 VMs: {names}\n" in stderr
    assert len(endless.ledger.posts) == len(handles) == 2
    assert re.search(r"Run [0-9a-f]{4} \(reboot\) was interrupted: 8 of 10 VMs not begun", journal.stderr)


def test_an_interrupted_workflow_names_what_is_not_sent_any_more(endless: SimulatorServer) -> None:
    endless.cloud.add_vm("one")
    with begin(endless, "resize", "one", "--ram", "4", "--guided") as process:
        until(process, "accepted", 1)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "one: not sent any more: resize, power_on" in stderr
    assert "cftui watch act:" in stderr


@pytest.mark.fault("104")
def test_what_is_killed_in_the_middle_is_told_by_a_second_look(start_simulator: StartSimulator, run: Run) -> None:
    """Nothing is sent a second time; what was begun is followed to its end, what was not is counted."""
    simulator = start_simulator(speed=15.0)
    bulk(simulator, 20)
    with begin(simulator, "reboot", "@bulk", "--in-flight", "3", "--expect-count", "20") as process:
        until(process, "accepted", 3)
        process.kill()
        process.communicate(timeout=10)
    account = account_of(simulator)
    sent = {post.path.split("/")[-2] for post in simulator.ledger.posts}
    watched = run("watch", "-o", "json", env=account)
    assert watched.code == 0, watched
    assert {one["vm_id"]: one["stage"] for one in watched.json["results"]} == dict.fromkeys(sent, "completed")
    journal = run("journal", "-o", "json")
    assert journal.code == 0, journal
    assert {one["vm_id"]: one["stage"] for one in journal.json["entries"]} == dict.fromkeys(sent, "completed")
    assert re.search(r"Run [0-9a-f]{4} \(reboot\) was interrupted: 17 of 20 VMs not begun", journal.stderr)
    listed = run("actions", "@bulk", "--type", "reboot", "-o", "json", env=account).json["actions"]
    assert Counter(action["vm_id"] for action in listed) == Counter(sent)
    assert len(simulator.ledger.posts) == len(sent) == 3


def test_order_options_come_to_an_order() -> None:
    words = "reboot a b --max-parallel 2 --in-flight 3 --canary --stop-on-error --stagger 1.5 --timeout 9"
    order = order_of(parse(words.split()))
    assert (order.max_parallel, order.in_flight, order.is_canary, order.stop_after) == (2, 3, True, 1)
    assert (order.stagger_s, order.end_limit_s, order.stop_limit_s, order.is_attended) == (1.5, 9, 9, False)
