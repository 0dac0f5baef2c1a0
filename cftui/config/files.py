"""Finding and reading config.toml; errors name file, line and key, and the nearest known key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from cftui import private
from cftui.config.folders import config_path
from cftui.config.models import CHOICES, Config, Profile, Settings
from cftui.errors import ConfigError
from cftui.text import clean, cut


def load_config(environ: Mapping[str, str]) -> Config:
    """The configuration this environment points at; defaults when there is no file.

    Raises:
        ConfigError: A file that cannot be read, with file, line and key; or a named one that does not exist.
    """
    path = config_path(environ)
    try:
        text = private.read(path, is_secret=False).decode()
    except FileNotFoundError as error:
        if environ.get("CFTUI_CONFIG"):
            raise ConfigError(f"CFTUI_CONFIG names {path}, which does not exist.") from error
        return Config(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {_reason(error)}.") from error
    return read_config(path, text)


def read_config(path: Path, text: str) -> Config:
    """Check the text of a config.toml.

    Raises:
        ConfigError: As for `load_config`.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, and brackets of thousands
        why = str(error).replace("at end of document", f"at its end, line {len(text.splitlines())}")
        raise ConfigError(f"{path} is not valid TOML: {cut(clean(why), 200)}.") from error
    reader = _Reader(path, text)
    tables = document.pop("profiles", {})
    if not isinstance(tables, dict):
        raise reader.error((), "profiles", "must be tables: [profiles.NAME]")
    settings = reader.table(Settings, document, (), also=("profiles",))
    profiles = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise reader.error(("profiles",), name, f"must be a table: [profiles.{clean(name)}]")
        profiles[name] = reader.table(Profile, table, ("profiles", name))
    return Config(path, True, Settings(**settings), {n: Profile(**p) for n, p in profiles.items()}, frozenset(settings))


def append_profile(path: Path, name: str, profile: Profile) -> None:
    """Add a `[profiles.NAME]` table at the end of config.toml; what is there stays byte for byte.

    Written beside it and moved into place, mode 0600; a folder that is missing is made with mode 0700.

    Raises:
        ConfigError: A profile of this name exists, or the file cannot be written.
    """
    import tomli_w

    try:
        path = path.resolve()  # people keep their configuration elsewhere, and link to it
        before = private.read(path, is_secret=False).decode() if path.exists() else ""
        if name in read_config(path, before).profiles:
            raise ConfigError(f"{path} has a profile {clean(name)!r} already.")
        values = {
            field.name: _plain(value)
            for field in fields(Profile)
            if (value := getattr(profile, field.name)) != field.default or field.default is MISSING
        }
        table = tomli_w.dumps({"profiles": {name: values}})
        text = f"{before.rstrip()}\n\n{table}" if before.strip() else table
        read_config(path, text)
        private.replace(path, text.encode(), is_durable=True, others_may_look=True)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be written: {_reason(error)}.") from error


def nearest(word: str, known: list[str]) -> str:
    """`; did you mean 'email'?` for the known word that is closest, else nothing."""
    import difflib

    close = difflib.get_close_matches(word, known, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


class _Reader:
    """Checks the tables of one file."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def table(
        self,
        model: type[Settings] | type[Profile],
        table: Mapping[str, object],
        where: tuple[str, ...],
        also: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """The values of one table, checked, by field name."""
        known = {field.name: field for field in fields(model)}
        values = {}
        for key, value in table.items():
            if key not in known:
                raise self.error(where, key, f"is not a key{nearest(key, [*known, *also])}")
            try:
                values[key] = _value(known[key], value)
            except ValueError as error:
                raise self.error(where, key, str(error)) from error
        for field in known.values():
            if field.name not in values and field.default is MISSING and field.default_factory is MISSING:
                raise self.error(where, "", f"has no {field.name!r}")
        return values

    def error(self, where: tuple[str, ...], key: str, what: str) -> ConfigError:
        """`~/.config/cftui/config.toml, line 3: profiles.prod.emial is not a key; did you mean 'email'?`."""
        line = self._line(where, key)
        place = f"{self._path}, line {line}" if line else str(self._path)
        name = clean(".".join([*where, key] if key else where))
        return ConfigError(f"{place}: {name} {what}.")

    def _line(self, where: tuple[str, ...], key: str) -> int:
        """The line of a key in a table, or of the table's head; 0 when it is spelled in some other way."""
        head = re.compile(r"\s*\[\s*(.+?)\s*\]\s*(#.*)?$")
        assigned = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
        inside = not where
        head_line = 0
        for number, line in enumerate(self._lines, 1):
            if found := head.match(line):
                inside = tuple(part.strip(" \"'") for part in found[1].split(".")) == where
                head_line = number if inside else head_line
            elif inside and key and assigned.match(line):
                return number
        return head_line


def _value(field: Field[object], value: object) -> object:
    """A TOML value as the field wants it.

    Raises:
        ValueError: It is of another kind; the text says what is wanted.
    """
    kind = str(field.type).removesuffix(" | None")
    checked = _KINDS[kind](value)
    if field.name in CHOICES and checked not in CHOICES[field.name]:
        raise ValueError(f"must be one of {', '.join(CHOICES[field.name])}")
    return checked


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text in quotes")
    if not value.isprintable():
        raise ValueError("must not hold control characters")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 300:
        raise ValueError("must be a number of seconds from 1 to 300")
    return float(value)


def _path(value: object) -> Path:
    try:
        path = Path(_text(value)).expanduser()
    except RuntimeError:
        raise ValueError("must be a path of a user who exists") from None
    if not path.is_absolute():
        raise ValueError("must be a path from the root, or from ~/")
    return path


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise ValueError('must be a list of texts: ["pass", "show", "cftui"]')
    return tuple(map(_text, value))


def _keys(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value.values()):
        raise ValueError("must be a table of texts")
    return value


_KINDS: Mapping[str, Callable[[object], object]] = {
    "str": _text,
    "bool": _truth,
    "float": _seconds,
    "Path": _path,
    "tuple[str, ...]": _words,
    "Mapping[str, str]": _keys,
}


def _plain(value: object) -> object:
    """A value as TOML can hold it."""
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else (error.strerror or str(error))
