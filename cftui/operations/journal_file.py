"""The journal's file: made for its owner alone, brought up to date, and begun anew beside a damaged one.

Whatever is lost is said: a *gap* stands in the file until somebody acknowledged it, because a request whose row is
lost may still have left.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import stat
import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cftui import private
from cftui.errors import ConfigError, JournalError
from cftui.operations import run_store
from cftui.operations.account import account_name
from cftui.operations.journal_errors import DamagedError, as_journal_error, busy, is_damage, no_locks
from cftui.operations.journal_rows import COLUMNS, NAMES, SELECT, put

BUSY_S = 5.0
"""How long another program's transaction is waited for."""

_CHECKED_BYTES = 4 * 2**20
"""A file up to this size is checked whole at each opening, in some 30 ms; what is damaged in a larger one shows when
it is read."""

_SALVAGED_ENDED = 1000
"""Ended rows that are taken over from a damaged file; unsettled ones are all taken."""

_TYPES = """(
    token TEXT PRIMARY KEY, origin TEXT NOT NULL, plan_id TEXT NOT NULL, replaces TEXT NOT NULL,
    vm_id TEXT NOT NULL, vm_name TEXT NOT NULL, type TEXT NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL,
    intended REAL NOT NULL, given_up REAL, host TEXT NOT NULL, pid INTEGER NOT NULL,
    stage TEXT NOT NULL, reason TEXT NOT NULL, finding TEXT NOT NULL, message TEXT NOT NULL, status TEXT NOT NULL,
    started_at TEXT NOT NULL, completed_at TEXT NOT NULL, action_key TEXT, vm_before TEXT,
    baseline TEXT NOT NULL, newest_before REAL,
    is_probable INTEGER NOT NULL, is_settled INTEGER NOT NULL, is_open INTEGER NOT NULL
) STRICT"""

MIGRATIONS = (
    f"""
    CREATE TABLE submission {_TYPES};
    CREATE UNIQUE INDEX one_open_per_vm ON submission (origin, vm_id) WHERE is_open;
    CREATE INDEX by_time ON submission (origin, intended);
    """,
    # One name an account; where two names of one had a request open to the same VM each, the later one locks it.
    f"""
    DROP INDEX one_open_per_vm;
    UPDATE submission SET origin = account_of(origin);
    UPDATE submission SET is_open = 0 WHERE is_open AND rowid NOT IN
        (SELECT max(rowid) FROM submission WHERE is_open GROUP BY origin, vm_id);
    CREATE UNIQUE INDEX one_open_per_vm ON submission (origin, vm_id) WHERE is_open;
    CREATE INDEX unsettled ON submission (origin, intended) WHERE NOT is_settled;
    CREATE INDEX everyone_by_time ON submission (intended);
    CREATE TABLE ended {_TYPES};
    CREATE TABLE gap (found REAL NOT NULL, reason TEXT NOT NULL, kept TEXT NOT NULL, acknowledged REAL) STRICT;
    """,  # noqa: S608
    # Runs of several requests, from before the first is sent until nothing more of them is to be sent.
    """
    CREATE TABLE run (
        id TEXT PRIMARY KEY, origin TEXT NOT NULL, content TEXT NOT NULL, confirmed REAL NOT NULL,
        host TEXT NOT NULL, pid INTEGER NOT NULL, seen REAL NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL
    ) STRICT;
    CREATE INDEX open_runs ON run (origin, confirmed) WHERE state = 'open';
    """,
)
"""What leads from each version to the next; the first makes the file. They are never edited, only added to."""

SCHEMA_VERSION = len(MIGRATIONS)


