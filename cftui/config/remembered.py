"""What the program keeps by itself: `state.toml` in the state folder. Losing it costs one request, and saved views."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Mapping
from pathlib import Path

from cftui import private
from cftui.errors import ConfigError
from cftui.text import clean, cut

_NAME = "state.toml"


def base_url_of(state: Path, url: str) -> str:
    """The base URL that this cloud answered under before; empty when not known.

    Args:
        state: The state folder.
        url: The base URL as configured, with the path that is tried first.
    """
    found = table_of(state, "base_urls").get(url)
    origin = url.removesuffix("/api/v1")
    return found if found in (f"{origin}/api/v1", f"{origin}/v1") else ""


def remember_base_url(state: Path, url: str, found: str) -> None:
    """Keep it for the next start, or forget it when `found` is empty; nothing fails when the disk does."""
    known = table_of(state, "base_urls")
    if known.get(url, "") == found:
        return
    kept = {**known, url: found} if found else {key: value for key, value in known.items() if key != url}
    with contextlib.suppress(OSError, ConfigError):
        keep_table(state, "base_urls", kept)


def table_of(state: Path, name: str) -> dict[str, object]:
    """One table of `state.toml`; empty when there is none, or none that can be read."""
    try:
        kept = _read(state).get(name)
    except (OSError, ConfigError):
        return {}
    return kept if isinstance(kept, dict) else {}


def keep_table(state: Path, name: str, table: Mapping[str, object]) -> None:
    """Put a table in the place of the one of its name; the others stay.

    Raises:
        ConfigError: The folder is not the owner's alone, or what is there is no TOML; it is left as it is.
        OSError: It cannot be written; what was there before still is.
    """
    import tomli_w

    path = state / _NAME
    try:
        content = private.read(path, is_secret=True)
    except (FileNotFoundError, ConfigError):
        content = b""  # a name that leads elsewhere, or that others could read, is replaced and not followed
    document = _parsed(content, path)
    private.replace(path, tomli_w.dumps({**document, name: table}).encode())


def _read(state: Path) -> dict[str, object]:
    """The whole document.

    Raises:
        ConfigError: It is not the owner's alone, or no TOML.
        OSError: It cannot be opened.
    """
    return _parsed(private.read(state / _NAME, is_secret=True), state / _NAME)


def _parsed(content: bytes, path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path} cannot be read: {cut(clean(str(error)), 120)}.", hint="Mend it, or move it away."
        ) from error
