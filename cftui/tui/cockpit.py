"""What the cockpit is opened with: whose cloud, and how it should look and sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cftui.tui.themes import DEFAULT_THEME


@dataclass(frozen=True, slots=True)
class ProfileBadge:
    """The profile as screens show it; it holds no secret."""

    name: str
    is_production: bool = False
    host: str = ""
    email: str = ""
    base_url: str = ""
    """Origin and base path, without a slash at the end; empty stands for https, the host and `/api/v1`."""

    @property
    def api(self) -> str:
        """Where requests go: `https://cloudsfor.com/api/v1`."""
        return self.base_url or f"https://{self.host}/api/v1"


@dataclass(frozen=True, slots=True)
class CockpitSettings:
    """How the cockpit looks, sounds and listens."""

    theme: str = DEFAULT_THEME
    theme_folders: tuple[Path, ...] = ()
    """The user's own themes; they replace shipped ones of the same name."""
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Keys by binding id, several separated by commas."""
    glyphs: str = "auto"
    """`unicode`, `ascii`, or `auto`: ASCII where the terminal's encoding is not UTF-8."""
    bell: bool = True
    """Ring when an action of ours ends badly."""
    mouse: bool = True
    state_dir: Path | None = None
    """Where a crash report is written; None writes none."""
