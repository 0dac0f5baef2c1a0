"""What the command line and the cockpit tell when the journal lost something, or could not take something in."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

import pytest

from cftui.simulator.server import SimulatorServer
from tests.cli.conftest import COMMAND, Run, account_of
from tests.cli.test_terminal import OnTerminal

GARBAGE = b"this is no database" * 1000


def journal() -> Path:
    return Path(os.environ["XDG_STATE_HOME"], "cftui", "journal.sqlite3")


@pytest.mark.fault("78")
def test_after_a_damaged_journal_nothing_is_sent_until_it_was_acknowledged_once(
    cftui: Run, run: Run, simulator: SimulatorServer
) -> None:
    simulator.cloud.add_vm("one")
    journal().parent.mkdir(mode=0o700, parents=True)
    journal().write_bytes(GARBAGE)
    journal().chmod(0o600)
    refused = cftui("power-off", "one", "--yes")
    assert (refused.code, refused.stdout) == (7, "")
    assert "Unknown outcomes may be missing: the journal was damaged and was begun anew" in refused.stderr
    (kept,) = journal().parent.glob("journal.damaged-*.sqlite3")
    assert str(kept) in refused.stderr
    assert "cftui journal --acknowledge-gap" in refused.stderr
    assert simulator.ledger.posts == ()
    assert "Unknown outcomes may be missing" in run("journal").stderr
    known = run("journal", "--acknowledge-gap")
    assert known.code == 0
    assert known.stderr.startswith("Acknowledged. Unknown outcomes may be missing")
    assert cftui("power-off", "one", "--yes", "--no-wait").code == 0
    assert len(simulator.ledger.posts) == 1


def without_room(pid: int) -> None:
    """From now on no file of that process may grow."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


@pytest.mark.fault("76")
def test_what_could_not_be_recorded_is_told_at_the_end_of_a_command(simulator: SimulatorServer, run: Run) -> None:
    """The disk is full from the moment at which the cloud has the POST."""
    simulator.cloud.add_vm("one")
    command = [*COMMAND, "reboot", "one", "--yes"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=os.environ | account_of(simulator), stdout=pipe, stderr=pipe, text=True)
    simulator.ledger.on_post = lambda _: without_room(process.pid)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, "the code is the action's"
    assert "completed" in stdout
    (told,) = [line for line in stderr.splitlines() if line.startswith("Not recorded: act:")]
    assert "reboot one " in told
    assert told.endswith("The next start has to look it up.")
    assert "Accepted, but not recorded: the journal cannot be written: the disk is full" in stderr


@pytest.mark.fault("76")
def test_what_could_not_be_recorded_is_told_at_the_end_of_the_cockpit(simulator: SimulatorServer, run: Run) -> None:
    terminal = OnTerminal([], os.environ | account_of(simulator) | {"TERM": "xterm-256color"})
    simulator.ledger.on_post = lambda _: without_room(terminal.pid)
    terminal.wait_for("web-01")
    terminal.type("/web-01\r")
    terminal.wait_for("1 of 20")
    terminal.type("ar")
    terminal.wait_for("reboots")
    while not simulator.ledger.posts:  # a key that came too early for the dialog is typed again
        terminal.shown = ""
        terminal.type("y")
        terminal.wait_for("web-01")
    terminal.wait_for("but not recorded")
    terminal.type("q")
    assert terminal.end() == 0
    assert "Not recorded: act:" in terminal.shown.rpartition("\x1b[?1049l")[2]


def test_a_handover_is_written_from_the_journal_alone(cftui: Run, run: Run, simulator: SimulatorServer) -> None:
    assert run("journal", "--handover").stderr.startswith("Nothing was sent from here yet")
    simulator.cloud.add_vm("broken-o|ne")
    assert cftui("reboot", "broken-o|ne", "--yes").code == 1
    simulator.refuse_connections()
    written = run("journal", "--handover", "--since", "2.5")
    assert written.code == 0
    assert written.stdout.startswith("# Handover\n\n- account: user@example.com at http://127.0.0.1")
    assert (
        r"| broken-o\|ne | reboot | here |" in written.stdout.partition("## Needs eyes")[2].partition("## Timeline")[0]
    )
    assert "what others did" in written.stdout
    for wrong in (("--since", "2"), ("--handover", "-o", "json"), ("--handover", "--since", "0")):
        assert run("journal", *wrong).code == 2
