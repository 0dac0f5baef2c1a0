"""Running a command that prints a password: bounded in time and in what it may say, and not left behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cftui.clock import Clock

MAX_BYTES = 64 * 1024
"""More than this is no password, and is not heard to its end."""

_LOOK_EVERY_S = 0.05


class Said(NamedTuple):
    """What a command came to."""

    code: int
    out: bytes
    err: bytes
    """At most `MAX_BYTES` of it."""


class TooMuch(Exception):
    """It printed more than `MAX_BYTES`, and was ended."""


def run(command: Sequence[str], environ: Mapping[str, str], limit_s: float) -> Said:
    """Run a command without a shell and hear it out; whatever is wrong with it, it is not left running.

    Args:
        command: Program and arguments.
        environ: All of its environment.
        limit_s: How long it may take.

    Raises:
        TimeoutError: It took longer, and was ended together with what it had started.
        TooMuch: It printed too much; ended as well.
        OSError: It cannot be run.
    """
    process = subprocess.Popen(  # noqa: S603 - the user's own command, from a file that only they can write
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Without a terminal of its own it fails at once where it would ask there, and takes no key of the cockpit's.
        start_new_session=True,
        env=environ,
    )
    try:
        return _hear(process, limit_s)
    except BaseException:
        with contextlib.suppress(OSError):  # it ended just now, or runs as another user
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        raise
    finally:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _hear(process: subprocess.Popen[bytes], limit_s: float) -> Said:
    assert process.stdout is not None
    assert process.stderr is not None
    clock = Clock()
    deadline = clock.monotonic() + limit_s
    out, err = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, err)
        while True:
            code = process.poll()  # before looking: what it said before it ended is in the pipes by then
            ready = selector.select(_LOOK_EVERY_S if code is None else 0) if selector.get_map() else []
            for key, _ in ready:
                chunk = os.read(key.fd, MAX_BYTES)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            del err[MAX_BYTES:]
            if len(out) > MAX_BYTES:
                raise TooMuch
            # A child that stays behind may hold the pipes open for ever: the command itself is what counts.
            if code is not None and not ready:
                return Said(code, bytes(out), bytes(err))
            if clock.monotonic() > deadline:
                raise TimeoutError
            if not selector.get_map():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_EVERY_S)
