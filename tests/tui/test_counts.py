"""What can be counted and does not depend on the machine: bytes on the wire, rows drawn for a key, requests of a poll.

How long things take is looked at with `python -m tests.bench`, and asserted nowhere.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.strip import Strip

from cftui.fleet.estimates import Estimates
from cftui.fleet.order import Column, sort_key
from cftui.operations.engine import Account, Engine
from cftui.operations.engine_thread import EngineThread
from cftui.operations.memory import memory_path, save
from cftui.simulator.server import SimulatorServer
from cftui.simulator.state import Vm
from cftui.tui.app import CftuiApp
from cftui.tui.cockpit import ProfileBadge
from cftui.tui.widgets.vm_table import VmTable
from tests.bench.cloud import at_home, poll_every
from tests.bench.wire import frames
from tests.conftest import EMAIL, PASSWORD, StartSimulator
from tests.pty_reader import Terminal
from tests.tui.stage import vm, wait_until

SETTLED_S = 1.5
"""Silence after which everything that a start brings is drawn: the last is a timer of 0.35 s and one request."""
STATUS_LINE = 1
"""Where the round trip is told; its step may differ from one poll to the next, and nothing else there."""


@contextmanager
def cockpit(simulator: SimulatorServer, home: Path, *, poll_s: int) -> Iterator[Terminal]:
    """The program on a real terminal, live and at rest."""
    poll_every(home, poll_s)
    account = {"CFTUI_URL": simulator.url, "CFTUI_EMAIL": EMAIL, "CFTUI_PASSWORD": PASSWORD}
    with Terminal([sys.executable, "-m", "cftui"], env=account | at_home(home)) as terminal:
        terminal.wait_for("live")
        if poll_s > 10:
            terminal.rest(SETTLED_S)
        else:
            terminal.listen(2.0)
        yield terminal


def lines_touched(content: bytes) -> set[int]:
    """Numbers of the lines that were written to, from 1; where the cursor goes at a frame's end is none of them."""
    return {
        int(line) for line, text in re.findall(rb"\x1b\[(\d+);\d+H(?!\x1b\[\?2026l)(.)", content, re.DOTALL) if text
    }


def by_name(simulator: SimulatorServer) -> list[Vm]:
    """The simulated VMs as the list shows them."""
    rows = {row.id: row for row in (vm(name=one.name)._replace(id=one.id) for one in simulator.cloud.vms())}
    return sorted(simulator.cloud.vms(), key=lambda one: sort_key(Column.NAME)(rows[one.id]))


def test_at_rest_nothing_is_written(simulator: SimulatorServer, tmp_path: Path) -> None:
    """Seconds pass, and nothing on the screen tells of seconds."""
    with cockpit(simulator, tmp_path, poll_s=300) as terminal:
        requests = simulator.ledger.count()
        assert terminal.listen(2.5) == []
        assert simulator.ledger.count() == requests


def test_a_poll_that_changes_nothing_writes_nothing_but_its_round_trip(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with cockpit(simulator, tmp_path, poll_s=1) as terminal:
        before, requests = len(terminal.written), simulator.ledger.count()
        lists, actions = simulator.ledger.count("GET", "/vms"), simulator.ledger.count("GET", "/actions")
        terminal.listen(2.5)
        polls = simulator.ledger.count("GET", "/vms") - lists
        written = terminal.written[before:]
        assert polls >= 2
        assert lines_touched(written) <= {STATUS_LINE}
        assert len(written) <= polls * 100
        assert simulator.ledger.count("GET", "/actions") - actions <= polls + 1
        assert simulator.ledger.count() - requests <= 2 * polls + 1


def test_a_changed_cell_is_sent_alone(simulator: SimulatorServer, tmp_path: Path) -> None:
    """The cell and what brings the cursor there and back: at most 100 bytes."""
    place = 3
    changing = by_name(simulator)[place]
    with cockpit(simulator, tmp_path, poll_s=1) as terminal:
        before = len(terminal.written)
        is_running = changing.status == "running"
        simulator.cloud.set_status(changing.id, "stopped" if is_running else "running")
        terminal.wait_for("stopped" if is_running else "running", since=before)
        terminal.rest(0.2, at_most_s=0.5)
        (frame,) = [one for one in frames(terminal.written[before:]) if lines_touched(one.content) - {STATUS_LINE}]
        lines = lines_touched(frame.content)
        assert lines - {STATUS_LINE} == {3 + 1 + place}, "below status line, rule and heads of the columns"
        assert len(frame.content) <= 100 + (40 if STATUS_LINE in lines else 0)


def app_on(simulator: SimulatorServer, state: Path, *, vms: int) -> CftuiApp:
    """The cockpit with a last known fleet of that size, on a cloud that does not answer."""
    account = Account(simulator.url, EMAIL, PASSWORD)
    rows = [vm(f"web-{number:05}", number) for number in range(vms)]
    path = memory_path(state, account.origin)
    save(path, account.origin, saved_at=0.0, vms=rows, estimates=Estimates.EMPTY)
    engine = EngineThread(lambda: Engine(account, state_dir=state))
    return CftuiApp(engine, profile=ProfileBadge("test", False, "cloud.example", EMAIL))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Indexes of the rows of the VM list, as they are drawn."""
    indexes: list[int] = []
    draw_row = VmTable.draw_row

    def counted(table: VmTable, index: int) -> Strip:
        indexes.append(index)
        return draw_row(table, index)

    monkeypatch.setattr(VmTable, "draw_row", counted)
    return indexes


@pytest.mark.parametrize("vms", [100, 10_000])
async def test_a_key_draws_what_is_in_sight_however_many_there_are(
    start_simulator: StartSimulator, tmp_path: Path, drawn: list[int], vms: int
) -> None:
    simulator = start_simulator(vms=0)
    simulator.stop_answering()
    app = app_on(simulator, tmp_path, vms=vms)
    async with app.run_test(size=(120, 40)) as pilot:
        table = app.query_one(VmTable)
        await wait_until(pilot, lambda: len(table.order) == vms and len(drawn) > 0)
        page = table.page_rows
        await pilot.pause(0.3)

        async def drawn_by(*keys: str) -> int:
            drawn.clear()
            await pilot.press(*keys)
            await pilot.pause(0.05)
            return len(drawn)

        assert await drawn_by("down") == 2
        assert await drawn_by("pagedown") <= page
        assert await drawn_by("G") <= page
        assert await drawn_by("g") <= page
        await drawn_by("slash")
        assert await drawn_by("9") <= page + 1
        assert len(table.order) < vms
        assert await drawn_by("backspace") <= page + 1
        assert len(table.order) == vms
