"""Where a password comes from: a command, the environment, a 0600 file, netrc; else a person is asked.

The source is named, never the secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cftui.config.folders import read_private
from cftui.config.models import Choice, Profile
from cftui.errors import ConfigError
from cftui.text import clean

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
        return Secret(environ[source], source)
    if profile is None or source == "asked":
        return None
    if source == "password_command":
        value = _from_command(profile.password_command, environ)
    elif profile.password_file and source == "password_file":
        value = _from_file(profile.password_file)
    else:
        value = _from_netrc(profile, choice, environ)
    return Secret(value, f"{source} of profile {clean(choice.profile_name)!r}")


def _from_command(command: tuple[str, ...], environ: Mapping[str, str]) -> str:
    import subprocess

    shown = clean(command[0])
    try:
        ended = subprocess.run(  # noqa: S603 - the user's own command, from a file that only they can write, without a shell
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
            env={name: value for name, value in environ.items() if name != "CFTUI_PASSWORD"},
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"password_command {shown!r} gave no password within {COMMAND_LIMIT_S:g} s.", hint="Is a keyring locked?"
        ) from None
    except OSError as error:
        raise ConfigError(f"password_command {shown!r} cannot be run: {error.strerror}.") from error
    if ended.returncode:
        said = clean(ended.stderr.decode(errors="replace").strip().partition("\n")[0])[:200]
        raise ConfigError(f"password_command {shown!r} ended with {ended.returncode}{': ' if said else '.'}{said}")
    return _first_line(ended.stdout.decode(errors="surrogateescape"), f"password_command {shown!r}")


def _from_file(path: Path) -> str:
    try:
        return _first_line(read_private(path, is_secret=True), str(path))
    except UnicodeDecodeError:
        raise ConfigError(f"password_file {path} is not UTF-8.") from None
    except OSError as error:
        import errno

        reason = "it is a link, which is not followed to a secret" if error.errno == errno.ELOOP else error.strerror
        raise ConfigError(f"password_file {path} cannot be read: {reason}.") from error


def _from_netrc(profile: Profile, choice: Choice, environ: Mapping[str, str]) -> str:
    import netrc

    path = Path(environ.get("HOME") or Path.home()) / ".netrc"
    host = urlsplit(choice.url).hostname or ""
    try:
        read_private(path, is_secret=True)
        entry = netrc.netrc(str(path)).hosts.get(host)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from error
    except netrc.NetrcParseError as error:
        raise ConfigError(f"{path} cannot be read, line {error.lineno}.") from None
    if entry is None or entry[0] != profile.email or not entry[2]:
        raise ConfigError(f"{path} has no entry for {host} with the login {clean(profile.email)}.")
    return entry[2]


def _first_line(text: str, source: str) -> str:
    line = text.partition("\n")[0].removesuffix("\r")
    if not line:
        raise ConfigError(f"{source} gave an empty password.")
    return line
