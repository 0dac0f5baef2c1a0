"""A clock that stands still, and servers on it that are stopped after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from cftui.simulator.clocks import ManualClock
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer

MakeServer = Callable[..., SimulatorServer]
"""Takes the arguments of `SimulatedCloud`; calm, 12 VMs and the test's clock unless said otherwise."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make_server(clock: ManualClock) -> Iterator[MakeServer]:
    with ExitStack() as running:

        def make(**options: Any) -> SimulatorServer:
            usual: dict[str, Any] = {"vms": 12, "calm": True, "clock": clock}
            cloud = SimulatedCloud(**usual | options)
            return running.enter_context(SimulatorServer(cloud))

        yield make


@pytest.fixture
def server(make_server: MakeServer) -> SimulatorServer:
    return make_server()
