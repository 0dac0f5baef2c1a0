"""A pseudo-terminal with a program on it: what it writes and when, and what a person types."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

_ANSWERS = {b"\x1b[?2026$p": b"\x1b[?2026;2$y"}
"""What a program asks the terminal, and what it hears: synchronised output is known."""

_LOGIN = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
for number in sys.argv[1].split():
    signal.signal(int(number), signal.SIG_IGN)
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Makes the terminal the controlling one of its session, as a login does, and the program the session's leader."""


class Chunk(NamedTuple):
    """Bytes that came in one read."""

    at: float
    """When: seconds of `time.perf_counter`."""
    content: bytes


class Silence(AssertionError):
    """What was waited for did not come."""


class Terminal:
    """A program on a terminal of its own, UTF-8 and true colour; also a context manager, which ends it.

    Args:
        command: Program and arguments.
        env: Added to an environment that holds the search path and what kind of terminal it is, and nothing else.
        columns: Width in cells.
        rows: Height in cells.
        is_login: The program leads a session whose controlling terminal this is: when it goes, a hang-up comes.
        ignoring: Signals that are ignored when the program starts, as `nohup` does; for a login only.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        columns: int = 120,
        rows: int = 40,
        is_login: bool = False,
        ignoring: Sequence[signal.Signals] = (),
    ) -> None:
        if is_login:
            numbers = " ".join(str(int(number)) for number in ignoring)
            command = [sys.executable, "-I", "-S", "-c", _LOGIN, numbers, *command]
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (rows, columns))
        self._fd = master
        self.chunks: list[Chunk] = []
        """All that was written, in order."""
        self._all = bytearray()
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={
                "PATH": os.environ["PATH"],
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "LANG": "C.UTF-8",
                "TZ": "UTC",
                "TEXTUAL_ANIMATIONS": "none",
                **(env or {}),
            },
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    @property
    def written(self) -> bytes:
        """All that was written."""
        return bytes(self._all)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def cpu_s(self) -> float:
        """Processor time that the program took so far, all its threads together."""
        # The clock of another process, as clock_getcpuclockid(3) computes it; Python has no name for it.
        return time.clock_gettime((~self._process.pid << 3) | 2)

    def type(self, keys: str) -> float:
        """Send keys.

        Returns:
            When: seconds of `time.perf_counter`.
        """
        at = time.perf_counter()
        os.write(self._fd, keys.encode())
        return at

    def wait_for(self, text: str, *, since: int = 0, within_s: float = 60.0) -> float:
        """Read until a text was written in one run of cells.

        Args:
            text: What to wait for.
            since: Bytes before this place do not count.
            within_s: How long to wait at most.

        Returns:
            When the read came that completed it.
        """
        wanted = text.encode()
        deadline = time.perf_counter() + within_s
        searched = max(0, since)
        while True:
            if self._all.find(wanted, searched) >= 0:
                return self.chunks[-1].at
            searched = max(since, len(self._all) - len(wanted))
            if not self.read(deadline - time.perf_counter()):
                raise Silence(f"{text!r} did not come; the last bytes were {bytes(self._all[-2000:])!r}")

    def read(self, within_s: float) -> bytes:
        """What comes next; empty when nothing does in time, or the program has ended."""
        if not select.select([self._fd], [], [], max(0.0, within_s))[0]:
            return b""
        try:
            content = os.read(self._fd, 1 << 16)
        except OSError:  # Linux: the other end is closed
            return b""
        self.chunks.append(Chunk(time.perf_counter(), content))
        self._all += content
        for question, answer in _ANSWERS.items():
            if question in content:
                os.write(self._fd, answer)
        return content

    def rest(self, silence_s: float, *, first_within_s: float | None = None, at_most_s: float = 60.0) -> list[Chunk]:
        """Read until nothing comes for a while.

        Args:
            silence_s: For how long.
            first_within_s: How long the first bytes may take; `silence_s` when None.
            at_most_s: Come back after this, silence or not.

        Returns:
            What came.
        """
        begin, deadline = len(self.chunks), time.perf_counter() + at_most_s
        wait_s = silence_s if first_within_s is None else first_within_s
        while time.perf_counter() < deadline and self.read(wait_s):
            wait_s = silence_s
        return self.chunks[begin:]

    def listen(self, seconds: float) -> list[Chunk]:
        """Read for a while, whatever comes."""
        begin, deadline = len(self.chunks), time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            if not self.read(left) and self._process.poll() is not None:
                raise Silence(f"the program ended: {bytes(self._all[-2000:])!r}")
        return self.chunks[begin:]

    @property
    def has_ended(self) -> bool:
        """Whether it has, nobody having asked how; its processor time can still be read."""
        ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return ended is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        os.kill(self._process.pid, number)

    def resize(self, columns: int, rows: int) -> None:
        """Another size; the kernel tells a login of it."""
        termios.tcsetwinsize(self._fd, (rows, columns))

    def drop(self) -> None:
        """The line drops: the terminal is gone."""
        os.close(self._fd)
        self._fd = -1

    def wait(self, within_s: float) -> int:
        """Read on until the program has ended.

        Returns:
            Its exit code; negative for a signal that killed it.
        """
        deadline = time.perf_counter() + within_s
        while self._process.poll() is None:
            left = deadline - time.perf_counter()
            if left <= 0:
                raise Silence(f"it did not end; the last bytes were {bytes(self._all[-2000:])!r}")
            if self._fd < 0 or not self.read(min(left, 0.02)):
                time.sleep(0.005)
        while self._fd >= 0 and self.read(0):
            pass
        return self._process.returncode

    def kill(self) -> float:
        """End it at once.

        Returns:
            The most memory it ever had, in MB; 0 when it had ended before.
        """
        peak_mb = 0.0
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            _, status, used = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            peak_mb = used.ru_maxrss / 1024
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        return peak_mb
