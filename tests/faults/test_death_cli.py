"""Commands die with dignity: the journal is complete, the code says what became of the action, and nothing hangs."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from cftui.simulator import faults
from cftui.simulator.server import SimulatorServer
from tests.conftest import StartSimulator
from tests.faults.cockpit import COMMAND, GONE_WITHIN_S, Cockpit, environment, journalled, wait_for

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def cloud(start_simulator: StartSimulator) -> SimulatorServer:
    """Two VMs, no faster than real ones."""
    return start_simulator(vms=2, speed=1.0)


@pytest.fixture
def start(cloud: SimulatorServer, tmp_path: Path) -> Iterator[Start]:
    """Start commands against the cloud; what still runs after the test is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, command: Sequence[str] = COMMAND, **process: object) -> subprocess.Popen[bytes]:
        env = os.environ | environment(cloud, tmp_path)
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = pipes | {"env": env} | process
        one: subprocess.Popen[bytes] = subprocess.Popen([*command, *arguments], **options)  # type: ignore[call-overload]
        started.append(one)
        return one

    yield start
    for one in started:
        one.kill()
        one.wait()
        for stream in (one.stdout, one.stderr):
            if stream is not None:
                stream.close()


def first_id(cloud: SimulatorServer) -> str:
    return cloud.cloud.vms()[0].id


READING = (
    ("vms",),
    ("--help",),
    ("journal",),
    ("simulate", "--list-quirks"),
    ("config", "show"),
    ("vms", "-o", "json"),
    ("vm", "web-01"),
    ("actions",),
    ("profile", "list"),
    ("--version",),
)
HANGS = faults.hang(carried_out=True)


@pytest.mark.fault("95")
@pytest.mark.parametrize("is_full", [False, True], ids=["closed", "full"])
def test_stdout_takes_nothing(cloud: SimulatorServer, start: Start, tmp_path: Path, is_full: bool) -> None:
    """A reader ends quietly where nobody reads, and says so where the disk is full; an action's result stands."""
    reader, writer = os.pipe()
    os.close(reader)
    if is_full:
        os.dup2(os.open("/dev/full", os.O_WRONLY), writer)
    acting = start("snapshot", first_id(cloud), "--yes", "--no-wait", stdout=writer)
    _, told = acting.communicate()
    assert acting.returncode == 0, told
    assert journalled(tmp_path) == ["accepted"]
    assert (b"cannot be written" in told) == is_full
    commands = [start(*arguments, stdout=writer) for arguments in (READING[:6] if is_full else READING)]
    watching = start("watch", stdout=writer)
    for command in (*commands, watching):
        _, told = command.communicate(timeout=30)
        assert b"Traceback" not in told
        assert b"Exception" not in told
        assert (command.returncode, b"cannot be written" in told) == (int(is_full), is_full), (command.args, told)
    assert len(cloud.ledger.posts) == 1
    os.close(writer)


@pytest.mark.fault("95")
def test_stderr_takes_nothing(start: Start) -> None:
    """The code is what it would have been."""
    with open("/dev/full", "wb") as full:
        assert start("vm", "nobody-has-this-name", stderr=full).wait(20) == 2


@pytest.mark.fault("11", "93")
def test_an_interrupt_names_what_it_sent_and_recalls_nothing(
    cloud: SimulatorServer, start: Start, tmp_path: Path
) -> None:
    """Of this run alone: what an earlier one sent is another's to watch."""
    one, other = (vm.id for vm in cloud.cloud.vms())
    earlier, _ = start("reboot", one, "--yes", "--no-wait").communicate()
    waiting = start("reboot", other, "--yes")
    wait_for(lambda: len(cloud.ledger.posts) == 2 and journalled(tmp_path) == ["accepted"] * 2)
    waiting.send_signal(signal.SIGINT)
    _, told = waiting.communicate(timeout=GONE_WITHIN_S)
    assert waiting.returncode == 130
    assert b"goes on in the cloud" in told
    assert told.count(b"act:") == 1
    assert earlier.strip() not in told
    assert len(cloud.ledger.posts) == 2
    assert journalled(tmp_path) == ["accepted"] * 2


