"""Reading the journal, also where nothing may be changed or made."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cftui.operations import journal_file, run_store
from cftui.operations.journal_errors import as_journal_error
from cftui.operations.journal_rows import SELECT, JournalEntry, entries_of
from cftui.operations.run_store import KeptRun

T = TypeVar("T")

LOAD_LIMIT = 500
"""Ended rows handed to the fleet at start; older ones stay in the file for `cftui journal`."""

UNSETTLED = f"{SELECT} WHERE origin = ? AND NOT is_settled ORDER BY intended"
NEWEST = f"{SELECT} WHERE origin = ? ORDER BY intended DESC LIMIT {LOAD_LIMIT}"
NEWEST_OF_ALL = f"{SELECT} ORDER BY intended DESC LIMIT ?"


def read_journal(path: Path, *, limit: int = 1000) -> list[JournalEntry]:
    """The newest rows of all accounts, newest first, without changing or making anything.

    Empty when there is no journal.

    Raises:
        JournalError: The file cannot be read.
    """
    return _read(path, lambda connection: entries_of(connection.execute(NEWEST_OF_ALL, (limit,))), [])


def read_account(path: Path, origin: str) -> list[JournalEntry]:
    """As `Journal.load`, without changing or making anything; of whatever version, as far as it can be understood.

    Raises:
        JournalError: The file cannot be read.
    """
    return _read(path, lambda connection: account_rows(connection, origin), [])


def read_left_runs(path: Path, *, now: float) -> list[tuple[KeptRun, int]]:
    """The runs of all accounts that their programs did not bring to an end: see `run_store.left_runs`.

    Args:
        path: The journal; nothing is changed.
        now: Seconds since 1970.

    Raises:
        JournalError: The file cannot be read.
    """
    return _read(path, lambda connection: run_store.left_runs(connection, now=now), [])


def gap_of(path: Path) -> str:
    """What is known to be missing and nobody acknowledged, as a sentence; empty when nothing is.

    Raises:
        JournalError: The file cannot be read.
    """

    def select(connection: sqlite3.Connection) -> str:
        has_gaps = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'gap'").fetchone()
        return journal_file.unacknowledged_gap(connection, path) if has_gaps else ""

    return _read(path, select, "")


def _read(path: Path, select: Callable[[sqlite3.Connection], T], nothing: T) -> T:
    if not path.exists():
        return nothing
    failure: sqlite3.Error | None = None
    for connection in journal_file.read_only(path):
        try:
            return select(connection)
        except sqlite3.Error as error:
            failure = failure or error
    assert failure is not None
    raise as_journal_error(failure, path) from failure


def account_rows(connection: sqlite3.Connection, origin: str, *, of_runs: bool = False) -> list[JournalEntry]:
    """As `Journal.load`."""
    rows: dict[str, Sequence[Any]] = {row[0]: row for row in connection.execute(UNSETTLED, (origin,))}
    rows |= {row[0]: row for row in connection.execute(NEWEST, (origin,))}
    if of_runs:
        rows |= {row[0]: row for row in run_store.rows_of_open_runs(connection, origin)}
    return sorted(entries_of(rows.values()), key=lambda entry: entry.submission.intended)
