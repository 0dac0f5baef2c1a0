"""Where a password comes from: a command, the environment, a 0600 file, netrc; else a person is asked.

The source is named, never the secret.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cftui import private
from cftui.config.models import Choice, Profile
from cftui.errors import ConfigError
from cftui.text import clean, cut

COMMAND_LIMIT_S = 10.0
"""How long a password command may take; a locked keyring would wait for ever for a dialog that nobody sees over SSH."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A password and the name of its source; no repr shows it."""

    value: str = field(repr=False)
    source: str
    """For people: `password_command of profile 'prod'`, `CFTUI_PASSWORD`."""


def source_of(profile: Profile | None, environ: Mapping[str, str]) -> str:
    """The first source that is set: `password_command`, `CFTUI_PASSWORD`, `password_file`, `netrc`, else `asked`."""
    if profile and profile.password_command:
        return "password_command"
    if environ.get("CFTUI_PASSWORD"):
        return "CFTUI_PASSWORD"
    if profile and profile.password_file:
        return "password_file"
    return "netrc" if profile and profile.netrc else "asked"


def find_secret(choice: Choice, environ: Mapping[str, str]) -> Secret | None:
    """The password of a choice, from the first source that is set.

    Returns:
        None when a person must be asked.

    Raises:
        ConfigError: The source that is set does not give one. The next is not tried: it could hold an older password.
    """
    source, profile = source_of(choice.profile, environ), choice.profile
    if source == "CFTUI_PASSWORD":
        return Secret(usable(environ[source], source), source)
    if profile is None or source == "asked":
        return None
    if source == "password_command":
        value = _from_command(profile.password_command, environ)
    elif profile.password_file and source == "password_file":
        value = _from_file(profile.password_file)
    else:
        value = _from_netrc(profile, choice, environ)
    return Secret(value, f"{source} of profile {clean(choice.profile_name)!r}")


def usable(password: str, source: str) -> str:
    """The password, if it can be one.

    What a colouring command prints around it, or a byte order mark, would be sent along and cost a sign-in.

    Raises:
        ConfigError: It is empty, or holds what nobody types and Basic authentication cannot carry (RFC 7617).
    """
    if not password:
        raise ConfigError(f"{source} gave an empty password.")
    if any(unicodedata.category(char) in ("Cc", "Cs") or char == "\ufeff" for char in password):
        raise ConfigError(
            f"The password from {source} holds a control character or a byte that is not UTF-8.",
            hint="Nothing was sent.",
        )
    return password


def _from_command(command: tuple[str, ...], environ: Mapping[str, str]) -> str:
    from cftui.config import commands

    name = f"password_command {cut(clean(command[0]), 80)!r}"
    others = {key: value for key, value in environ.items() if key != "CFTUI_PASSWORD"}
    try:
        said = commands.run(command, others, COMMAND_LIMIT_S)
    except TimeoutError:
        raise ConfigError(
            f"{name} gave no password within {COMMAND_LIMIT_S:g} s, and was ended.", hint="Is a keyring locked?"
        ) from None
    except commands.TooMuch:
        raise ConfigError(f"{name} printed more than {commands.MAX_BYTES // 1024} kB; that is no password.") from None
    except OSError as error:
        raise ConfigError(f"{name} cannot be run: {error.strerror}.") from error
    if said.code:
        why = cut(clean(said.err.decode(errors="replace").strip().partition("\n")[0]), 200)
        raise ConfigError(f"{name} ended with {said.code}{': ' if why else '.'}{why}")
    return _first_line(said.out, name)


def _from_file(path: Path) -> str:
    try:
        return _first_line(private.read(path, is_secret=True), f"password_file {path}")
    except OSError as error:
        raise ConfigError(f"password_file {path} cannot be read: {error.strerror}.") from error


def _from_netrc(profile: Profile, choice: Choice, environ: Mapping[str, str]) -> str:
    import netrc

    path = Path(environ.get("HOME") or Path.home()) / ".netrc"
    host = urlsplit(choice.url).hostname or ""
    try:
        private.read(path, is_secret=True)  # nobody else can put another in its place now: its folders were looked at
        entry = netrc.netrc(str(path)).hosts.get(host)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from error
    except netrc.NetrcParseError as error:
        raise ConfigError(f"{path} cannot be read, line {error.lineno}.") from None
    if entry is None or entry[0] != profile.email or not entry[2]:
        raise ConfigError(f"{path} has no entry for {host} with the login {clean(profile.email)}.")
    return usable(entry[2], str(path))


def _first_line(content: bytes, source: str) -> str:
    line = content.partition(b"\n")[0].removesuffix(b"\r")
    return usable(line.decode(errors="surrogateescape"), source)