@pytest.mark.fault("11", "90")
def test_a_signal_while_a_post_is_under_way(start_simulator: StartSimulator, start: Start, tmp_path: Path) -> None:
    """The answer has two seconds: one comes in time, one never."""
    ends = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGQUIT: 131}
    cloud = start_simulator(vms=0, speed=1.0)
    slow, dumb = ([cloud.cloud.add_vm(f"{name}-{number}").id for number in ends] for name in ("slow", "dumb"))
    cloud.faults.next(lambda sent: any(vm in sent.target for vm in dumb) and sent.method == "POST", HANGS, times=4)
    cloud.faults.next("POST", faults.delay(0.5), times=4)
    homes = [tmp_path / number.name for number in ends]
    waiting = [
        start("reboot", *vms, "--yes", "--expect-count", "2", env=os.environ | environment(cloud, home))
        for home, vms in zip(homes, zip(slow, dumb, strict=True), strict=True)
    ]
    wait_for(lambda: len(cloud.ledger.posts) == 8, within_s=30)
    for command, number in zip(waiting, ends, strict=True):
        command.send_signal(number)
    for command, code, home in zip(waiting, ends.values(), homes, strict=True):
        _, told = command.communicate(timeout=GONE_WITHIN_S)
        assert command.returncode == code
        assert told.count(b"act:") == 2
        assert b"Traceback" not in told
        assert sorted(journalled(home)) == ["accepted", "unknown"]
    assert len(cloud.ledger.posts) == 8


@pytest.mark.fault("93")
def test_term_ends_what_a_script_started_in_the_background(cloud: SimulatorServer, start: Start) -> None:
    """There SIGINT is ignored, and stays so; SIGTERM is not."""
    first = start("reboot", first_id(cloud), "--yes", "--no-wait")
    first.wait(20)
    script = start("-c", f"trap '' INT; exec {' '.join(COMMAND)} watch", command=["/bin/sh"])
    assert script.stdout is not None
    script.stdout.readline()
    script.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert script.poll() is None
    script.send_signal(signal.SIGTERM)
    assert script.wait(GONE_WITHIN_S) == 143


@pytest.mark.fault("92", "93")
def test_a_terminal_that_is_held_up_holds_up_no_end(cloud: SimulatorServer, tmp_path: Path) -> None:
    """ctrl+s stops the output, and with it whoever writes."""
    with Cockpit(cloud, tmp_path, command=(*COMMAND, "actions")) as terminal:
        terminal.type("\x13")
        wait_for(lambda: cloud.ledger.count("GET", "/actions"))
        time.sleep(0.3)
        terminal.send(signal.SIGTERM)
        assert terminal.wait(GONE_WITHIN_S) == 143


SLOW_RESOLVER = """
import socket, sys, time

def look_up(*_, **__):
    sys.stdout.isatty() or print("looking", flush=True)
    time.sleep(60)

socket.getaddrinfo = look_up
from cftui.cli.main import main
sys.exit(main())
"""
"""A resolver that does not answer; it runs on a thread that nothing can stop."""


@pytest.mark.fault("93")
def test_a_name_that_is_looked_up_for_ever_holds_up_no_end(
    cloud: SimulatorServer, start: Start, tmp_path: Path
) -> None:
    command = (sys.executable, "-W", "error", "-c", SLOW_RESOLVER)
    url = "https://cloud.example/api/v1"
    reading = start("--url", url, "vms", command=command)
    assert reading.stdout is not None
    assert reading.stdout.readline() == b"looking\n"
    with Cockpit(cloud, tmp_path, command=command, env={"CFTUI_URL": url}) as cockpit:
        cockpit.see("q quit")
        cockpit.listen(0.3)
        reading.send_signal(signal.SIGINT)
        cockpit.type("q")
        assert cockpit.wait(GONE_WITHIN_S) == 0
    _, told = reading.communicate(timeout=GONE_WITHIN_S)
    assert reading.returncode == 130
    assert told == b""


BROKEN = """
import sys
from cftui.cli import main, reading
from cftui.operations.poller import Poller

def fail(*_):
    token = "-".join(("hunter", "2"))
    try:
        raise KeyError(token)
    except KeyError as error:
        raise RuntimeError(f"it went wrong with {token}") from error

reading.vms = fail
Poller._next_due = fail
sys.exit(main.main())
"""


@pytest.mark.fault("97", "S23")
@pytest.mark.parametrize("command", ["vms", "watch"], ids=["in a command", "behind it"])
def test_a_bug_in_a_command(start: Start, tmp_path: Path, command: str) -> None:
    """A report of where it was, and where that came from, without variables and without what was said."""
    broken = start(command, command=(sys.executable, "-W", "error", "-c", BROKEN))
    stdout, told = broken.communicate(timeout=20)
    assert (broken.returncode, stdout) == (70, b"")
    (report,) = (tmp_path / "state" / "cftui").glob("crash-*.txt")
    assert str(report).encode() in told
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    assert text.count(" in fail") == 2
    assert "RuntimeError" in text
    assert "KeyError" in text
    for said in (text, told.decode()):
        assert "hunter" not in said
        assert "it went wrong" not in said
        assert "Traceback" not in said
