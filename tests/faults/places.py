"""A home of its own for processes that are started from outside, and what they come to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """What a process came to."""

    code: int
    stdout: str
    stderr: str


class Places:
    """Home, configuration, state, temporary folder and secrets of one user.

    Args:
        root: An empty folder, of mode 0700.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.config = self.home / ".config" / "cftui" / "config.toml"
        self.state = self.home / ".local" / "state" / "cftui"
        self.temporary = root / "tmp"
        self.secret = root / "secret" / "password"
        """Outside the home, so that a search of it does not find what was put there."""
        for folder in (self.home, self.temporary, self.secret.parent):
            folder.mkdir(mode=0o700)
        self.secret.touch(mode=0o600)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of such a user: nothing more than a shell gives."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
        }

    def write_config(self, text: str) -> Path:
        """Put a config.toml where it is looked for."""
        self.config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.config.write_text(text)
        return self.config

    def run(
        self, *words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, command: Sequence[str] = ()
    ) -> Ended:
        """Run `cftui` with arguments, without a terminal, to its end."""
        ended = subprocess.run(
            [*(command or (sys.executable, "-m", "cftui")), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
            cwd=cwd or self.home,
            env={**self.environ, **(env or {})},
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
