"""A simulated cloud in a process of its own, so that its work is not on the client's bill; and the fleets it serves."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Self

from cftui.api.models import VM
from cftui.clock import Clock
from cftui.fleet.estimates import Estimates
from cftui.fleet.rows import VmRow
from cftui.operations.memory import memory_path, save
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.ledger import Received
from cftui.simulator.server import SimulatorServer

EMAIL, PASSWORD = "user@example.com", "password"
_AGE_S = 600.0
"""How long ago the last known fleet was written."""


class Cloud:
    """A calm cloud that runs; also a context manager, which ends it.

    Args:
        vms: How many.
        speed: Durations are divided by it.
        quirks: As `SimulatedCloud` takes them.
    """

    def __init__(self, vms: int, *, speed: float = 1.0, quirks: Sequence[str] = ()) -> None:
        wanted = json.dumps({"vms": vms, "speed": speed, "quirks": list(quirks)})
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, wanted], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.vms = vms
        self.url: str = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    @property
    def account(self) -> dict[str, str]:
        """The environment of a program that signs in here."""
        return {"CFTUI_URL": self.url, "CFTUI_EMAIL": EMAIL, "CFTUI_PASSWORD": PASSWORD}

    def requests(self) -> int:
        """How many requests came."""
        return int(self._ask("requests"))

    def posts(self) -> int:
        """How many POSTs came."""
        return int(self._ask("posts"))

    def watch(self, journal: Path) -> None:
        """Look into this journal at each POST, for the intent of its VM."""
        self._ask("watch", str(journal))

    def unrecorded(self) -> int:
        """How many POSTs came whose intent was not there."""
        return int(self._ask("unrecorded"))

    def turn(self, vm_ids: Sequence[str]) -> None:
        """Let each of these VMs be stopped if it runs, and run if it does not."""
        self._ask("turn", *vm_ids)

    def begin(self, vm_id: str) -> None:
        """Let somebody else reboot a VM."""
        self._ask("begin", vm_id)

    def _ask(self, *words: str) -> Any:
        assert self._process.stdin is not None
        print(json.dumps(words), file=self._process.stdin, flush=True)
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@cache
def fleet(vms: int) -> tuple[VmRow, ...]:
    """The rows of a cloud of that size, in its order."""
    listed, _ = SimulatedCloud(vms=vms, calm=True).listed_vms(0, vms)
    return tuple(VM.model_validate(json.loads(entry)).row() for entry in listed)


def remember(home: Path, url: str, rows: Sequence[VmRow]) -> dict[str, str]:
    """Leave a last known fleet as an earlier run would have.

    Returns:
        The environment of a program that lives in `home`.
    """
    origin = f"{url}|{EMAIL}"
    path = memory_path(home / "state" / "cftui", origin)
    save(path, origin, saved_at=Clock().now().timestamp() - _AGE_S, vms=rows, estimates=Estimates.EMPTY)
    return at_home(home)


def at_home(home: Path) -> dict[str, str]:
    """The environment of a program that finds and leaves everything in one folder."""
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "TMPDIR": str(home),
    }


def poll_every(home: Path, seconds: int) -> None:
    """Configure how often a program that lives in `home` reads the list."""
    folder = home / "config" / "cftui"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "config.toml").write_text(f"poll_idle_s = {seconds}\n")


def _serve(wanted: dict[str, Any]) -> None:
    cloud = SimulatedCloud(calm=True, email=EMAIL, password=PASSWORD, **wanted)
    unrecorded: list[str] = []
    with SimulatorServer(cloud) as server:
        print(json.dumps(server.url), flush=True)
        for line in sys.stdin:
            name, *words = json.loads(line)
            answer = None
            match name:
                case "requests":
                    answer = server.ledger.count()
                case "posts":
                    answer = len(server.ledger.posts)
                case "watch":
                    server.ledger.on_post = _watcher(words[0], unrecorded)
                case "unrecorded":
                    answer = len(unrecorded)
                case "turn":
                    for vm_id in words:
                        cloud.set_status(vm_id, "stopped" if cloud.vm(vm_id).status == "running" else "running")
                case "begin":
                    cloud.start_foreign_action(words[0], "reboot")
            print(json.dumps(answer), flush=True)


def _watcher(journal: str, unrecorded: list[str]) -> Callable[[Received], None]:
    def look(received: Received) -> None:
        vm_id = received.path.split("/")[-2]
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
            if not connection.execute("SELECT 1 FROM submission WHERE vm_id = ?", (vm_id,)).fetchone():
                unrecorded.append(vm_id)

    return look


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
