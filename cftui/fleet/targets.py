"""Which VMs a word on the command line means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from cftui.errors import UsageError
from cftui.fleet.history import HistoryEntry
from cftui.fleet.query import filter, parse
from cftui.fleet.rows import VmRow
from cftui.text import clean, count

MIN_PREFIX = 6
"""Fewer characters of an id mean nobody: a short word is a mistyped name sooner than an id."""

_LISTED = 10
"""Candidates that a message names; more are counted."""


class TargetError(UsageError):
    """A word means no VM, or not just one.

    Args:
        message: What is wrong, naming the word.
        candidates: The VMs that it could mean; empty when there is none.
        hint: What to do next.
    """

    title = "Which VM?"

    def __init__(self, message: str, *, candidates: Sequence[VmRow] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.candidates = tuple(candidates)


def resolve(
    text: str, vms: Mapping[str, VmRow], *, doing: Mapping[str, HistoryEntry] | None = None
) -> tuple[VmRow, ...]:
    """The VMs that a word means: one, or with `@FILTER` all that pass.

    Args:
        text: A full id, else an exact name, else a unique beginning of an id, 6 characters or more; or `@` and a
            filter.
        vms: By id, in the cloud's order.
        doing: What VMs are doing, for `act:` in a filter.

    Raises:
        TargetError: It means none, or several where one is asked for.
        QueryError: The filter cannot be read.
    """
    if text.startswith("@"):
        passed = filter(parse(text[1:]), vms.values(), doing=doing)
        if not passed:
            raise TargetError(f"No VM passes the filter {clean(text[1:])!r}.")
        return tuple(passed)
    return (resolve_one(text, vms),)


def resolve_one(text: str, vms: Mapping[str, VmRow]) -> VmRow:
    """The one VM that a full id, an exact name or a unique beginning of an id means.

    Raises:
        TargetError: It means none or several.
    """
    if text in vms:
        return vms[text]
    meant = [vm for vm in vms.values() if vm.name == text] if text else []
    if not meant and len(text) >= MIN_PREFIX:
        meant = [vm for vm in vms.values() if vm.id.startswith(text)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        listed = ", ".join(f"{clean(vm.name)} ({clean(vm.id)})" for vm in meant[:_LISTED])
        more = f" and {count(len(meant) - _LISTED, 'more', 'more')}" if len(meant) > _LISTED else ""
        raise TargetError(
            f"{clean(text)!r} means {count(len(meant), 'VM')}: {listed}{more}.",
            candidates=meant,
            hint="Name it by its id.",
        )
    names = {vm.name: vm for vm in vms.values()}
    close = [names[name] for name in get_close_matches(text, names, n=3)]
    nearest = ", ".join(clean(vm.name) for vm in close)
    raise TargetError(
        f"No VM has the id or name {clean(text)!r}.", candidates=close, hint=f"Nearest: {nearest}." if close else ""
    )
