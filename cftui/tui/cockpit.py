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
    is_clear: bool = False
    """The password travels without TLS, as the profile allows."""

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
    """Ring when something ended that somebody waits for, or went wrong."""
    notify: str = "off"
    """A desktop notification beside the bell: `osc9`, `osc777`, `osc99`, or `off`."""
    has_title: bool = True
    """Whether profile and counts stand in the terminal's title."""
    mouse: bool = True
    state_dir: Path | None = None
    """Where a crash report is written, saved views and watch marks are kept; None does nothing of that."""
    views: Mapping[str, str] = field(default_factory=dict)
    """Filters by the name of a view, as the configuration has them."""
    notes: tuple[str, ...] = ()
    """Short phrases to be told once something is on the screen: what of the environment has no say."""
