"""Every key by an id: the defaults do not clash, and a user's own are checked at the start."""

from __future__ import annotations

import pytest

from cftui.tui.keymap import KEYS, bindings, problems, shown


def test_the_defaults_do_not_clash() -> None:
    assert problems({}) == []


def test_ids_are_unique_and_every_binding_carries_one_with_a_tooltip() -> None:
    assert len({key.id for key in KEYS}) == len(KEYS)
    for binding in bindings("vms", "list", "details", "history", "everywhere"):
        assert not isinstance(binding, tuple)
        assert binding.id
        assert binding.tooltip


@pytest.mark.parametrize(
    ("key_id", "key"),
    {
        **{"palette": "a", "filter": "/", "next": "n", "history": "t", "copy": "c", "help": "?", "back": "esc"},
        **{"refresh": "ctrl+r", "pause": "Z", "profile": "P", "quit": "q", "mark": "space", "mark_all": "*"},
    }.items(),
)
def test_fixed_keys(key_id: str, key: str) -> None:
    assert shown(key_id, {}) == key


def test_a_remapped_key_is_shown_as_remapped() -> None:
    assert shown("copy", {"copy": "y"}) == "y"


def test_clashes_and_strange_ids_are_told() -> None:
    told = problems({"copy": "a", "fly": "f"})
    assert told == ["Keymap: no action is called 'fly'.", "Keymap: a is both palette and copy; palette keeps it."]


def test_power_is_never_one_key_away() -> None:
    """Not in a run either, where p only holds back what was confirmed."""
    direct = {name for key in KEYS for name in key.keys.split(",") if key.id != "run_pause"}
    assert direct.isdisjoint({"r", "s", "p", "z", "e"})
