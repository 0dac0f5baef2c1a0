"""VMs with a watch mark, by account: the table `watched` of `state.toml`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from cftui.config.remembered import keep_table, table_of
from cftui.errors import ConfigError

_TABLE = "watched"


def watched_of(state: Path | None, account: str) -> dict[str, str]:
    """Names by id of the VMs that are watched, as they were called last.

    Args:
        state: The state folder; None where nothing is kept.
        account: Names the account.
    """
    kept = {} if state is None else table_of(state, _TABLE).get(account)
    return {vm_id: str(name) for vm_id, name in kept.items()} if isinstance(kept, dict) else {}


def keep_watched(state: Path | None, account: str, names: Mapping[str, str]) -> None:
    """Keep them for the next start; nothing fails when the disk does, or an id holds half a character.

    Args:
        state: The state folder; None keeps nothing.
        account: Names the account.
        names: By id, cleaned.
    """
    if state is None:
        return
    with contextlib.suppress(OSError, ConfigError, UnicodeError):
        others = {key: value for key, value in table_of(state, _TABLE).items() if key != account}
        keep_table(state, _TABLE, {**others, account: dict(names)} if names else others)
