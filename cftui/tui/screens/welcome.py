"""The first start: four answers and one test, then the cockpit; or the demo. Nothing is stored unasked."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Literal

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from cftui.api.urls import normalise_url
from cftui.config.models import Profile
from cftui.errors import CftuiError, ConfigError
from cftui.text import cut
from cftui.tui.modals.form import Field
from cftui.tui.modals.ink import Ink, lines
from cftui.tui.modals.options import Options, Toggle


class Source(StrEnum):
    """Where the password comes from at each start."""

    ASK = "ask"
    COMMAND = "command"
    FILE = "file"
    ENVIRONMENT = "environment"


_SOURCE_WORDS: Mapping[str, str] = {
    Source.ASK: "ask me at each start",
    Source.COMMAND: "a command prints it",
    Source.FILE: "a file that only I can read",
    Source.ENVIRONMENT: "the environment: CFTUI_PASSWORD",
}


@dataclass(frozen=True, slots=True)
class WelcomeAnswer:
    """What the form was told."""

    url: str
    """As typed."""
    email: str
    source: Source
    secret_from: str = ""
    """The command line, or the file's path; empty for the other sources."""
    name: str = "default"
    """What the profile is called."""
    is_production: bool = False
    password: str = field(default="", repr=False)
    """As typed, for this start alone; only where it is asked for."""

    @property
    def profile(self) -> Profile:
        """The profile to store; it never holds the password."""
        return Profile(
            url=self.url,
            email=self.email,
            password_command=tuple(shlex.split(self.secret_from)) if self.source is Source.COMMAND else (),
            password_file=Path(self.secret_from).expanduser() if self.source is Source.FILE else None,
            production=self.is_production,
            start_read_only=self.is_production,
        )


Test = Callable[[WelcomeAnswer, str | None], Awaitable[str]]
"""Tries to sign in with an answer and a typed password, if one was; one sentence about it, or CftuiError."""


