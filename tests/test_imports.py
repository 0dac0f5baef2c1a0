"""What a command loads, counted and not timed: nobody waits for a library that is not used."""

import os
import subprocess
import sys

import pytest

HEAVY = {"textual", "httpx", "pydantic", "asyncio", "dataclasses", "msgspec", "rich", "sqlite3", "ssl"}


def loaded(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after running some code."""
    script = f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    return {name.partition(".")[0] for name in ran.stdout.split()}


def loaded_by_command(*arguments: str) -> set[str]:
    """As `loaded`, for one command line."""
    return loaded(f"from cftui.cli.main import main\nmain({list(arguments)!r})")


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help_load_nothing_heavy(argument: str) -> None:
    assert not loaded_by_command(argument) & HEAVY


@pytest.mark.parametrize("arguments", [("config", "path"), ("config", "show"), ("profile", "list")])
def test_the_configuration_is_shown_without_a_cloud(arguments: tuple[str, ...]) -> None:
    assert not loaded_by_command(*arguments) & {"textual", "httpx", "pydantic", "asyncio", "sqlite3"}


def test_the_journal_is_read_without_textual_and_without_a_client() -> None:
    assert not loaded_by_command("journal") & {"textual", "httpx", "pydantic"}


def test_the_commands_load_no_textual() -> None:
    modules = ("act", "reading", "watch", "journal", "settings", "simulate", "cockpit")
    assert "textual" not in loaded("\n".join(f"import cftui.cli.{name}" for name in modules))


def test_the_simulator_loads_no_client() -> None:
    assert not loaded("import cftui.cli.simulate") & {"textual", "httpx", "pydantic", "sqlite3"}


def test_the_cockpit_has_no_client_before_its_first_paint() -> None:
    """The engine is made, the app is built; what needs the network or the disk comes when it starts."""
    code = """
from pathlib import Path
import cftui.cli.cockpit
from cftui.operations.engine import Account, Engine
from cftui.operations.engine_thread import EngineThread
from cftui.tui.app import CftuiApp
from cftui.tui.cockpit import CockpitSettings, ProfileBadge
engine = Engine(Account("http://127.0.0.1:1/api/v1", "user@example.com", "password"), state_dir=Path("/nonexistent"))
CftuiApp(EngineThread(lambda: engine), profile=ProfileBadge("test"), settings=CockpitSettings())
"""
    assert not loaded(code) & {"httpx", "pydantic", "sqlite3"}
