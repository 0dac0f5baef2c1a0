"""The command line: a field, what is completed in it, and above it what the command would reach."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Set
from difflib import get_close_matches
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from cftui.config.views import SavedView, find_view
from cftui.errors import UsageError
from cftui.fleet.fleet import View
from cftui.fleet.order import Column
from cftui.fleet.query import filter as passing
from cftui.fleet.query import parse
from cftui.text import clean, count, cut
from cftui.tui.choosing import filter_of
from cftui.tui.commands import COMMANDS, CommandSpec, parse_command, reached
from cftui.tui.duty import parse_handover
from cftui.tui.modals.ink import Ink, lines
from cftui.tui.offers import refusal
from cftui.tui.widgets.line_input import LineInput
from cftui.tui.writing import left_words, seconds_of

_FILTER_WORDS = ("is:marked", "is:locked", "act:running", "act:failed", "cpu>=", "ram>=", "disk<", "status:")
_COMPLETIONS = 8
"""As many as are looked for; as many as fit are shown."""


class CommandGiven(Message):
    """A command was given, on the line or in the palette; whoever handles it asks before anything is sent.

    Args:
        name: As in `COMMANDS`.
        argument: What stood behind it, without blanks around it; see `reached` for targets.
    """

    def __init__(self, name: str, argument: str = "") -> None:
        super().__init__()
        self.name = name
        self.argument = argument


class CommandInput(LineInput):
    """The line itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Take the first completion", show=False),
        Binding("up", "recall(-1)", "The command before", show=False),
        Binding("down", "recall(1)", "The command after", show=False),
        Binding("escape", "leave", "Leave", show=False),
        Binding("enter", "give", "Go on", show=False),
    ]

    @property
    def line(self) -> CommandLine:
        """The widget around it."""
        line = next(node for node in self.ancestors if isinstance(node, CommandLine))
        return line

    def action_complete(self) -> None:
        """Take the first completion."""
        self.line.complete()

    def action_recall(self, step: int) -> None:
        """Through the history."""
        self.line.recall(step)

    def action_leave(self) -> None:
        """Leave without a command."""
        self.line.leave()

    def action_give(self) -> None:
        """Give the command, if it can be read."""
        self.line.give()


