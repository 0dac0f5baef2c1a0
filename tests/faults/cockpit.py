"""The cockpit as a user starts it: a process of its own, on a terminal of its own, against a simulated cloud."""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import pyte

from cftui.simulator.server import SimulatorServer
from tests.pty_reader import Silence, Terminal

GONE_WITHIN_S = 3.5
"""Two and a half on a machine that has time for it, which `tests.proof.deaths` measures."""

COMMAND = (sys.executable, "-W", "error", "-m", "cftui")
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=][\d;]*u|\x1b\[\?[\d;]*\$p")


def environment(server: SimulatorServer, home: Path) -> dict[str, str]:
    """Points cftui at a simulated cloud and at folders of its own, and makes it ask every second."""
    config = home / "config" / "cftui" / "config.toml"
    if not config.exists():
        config.parent.mkdir(parents=True, mode=0o700)
        config.write_text("poll_idle_s = 1\npoll_active_s = 1\n")
    return {
        "CFTUI_URL": server.url,
        "CFTUI_EMAIL": server.cloud.email,
        "CFTUI_PASSWORD": server.cloud.password,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
    }


class Cockpit(Terminal):
    """The cockpit on a terminal whose screen can be looked at.

    Args:
        server: Its cloud.
        home: Where its folders are.
        command: Another program in its place, such as a shell.
        env: Further variables.
        terminal: As for `Terminal`; the cockpit leads its session unless told otherwise, as over SSH.
    """

    def __init__(
        self,
        server: SimulatorServer,
        home: Path,
        *,
        command: Sequence[str] = COMMAND,
        env: Mapping[str, str] | None = None,
        **terminal: Any,
    ) -> None:
        self.display = pyte.Screen(terminal.get("columns", 120), terminal.get("rows", 40))
        self._stream = pyte.ByteStream(self.display)
        super().__init__(command, env=environment(server, home) | dict(env or {}), **{"is_login": True, **terminal})

    def read(self, within_s: float) -> bytes:
        """What comes next, shown on the screen."""
        content = super().read(within_s)
        self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", content))
        return content

    @property
    def shown(self) -> str:
        """What is on the screen now."""
        return "\n".join(line.rstrip() for line in self.display.display)

    def see(self, text: str, *, within_s: float = 20.0) -> float:
        """Read until a text is on the screen.

        Returns:
            When the read came that completed it.
        """
        deadline = time.perf_counter() + within_s
        while text not in self.shown:
            if not self.read(deadline - time.perf_counter()):
                ended = f", and it has ended: {self.written[-500:]!r}" if self.has_ended else ""
                raise Silence(f"{text!r} is not to be seen{ended}:\n{self.shown}")
            while self.read(0):
                pass
        return self.chunks[-1].at

    def resize(self, columns: int, rows: int) -> None:
        """Another size; what was on the screen is lost."""
        super().resize(columns, rows)
        self.display.resize(max(1, rows), max(1, columns))
        self.wipe()

    def wipe(self) -> None:
        """Lose all that is on the screen."""
        self.display.reset()

    def open(self) -> Self:
        """Wait until it shows a fresh reading."""
        self.see("live")
        self.see("3 Actions  ")
        return self

    def confirm_reboot(self) -> None:
        """Reboot the VM under the cursor: palette, action, and a yes once the confirmation takes one."""
        self.type("a")
        self.see("graceful restart")
        self.type("r")
        self.see("y reboots")
        self.press("y", lambda: "y reboots" not in self.shown)

    def press(self, keys: str, until: Callable[[], bool]) -> None:
        """Type keys again and again until they were taken: a confirmation that has just opened takes none."""
        for _ in range(20):
            self.listen(0.35)
            self.type(keys)
            self.rest(0.1, first_within_s=1.0, at_most_s=1.0)
            if until():
                return
        raise Silence(f"{keys!r} was not taken:\n{self.shown}")


def is_restored(written: bytes) -> bool:
    """Whether a terminal that was sent all this is as it was before."""
    left, taken = written.rfind(b"\x1b[?1049l"), written.rfind(b"\x1b[?1049h")
    if left < taken:
        return False
    modes = dict(re.findall(rb"\x1b\[\?(1000|1003|1004|1006|1049|2004|2026|25|7)([hl])", written))
    return modes == {mode: b"h" if mode in (b"25", b"7") else b"l" for mode in modes}


def journalled(home: Path) -> list[str]:
    """The stage of every row of the journal, in order."""
    path = home / "state" / "cftui" / "journal.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        return [stage for (stage,) in database.execute("SELECT stage FROM submission ORDER BY rowid")]


def wait_for(condition: Callable[[], object], *, within_s: float = 10.0) -> None:
    """Until something outside the terminal is so."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "never so"
        time.sleep(0.01)
