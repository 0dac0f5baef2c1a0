"""Read-only on the command line: whoever says so is obeyed, for every verb, and nothing is sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cftui.simulator.server import SimulatorServer
from tests.cli.conftest import Run, account_of
from tests.conftest import EMAIL, PASSWORD

VERBS = (
    ("reboot", "one", "--yes"),
    ("power-cycle", "one", "--yes"),
    ("shutdown", "one", "--yes"),
    ("power-off", "one", "--yes"),
    ("power-on", "one", "--yes"),
    ("password-reset", "one", "--yes"),
    ("resize", "one", "--ram", "4", "--yes"),
    ("rename", "one", "two", "--yes"),
    ("snapshot", "one", "--yes"),
    ("reboot", "@one", "--yes", "--expect-count", "1"),
    ("reboot", "-", "--yes", "--expect-count", "1"),
)


@pytest.mark.fault("S26")
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_verb_gets_past_it(simulator: SimulatorServer, run: Run, verb: tuple[str, ...]) -> None:
    simulator.cloud.add_vm("one")
    source = ("--read-only", "CFTUI_READ_ONLY", "profile 'p'")[VERBS.index(verb) % 3]
    env = account_of(simulator)
    if source == "CFTUI_READ_ONLY":
        env["CFTUI_READ_ONLY"] = "1"
    if source == "profile 'p'":
        config = Path(os.environ["XDG_CONFIG_HOME"], "cftui", "config.toml")
        config.write_text(f'[profiles.p]\nurl = "{simulator.url}"\nemail = "{EMAIL}"\nread_only = true\n')
        env = {"CFTUI_PASSWORD": PASSWORD}
    flags = ("--read-only",) if source == "--read-only" else ()
    ran = run(*flags, *verb, stdin="one\n", env=env)
    assert (ran.code, ran.stdout) == (2, "")
    assert source in ran.stderr
    assert simulator.ledger.posts == ()
