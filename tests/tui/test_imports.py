"""The first paint waits for nothing that it does not need."""

from __future__ import annotations

import subprocess
import sys

LATE = ("httpx", "pydantic", "sqlite3", "msgspec", "cftui.operations.engine", "cftui.simulator", "cftui.cli")
LATE_TOO = ("cftui.tui.modals.dialog", "cftui.tui.commands", "cftui.tui.screens.help", "cftui.tui.screens.vm")


def test_the_cockpit_is_imported_without_client_models_journal_and_dialogs() -> None:
    program = f"import sys, cftui.tui.app; print([m for m in {LATE + LATE_TOO!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
