"""The ways in which a real service may differ from its document, each switched on by name.

Section 11.5 of the API reference lists most of them. What each does is found where it is done: spelling in `wire`,
lists and prefixes in `routes`, the life of actions in `cloud`, what happens to a connection in `faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

QUIRKS: Mapping[str, str] = {
    "trailing-commas": "A comma after the last member of every object and list, as in the document's own samples.",
    "numbers-as-strings": "Every number is a string: memory, totals.",
    "strings-as-numbers": "vcpus and disk are numbers.",
    "unknown-fields": "Every object has members that no document names.",
    "unknown-status": "Every fifth VM and every unfinished action has the status VALUE (default: migrating).",
    "nulls": "The members VALUE (default: memory,image,networks,snapshot_ids,region) are null.",
    "missing-members": "The members VALUE are missing (default: locked,features,backup_ids,networks,region,…).",
    "region-objects": "A region is an object instead of a name.",
    "numbered-actions": "An action has an id of its own, and the VM's as resource_id.",
    "same-second": "Somebody else starts the same action on the same VM in the same second.",
    "restamped-start": "started_at moves by VALUE seconds (default: 3) when the work begins.",
    "endless-actions": "No action ever ends.",
    "late-effect": "The VM shows what an action did VALUE seconds (default: 20) after the action has completed.",
    "late-actions": "An action is in the lists only VALUE seconds (default: 20) after it was accepted.",
    "no-global-actions": "GET actions answers 404; the actions of one VM can be read.",
    "no-actions": "No list of actions can be read: 404.",
    "actions-oldest-first": "Lists of actions begin with the oldest.",
    "small-pages": "A page holds at most VALUE entries (default: 5), whatever was asked for.",
    "no-links": "Lists have no links.",
    "no-meta": "Lists have no meta.",
    "hostile-names": "Some VMs have names made to break a terminal: markup, escape sequences, 1 MiB, emoji.",
    "demo-mode": "A snapshot is refused with 403, as in demo mode.",
    "rate-limit": "At most VALUE requests a minute (default: 60), then 429; VALUE:x, :date, :bare spell it otherwise.",
    "html-502": "A gateway's HTML page answers every VALUE-th request (default: 5); a POST is carried out anyway.",
    "drop-after-accept": "The connection is dropped after an action was accepted, at every VALUE-th POST (default: 1).",
    "slow": "Every answer waits VALUE seconds (default: 2).",
    "no-date": "No Date header.",
    "account-html": "Below /api/v1 every GET is answered with a web page of status VALUE (default: 200); /v1 works.",
}
"""What can be switched on, with a sentence each."""

DEFAULTS: Mapping[str, str] = {
    "unknown-status": "migrating",
    "nulls": "memory,image,networks,snapshot_ids,region",
    "missing-members": "locked,features,backup_ids,networks,region,resource_type",
    "restamped-start": "3",
    "late-effect": "20",
    "late-actions": "20",
    "small-pages": "5",
    "rate-limit": "60",
    "html-502": "5",
    "drop-after-accept": "1",
    "slow": "2",
    "account-html": "200",
}
"""Values where none is given."""

RATE_LIMIT_STYLES = ("", "x", "date", "bare")
"""How a limit is told: RateLimit-… and Retry-After in seconds; X-RateLimit-…; Retry-After as a date; not at all."""


def parse_quirks(quirks: Mapping[str, str] | Iterable[str]) -> dict[str, str]:
    """Quirks by name, each with its value, checked.

    Args:
        quirks: By name, or as texts `NAME` and `NAME=VALUE`; an empty value stands for the default.

    Raises:
        ValueError: An unknown name, or a value that the quirk cannot use; the sentence can be shown.
    """
    pairs = quirks.items() if isinstance(quirks, Mapping) else [_split(text) for text in quirks]
    chosen = {}
    for name, value in pairs:
        if name not in QUIRKS:
            raise ValueError(f"Unknown quirk {name!r}. There are: {', '.join(QUIRKS)}.")
        if value and name not in DEFAULTS:
            raise ValueError(f"The quirk {name!r} takes no value; {value!r} was given.")
        chosen[name] = value or DEFAULTS.get(name, "")
        if name in _CHECKS and not _passes(_CHECKS[name], chosen[name]):
            raise ValueError(f"The quirk {name!r} cannot have the value {value!r}. {QUIRKS[name]}")
    return chosen


def _split(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def _passes(check: Callable[[str], bool], value: str) -> bool:
    try:
        return check(value)
    except ValueError:
        return False


def _is_count(value: str) -> bool:
    return int(value) >= 1


def _is_seconds(value: str) -> bool:
    return 0 <= float(value) < float("inf")


def _is_rate_limit(value: str) -> bool:
    count, _, style = value.partition(":")
    return _is_count(count) and style in RATE_LIMIT_STYLES


def _is_status(value: str) -> bool:
    return 200 <= int(value) <= 599


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "restamped-start": _is_count,
    "late-effect": _is_seconds,
    "late-actions": _is_seconds,
    "small-pages": _is_count,
    "rate-limit": _is_rate_limit,
    "html-502": _is_count,
    "drop-after-accept": _is_count,
    "slow": _is_seconds,
    "account-html": _is_status,
}
