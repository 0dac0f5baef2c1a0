"""The commands of the line and of Textual's palette: one table, none of which sends anything by itself."""

from __future__ import annotations

import shlex
from difflib import get_close_matches
from typing import NamedTuple

from cftui.errors import UsageError
from cftui.fleet import rules
from cftui.fleet.fleet import View
from cftui.fleet.rows import ActionType, VmRow
from cftui.fleet.targets import resolve
from cftui.text import clean, cut
from cftui.tui.offers import ALIASES, KEYS, Wish
from cftui.tui.workflow_words import DESCRIPTIONS, WORKFLOW_KEYS


class CommandSpec(NamedTuple):
    """One command of the line and of the palette."""

    name: str
    usage: str
    """What may stand behind it; empty for nothing."""
    words: str
    """What it does."""
    kind: str = ""
    """What its argument is, such as `targets`, `filter`, `sel`, `watch`, `view`, `time`, or empty."""

    @property
    def wish(self) -> Wish | None:
        """The action or the workflow that it starts, if it starts one."""
        return next((wish for wish in KEYS.values() if wish == self.name), None)


COMMANDS: tuple[CommandSpec, ...] = (
    *(CommandSpec(type_.value, "[TARGET… | @FILTER]", rules.description(type_), "targets") for type_ in ActionType),
    *(CommandSpec(flow.value, "[TARGET… | @FILTER]", DESCRIPTIONS[flow], "targets") for flow in WORKFLOW_KEYS.values()),
    CommandSpec("inverse", "[TARGET]", "propose the opposite of the last action from here on a VM", "targets"),
    CommandSpec("run", "[ID]", "the run that goes on, or the last one"),
    CommandSpec("filter", "[WORDS]", "show what passes; without words, everything", "filter"),
    CommandSpec("vm", "TARGET", "everything about one VM", "vm"),
    CommandSpec("sel", "EXPR | none | paste", "mark all that pass, or no VM, or those of a list from elsewhere", "sel"),
    CommandSpec("view", "[NAME]", "filter and order as they were saved; without a name, choose", "view"),
    CommandSpec("save", "NAME", "save filter and order as a view", "save"),
    CommandSpec("sort", "COLUMN", "sort the list; again turns it round", "sort"),
    CommandSpec("watch", "[EXPR | none]", "tell whatever happens to VMs that pass; none watches no VM", "watch"),
    CommandSpec("handover", "[FILE | copy] [HOURS]", "write the shift's timeline as Markdown", "handover"),
    CommandSpec("history", "", "the actions as a screen of their own"),
    CommandSpec("refresh", "", "ask the cloud now"),
    CommandSpec("pause", "", "pause the refreshing of the list, or go on"),
    CommandSpec("rw", "[10m | 90s | 1h]", "allow changes for a time where the session began read-only", "time"),
    CommandSpec("ro", "", "read-only again, at once"),
    CommandSpec("profile", "", "which profile this is"),
    CommandSpec("theme", "NAME", "another theme", "theme"),
    CommandSpec("help", "", "keys, signs and commands"),
    CommandSpec("quit", "", "quit; what goes on in the cloud goes on"),
)
"""All commands; `q` is quit too."""

_BY_NAME = {command.name: command for command in COMMANDS} | {"q": COMMANDS[-1], "q!": COMMANDS[-1]}


def reached(argument: str, view: View) -> tuple[VmRow, ...]:
    """The VMs that the argument of an action command means, each once; empty for the marked ones or the cursor's.

    Args:
        argument: Ids, names, beginnings of ids; or `@` and a filter, which takes all that follows.
        view: What is known.

    Raises:
        UsageError: A word means no VM or several, or the filter cannot be read.
    """
    argument = argument.strip()
    try:
        words = [argument] if argument.startswith("@") else shlex.split(argument)
    except ValueError:
        raise UsageError("A quote is not closed.") from None
    found = [vm for word in words for vm in resolve(word, view.vms, doing=view.doing)]
    return tuple({vm.id: vm for vm in found}.values())


def parse_command(text: str) -> tuple[CommandSpec, str]:
    """A line into its command and argument; `-` and `_` in names are the same.

    Raises:
        UsageError: There is no such command; the hint names the nearest.
    """
    word, _, argument = text.strip().partition(" ")
    name = word.lower().replace("-", "_")
    name = ALIASES.get(name, name)
    if name in _BY_NAME:
        return _BY_NAME[name], argument.strip()
    close = get_close_matches(name, _BY_NAME, 1)
    hint = f"Nearest: {close[0]}." if close else "tab lists them."
    raise UsageError(f"No command {cut(clean(word), 24)}.", hint=hint)
