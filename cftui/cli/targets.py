"""The targets of a command: every word resolved, or nothing is done at all."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cftui.errors import UsageError
from cftui.fleet.fleet import View
from cftui.fleet.rows import VmRow
from cftui.fleet.targets import resolve
from cftui.text import clean, count


def expand(words: Sequence[str]) -> list[str]:
    """The words as given, with the lines of stdin in place of `-`.

    Raises:
        UsageError: `-` stands there twice, or stdin names nothing.
    """
    if "-" not in words:
        return list(words)
    if words.count("-") > 1 or sys.stdin is None:
        raise UsageError("The list on stdin can be read once.")
    lines = [line.strip() for line in sys.stdin]
    named = [line for line in lines if line]
    if not named:
        raise UsageError("The list on stdin names no VM.")
    at = words.index("-")
    return [*words[:at], *named, *words[at + 1 :]]


def resolve_all(words: Sequence[str], view: View) -> list[VmRow]:
    """Every VM that is meant, once, in the order named.

    Args:
        words: As `expand` returns them.
        view: The fleet as just read.

    Raises:
        UsageError: One of them fits no VM, or several; all such are told, and nothing is sent to anyone.
    """
    found: dict[str, VmRow] = {}
    problems: list[UsageError] = []
    for word in words:
        try:
            found.update({row.id: row for row in resolve(word, view.vms, doing=view.doing)})
        except UsageError as error:
            problems.append(error)
    if problems:
        hints = dict.fromkeys(error.hint for error in problems if error.hint)
        raise UsageError(" ".join(error.message for error in problems), hint=" ".join(hints))
    return list(found.values())


def resolve_one(word: str, view: View) -> VmRow:
    """The one VM that is meant.

    Raises:
        UsageError: As for `resolve_all`, or a filter that several pass.
    """
    found = resolve_all(expand([word]), view)
    if len(found) != 1:
        raise UsageError(f"{clean(word)!r} means {count(len(found), 'VM')}; name one.")
    return found[0]
