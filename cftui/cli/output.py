"""stdout is data, stderr is narration.

Every text of the cloud is cleaned on its way into a table, a CSV cell or a note; JSON is pure ASCII, so that it needs
no cleaning and loses nothing.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cftui.cli.exit_codes import ExitCode
from cftui.errors import CftuiError, UsageError
from cftui.text import clean, cut, fit, number, width

FORMATS = ("table", "json", "jsonl", "csv", "name")

TEXT_CELLS = 64
"""The widest that a text of the cloud gets in a table or a sentence; the whole can be read with -o json."""

_WHOLE = frozenset({"id", "vm_id", "handle", "method", "url", "body", "message", "attribute", "key", "value", "source"})
"""Columns that a table never cuts: what is typed again, and what somebody asked to see."""

_FORMULA = re.compile(r"[=+\-@＝＋－＠]")
"""How a text begins that a spreadsheet computes; tabs and line breaks, which do it too, are escaped before."""


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
        form: One of `FORMATS`, or `excel`: CSV whose texts no spreadsheet takes for formulas.
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
        as_cell = _inert if form == "excel" else cell
        rows = [[as_cell(record.get(key)) for key in keys] for record in listing.records]
        write(_table(listing, keys, rows) if form == "table" else _csv([as_cell(key) for key in keys], rows))


def write(text: str) -> None:
    """Put text on stdout, whole, now; a stdout that is closed counts as a closed pipe."""
    if sys.stdout is None:
        raise BrokenPipeError
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        raise unwritten(error) from error


def unwritten(error: OSError) -> Exception:
    """Why stdout took nothing, as this program tells it: a closed pipe is no mistake of anybody's."""
    if isinstance(error, BrokenPipeError):
        return error
    return OutputError(f"The output cannot be written: {error.strerror}.")


def complain(text: str) -> None:
    """Put text on stderr, now; one that is closed, or cannot be written, is no reason to stop or to end otherwise."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _forget(2)


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
        complain(clean(text) + "\n")


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


def _inert(value: object) -> str:
    """As `cell`; before what a spreadsheet would compute stands an apostrophe, which it does not show."""
    text = cell(value)
    return f"'{text}" if _FORMULA.match(text) and not isinstance(value, int | float) else text


def named(name: str) -> str:
    """A name in a sentence: cleaned, and so short that the rest of the sentence is read."""
    return cut(clean(name), TEXT_CELLS)


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
    heads = [(listing.titles or {}).get(key, _cut("", clean(key).upper().replace("_", " "))) for key in keys]
    lines = [heads, *([_cut(key, text) for key, text in zip(keys, row, strict=True)] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return "".join("  ".join(map(fit, line, widths)).rstrip() + "\n" for line in lines)


def _cut(key: str, text: str) -> str:
    return text if key in _WHOLE else cut(text, TEXT_CELLS)


def _csv(keys: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """RFC 4180: CRLF at the end of a line, quotes where needed."""

    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if set(text) & set(',;"') else text

    return "".join(",".join(map(quoted, row)) + "\r\n" for row in [keys, *rows])


def error_lines(error: CftuiError) -> list[str]:
    """An error as lines for stderr: what failed, then what to do."""
    return [f"cftui: {error.message}", *([f"       {error.hint}"] if error.hint else [])]
