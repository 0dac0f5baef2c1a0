"""What about a VM is no longer as it was when somebody looked at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cftui.fleet.fleet import View
from cftui.fleet.rows import VmRow
from cftui.text import clean, count, cut, cut_middle


def is_same(seen: VmRow, now: VmRow | None) -> bool:
    """Whether it is still there, and not another VM under its id."""
    return now is not None and now.created_at == seen.created_at


def change_of(seen: VmRow, view: View, *, with_sizes: bool = False) -> str | None:
    """What is different about a VM that matters to an action on it, in one sentence; None when nothing is.

    Args:
        seen: As it was looked at.
        view: What is known now.
        with_sizes: Whether its sizes matter, too.
    """
    now = view.vms.get(seen.id)
    if now is None:
        return "Gone since you looked: there is no such VM any more." if view.read_at is not None else None
    if not is_same(seen, now):
        return "Changed since you looked: another VM has this id now."
    if now.name != seen.name:
        return f"Changed since you looked: now called {cut_middle(clean(now.name), 40)}."
    if (now.power, now.status) != (seen.power, seen.status):
        return f"Changed since you looked: now {cut(clean(now.status), 24)}."
    if now.locked != seen.locked:
        return f"Changed since you looked: now {'locked' if now.locked else 'unlocked'}."
    if with_sizes and (now.cpu, now.ram_gb, now.disk_gb) != (seen.cpu, seen.ram_gb, seen.disk_gb):
        return "Changed since you looked: its sizes are different now."
    return None


def changes_of(seen: Sequence[VmRow], view: View) -> dict[str, str]:
    """Those of some VMs that are different, by id."""
    return {vm.id: told for vm in seen if (told := change_of(vm, view)) is not None}


def changes_words(seen: Sequence[VmRow], changes: Mapping[str, str]) -> str:
    """All of it on one line: the sentence for one VM, how many and which of several; empty when nothing changed."""
    if not changes:
        return ""
    if len(seen) == 1:
        return next(iter(changes.values()))
    names = [cut_middle(clean(vm.name), 20) for vm in seen if vm.id in changes]
    more = ", …" if len(names) > 3 else ""
    return f"{count(len(names))} changed since you looked: {', '.join(names[:3])}{more}"


def hidden_words(hidden: int, cells: int) -> str:
    """For the title of a dialog, that the filter hides some of what it is about; empty when it hides none.

    Args:
        hidden: How many.
        cells: Width of the terminal; where it is narrow, what hides them is left out.
    """
    if not hidden:
        return ""
    return f", {count(hidden)} of them hidden by the filter" if cells >= 72 else f", {count(hidden)} hidden"
