"""`--no-wait`, `watch`, `journal`, and what an interrupt leaves behind."""

import json
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cftui.cli.follow import ProgressTeller
from cftui.clock import Clock
from cftui.fleet.estimates import Estimates
from cftui.fleet.fleet import Change, View
from cftui.operations.state import Link, LinkState, Update
from cftui.simulator.faults import body, status
from cftui.simulator.server import SimulatorServer
from tests.cli.conftest import COMMAND, Run, account_of
from tests.conftest import StartSimulator
from tests.fleet.build import action, entry


def test_a_handle_is_watched_to_the_end_that_it_came_to(cftui: Run, simulator: SimulatorServer) -> None:
    vm = simulator.cloud.add_vm("one")
    begun = cftui("shutdown", vm.name, "--yes", "--no-wait")
    handle = begun.stdout.strip()
    assert begun.code == 0
    assert handle.startswith("act:")
    watched = cftui("watch", handle)
    assert watched.code == 0
    assert "verified" in watched.lines[-1]
    assert all("one: shutdown" in line for line in watched.lines)
    again = cftui("watch", handle, "-o", "json")
    assert (again.code, again.json["results"][0]["stage"]) == (0, "verified")


def test_watch_without_arguments_follows_everybodys_actions(start_simulator: StartSimulator, run: Run) -> None:
    simulator = start_simulator(speed=6.0)  # long enough for a program to start on a busy machine
    vm, broken = simulator.cloud.add_vm("theirs"), simulator.cloud.add_vm("broken-theirs")
    simulator.cloud.start_foreign_action(vm.id, "power_cycle")
    simulator.cloud.start_foreign_action(broken.id, "power_cycle")
    watched = run("watch", "-o", "jsonl", env=account_of(simulator))
    last = {json.loads(line)["vm_name"]: json.loads(line)["stage"] for line in watched.lines}
    assert last == {"theirs": "completed", "broken-theirs": "errored"}
    assert watched.code == 1


def test_watch_with_nothing_in_progress_says_so(cftui: Run) -> None:
    watched = cftui("watch")
    assert (watched.code, watched.stdout, watched.stderr) == (0, "", "Nothing is in progress.\n")


def test_watch_of_an_unknown_handle_is_2(cftui: Run) -> None:
    watched = cftui("watch", "act:00000000")
    assert (watched.code, watched.stdout) == (2, "")


def test_watch_ends_with_its_timeout(start_simulator: StartSimulator, run: Run) -> None:
    simulator = start_simulator(quirks=["endless-actions"])
    simulator.cloud.start_foreign_action(simulator.cloud.add_vm("endless").id, "reboot")
    watched = run("watch", "endless", "--timeout", "1", env=account_of(simulator))
    assert watched.code == 5
    assert "endless: reboot accepted" in watched.stdout


@pytest.mark.parametrize(("words", "code"), [(("watch", "one"), 4), (("reboot", "one", "--yes"), 5)])
def test_refused_credentials_end_the_waiting(
    start_simulator: StartSimulator, words: tuple[str, ...], code: int
) -> None:
    """Nobody is there to give others; what was accepted is not seen to finish."""
    simulator = start_simulator(quirks=["endless-actions"])
    vm = simulator.cloud.add_vm("one")
    if words[0] == "watch":
        simulator.cloud.start_foreign_action(vm.id, "reboot")
    command = [*COMMAND, *words]
    env = os.environ | account_of(simulator)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        stream = process.stdout if words[0] == "watch" else process.stderr
        assert stream is not None
        while "accepted" not in stream.readline():
            assert process.poll() is None
        simulator.faults.always("*", status(401, '{"message": "no"}'))
        process.communicate(timeout=30)
    assert process.returncode == code


def test_a_name_is_not_taken_while_an_entry_of_the_list_cannot_be_read(cftui: Run, simulator: SimulatorServer) -> None:
    vm = simulator.cloud.add_vm("one")
    listed, _ = simulator.cloud.listed_vms(0, 100)
    broken = (
        b'{"vms": [' + b", ".join([*listed, b'{"id": null, "name": "one"}']) + b'], "links": {}, "meta": {"total": 21}}'
    )
    simulator.faults.always(lambda asked: asked.method == "GET" and "/vms?" in asked.target, body(broken.decode()))
    refused = cftui("reboot", "one", "--yes", "--no-wait")
    assert refused.code == 2
    assert "1 entry of the list cannot be read" in refused.stderr
    assert cftui("reboot", vm.id, "--yes", "--no-wait").code == 0
    assert len(simulator.ledger.posts) == 1


