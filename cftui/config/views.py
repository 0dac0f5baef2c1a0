"""Saved views: a filter and an order under a name. Those that the program keeps, and those written by hand.

The program's are in `state.toml`; `[views]` in config.toml holds `name = "filter words"`, and is never written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from cftui.config.files import nearest
from cftui.config.remembered import keep_table, table_of
from cftui.errors import UsageError
from cftui.text import clean, cut

MAX_NAME = 60
"""Longest name, in characters."""

_TABLE = "views"


@dataclass(frozen=True, slots=True)
class SavedView:
    """What a list of VMs shows, and how."""

    filter: str = ""
    """In the filter language; not checked here."""
    sort: str = "name"
    """A column's name; not checked here."""
    is_reversed: bool = False
    is_wide: bool = False
    """Every column, whatever the width."""
    is_by_hand: bool = False
    """It stands in config.toml, which the program does not write."""


def views_of(state: Path | None, by_hand: Mapping[str, str]) -> dict[str, SavedView]:
    """All views by name, in the order of their names; one written by hand wins over a kept one.

    Args:
        state: The state folder; None where nothing is kept.
        by_hand: `[views]` of config.toml: filters by name.
    """
    kept = {} if state is None else table_of(state, _TABLE)
    views = {name: _view(table) for name, table in kept.items() if isinstance(table, dict)}
    views |= {name: SavedView(words, is_by_hand=True) for name, words in by_hand.items()}
    return dict(sorted(views.items(), key=lambda item: item[0].casefold()))


def find_view(views: Mapping[str, SavedView], name: str) -> SavedView:
    """The view of a name.

    Raises:
        UsageError: There is none; the message names the nearest.
    """
    if name in views:
        return views[name]
    if not views:
        raise UsageError("No view is saved yet.", hint=":save NAME in the cockpit keeps filter and order as one.")
    raise UsageError(
        f"There is no view {clean(name)!r}{nearest(name, list(views))}",
        hint=f"Saved: {cut(', '.join(map(clean, views)), 200)}.",
    )


def keep_view(state: Path, name: str, view: SavedView, by_hand: Collection[str] = ()) -> bool:
    """Keep a view under a name; whether there was another one before.

    Raises:
        UsageError: The name, or a character of the filter, cannot be used.
        ConfigError, OSError: It cannot be kept; all is as it was.
    """
    if not name or not name.isprintable() or len(name) > MAX_NAME:
        raise UsageError(f"A view's name has 1 to {MAX_NAME} characters that can be seen.")
    if not view.filter.isprintable():
        raise UsageError("The filter holds a character that cannot be seen, and cannot be kept.")
    if name in by_hand:
        raise UsageError(f"{clean(name)!r} stands in config.toml, which is not written.", hint="Take another name.")
    kept = table_of(state, _TABLE)
    values = {"filter": view.filter, "sort": view.sort, "reversed": view.is_reversed, "wide": view.is_wide}
    keep_table(state, _TABLE, {**kept, name: values})
    return name in kept


def forget_view(state: Path, name: str) -> None:
    """Take a view out of what is kept.

    Raises:
        ConfigError, OSError: It cannot be done; all is as it was.
    """
    kept = table_of(state, _TABLE)
    keep_table(state, _TABLE, {key: value for key, value in kept.items() if key != name})


def _view(table: Mapping[str, object]) -> SavedView:
    """A kept view; a value of another kind counts as not given."""
    words, sort = table.get("filter"), table.get("sort")
    return SavedView(
        filter=words if isinstance(words, str) else "",
        sort=sort if isinstance(sort, str) else "name",
        is_reversed=table.get("reversed") is True,
        is_wide=table.get("wide") is True,
    )
