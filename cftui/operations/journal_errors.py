"""What went wrong with the journal, in words for whoever wanted to send something."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from pathlib import Path

from cftui.errors import ConfigError, JournalError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class DamagedError(JournalError):
    """The file is no journal any more, or only parts of one."""


def as_journal_error(error: BaseException, path: Path) -> JournalError:
    """The error that a user can meet.

    Args:
        error: Of SQLite, of the operating system, or one of ours.
        path: The journal.
    """
    match error:
        case JournalError():
            return error
        case ConfigError():
            return JournalError(error.message, hint=error.hint)
        case OSError():
            return _of_system(error, path)
        case sqlite3.Error():
            return _of_sqlite(error, path)
        case _:
            return JournalError(f"The journal {str(path)!r} cannot be used: {error}.")


def is_damage(error: BaseException) -> bool:
    """Whether the file itself is broken, so that waiting or freeing space mends nothing."""
    return isinstance(error, DamagedError) or _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def busy(path: Path) -> JournalError:
    """Another program holds the file, or the right to open it."""
    pids = _holders(path)
    who = f"process {' and '.join(map(str, pids))} holds it" if pids else "another program holds it"
    return JournalError(f"Journal busy: {who}.", hint="Try again in a moment.")


def _of_sqlite(error: sqlite3.Error, path: Path) -> JournalError:
    match _code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return busy(path)
        case sqlite3.SQLITE_FULL:
            return _full("the disk is full")
        case sqlite3.SQLITE_IOERR:
            return _full(f"the disk is full or failing, {error.sqlite_errorname}")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return _read_only(path)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return DamagedError(f"The journal {str(path)!r} is damaged ({error}).")
        case _:
            return JournalError(f"The journal {str(path)!r} cannot be used: {error}.")


def _of_system(error: OSError, path: Path) -> JournalError:
    if error.errno in _FULL:
        return _full("the disk is full")
    if error.errno in _READ_ONLY:
        return _read_only(path)
    return JournalError(f"The journal {str(path)!r} cannot be used: {error.strerror}.")


def no_locks(path: Path) -> JournalError:
    """Two programs could both believe to be alone."""
    return JournalError(
        f"The locks of the folder {str(path.parent)!r} do not hold, so two programs could send twice.",
        hint="Set XDG_STATE_HOME to a folder on a local disk.",
    )


def _full(why: str) -> JournalError:
    return JournalError(f"The journal cannot be written: {why}.", hint="Free some space on the disk.")


def _read_only(path: Path) -> JournalError:
    return JournalError(
        f"The journal cannot be written: {str(path.parent)!r} is read-only.",
        hint="What was sent before is shown; nothing can be sent.",
    )


def _code(error: BaseException) -> int:
    """SQLite's primary result code; the extended ones stand in its upper bytes."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _holders(path: Path) -> list[int]:
    """Who holds a lock on the file, as far as this system tells: Linux does, in /proc/locks."""
    found: set[int] = set()
    with contextlib.suppress(OSError, ValueError, IndexError):
        inode = path.stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.partition(": ")[2].removeprefix("-> ").split()
            if int(words[4].rpartition(":")[2]) == inode and int(words[3]) > 0:
                found.add(int(words[3]))
    return sorted(found)
