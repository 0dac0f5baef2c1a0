"""What a real terminal may send into a confirmation: pastes with their own end, replies and reports in pieces."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import pytest

from cftui.simulator.server import SimulatorServer
from tests.bench.cloud import at_home, poll_every
from tests.conftest import EMAIL, PASSWORD
from tests.pty_reader import Silence, Terminal

_QUIET_S = 0.45
_PASTE = "\x1b[200~{}\x1b[201~"


def settle(terminal: Terminal) -> None:
    """Let everything arrive that was written, and the silence pass."""
    terminal.listen(_QUIET_S)


def ask(terminal: Terminal, key: str) -> None:
    """Lead to the question about the VM under the cursor, from wherever one is."""
    for _ in range(5):
        since = len(terminal.written)
        terminal.type("a")
        terminal.listen(0.1)
        terminal.type(key)
        with contextlib.suppress(Silence):
            terminal.wait_for("POST", since=since, within_s=4)
            settle(terminal)
            return
        terminal.type("\x1b")
        settle(terminal)
    raise Silence("the question never came")


@pytest.mark.fault("98", "99", "103")
def test_no_byte_that_no_person_typed_confirms_anything(simulator: SimulatorServer, tmp_path: Path) -> None:
    poll_every(tmp_path, 300)
    account = {"CFTUI_URL": simulator.url, "CFTUI_EMAIL": EMAIL, "CFTUI_PASSWORD": PASSWORD}
    with Terminal([sys.executable, "-m", "cftui"], env=account | at_home(tmp_path)) as terminal:
        terminal.wait_for("live")
        # Fifty host names pasted into the list, with an end of their own in the middle.
        names = "\n".join(f"web-{number:02}" for number in range(50))
        terminal.type(_PASTE.format(f"{names}\x1b[201~ar\ny\nasy\n{names}"))
        settle(terminal)
        terminal.type("\x1b")  # what was found of them is shown
        settle(terminal)
        terminal.type("/web-01\r")
        settle(terminal)

        def in_question(sent: str, *, key: str = "r") -> None:
            ask(terminal, key)
            terminal.type(sent)
            settle(terminal)
            terminal.type("\x1b")
            settle(terminal)
            assert simulator.ledger.posts == (), repr(sent)

        in_question(_PASTE.format("y\n"))
        in_question(_PASTE.format("\x1b[201~y\r"))
        in_question(_PASTE.format("web-01\n\x1b[201~web-01\r"), key="o")
        in_question("[?2026;2$y")
        in_question("[200~y\r[201~")

        # It is alive, and a person's keys count.
        ask(terminal, "r")
        terminal.type("y")
        deadline = time.monotonic() + 10
        while not simulator.ledger.posts and time.monotonic() < deadline:
            terminal.listen(0.1)
    assert len(simulator.ledger.posts) == 1