class WelcomeScreen(Screen[WelcomeAnswer | Literal["demo"]]):
    """Asks for cloud, e-mail, source of the password and a profile's name; proves each below itself.

    Args:
        test: Tries to sign in.
        environ: Whether CFTUI_PASSWORD is set is read from here.
        url: What the first field holds at first.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "open", "Save and open", priority=True),
        Binding("ctrl+t", "test", "Test the connection", priority=True),
        Binding("ctrl+d", "demo", "Open the demo", priority=True),
    ]
    DEFAULT_CSS = """
    WelcomeScreen { align: center top; background: $bg; color: $text; }
    WelcomeScreen #page { width: 86; max-width: 100%; height: 1fr; padding: 1 1; background: $bg; }
    WelcomeScreen #page { scrollbar-size-vertical: 1; }
    WelcomeScreen #page > * { height: auto; width: 100%; }
    WelcomeScreen #page Field { height: 2; }
    WelcomeScreen #intro { margin: 0 0 1 0; }
    WelcomeScreen #label { height: 1; }
    WelcomeScreen #options { height: 4; }
    WelcomeScreen #toggle { height: 1; margin: 0 0 1 0; }
    WelcomeScreen #keys { dock: bottom; height: 1; width: 100%; background: $raised; padding: 0 1; }
    WelcomeScreen #keys { text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(
        self, *, test: Test, environ: Mapping[str, str] | None = None, url: str = "https://cloudsfor.com"
    ) -> None:
        super().__init__()
        self._test = test
        self._environ = environ or {}
        self._first_url = url
        self._tested: WelcomeAnswer | None = None
        """The answer that a test was run for."""
        self._told = Content("")
        self._is_testing = False

    def compose(self) -> ComposeResult:
        """One page, top to bottom, and the keys."""
        with VerticalScroll(id="page", can_focus=False):
            yield Static(id="intro")
            yield Field("cloud      ", id="url", value=self._first_url)
            yield Field("e-mail     ", id="email")
            with Vertical(id="passwords"):
                yield Static(id="label")
                yield Options(_SOURCE_WORDS, id="options")
                yield Field("           ", id="from")
            yield Field("profile    ", id="profile", value="default")
            yield Toggle("production: starts read-only, asks twice", id="toggle")
            yield Static(id="connection")
        yield Static(id="keys")

    def on_mount(self) -> None:
        """Draw, and begin with the cloud."""
        ink = Ink(self.app)
        self.query_one("#intro", Static).update(
            lines(
                (
                    ink("cftui", "*focus") + ink("   the cockpit for VM actions", "muted"),
                    Content(""),
                    ink("No configuration yet. ", "*strong") + ink("Four answers and one test, then you are in."),
                    ink("Just looking? ", "muted") + ink.key("ctrl+d", "opens the demo: no network, no account."),
                )
            )
        )
        self.query_one("#label", Static).update(ink("password", "*strong"))
        self._draw()
        self.set_focus(self._field("url").input)

    def on_resize(self) -> None:
        """Draw the keys anew."""
        self._draw()

    def _field(self, name: str) -> Field:
        return self.query_one(f"#{name}", Field)

    @property
    def _source(self) -> Source:
        return Source(self.query_one("#options", Options).chosen)

    def read(self) -> WelcomeAnswer:
        """What is typed now."""
        secret = self._field("from").value
        return WelcomeAnswer(
            url=self._field("url").value.strip(),
            email=self._field("email").value.strip(),
            source=self._source,
            secret_from=secret.strip() if self._source in (Source.COMMAND, Source.FILE) else "",
            name=self._field("profile").value.strip(),
            is_production=self.query_one("#toggle", Toggle).is_on,
            password=secret if self._source is Source.ASK else "",
        )

    def problems(self) -> dict[str, str]:
        """What is wrong, by field; a field that is only empty is in it too."""
        answer, wrong = self.read(), {}
        try:
            normalise_url(answer.url)
        except ConfigError as error:
            wrong["url"] = error.message.partition(": ")[2] or error.message
        if "@" not in answer.email or ":" in answer.email or not answer.email.isprintable():
            wrong["email"] = "an e-mail without a colon"
        if not answer.name or not all(char.isalnum() or char in "-_" for char in answer.name):
            wrong["profile"] = "letters, digits, - and _"
        if answer.source is Source.COMMAND:
            try:
                if not shlex.split(answer.secret_from):
                    wrong["from"] = "a program that prints the password"
            except ValueError:
                wrong["from"] = "a quote is not closed"
        elif answer.source is Source.FILE and not answer.secret_from:
            wrong["from"] = "the path of a file of mode 0600"
        elif answer.source is Source.ENVIRONMENT and not self._environ.get("CFTUI_PASSWORD"):
            wrong["from"] = "CFTUI_PASSWORD is not set in this shell"
        return wrong

    def _draw(self) -> None:
        ink, answer, wrong = Ink(self.app), self.read(), self.problems()
        self._draw_secret(answer.source)
        for name in ("url", "email", "profile", "from"):
            shown = self._field(name)
            is_untouched = not shown.value.strip() and name != "from"
            if name in wrong and not is_untouched and (shown.value.strip() or answer.source is Source.ENVIRONMENT):
                shown.say(wrong[name])
            else:
                shown.say(self._proof(name, answer), tone="muted")
        head = pad_label("connection")
        if self._is_testing:
            told = ink(f"{ink.glyphs.busy} signing in", "busy")
        elif self._told.cell_length and self._tested == answer:
            told = self._told
        else:
            told = ink("not tested yet", "muted")
        self.query_one("#connection", Static).update(ink(head) + told)
        keys = [
            ("ctrl+o", "save and open"),
            ("ctrl+t", "test"),
            ("ctrl+d", "demo"),
            ("tab", "next field"),
            ("ctrl+q", "quit; nothing is written"),
        ]
        self.query_one("#keys", Static).update(Content("  ").join(ink.key(key, words) for key, words in keys))

    def _draw_secret(self, source: Source) -> None:
        secret = self._field("from")
        secret.input.password = source is Source.ASK
        secret.input.disabled = source is Source.ENVIRONMENT
        secret.input.placeholder = {
            Source.ASK: "for this start; stored nowhere",
            Source.COMMAND: "pass show cloudsfor/ops",
            Source.FILE: "~/.config/cftui/password",
            Source.ENVIRONMENT: "read at each start",
        }[source]

    def _proof(self, name: str, answer: WelcomeAnswer) -> str:
        match name:
            case "url":
                try:
                    return f"asks {cut(normalise_url(answer.url)[0], 60)}"
                except ConfigError:
                    return ""
            case "from" if answer.source is Source.COMMAND:
                return "run without a shell at each start; only its first line is read"
            case "from" if answer.source is Source.ENVIRONMENT:
                return "set"
            case _:
                return ""

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check while one types."""
        event.stop()
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field."""
        event.stop()
        self.focus_next()

    def on_options_chosen(self) -> None:
        """Another source of the password."""
        self._field("from").input.value = ""
        self._draw()

    # Keys.

    def action_demo(self) -> None:
        """The demo; nothing is written."""
        self.dismiss("demo")

    def action_test(self) -> None:
        """Sign in once, with what is typed."""
        if self._may_go_on():
            self._run_test(opens_after=False)

    def action_open(self) -> None:
        """Store the profile and open the cockpit: after a test; once that failed, a second time opens all the same."""
        if not self._may_go_on():
            return
        if self._tested == self.read():
            self.dismiss(self.read())
        else:
            self._run_test(opens_after=True)

    def _may_go_on(self) -> bool:
        if self._is_testing:
            return False
        wrong = self.problems()
        for name in ("url", "email", "from", "profile"):
            if name in wrong:
                self._field(name).say(wrong[name])
                self.set_focus(
                    self._field(name).input if not self._field(name).input.disabled else self.query_one("#options")
                )
                return False
        return True

    @work(exit_on_error=False, exclusive=True)
    async def _run_test(self, *, opens_after: bool) -> None:
        answer = self.read()
        self._is_testing = True
        self._draw()
        ink = Ink(self.app)
        try:
            told = await self._test(answer, answer.password or None)
        except CftuiError as error:
            again = " ctrl+o once more saves it all the same." if opens_after else ""
            self._told = ink(f"{ink.glyphs.failed} ", "bad") + ink(str(error) + again)
            is_good = False
        else:
            self._told = ink(f"{ink.glyphs.good} ", "good") + ink(told, "good")
            is_good = True
        finally:
            self._is_testing = False
        self._tested = answer
        self._draw()
        self.query_one("#connection").scroll_visible(animate=False)
        if is_good and opens_after and self.read() == answer:
            self.dismiss(answer)


def pad_label(label: str) -> str:
    """A label as wide as the fields' labels, so that all answers begin in one column."""
    return f"{label:13}"
