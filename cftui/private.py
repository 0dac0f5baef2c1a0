"""Files that belong to their owner alone: read only when they do, written so, and never reached through a link.

A folder is opened once and looked at through its descriptor, so that nothing can be swapped between look and use.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from cftui.errors import ConfigError

MAX_BYTES = 2**20
"""Longest file that is read where nothing else is said; nobody writes so much by hand."""


def read(path: Path, *, is_secret: bool, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a file that nobody else can have written, or, for a secret, read.

    Args:
        path: The file; a link is followed only where it holds no secret, as people keep their configuration elsewhere.
        is_secret: Nobody else may read it either.
        max_bytes: A longer file is refused.

    Raises:
        ConfigError: Somebody else could, with the command that mends it; or it is no file, or too long.
        OSError: It cannot be opened.
    """
    # Without O_NONBLOCK a named pipe would wait for its writer.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (os.O_NOFOLLOW if is_secret else 0)
    with _opened(path, flags) as descriptor:
        _check_file(path, os.fstat(descriptor), is_secret=is_secret)
        check_folders(path)
        if path.is_symlink():
            check_folders(path.resolve())
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ConfigError(f"{path} is longer than {max_bytes // 2**20} MB.")
    return content


def replace(path: Path, content: bytes, *, is_durable: bool = False, others_may_look: bool = False) -> None:
    """Write a file whole or not at all, for its owner alone, in a folder of the owner alone; made when missing.

    What stood under the name is replaced, also a link: nothing is written to where it leads.

    Args:
        path: The file.
        content: All of it.
        is_durable: Wait until it is on the disk.
        others_may_look: The folder may be entered by others, though not changed.

    Raises:
        ConfigError: The folder is not the owner's alone, with the command that mends it.
        OSError: It cannot be written; what was there before still is.
    """
    beside = f".{path.name}-{secrets.token_hex(6)}"
    with folder(path.parent, others_may_look=others_may_look) as directory:
        try:
            _write(beside, content, directory, is_durable=is_durable)
            os.replace(beside, path.name, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(beside, dir_fd=directory)
            raise


def create(path: Path, content: bytes) -> None:
    """Write a file that does not exist yet, for its owner alone, in a folder of the owner alone; made when missing.

    Raises:
        ConfigError: As for `replace`.
        OSError: It cannot be written, or something has this name, be it a link that leads nowhere.
    """
    with folder(path.parent) as directory:
        _write(path.name, content, directory, is_durable=False)


@contextlib.contextmanager
def folder(path: Path, *, others_may_look: bool = False) -> Iterator[int]:
    """A folder that only its owner may enter, open; made when missing.

    Args:
        path: The folder.
        others_may_look: They may enter it, though not change it.

    Raises:
        ConfigError: It is a link, somebody else's, or open to others.
        OSError: It cannot be made or opened.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    with _opened(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW) as directory:
        found = os.fstat(directory)
        if found.st_uid != os.geteuid():
            raise ConfigError(f"{path} belongs to another user.", hint="Use a folder of your own.")
        if found.st_mode & (0o022 if others_may_look else 0o077):
            mode = "go-w" if others_may_look else "700"
            raise ConfigError(f"{path} is open to other users.", hint=f"Mend it with: chmod {mode} {path}")
        check_folders(path)
        yield directory


def check_folders(path: Path) -> None:
    """Refuse a path that others could put something else in the place of.

    A folder with the sticky bit, such as /tmp, lets nobody replace what is not theirs.

    Raises:
        ConfigError: With the folder, and the command that mends it.
    """
    for above in path.absolute().parents:
        found = os.stat(above)
        if found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
            raise ConfigError(
                f"{path} is not safe: other users can change the folder {above}.",
                hint=f"Mend it with: chmod go-w {above}",
            )
    found = os.stat(path.absolute().parent)
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"{path} is not safe: its folder belongs to another user.", hint="Use a folder of your own.")


def _check_file(path: Path, found: os.stat_result, *, is_secret: bool) -> None:
    owners = {os.geteuid()} if is_secret else {os.geteuid(), 0}
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path} is not a plain file.")
    if found.st_uid not in owners:
        raise ConfigError(f"{path} belongs to another user.", hint="Use a file of your own.")
    if is_secret and found.st_mode & 0o077:
        raise ConfigError(f"{path} can be read by other users.", hint=f"Mend it with: chmod 600 {path}")
    if found.st_mode & 0o022:
        raise ConfigError(f"{path} can be changed by other users.", hint=f"Mend it with: chmod go-w {path}")
    if is_secret and found.st_nlink > 1:
        raise ConfigError(f"{path} has a second name (hard link).", hint="Use a file with one name.")


def _write(name: str, content: bytes, directory: int, *, is_durable: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=directory)
    with open(descriptor, "wb") as file:
        file.write(content)
        if is_durable:
            file.flush()
            os.fsync(descriptor)


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP or (error.errno == errno.ENOTDIR and path.is_symlink()):
            raise ConfigError(f"{path} is a link, which is not followed here.") from None
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)