class CommandLine(Widget):
    """Takes the footer's place: three lines of help above the line typed in. It never sends; it opens the confirmation.

    Args:
        text: What it begins with.
        view: What is known; without it the app's `update_now` is asked.
    """

    DEFAULT_CSS = """
    CommandLine { dock: bottom; height: 4; width: 100%; background: $raised; color: $text; }
    CommandLine #command-help { height: 3; width: 100%; padding: 0 1; background: $raised; }
    CommandLine #command-help { text-wrap: nowrap; text-overflow: ellipsis; }
    CommandLine #command-row { height: 1; width: 100%; background: $field; }
    CommandLine #command-sign { width: 3; height: 1; background: $field; }
    CommandLine #command-keys { width: auto; height: 1; background: $field; padding: 0 1; }
    CommandLine CommandInput, CommandLine CommandInput:focus {
        width: 1fr; height: 1; border: none; padding: 0; background: $field; background-tint: $field 0%; color: $text;
    }
    CommandLine CommandInput:ansi > .input--cursor {
        color: ansi_default; background: ansi_default; text-style: reverse;
    }
    """
    past: ClassVar[list[str]] = []
    """Lines given in this run, oldest first."""

    def __init__(self, text: str = "", *, view: Callable[[], View] | None = None) -> None:
        super().__init__(id="command-line")
        self.field = CommandInput(text, compact=True, select_on_focus=False, id="command-input")
        self._known = view
        self._found: list[str] = []
        self._recalled = len(self.past)
        self._hidden: list[Widget] = []
        self._before: Widget | None = None
        self._error = ""
        self._known_views: Mapping[str, SavedView] | None = None

    def compose(self) -> ComposeResult:
        """Help, and the line."""
        yield Static(id="command-help")
        with Horizontal(id="command-row"):
            yield Static(id="command-sign")
            yield self.field
            yield Static(id="command-keys")

    def on_mount(self) -> None:
        """Take the footer's place and the focus."""
        ink = Ink(self.app)
        self._hidden = [widget for widget in self.screen.query("KeyLine, Footer") if widget.display]
        for footer in self._hidden:
            footer.display = False
        self._before = self.screen.focused
        self.query_one("#command-sign", Static).update(ink(" : ", "*focus"))
        keys = ink.key("enter", "go on") + ink("  ") + ink.key("esc", "leave")
        self.query_one("#command-keys", Static).update(keys if self.app.size.width >= 60 else Content(""))
        self.field.cursor_position = len(self.field.value)
        self.screen.set_focus(self.field)
        self._draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell what the line would do."""
        event.stop()
        self._error = ""
        self._draw()

    def on_key(self, event: events.Key) -> None:
        """No key typed here reaches the screen behind."""
        if event.is_printable:
            event.stop()

    # What it would do.

    def _view(self) -> View:
        if self._known is not None:
            return self._known()
        update = getattr(self.app, "update_now", None)
        return update.view if update is not None else View()

    def _draw(self) -> None:
        ink, text = Ink(self.app), self.field.value
        try:
            spec, argument = parse_command(text)
        except UsageError as error:
            usage, reach = ink("a command", "*strong") + ink("   nothing is sent by itself", "muted"), Content("")
            if text.strip() and not self._names(text):
                reach = ink(f"{ink.glyphs.failed} {error}", "bad")
            self._found = self._names(text)
        else:
            usage = ink(spec.name, "*strong") + ink(f" {spec.usage}   ", "muted") + ink(spec.words, "muted")
            if spec.wish is not None:
                usage = ink(spec.name, "*strong") + ink(f" {spec.usage}   asks before anything is sent", "muted")
            reach = self._reach(spec, argument)
            self._found = self._arguments(spec, text, argument)
        if self._error:
            reach = ink(f"{ink.glyphs.failed} {self._error}", "bad")
        rows = (usage, reach, self._offered(max(10, self.app.size.width - 2)))
        self.query_one("#command-help", Static).update(lines(rows))

    def _names(self, text: str) -> list[str]:
        if " " in text.strip():
            return []
        typed = text.strip().lower().replace("-", "_")
        found = [command.name for command in COMMANDS if command.name.startswith(typed)]
        return (found or get_close_matches(typed, [command.name for command in COMMANDS], 1))[:_COMPLETIONS]

    def _reach(self, spec: CommandSpec, argument: str) -> Content:
        ink = Ink(self.app)
        if spec.kind == "time":
            return self._reach_in_time(argument)
        if spec.kind == "sel":
            return self._reach_of_marking(argument)
        if spec.kind == "watch":
            return self._reach_of_watching(argument)
        if spec.kind == "handover":
            return self._reach_of_handover(argument)
        if spec.kind not in ("targets", "vm"):
            return Content("")
        if not argument:
            return ink("acts on the marked VMs, or the one under the cursor" if spec.kind == "targets" else "", "muted")
        try:
            vms = reached(argument, self._view())
        except UsageError as error:
            return ink(f"{ink.glyphs.waiting} {error.message} {error.hint}".rstrip(), "muted")
        if (wish := spec.wish) is None:
            return ink(count(len(vms), "VM"), "strong")
        doing = self._view().doing
        able = sum(not refusal(wish, vm, doing=doing.get(vm.id))[0] for vm in vms)
        told = (
            ink(count(len(vms), "VM"), "*strong")
            + ink(f" match{'es' if len(vms) == 1 else ''} ")
            + ink(argument, "key")
        )
        skipped = len(vms) - able
        told += ink(f"   {able:,} can now", "text")
        return told + (ink(f", {skipped:,} skipped", "warn") if skipped else Content(""))

    def _reach_in_time(self, argument: str) -> Content:
        """Whether changes can be allowed, and until when."""
        ink, update = Ink(self.app), getattr(self.app, "update_now", None)
        if update is not None and update.locked_by:
            return ink(f"{ink.glyphs.failed} cannot be lifted: read-only by {cut(clean(update.locked_by), 40)}", "bad")
        try:
            seconds = seconds_of(argument)
        except UsageError as error:
            return ink(f"{ink.glyphs.waiting} {error}", "muted")
        return ink(f"changes are allowed for {left_words(seconds)}, then read-only again by itself", "text")

    def _reach_of_marking(self, argument: str) -> Content:
        """How many VMs a filter would mark."""
        ink = Ink(self.app)
        if argument.lower() in ("", "none", "paste"):
            words = {"none": "no VM is marked then", "paste": "asks for a list: names, ids or addresses"}
            return ink(words.get(argument.lower(), "marks what passes, beside what is marked already"), "muted")
        return self._passing(argument, self._marks(), "marked")

    def _reach_of_watching(self, argument: str) -> Content:
        """How many VMs a filter would watch."""
        ink, app = Ink(self.app), getattr(self.app, "announcing", None)
        watched = app.watching.ids if app is not None else frozenset()
        if argument.lower() in ("", "none"):
            now = f"{count(len(watched), 'VM')} watched now"
            return ink(f"no VM is watched then; {now}" if argument else f"tells which; {now}", "muted")
        return self._passing(argument, watched, "watched")

    def _reach_of_handover(self, argument: str) -> Content:
        """Where it would be written, and since when."""
        ink = Ink(self.app)
        try:
            target, hours = parse_handover(argument)
        except UsageError as error:
            return ink(f"{ink.glyphs.waiting} {error}", "muted")
        where = {"": "to a file in this folder", "copy": "to the clipboard"}.get(target, f"to {cut(target, 40)}")
        since = "since this cockpit was opened" if hours is None else f"of the last {hours:g} h"
        return ink(f"{where}, {since}", "muted")

    def _passing(self, argument: str, already: Set[str], word: str) -> Content:
        ink, view = Ink(self.app), self._view()
        try:
            found = passing(parse(filter_of(argument)), view.vms.values(), marked=self._marks(), doing=view.doing)
        except UsageError as error:
            return ink(f"{ink.glyphs.waiting} {error}", "muted")
        more = len({vm.id for vm in found} - already)
        told = ink(count(len(found), "VM"), "*strong") + ink(f" pass{'es' if len(found) == 1 else ''} ")
        return told + ink(argument, "key") + ink(f"   {more:,} more would be {word}")

    def _marks(self) -> Set[str]:
        cockpit = getattr(self.app, "cockpit", None)
        return cockpit.listing.marks if cockpit is not None else set()

    def _views(self) -> Mapping[str, SavedView]:
        """Saved views; read once while the line stands there."""
        if self._known_views is None:
            cockpit = getattr(self.app, "cockpit", None)
            self._known_views = cockpit.choosing.views() if cockpit is not None else {}
        return self._known_views

    def _arguments(self, spec: CommandSpec, text: str, argument: str) -> list[str]:
        """Completions of the word under the cursor, which is the last one."""
        if not text.startswith(f"{text.split()[0]} "):
            return [spec.name]
        word = "" if text.endswith(" ") else argument.split(" ")[-1]
        match spec.kind:
            case "targets" | "vm" if not argument.startswith("@"):
                names = (shlex.quote(vm.name) for vm in self._view().vms.values() if vm.name.isprintable())
                return _starting(names, word)
            case "targets" | "vm" | "filter" | "sel" | "watch":
                sign = "@" if word.startswith("@") else ""
                regions = {f"region:{vm.region}" for vm in self._view().vms.values() if vm.region.isprintable()}
                known = [*sorted(regions), *_FILTER_WORDS]
                if spec.kind == "sel" and word == argument and not sign:
                    known = ["none", "paste", *known]
                if spec.kind == "watch" and word == argument:
                    known = ["none", *known]
                return [f"{sign}{found}" for found in _starting(known, word.lstrip("@"))]
            case "view" | "save":
                return _starting(self._views(), argument) if " " not in argument else []
            case "sort":
                return _starting(Column, word)
            case "theme":
                return _starting(sorted(self.app.available_themes), word)
            case _:
                return []

    def _offered(self, room: int) -> Content:
        ink, shown = Ink(self.app), Content("")
        if self._found and self._found[0] == self.field.value.split(" ")[-1]:
            return shown
        for index, found in enumerate(self._found):
            piece = (
                ink.key("tab") + ink(" ") + ink(found, "strong", "cursor") if index == 0 else ink(f"  {found}", "muted")
            )
            if shown.cell_length + piece.cell_length > room:
                break
            shown += piece
        return shown

    # Keys.

    def complete(self) -> None:
        """Put the first completion in place of the last word."""
        if not self._found:
            return
        head = self.field.value.rpartition(" ")[0]
        first = self._found[0]
        tail = "" if first.endswith((":", "=", "<")) else " "
        self.field.value = f"{head} {first}{tail}" if head else f"{first}{tail}"
        self.field.cursor_position = len(self.field.value)

    def recall(self, step: int) -> None:
        """Go through what was given before."""
        self._recalled = max(0, min(len(self.past), self._recalled + step))
        self.field.value = self.past[self._recalled] if self._recalled < len(self.past) else ""
        self.field.cursor_position = len(self.field.value)

    def leave(self) -> None:
        """Give the footer and the focus back."""
        for footer in self._hidden:
            footer.display = True
        self.screen.set_focus(self._before if self._before is not None and self._before.is_attached else None)
        self.remove()

    def give(self) -> None:
        """Hand the command over, once its words mean something; an empty line leaves."""
        text = self.field.value.strip()
        if not text:
            self.leave()
            return
        try:
            spec, argument = parse_command(text)
            if spec.kind in ("targets", "vm"):
                reached(argument, self._view())
            if spec.kind == "view" and argument:
                find_view(self._views(), argument)
            if spec.kind == "sel" and argument.lower() not in ("none", "paste"):
                filter_of(argument)
            if spec.kind == "watch" and argument.lower() not in ("none", ""):
                filter_of(argument)
            if spec.kind == "handover":
                parse_handover(argument)
            if spec.kind in ("vm", "sort", "theme", "save") and not argument:
                raise UsageError(f"{spec.name} needs {spec.usage}.")
            if spec.kind == "time":
                seconds_of(argument)
        except UsageError as error:
            self._error = str(error)
            self._draw()
            return
        if not self.past or self.past[-1] != text:
            self.past.append(text)
        self.screen.post_message(CommandGiven(spec.name, argument))
        self.leave()


def _starting(words: Iterable[str], beginning: str) -> list[str]:
    found: list[str] = []
    for word in words:
        if word.lower().startswith(beginning.lower()):
            found.append(str(word))
            if len(found) == _COMPLETIONS:
                break
    return found
