"""Lines that drop and signals at any moment of a session: how soon it is over, and what the next start knows."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cftui.simulator import faults
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from tests.faults.cockpit import COMMAND, Cockpit, environment, is_restored, journalled
from tests.proof.figures import Figure, Scale
from tests.pty_reader import Silence

_DEATHS = {Scale.SHORT: 4, Scale.LONG: 150}
_GONE_WITHIN_S = 2.5
_ENDS: tuple[str | signal.Signals, ...] = ("drop", signal.SIGHUP, signal.SIGTERM)
_BACK_WITHIN_S = 10.0
_AT_ONCE = 2
"""As many as the machines have cores that this is run on."""


@dataclass(frozen=True, slots=True)
class Death:
    """What became of one session."""

    took_s: float
    """From the end of the line, or the signal, to the end of the process."""
    is_orphaned: bool
    """Somebody of its session is still there."""
    is_right: bool
    """The code fits, the screen is restored where there is one, and every POST has its row."""
    back_s: float
    """Until the next start showed the VM, and the row if there is one; infinite when it never did."""


def figures(scale: Scale) -> list[Figure]:
    """Drop the line, or send HUP or TERM, at random moments, some of them in the middle of a POST."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        deaths = list(pool.map(_die, range(_DEATHS[scale])))
    took, back = sorted(death.took_s for death in deaths), sorted(death.back_s for death in deaths)
    tried = len(deaths)
    return [
        Figure(
            f"line dropped or signalled: process gone within {_GONE_WITHIN_S} s",
            tried,
            sum(death.took_s > _GONE_WITHIN_S for death in deaths),
            "sessions",
            f"median {took[tried // 2]:.2f} s, longest {took[-1]:.2f} s",
        ),
        Figure("… with nobody left behind", tried, sum(death.is_orphaned for death in deaths), "sessions"),
        Figure("… screen, exit code and journal in order", tried, sum(not d.is_right for d in deaths), "sessions"),
        Figure(
            "… and the next start shows the same rows",
            tried,
            sum(death.back_s > _BACK_WITHIN_S for death in deaths),
            "starts",
            f"median {back[tried // 2]:.2f} s",
        ),
        _reattached(),
    ]


def _die(number: int) -> Death:
    rng = random.Random(number)
    end: str | signal.Signals = rng.choice(_ENDS)
    cloud = SimulatedCloud(vms=1, seed=number, calm=True)
    with SimulatorServer(cloud) as server, tempfile.TemporaryDirectory(prefix="cftui-deaths-") as folder:
        home = Path(folder)
        server.faults.always("POST", faults.delay(0.3))
        with Cockpit(server, home) as cockpit:
            if number % 2:
                cockpit.open().confirm_reboot()
                time.sleep(rng.uniform(0, 0.6))
            else:
                cockpit.rest(rng.uniform(0, 1.5), at_most_s=1.5)
            took_s, code = _ended(cockpit, end)
            is_orphaned = _is_there(cockpit.pid)
        number_of = signal.SIGTERM if end is signal.SIGTERM else signal.SIGHUP
        posts = len(server.ledger.posts)
        is_right = code in (128 + number_of, -number_of)  # the latter before there is anything to put in order
        is_right &= end == "drop" or b"\x1b[?1049h" not in cockpit.written or is_restored(cockpit.written)
        rows = [stage for stage in _rows(home) if stage != "not_sent"]
        is_right &= len(rows) == posts and all(stage in ("accepted", "unknown", "sending") for stage in rows)
        back_s = _comes_back(server, home, has_row=bool(rows))
        is_right &= len(server.ledger.posts) == posts
    return Death(took_s, is_orphaned, is_right, back_s)


def _ended(cockpit: Cockpit, end: str | signal.Signals) -> tuple[float, int | None]:
    began = time.perf_counter()
    if isinstance(end, signal.Signals):
        cockpit.send(end)
    else:
        cockpit.drop()
    try:
        code: int | None = cockpit.wait(2 * _GONE_WITHIN_S)
    except Silence:
        code = None
    return time.perf_counter() - began, code


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _rows(home: Path) -> list[str]:
    return journalled(home) if (home / "state" / "cftui" / "journal.sqlite3").exists() else []


def _comes_back(server: SimulatorServer, home: Path, *, has_row: bool) -> float:
    with Cockpit(server, home) as cockpit:
        try:
            at = cockpit.see("web-01")
            if has_row:
                at = max(at, cockpit.see("reboot "))
            cockpit.type("q")
            cockpit.wait(2 * _GONE_WITHIN_S)
        except Silence:
            return float("inf")
        return at - cockpit.started


def _reattached() -> Figure:
    """A session in tmux that is left and taken up again on a terminal of another size."""
    what = "taken up again in tmux, on terminals of other sizes"
    if (tmux := shutil.which("tmux")) is None:
        return Figure(what, 0, 0, not_run="tmux is not installed")
    sizes = ((80, 24), (200, 60), (40, 12), (120, 40))
    wrong = 0
    with SimulatorServer(SimulatedCloud(vms=3, calm=True)) as server, _session(tmux, server) as run:
        for columns, rows in sizes:
            run("resize-window", "-t", "cftui", "-x", str(columns), "-y", str(rows))
            wrong += not _is_whole(lambda: run("capture-pane", "-p", "-t", "cftui"), columns, rows)
    return Figure(what, len(sizes), wrong, "sizes")


@contextmanager
def _session(tmux: str, server: SimulatorServer) -> Iterator[Callable[..., str]]:
    with tempfile.TemporaryDirectory(prefix="cftui-tmux-") as folder:
        socket = str(Path(folder) / "socket")
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color"}

        def run(*arguments: str) -> str:
            command = [tmux, "-S", socket, "-f", os.devnull, *arguments]
            return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout

        variables = [f"{name}={value}" for name, value in environment(server, Path(folder)).items()]
        run("new-session", "-d", "-s", "cftui", "-x", "100", "-y", "30", "env", *variables, *COMMAND)
        try:
            yield run
        finally:
            run("kill-server")


def _is_whole(look: Callable[[], str], columns: int, rows: int) -> bool:
    """Whether all of it is drawn at the new size, from the status line to the last hint, soon enough."""
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        lines = look().splitlines()
        is_drawn = len(lines) >= rows - 1 and "live" in lines[0] and "web-01" in "\n".join(lines)
        if is_drawn and "help" in "\n".join(lines[-2:]) and max(map(len, lines)) <= columns:
            return True
        time.sleep(0.05)
    return False
