"""Settings and profiles: every key of config.toml, with its default and unit.

Plain dataclasses on purpose: the cockpit reads its configuration before the first paint, and may not load pydantic
for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Profile:
    """A named account and endpoint: one `[profiles.NAME]` table.

    Where several sources of a password are given, the first of command, environment, file and netrc is used.
    """

    url: str
    """Where the cloud is: `https://cloudsfor.com`; without a path, `/api/v1` is meant."""
    email: str
    """The account; without a colon."""
    password_command: tuple[str, ...] = field(default=(), repr=False)
    """Program and arguments whose first line of output is the password; run without a shell, for 10 s at most."""
    password_file: Path | None = None
    """A file of mode 0600 whose first line is the password."""
    netrc: bool = False
    """Look the password up in `~/.netrc`, by host and e-mail."""
    read_only: bool = False
    """Nothing may ever be changed through this profile."""
    start_read_only: bool = False
    """The cockpit starts without the right to change anything, until `:rw 10m` lifts it for a time; the command line is
    not concerned."""
    production: bool = False
    """Unmistakable on the screen, and every confirmation one rung heavier."""
    allow_http: bool = False
    """Allow `http://` beyond this machine; the password then travels in clear."""
    ca_file: Path | None = None
    """Certificates of a private authority, PEM; used in place of the system's."""
    proxy: str = field(default="", repr=False)
    """URL of an HTTP proxy; the environment's proxy variables are never used."""
    theme: str = ""
    """A theme for this profile alone."""
    poll_idle_s: float | None = None
    """As in `Settings`, for this profile alone."""
    poll_active_s: float | None = None
    """As in `Settings`, for this profile alone."""
    bell: bool | None = None
    """As in `Settings`, for this profile alone."""
    notify: str = ""
    """As in `Settings`, for this profile alone."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What config.toml holds at its top."""

    profile: str = ""
    """The profile used when none is named; with only one profile, that one."""
    theme: str = "night"
    """Name of a theme."""
    poll_idle_s: float = 30.0
    """Seconds between two readings of the list, 1 to 300."""
    poll_active_s: float = 2.0
    """Seconds between two looks at what is in progress, 1 to 300."""
    bell: bool = True
    """Ring when an action ends badly, or a run or a long action ends; only while nobody looks, or after 20 s."""
    notify: str = "off"
    """A desktop notification through the terminal, beside the bell: `off`, `osc9`, `osc777` or `osc99`."""
    title: bool = True
    """Keep profile and counts in the terminal's title while the cockpit is open."""
    mouse: bool = True
    """Take mouse events; off leaves selecting to the terminal."""
    animations: bool = True
    """Whether anything on the screen may move by itself."""
    glyphs: str = "auto"
    """`unicode`, `ascii`, or `auto`: by the terminal's encoding."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys by binding id, in place of the usual ones: `reboot = "R"`."""
    views: Mapping[str, str] = field(default_factory=dict)
    """Filters by the name of a view: `night = "is:running !region:spb"`."""


CHOICES: Mapping[str, tuple[str, ...]] = {
    "notify": ("off", "osc9", "osc777", "osc99"),
    "glyphs": ("auto", "unicode", "ascii"),
}
"""Keys that take one of a few words."""


@dataclass(frozen=True, slots=True)
class Config:
    """One config.toml, checked; or the defaults when there is none."""

    path: Path
    """Where it is, or would be."""
    exists: bool = False
    settings: Settings = field(default_factory=Settings)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """By name, in the file's order."""
    given: frozenset[str] = frozenset()
    """The top-level keys that the file sets."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What flag, environment, profile, file and default come to, in this order of precedence."""

    url: str
    """Origin and base path, without a slash at the end."""
    has_path: bool
    """Whether the path was given; if not, the base path may be probed."""
    email: str
    profile_name: str
    """Empty when no profile took part."""
    profile: Profile | None
    """The profile whose own origin and e-mail these are; None when they are not: none of its secrets is used then."""
    is_read_only: bool
    starts_read_only: bool
    is_production: bool
    settings: Settings
    """With the profile's own values in place."""
    sources: Mapping[str, str]
    """Where each value came from, by key: `--url`, `CFTUI_URL`, `profile 'prod'`, `config file`, `default`."""
    notes: tuple[str, ...] = ()
    """What was left out, and why: phrases to be told once."""

    @property
    def ca_file(self) -> Path | None:
        """Certificates to trust in place of the system's."""
        return self.profile.ca_file if self.profile else None

    @property
    def proxy(self) -> str:
        """Proxy URL; empty for none."""
        return self.profile.proxy if self.profile else ""
