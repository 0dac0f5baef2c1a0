"""What the program keeps by itself: `state.toml` in the state folder. Losing it costs one request."""

from __future__ import annotations

import contextlib
import os
import tempfile
import tomllib
from pathlib import Path

from cftui.config.folders import make_private_dir


def base_url_of(state: Path, url: str) -> str:
    """The base URL that this cloud answered under before; empty when not known.

    Args:
        state: The state folder.
        url: The base URL as configured, with the path that is tried first.
    """
    found = _read(state).get(url)
    origin = url.removesuffix("/api/v1")
    return found if found in (f"{origin}/api/v1", f"{origin}/v1") else ""


def remember_base_url(state: Path, url: str, found: str) -> None:
    """Keep it for the next start, or forget it when `found` is empty; a full disk is no reason to fail."""
    import tomli_w

    known = _read(state)
    if known.get(url, "") == found:
        return
    kept = {**known, url: found} if found else {key: value for key, value in known.items() if key != url}
    with contextlib.suppress(OSError):
        make_private_dir(state)
        descriptor, beside = tempfile.mkstemp(dir=state, prefix=".state-")
        with open(descriptor, "wb") as file:
            tomli_w.dump({"base_urls": kept}, file)
        os.replace(beside, state / "state.toml")


def _read(state: Path) -> dict[str, object]:
    try:
        kept = tomllib.loads((state / "state.toml").read_text(encoding="utf-8")).get("base_urls", {})
    except (OSError, ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}
