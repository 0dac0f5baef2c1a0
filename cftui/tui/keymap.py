"""Every key of the cockpit by a stable id: its default, what it does in a word, and in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from textual.binding import Binding, BindingType


class Key(NamedTuple):
    """One key action; `id` is what a configuration remaps."""

    id: str
    keys: str
    """Default keys, several separated by commas."""
    action: str
    word: str
    """For the footer."""
    sentence: str
    """For help and tooltips."""
    scope: str
    """Where it works: `everywhere`, `vms`, `list` (of rows), `details`, `history`, `run`; blanks between several."""


KEYS = (
    Key(
        "palette",
        "a,m",
        "palette",
        "act",
        "Open the action palette for the marked VMs, or the one under the cursor",
        "vms run",
    ),
    Key("run", "R", "app.open_run", "run", "Open the run that goes on, or the last one", "vms history"),
    Key("inverse", "u", "inverse", "opposite", "Propose the opposite of what was last done to the VM", "vms details"),
    Key("filter", "/", "filter", "filter", "Filter the list", "vms"),
    Key(
        "details",
        "enter,d",
        "details",
        "details",
        "Everything about the VM under the cursor; in details, what next",
        "vms history details run",
    ),
    Key("next", "n", "next", "next unseen", "Go to the next VM that needs you", "vms history run"),
    Key("history", "t", "history", "actions", "Focus the action history, then enlarge it", "vms"),
    Key("mark", "space", "mark", "mark", "Mark the VM and move down", "vms"),
    Key("range", "v,ctrl+space,ctrl+@", "range", "range", "Begin or end marking a range", "vms"),
    Key("range_down", "shift+down", "extend(1)", "", "Mark and move down", "vms"),
    Key("range_up", "shift+up", "extend(-1)", "", "Mark and move up", "vms"),
    Key("mark_all", "*", "mark_all", "mark all", "Mark everything visible; again to unmark it", "vms"),
    Key("invert", "I", "invert", "invert", "Invert the marks of what is visible", "vms"),
    Key("unmark", "U", "unmark", "unmark", "Take all marks away", "vms"),
    Key("include_hidden", "i", "include_hidden", "all marked", "Act on marks hidden by the filter too", "vms"),
    Key("watch", "w", "watch", "watch", "Watch the VM: whatever happens to it is told; again ends it", "vms details"),
    Key("sort", "o", "sort", "sort", "Choose what the list is sorted by", "vms"),
    Key("sort_reverse", "O", "sort_reverse", "reverse", "Sort the other way round", "vms"),
    Key("wide", "W", "wide", "wide", "Show every column, or only those that fit", "vms"),
    Key("larger", "+", "larger", "larger", "Give the focused pane the whole screen", "vms"),
    Key("smaller", "_", "smaller", "smaller", "Back to the resting layout", "vms"),
    Key("pane_1", "1", "pane(1)", "", "Focus the VMs", "vms"),
    Key("pane_2", "2", "pane(2)", "", "Focus the details", "vms"),
    Key("pane_3", "3", "pane(3)", "", "Focus the actions", "vms"),
    Key("copy", "c", "copy", "copy", "Copy name, id, address, request or command", "vms details"),
    Key("run_pause", "p", "pause_run", "pause", "Begin no further VM, or go on", "run"),
    Key("run_abort", "X", "abort_run", "abort", "Leave out what waits; it asks first", "run"),
    Key("run_retry", "f", "retry", "retry", "Ask about those that failed or were left out anew", "run"),
    Key("run_wait", "w", "wait", "wait", "Watch a VM that did not stop for longer", "run"),
    Key("run_force", "o", "force", "force", "Ask about cutting the power of a VM that did not stop", "run"),
    Key("run_give_up", "x", "give_up", "give up", "Give a VM up, or leave an interrupted run as it is", "run"),
    Key("run_resume", "R", "resume_run", "resume", "Ask about what an interrupted run has left to send", "run"),
    Key("run_export", "ctrl+s", "export", "export", "Save the whole story as a file", "run"),
    Key("run_copy", "c", "copy", "copy", "Copy the whole story as Markdown", "run"),
    Key("up", "up,k", "move(-1)", "", "Up", "list"),
    Key("down", "down,j", "move(1)", "", "Down", "list"),
    Key("page_up", "pageup,ctrl+b", "page(-1.0)", "", "A page up", "list"),
    Key("page_down", "pagedown,ctrl+f", "page(1.0)", "", "A page down", "list"),
    Key("half_up", "ctrl+u", "page(-0.5)", "", "Half a page up", "list"),
    Key("half_down", "ctrl+d", "page(0.5)", "", "Half a page down", "list"),
    Key("first", "g,home", "first", "", "To the first row", "list"),
    Key("last", "G,end", "last", "", "To the last row", "list"),
    Key("previous_vm", "[", "neighbour(-1)", "previous", "The VM before it in the list", "details"),
    Key("next_vm", "]", "neighbour(1)", "next", "The VM after it in the list", "details"),
    Key("command", ":", "command", "command", "Type a command", "everywhere"),
    Key("help", "?,f1", "help", "help", "Keys, signs and commands", "everywhere"),
    Key("back", "escape", "back", "back", "Close, then clear the filter, then back to the list", "everywhere"),
    Key("refresh", "ctrl+r", "refresh", "refresh", "Ask the cloud now, and sort anew", "everywhere"),
    Key("pause", "Z", "pause", "pause", "Pause the refreshing of the list, or go on", "everywhere"),
    Key("profile", "P", "profile", "profile", "Which profile this is, and how to open another", "everywhere"),
    Key("redraw", "ctrl+l", "redraw", "redraw", "Draw the screen again", "everywhere"),
    Key("suspend", "ctrl+z", "suspend_process", "suspend", "Back to the shell; fg returns", "everywhere"),
    Key("quit", "q", "quit", "quit", "Quit; what goes on in the cloud goes on", "everywhere"),
)

_BY_ID = {key.id: key for key in KEYS}


def bindings(*scopes: str) -> list[BindingType]:
    """The bindings of some scopes, with ids that a user's keymap can change."""
    return [
        Binding(key.keys, key.action, key.word, id=key.id, tooltip=key.sentence, show=False)
        for key in KEYS
        if not frozenset(scopes).isdisjoint(key.scope.split())
    ]


def shown(key_id: str, overrides: Mapping[str, str]) -> str:
    """The first key of an id as a person reads it: `/`, `ctrl+r`, `space`."""
    keys = (overrides.get(key_id) or _BY_ID[key_id].keys).split(",")
    return _SPOKEN.get(keys[0].strip(), keys[0].strip())


_SPOKEN = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn"}


def problems(overrides: Mapping[str, str]) -> list[str]:
    """A sentence for each unknown id, and for each key that two actions of one place would answer to."""
    found = [f"Keymap: no action is called {name!r}." for name in overrides if name not in _BY_ID]
    owners: dict[tuple[str, str], str] = {}
    for key in KEYS:
        for name in (overrides.get(key.id) or key.keys).split(","):
            for scope in _reach(key.scope):
                owner = owners.setdefault((scope, name.strip()), key.id)
                if owner != key.id:
                    sentence = f"Keymap: {name.strip()} is both {owner} and {key.id}; {owner} keeps it."
                    if sentence not in found:
                        found.append(sentence)
    return found


def _reach(scope: str) -> Iterator[str]:
    """The screens on which keys of a scope work."""
    for name in scope.split():
        match name:
            case "list":
                yield from ("vms", "history", "run")
            case "everywhere":
                yield from ("vms", "history", "details", "run")
            case _:
                yield name
