"""stdout is data, stderr is narration.

Every text of the cloud is cleaned on its way into a table, a CSV cell or a note; JSON is pure ASCII, so that it needs
no cleaning and loses nothing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cftui.cli.exit_codes import ExitCode
from cftui.errors import CftuiError, UsageError
from cftui.text import clean, cut, fit, number, width

FORMATS = ("table", "json", "jsonl", "csv", "name")

NAME_CELLS = 64
"""The widest a name gets in a table; the whole of a longer one can be read with -o json."""


class OutputError(CftuiError):
    """What was to be printed could not be, for another reason than a closed pipe.

    Args:
        message: Why.
        code: How the command ends all the same: as its actions did, where it had any.
    """

    title = "Output"

    def __init__(self, message: str, *, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Listing:
    """What a command prints, independent of the form.

    Args:
        schema: Name and version of the JSON document: `cftui/vms/1`.
        member: Under which key its records stand: `vms`.
        records: One a row, JSON values only.
        columns: What a table or CSV shows by default, in order.
        name_key: What `-o name` prints of each record.
        extra: Further members of the JSON document, before the records.
        titles: Column heads that differ from the key in capitals.
    """

    schema: str
    member: str
    records: Sequence[Mapping[str, object]]
    columns: Sequence[str]
    name_key: str = "name"
    extra: Mapping[str, object] | None = None
    titles: Mapping[str, str] | None = None


def emit(listing: Listing, form: str, columns: str | None = None) -> None:
    """Print a listing to stdout.

    Args:
        listing: What to print.
        form: One of `FORMATS`.
        columns: Keys to show, with commas between; for tables and CSV.

    Raises:
        UsageError: A column that the records do not have.
        BrokenPipeError: Nobody reads any more.
        OutputError: The text cannot be written, e.g. the disk is full.
    """
    if form == "json":
        document = {"schema": listing.schema, **(listing.extra or {}), listing.member: list(listing.records)}
        write(json.dumps(document, indent=2) + "\n")
    elif form == "jsonl":
        write("".join(json.dumps(record) + "\n" for record in listing.records))
    elif form == "name":
        write("".join(clean(str(record[listing.name_key])) + "\n" for record in listing.records))
    else:
        keys = _chosen(listing, columns)
        rows = [[cell(record.get(key)) for key in keys] for record in listing.records]
        write(_csv(keys, rows) if form == "csv" else _table(listing, keys, rows))


def write(text: str) -> None:
    """Put text on stdout, whole, now; a stdout that is closed counts as a closed pipe."""
    if sys.stdout is None:
        raise BrokenPipeError
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"The output cannot be written: {error.strerror}.") from error


def forget_stdout() -> None:
    """Let nothing more be written to a stdout that failed, not even by the interpreter as it ends."""
    _forget(1)


def forget_terminal() -> None:
    """The terminal is gone: let nothing more be written to it, or the interpreter ends with a code of its own."""
    _forget(1, 2)


def _forget(*descriptors: int) -> None:
    devnull = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(devnull, descriptor)
    os.close(devnull)


class Narrator:
    """Tells on stderr what goes on; a stderr that cannot be written is no reason to stop.

    Args:
        is_quiet: Say nothing but errors.
    """

    def __init__(self, *, is_quiet: bool = False) -> None:
        self.is_quiet = is_quiet

    def __call__(self, text: str) -> None:
        """One line, cleaned."""
        if not self.is_quiet:
            self.error(text)

    def error(self, text: str) -> None:
        """One line, cleaned, also when quiet."""
        if sys.stderr is not None:
            try:
                sys.stderr.write(clean(text) + "\n")
                sys.stderr.flush()
            except OSError:
                return


def cell(value: object) -> str:
    """A JSON value in a table or CSV cell: numbers plain, lists with commas, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list | tuple):
        return ",".join(map(cell, value))
    return clean(value if isinstance(value, str) else json.dumps(value))


def _chosen(listing: Listing, columns: str | None) -> Sequence[str]:
    if columns is None:
        return listing.columns
    chosen = [key.strip() for key in columns.split(",") if key.strip()]
    known = list(dict.fromkeys([*listing.columns, *(key for record in listing.records[:1] for key in record)]))
    for key in chosen:
        if key not in known:
            raise UsageError(f"There is no column {clean(key)!r}.", hint=f"Columns: {', '.join(known)}.")
    if not chosen:
        raise UsageError("--columns names no column.", hint=f"Columns: {', '.join(known)}.")
    return chosen


def _table(listing: Listing, keys: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart, as wide as their widest cell."""
    heads = [(listing.titles or {}).get(key, key.upper().replace("_", " ")) for key in keys]
    lines = [heads, *([_cut(key, text) for key, text in zip(keys, row, strict=True)] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return "".join("  ".join(map(fit, line, widths)).rstrip() + "\n" for line in lines)


def _cut(key: str, text: str) -> str:
    return cut(text, NAME_CELLS) if key.endswith("name") else text


def _csv(keys: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """RFC 4180: CRLF at the end of a line, quotes where needed."""

    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if set(text) & set(',;"') else text

    return "".join(",".join(map(quoted, row)) + "\r\n" for row in [keys, *rows])


def error_lines(error: CftuiError) -> list[str]:
    """An error as lines for stderr: what failed, then what to do."""
    return [f"cftui: {error.message}", *([f"       {error.hint}"] if error.hint else [])]