def open_file(path: Path, *, now: datetime, damaged: tuple[int, int] | None = None) -> sqlite3.Connection:
    """Open the journal; make it when missing, and begin it anew where it is damaged.

    Args:
        path: The database; it and its folder are made for the owner only.
        now: The time, for a gap.
        damaged: The identity of a file that was found to be damaged, though it may not look so at first.

    Raises:
        JournalError: It cannot be used: not ours, not private, busy, not to be written, or of a newer version.
    """
    try:
        with private.folder(path.parent) as folder, _alone(path):
            _make(path, folder)
            _check_file(path)
            if not os.access(path, os.W_OK):  # SQLite would open it, and only then refuse to write
                raise PermissionError(errno.EACCES, "read-only")
            if identity(path) != damaged:
                try:
                    return _opened(path, now)
                except (sqlite3.Error, DamagedError) as error:
                    if not is_damage(error):
                        raise
            return _begun_anew(path, now)
    except JournalError:
        raise
    except (OSError, sqlite3.Error, ConfigError) as error:
        raise as_journal_error(error, path) from error


def identity(path: Path) -> tuple[int, int] | None:
    """Which file has this name now; None when none has."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def mark_used(path: Path) -> None:
    """Leave a sign beside the journal that it holds rows, so that an empty one is not taken for a first start.

    Raises:
        OSError: It cannot be written.
    """
    with contextlib.suppress(FileExistsError):
        private.create(_mark(path), b"cftui wrote requests into journal.sqlite3; if that is gone, so are they.\n")


def unacknowledged_gap(connection: sqlite3.Connection, path: Path) -> str:
    """What is known to be missing and nobody has acknowledged, as a sentence; empty when nothing is."""
    row = connection.execute(
        "SELECT reason, kept FROM gap WHERE acknowledged IS NULL ORDER BY found DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return ""
    reason, kept = row
    told = f"Unknown outcomes may be missing: the journal {reason} and was begun anew"
    return f"{told}; the old one is kept as {str(path.with_name(kept))!r}." if kept else f"{told}."


def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Connections that change nothing, one after the other: where a file system lets nobody lock, only the last works.

    Raises:
        JournalError: The file is not ours alone.
    """
    _check_file(path)
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=1)
        ) as connection:
            yield connection


