"""The simulator as a program: what it writes where, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.simulator.asking import basic

PROGRAM = """
import sys
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.main import run
cloud = SimulatedCloud(vms=7, calm=True, quirks=sys.argv[2:])
sys.exit(run("127.0.0.1", int(sys.argv[1]), cloud, sys.stdout, sys.stderr))
"""


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stdout=pipe, stderr=pipe, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_first_line_is_the_url_and_a_signal_ends_it(asked: signal.Signals) -> None:
    with running("0", "demo-mode", "small-pages=3") as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/api/v1")
        request = urllib.request.Request(
            f"{url}/vms/5609f1ee1b0c4d2da622737b5ca25e6c/actions",
            b'{"type":"rename","name":"\x1b[31m"}'.replace(b"\x1b", b"\\u001b"),
            {**basic(), "Content-Type": "application/json"},
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as response:
            assert response.status == 201
        process.send_signal(asked)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "")
    assert "7 VMs; sign in as user@example.com. Quirks: demo-mode, small-pages=3. ctrl+c ends it." in err
    assert "POST /api/v1/vms/5609f1ee1b0c4d2da622737b5ca25e6c/actions" in err
    assert ": 201 accepted" in err
    assert not any(word in err for word in ("\x1b", "Traceback", "password"))


def test_taken_port_is_one_sentence() -> None:
    with running("0") as first:
        assert first.stdout is not None
        port = first.stdout.readline().strip().split(":")[2].split("/")[0]
        with running(port) as second:
            out, err = second.communicate(timeout=10)
    assert (second.returncode, out) == (2, "")
    assert err.startswith(f"Cannot listen on 127.0.0.1:{port}: ")
    assert err.count("\n") == 1


def test_simulator_imports_nothing_of_the_rest() -> None:
    program = "import sys, cftui.simulator.main; print(*(name for name in sys.modules if name.startswith('cftui')))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert all(name == "cftui" or name.startswith("cftui.simulator") for name in found)
