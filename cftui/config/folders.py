"""Where configuration and state live."""

from __future__ import annotations

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


def ignored_folders(environ: Mapping[str, str]) -> list[str]:
    """The XDG variables that are set and not followed, since they name no absolute path."""
    return [name for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME") if environ.get(name, "/")[:1] not in ("/", "")]


def _xdg(environ: Mapping[str, str], name: str, fallback: str) -> Path:
    """An XDG folder; a relative value is ignored, as the XDG specification asks."""
    value = environ.get(name, "")
    return Path(value) if value.startswith("/") else Path(environ.get("HOME") or Path.home()) / fallback
