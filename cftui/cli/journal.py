"""`journal`: what this machine sent, with verdicts; works without network and without credentials."""

from __future__ import annotations

import os

from cftui.cli import records
from cftui.cli.exit_codes import ExitCode
from cftui.cli.options import Options
from cftui.cli.output import Narrator, emit
from cftui.config.folders import state_dir
from cftui.operations.journal import read_journal


def journal(options: Options) -> ExitCode:
    """Newest first, of all accounts."""
    path = state_dir(os.environ) / "journal.sqlite3"
    entries = read_journal(path)
    emit(records.journal([(entry.submission, entry.origin) for entry in entries]), options.form, options.columns)
    if not entries:
        Narrator(is_quiet=options.quiet)(f"Nothing was sent from here yet; there is no entry in {path}.")
    return ExitCode.DONE
