"""Hostile strings: through the one function that cleans them, and as the names of a fleet through a real terminal."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from rich.cells import cell_len

from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from cftui.text import MAX_CHARS, clean, fit, width
from tests.faults.cockpit import COMMAND, environment
from tests.faults.hostile import at_random
from tests.faults.tokens import sequences, tokens
from tests.proof.figures import Figure, Scale
from tests.pty_reader import Terminal

_CLEANED = {Scale.SHORT: 20_000, Scale.LONG: 1_000_000}
_SHOWN = {Scale.SHORT: 400, Scale.LONG: 20_000}
_FLEET = 2_000
"""VMs of one session; more of them are further sessions."""

_COLUMNS, _ROWS = 90, 60
_NUMBER = re.compile(rb"n(\d{5})")
_PAGE_WITHIN_S = 10.0
_PAGE_DOWN = "\x1b[6~"
_PLAIN = frozenset(
    {"C0 CR", "C0 LF", "CSI H", "CSI m", "OSC 22", "CSI <u", "CSI >25u", "CSI ?2026$p", "CSI ?2048$p"}
    | {f"CSI ?{mode}{end}" for mode in (7, 25, 1000, 1003, 1004, 1006, 1015, 1049, 2004, 2026) for end in "hl"}
)
"""What a fleet of plain names makes the cockpit write: places, colours, modes, the shape of the pointer."""


def figures(scale: Scale) -> list[Figure]:
    """Clean so many, and show so many."""
    return [_cleaned(_CLEANED[scale]), _shown(_SHOWN[scale])]


def _cleaned(count: int) -> Figure:
    wrong = sum(not _is_clean(string) for string in islice(at_random(1), count))
    return Figure(
        "hostile strings cleaned: nothing left to obey, as wide as counted, the same when cleaned again",
        tried=count,
        wrong=wrong,
        unit="strings",
    )


def _is_clean(string: str) -> bool:
    shown = clean(string)
    if clean(shown) != shown or len(shown) > MAX_CHARS:
        return False
    if width(shown) != cell_len(shown) or cell_len(fit(shown, 12)) != 12:
        return False
    return all(token.name == "text" for token in tokens(shown.encode("utf-8", "surrogatepass")))


def _shown(count: int) -> Figure:
    names = [f"n{number:05}{string}" for number, string in enumerate(islice(at_random(2), count))]
    sessions = [_session(names[begin : begin + _FLEET]) for begin in range(0, count, _FLEET)]
    strange, missing, crashes, written = map(sum, zip(*sessions, strict=True))
    told = f"{strange} and {missing} and {crashes}, " if strange or missing or crashes else ""
    return Figure(
        "hostile VM names on a real terminal: bytes that no plain name brings, rows not drawn, crashes",
        tried=count,
        wrong=strange + missing + crashes,
        unit="strings",
        note=f"{told}{written / 1e6:.1f} MB written",
    )


class _Session(NamedTuple):
    strange: int
    """Things that no plain name brings."""
    missing: int
    """Names that were never drawn, though somebody went there."""
    is_crash: bool
    written: int
    """Bytes."""


def _session(names: Sequence[str]) -> _Session:
    """Page through a fleet of these names, from the first to the last."""
    with tempfile.TemporaryDirectory() as home, SimulatorServer(SimulatedCloud(vms=0, calm=True)) as server:
        for name in names:
            server.cloud.add_vm(name)
        config = Path(home, "plain.toml")
        config.write_text("title = false\n")  # its counts are words of ours, and change as time passes
        config.chmod(0o600)
        env = {**environment(server, Path(home)), "CFTUI_CONFIG": str(config)}
        with Terminal(COMMAND, env=env, columns=_COLUMNS, rows=_ROWS) as terminal:
            terminal.wait_for("live")
            drawn: set[bytes] = set()
            looked = 0
            while len(drawn) < len(names):
                before, gives_up = len(drawn), time.monotonic() + _PAGE_WITHIN_S
                while len(drawn) == before and time.monotonic() < gives_up:
                    terminal.read(0.1)
                    drawn.update(_NUMBER.findall(terminal.written[looked:]))
                    looked = max(0, len(terminal.written) - len("n00000"))
                if len(drawn) == before:
                    break
                terminal.rest(0.03)  # the rest of this page, before the next one is asked for
                terminal.type(_PAGE_DOWN)
            terminal.type("q")
            code = terminal.wait(30)
            strange = sum(times for what, times in sequences(terminal.written).items() if what not in _PLAIN)
            return _Session(strange, len(names) - len(drawn), code != 0, len(terminal.written))