def test_the_journal_needs_neither_network_nor_password(cftui: Run, run: Run, simulator: SimulatorServer) -> None:
    assert run("journal").stderr.startswith("Nothing was sent from here yet")
    vm = simulator.cloud.add_vm("one")
    handle = cftui("reboot", vm.name, "--yes", "--no-wait").stdout.strip()
    simulator.refuse_connections()
    document = run("journal", "-o", "json").json
    assert document["schema"] == "cftui/journal/1"
    (entry,) = document["entries"]
    assert (entry["handle"], entry["vm_id"], entry["body"]) == (handle, vm.id, '{"type": "reboot"}')
    assert run("journal", "-o", "name").stdout.strip() == handle


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_waiting_says_what_goes_on(
    start_simulator: StartSimulator, number: signal.Signals, code: int
) -> None:
    simulator = start_simulator(quirks=["endless-actions"])
    vm = simulator.cloud.add_vm("one")
    process = subprocess.Popen(
        [*COMMAND, "reboot", vm.name, "--yes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | account_of(simulator),
    )
    with process:
        assert process.stderr is not None
        told = ""
        while "accepted" not in told:
            told += process.stderr.readline()
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=10)
    assert (process.returncode, stdout) == (code, "")
    assert "cftui watch act:" in stderr
    assert "Traceback" not in stderr
    assert len(simulator.ledger.posts) == 1


def test_a_closed_pipe_ends_quietly(simulator: SimulatorServer) -> None:
    for _ in range(300):
        simulator.cloud.add_vm("many")
    process = subprocess.Popen(
        [*COMMAND, "vms", "-o", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | account_of(simulator),
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize(("arguments", "code"), [(("vms",), 1), (("reboot", "one", "--yes"), 0)])
def test_a_full_disk_is_told_and_the_action_decides_the_code(
    simulator: SimulatorServer, arguments: tuple[str, ...], code: int
) -> None:
    """Reliability row 95."""
    simulator.cloud.add_vm("one")
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | account_of(simulator),
        )
    assert ran.returncode == code
    assert "cannot be written: No space left on device" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_closed_stdout_loses_no_outcome(cftui: Run, run: Run, simulator: SimulatorServer) -> None:
    vm = simulator.cloud.add_vm("broken-one")
    ran = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "reboot", vm.name, "--yes"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | account_of(simulator),
    )
    assert ran.returncode == 1
    assert "errored" in ran.stderr
    assert run("journal", "-o", "json").json["entries"][0]["stage"] == "errored"


def test_how_long_it_takes_is_told_in_coarse_steps() -> None:
    """After 10 s, after 30 s, then each minute, and once more when it is slower than usual; never a percentage."""
    told: list[str] = []
    teller = ProgressTeller(told.append)
    done = [action(second=1000 * n, took=45, status="completed") for n in range(8)]
    done += [action(second=1000 * n, took=70, status="completed") for n in (8, 9)]
    now = Update(Change(), View(), Link(state=LinkState.LIVE), Estimates.learn(done), is_read_only=True)
    for elapsed in range(0, 150, 5):
        teller([replace(entry(), vm_name="web-1\x1b", started=Clock().now().timestamp() - elapsed)], now)
    assert told == [
        rf"web-1\x1b: reboot, {words}"
        for words in (
            "10 s of usually 45 s",
            "30 s of usually 45 s",
            "60 s of usually 45 s",
            "75 s, slow: usually under 70 s",
            "2 m 00 s, slow: usually under 70 s",
        )
    ]
    teller([replace(entry(), id=str(number), started=0.0) for number in range(4)], now)
    teller([replace(entry(), started=0.0)], replace(now, link=Link(state=LinkState.OFFLINE)))
    assert len(told) == 5