def _mark(path: Path) -> Path:
    return path.with_name("journal.used")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One program at a time opens, mends or begins the file; and a proof that locks hold in this folder.

    Raises:
        JournalError: Another program does not come to an end, or two could be in here at once.
        OSError: The lock's file cannot be made.
    """
    lock = path.with_name("journal.lock")
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    first, second = os.open(lock, flags, 0o600), os.open(lock, flags, 0o600)
    try:
        for _ in range(int(BUSY_S / 0.05)):
            if _locked(first, path):
                break
            time.sleep(0.05)
        else:
            raise busy(lock)
        if _locked(second, path):
            raise no_locks(path)
        yield
    finally:
        os.close(second)
        os.close(first)


def _locked(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise no_locks(path) from error
    return True


def _make(path: Path, folder: int) -> None:
    with contextlib.suppress(FileExistsError):
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
        os.close(os.open(path.name, flags, 0o600, dir_fd=folder))


def _check_file(path: Path) -> None:
    found = path.lstat()
    name = str(path)
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"{name!r} is a link or not an ordinary file; the journal is not used through it.")
    if found.st_nlink > 1:
        raise JournalError(f"{name!r} has another name elsewhere (a hard link); it is not used.")
    if found.st_uid != os.geteuid():
        raise JournalError(f"{name!r} belongs to another user; nothing was sent.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise JournalError(f"{name!r} can be read by others.", hint=f"chmod 600 {name!r}")


def _opened(path: Path, now: datetime) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=TRUNCATE")
        connection.execute("PRAGMA synchronous=FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise JournalError(
                f"The journal {str(path)!r} was written by a newer cftui: "
                f"its format is {version}, this one reads {SCHEMA_VERSION}.",
                hint="Update this cftui; nothing was changed.",
            )
        _check_content(connection, path, version)
        connection.execute("BEGIN IMMEDIATE")
        _bring_up_to_date(connection, version)
        if version == 0 and _mark(path).exists():
            _note_gap(connection, now, "was empty or gone")
        has_rows = connection.execute("SELECT 1 FROM submission LIMIT 1").fetchone()
        connection.execute("COMMIT")
        if has_rows:
            mark_used(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_content(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Raises `DamagedError` where it is no journal; SQLite itself raises where it is no database."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and not version:
        raise DamagedError("It is another program's database.")
    if version and "submission" not in tables:
        raise DamagedError("Its table is missing.")
    if path.stat().st_size <= _CHECKED_BYTES:
        (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if told != "ok":
            raise DamagedError(told)


def _bring_up_to_date(connection: sqlite3.Connection, version: int) -> None:
    connection.create_function("account_of", 1, _account_of, deterministic=True)
    for script in MIGRATIONS[version:]:
        for statement in script.split(";"):
            connection.execute(statement)
    if version < SCHEMA_VERSION:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _account_of(origin: str) -> str:
    base_url, _, email = origin.partition("|")
    return account_name(base_url, email)


def _note_gap(connection: sqlite3.Connection, now: datetime, reason: str, kept: str = "") -> None:
    connection.execute("INSERT INTO gap VALUES (?, ?, ?, NULL)", (now.timestamp(), reason, kept))


def _begun_anew(path: Path, now: datetime) -> sqlite3.Connection:
    """Move a damaged file aside, and take over what can be read of it."""
    mark_used(path)  # should the program die in the middle, the next start finds an empty file, and knows it has a gap
    kept = _moved_aside(path, now)
    with private.folder(path.parent) as folder:
        _make(path, folder)
    connection = _opened(path, now)
    connection.execute("BEGIN IMMEDIATE")
    for row in _salvaged(kept):
        put(connection, row, is_newer=False)
    connection.execute("DELETE FROM gap")
    _note_gap(connection, now, "was damaged", kept.name)
    connection.execute("COMMIT")
    return connection


def _moved_aside(path: Path, now: datetime) -> Path:
    for number in range(1000):
        kept = path.with_name(f"journal.damaged-{now:%Y%m%dT%H%M%SZ}{f'-{number}' if number else ''}.sqlite3")
        if not kept.exists():
            break
    # First SQLite's own rollback journal: left beside a new file it would be played back into that.
    for suffix in ("-journal", "-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{kept}{suffix}")
    return kept


def _salvaged(kept: Path) -> list[Sequence[Any]]:
    """Rows of a damaged file, in the order of `COLUMNS`: all unsettled ones that can be read, and the newest others."""
    unsettled: dict[str, Sequence[Any]] = {}
    ended: deque[Sequence[Any]] = deque(maxlen=_SALVAGED_ENDED)
    seen: set[str] = set()

    def take(row: Sequence[Any]) -> None:
        got = dict(zip(COLUMNS, row, strict=True))
        token = got["token"]
        if token in seen:
            return
        seen.add(token)
        got["origin"] = _account_of(str(got["origin"]))
        if got["is_settled"]:
            ended.append(tuple(got.values()))
        else:
            unsettled[token] = tuple(got.values())

    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(kept)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
        # From both ends, to the first page that cannot be read; then whatever the indexes lead to.
        for order in (f"{SELECT} ORDER BY rowid DESC", f"{SELECT} ORDER BY rowid", f"{SELECT} WHERE is_open"):
            with contextlib.suppress(sqlite3.Error):
                for row in connection.execute(order):
                    take(row)
    return [*reversed(ended), *unsettled.values()]


def archive(connection: sqlite3.Connection, *, before: float, at_most: int) -> int:
    """Move ended rows out of the way of what is read at each start; returns how many. Runs as old are dropped.

    Args:
        connection: In a transaction.
        before: Those sent before this, in seconds since 1970.
        at_most: How many at once, so that no start waits long.
    """
    # What a run that may still be gone on with has sent stays in sight, however old the clock made it look.
    is_over = "is_settled AND NOT is_open AND plan_id NOT IN (SELECT id FROM run WHERE state = 'open')"
    old = f"SELECT rowid FROM submission WHERE intended < ? AND {is_over} ORDER BY intended LIMIT ?"  # noqa: S608
    copied = connection.execute(
        f"INSERT OR IGNORE INTO ended ({NAMES}) SELECT {NAMES} FROM submission WHERE rowid IN ({old})",  # noqa: S608
        (before, at_most),
    )
    if copied.rowcount:
        connection.execute(f"DELETE FROM submission WHERE rowid IN ({old})", (before, at_most))  # noqa: S608
    run_store.forget(connection, before=before)
    return copied.rowcount
