"""What all tests share: a clean environment, and the simulated cloud on a thread of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer

EMAIL = "user@example.com"
PASSWORD = "s3cret-p@ss:wörd"

StartSimulator = Callable[..., SimulatorServer]


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the account that runs the tests is read or written."""
    for name in os.environ:
        if name.startswith(("CFTUI_", "XDG_")) or name.lower().endswith("_proxy") or name == "NO_COLOR":
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))


@pytest.fixture
def start_simulator() -> Iterator[StartSimulator]:
    """Start simulated clouds as a test asks for them: `start_simulator(vms=3, quirks=["no-actions"])`."""
    servers: list[SimulatorServer] = []

    def start(**kwargs: object) -> SimulatorServer:
        arguments = {"vms": 20, "speed": 200.0, "calm": True, "email": EMAIL, "password": PASSWORD} | kwargs
        server = SimulatorServer(SimulatedCloud(**arguments))  # type: ignore[arg-type]  # its own keywords
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def simulator(start_simulator: StartSimulator) -> SimulatorServer:
    """Twenty VMs, nobody else about, two hundred times faster than a real cloud."""
    return start_simulator()
