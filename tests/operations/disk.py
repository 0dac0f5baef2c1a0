"""Disks as tests need them: full at once, and free again; folders that nothing can be written into."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

_CAPABILITIES_VERSION = 0x20080522


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """No file of this process may grow: SQLite's own files neither, which it takes for a failing disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Disk:
    """A disk under one folder: a small one of its own where this user may mount, else the limit of `no_room`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        command = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "cftui-test", str(folder)]
        self._filler = folder / "filler"
        self._folder = folder
        self.is_mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte more."""
        if not self.is_mounted:
            with no_room():
                yield
            return
        descriptor = os.open(self._filler, os.O_WRONLY | os.O_CREAT, 0o600)
        with contextlib.suppress(OSError):
            while os.write(descriptor, bytes(4096)):
                pass
        os.close(descriptor)
        yield
        self._filler.unlink()

    def close(self) -> None:
        """Unmount it."""
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", str(self._folder)], check=True)


def be_nobody_special() -> None:
    """Give up what lets root write where nobody may; a process that is not root's has nothing to give up."""
    if os.geteuid():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing):
        raise OSError(ctypes.get_errno(), "capset")
