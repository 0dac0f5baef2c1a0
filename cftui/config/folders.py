"""Where configuration and state live, and whether a file there may be trusted."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from cftui.errors import ConfigError


def config_path(environ: Mapping[str, str]) -> Path:
    """`CFTUI_CONFIG`, else `$XDG_CONFIG_HOME/cftui/config.toml`."""
    if named := environ.get("CFTUI_CONFIG"):
        try:
            return Path(named).expanduser().absolute()
        except RuntimeError:
            raise ConfigError("CFTUI_CONFIG names the home of a user who does not exist.") from None
    return _xdg(environ, "XDG_CONFIG_HOME", ".config") / "cftui" / "config.toml"


def state_dir(environ: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/cftui`: journal, learned durations, last known fleet."""
    return _xdg(environ, "XDG_STATE_HOME", ".local/state") / "cftui"


def make_private_dir(path: Path) -> None:
    """Make a folder that only its owner may enter; one that exists is left as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def read_private(path: Path, *, is_secret: bool) -> str:
    """Read a file that nobody else can have written, or, for a secret, read.

    Checked on the open file, so that it cannot be swapped in between; a link is not followed to a secret.

    Args:
        path: The file.
        is_secret: Nobody else may read it either.

    Raises:
        ConfigError: Somebody else could, with the command that mends it.
        OSError: It cannot be opened.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (os.O_NOFOLLOW if is_secret else 0)
    descriptor = os.open(path, flags)
    try:
        _check(path, os.fstat(descriptor), is_secret=is_secret)
        with open(descriptor, encoding="utf-8", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _check(path: Path, found: os.stat_result, *, is_secret: bool) -> None:
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
    if is_secret:
        _check_folder(path)


def _check_folder(path: Path) -> None:
    folder = path.absolute().parent
    if os.stat(folder).st_mode & 0o022:
        raise ConfigError(
            f"The folder of {path} can be changed by other users.", hint=f"Mend it with: chmod go-w {folder}"
        )


def _xdg(environ: Mapping[str, str], name: str, fallback: str) -> Path:
    """An XDG folder; a relative value is ignored, as the XDG specification asks."""
    value = environ.get(name, "")
    return Path(value) if value.startswith("/") else Path(environ.get("HOME") or Path.home()) / fallback
