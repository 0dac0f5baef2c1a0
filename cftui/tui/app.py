"""CftuiApp joins the rooms: what the engine knows reaches the screens, what a person confirmed reaches the engine."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from rich.console import RenderableType
from rich.text import Text
from textual import events, work
from textual.binding import BindingType
from textual.command import Provider
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme

from cftui.clock import Clock
from cftui.errors import CftuiError
from cftui.fleet.fleet import Change
from cftui.fleet.history import HistoryEntry
from cftui.operations.state import LinkState, Update
from cftui.text import clean, count
from cftui.tui import keymap, terminal
from cftui.tui.acting import Acting
from cftui.tui.attention import Attention
from cftui.tui.cockpit import CockpitSettings, ProfileBadge
from cftui.tui.glyphs import ASCII, UNICODE
from cftui.tui.look import Line, Look, Part
from cftui.tui.messages import DetailsWanted, EntryVisited, FleetMoved
from cftui.tui.one_key import OneKeyAtATime
from cftui.tui.screens.vms import VmsScreen
from cftui.tui.standing import RoundTrip, is_fresh, standing
from cftui.tui.telling import Moment, needs_eyes, told
from cftui.tui.themes import COLOURLESS_THEME, DEFAULT_THEME, load_themes
from cftui.tui.updates import tightened
from cftui.tui.widgets.bars import Standing
from cftui.tui.widgets.vm_details import attributes_of

if TYPE_CHECKING:
    from cftui.operations.engine_thread import EngineThread
    from cftui.operations.subscription import Subscription
    from cftui.tui.commands import CommandGiven

EXIT_BUG = 70
_PANES = {"table": "VM list", "about": "details", "actions": "actions"}
_LEAVES_WITHIN_S = 5.0
"""A second quit within this leaves unsent requests out."""
_SETTLED_S = 3.0
"""After so long without a key the list may be sorted anew."""


def _commands() -> type[Provider]:
    """The palette's source, loaded when the palette is opened."""
    from cftui.tui.commands import CockpitCommands

    return CockpitCommands


class CftuiApp(OneKeyAtATime[None]):
    """The cockpit on one account.

    Args:
        engine: Started with the first paint, stopped at the end; the app is its only user.
        profile: Whose cloud.
        settings: Looks, keys, sounds.
        clock: Asks the time.
    """

    TITLE = "cftui"
    BINDINGS: ClassVar[list[BindingType]] = keymap.bindings("everywhere")
    CSS_PATH: ClassVar = ["styles/app.tcss", "styles/vms.tcss"]  # Textual loads no CSS of a default screen
    COMMANDS: ClassVar = {_commands}

    def __init__(
        self,
        engine: EngineThread,
        *,
        profile: ProfileBadge,
        settings: CockpitSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        # An empty NO_COLOR is not set by its own standard, but Textual takes it as set; ours is decided here.
        self._is_colourless = bool(os.environ.get("NO_COLOR"))
        os.environ.pop("NO_COLOR", None)
        self.settings = settings or CockpitSettings()
        super().__init__()
        self.engine = engine
        self.profile = profile
        self.clock = clock or Clock()
        self.acting = Acting(self)
        self.is_ascii = self.settings.glyphs == "ascii" or (
            self.settings.glyphs == "auto" and not terminal.speaks_utf8()
        )
        # One for good: what Textual has filtered once it keeps by the filter that did it.
        self._door = terminal.DoorFilter(is_colourless=self._is_colourless, is_ascii=self.is_ascii)
        themes, self._styles, self.notices = load_themes(*self.settings.theme_folders)
        for theme in themes:
            self.register_theme(theme)
        self.notices += keymap.problems(self.settings.keymap)
        wanted = COLOURLESS_THEME if self._is_colourless else self.settings.theme
        if wanted not in self._styles:
            self.notices.append(f"No theme is called {wanted!r}.")
            wanted = DEFAULT_THEME
        self._take_look(wanted)
        self.theme = wanted
        self.set_keymap(dict(self.settings.keymap))
        self.update_now: Update = engine.update
        self.farewell = ""
        """One line for stderr after the screen is restored: what goes on in the cloud."""
        self._subscription: Subscription | None = None
        self._attention = Attention()
        self._trip = RoundTrip()
        self._last_key = -math.inf
        self._last_interrupt = -math.inf
        self._asked_to_leave = -math.inf
        self._asked_password = False
        self._tames_collector = False

    # Look

    def _take_look(self, theme: str) -> None:
        styles = self._styles.get(theme) or self._styles[DEFAULT_THEME]
        glyphs = ASCII if self.is_ascii else UNICODE
        self.look = Look(styles, glyphs)
        self._faded = Look(styles, glyphs, is_faded=True)

    @property
    def data_look(self) -> Look:
        """The look of what the cloud said: faded while that is not fresh."""
        return self.look if is_fresh(self.update_now) else self._faded

    def watch_theme(self, theme: str) -> None:
        """Another theme: everything drawn by ourselves is drawn anew."""
        self._take_look(theme)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Nothing reaches the terminal but through the door."""
        return [self._door] if self._is_colourless else [*super().get_line_filters(), self._door]

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable if renderable is None else tightened(renderable))

    @property
    def available_themes(self) -> dict[str, Theme]:
        """Ours alone: Textual's own have no words for what we colour."""
        styles = getattr(self, "_styles", None)
        themes = super().available_themes
        return {name: theme for name, theme in themes.items() if name in styles} if styles else themes

    # Life

    def get_default_screen(self) -> VmsScreen:
        """The cockpit."""
        return VmsScreen()

    def on_mount(self) -> None:
        """Subscribe, and start the engine once something was painted."""
        self._subscription = self.engine.subscribe(self._wake)
        self.call_after_refresh(self.engine.start)
        self.set_interval(1.0, self._tick)
        for notice in self.notices:
            self.say([Part(f"{self.look.glyphs.warn} {clean(notice)}", "warn")])

    def _wake(self) -> None:
        self.post_message(FleetMoved())

    def on_unmount(self) -> None:
        """Nothing is asked any more; what was sent goes on in the cloud."""
        if self._subscription is not None:
            self._subscription.close()
        self.engine.stop()

    def on_fleet_moved(self) -> None:
        """Take what changed to every screen that shows it."""
        if self._subscription is None:
            return
        was_fresh = is_fresh(self.update_now)
        self.update_now = self._subscription.take()
        if is_fresh(self.update_now) != was_fresh:
            self.cockpit.repaint_data()
        self._tell_outcomes()
        self._show(self.update_now)
        self._ask_for_credentials()
        if self._tames_collector and self.update_now.view.read_at is not None:
            self._tames_collector = False
            terminal.tame_collector()

    def _show(self, update: Update) -> None:
        for screen in self.screen_stack:
            if (take := getattr(screen, "take", None)) is not None:
                take(update)
            elif (look_again := getattr(screen, "fleet_moved", None)) is not None:
                look_again()

    @property
    def cockpit(self) -> VmsScreen:
        """The screen below all others."""
        return cast(VmsScreen, self.screen_stack[0])

    @property
    def has_dialog(self) -> bool:
        """Whether a dialog is open."""
        return self.screen.is_modal

    def _tick(self) -> None:
        for screen in self.screen_stack:
            if (tick := getattr(screen, "tick", None)) is not None:
                tick()

    def say(self, line: Line) -> None:
        """Stand a message in a rule."""
        self.cockpit.say(line)

    # Time

    def _cloud_now(self) -> float:
        offset = self.update_now.link.server_offset if hasattr(self, "update_now") else None
        return self.clock.now().timestamp() if offset is None else self.clock.monotonic() + offset

    def moment(self) -> Moment:
        """Now, and what is usual."""
        update = self.update_now
        is_live = update.link.state is LinkState.LIVE
        return Moment(self._cloud_now(), update.estimates, self.look.glyphs, is_live)

    @property
    def is_untouched(self) -> bool:
        """Whether nobody pressed a key yet."""
        return self._last_key == -math.inf

    def is_settled(self, *, has_marks: bool) -> bool:
        """Whether the list may be sorted anew without anybody asking for it."""
        is_quiet = self.clock.monotonic() - self._last_key >= _SETTLED_S
        return is_quiet and not has_marks and not self.has_dialog

    def standing(self) -> Standing:
        """What the status line says now, on whatever screen."""
        link = self.update_now.link
        return standing(self.update_now, self.profile, self.clock, self.unseen(), self._trip.told(link.round_trip_s))

    # What needs eyes

    def unseen(self) -> tuple[HistoryEntry, ...]:
        """What went wrong or is unknown since the start, and nobody looked at yet; in the panel's order."""
        is_read = self.update_now.link.round_trip_s is not None  # told at the end of the first round
        return self._attention.unseen(self.update_now.view.history, is_read=is_read)

    def on_entry_visited(self, event: EntryVisited) -> None:
        """Somebody looked at it."""
        if self._attention.visit(event.entry_id):
            self._show(replace(self.update_now, change=Change()))

    def _tell_outcomes(self) -> None:
        """One message for the newest of our own actions that ended; a bell when one ended badly."""
        ended = self._attention.outcomes(self.update_now.view.history, self.update_now.change.entries)
        if not ended:
            return
        entry = ended[0]
        said = told(entry, self.moment())
        head = f"{said.glyph} {clean(entry.vm_name)} {clean(entry.type)} {said.word}"
        self.say([Part(head, f"*{said.ink}"), Part(f"  {said.text}")])
        if self.settings.bell and any(map(needs_eyes, ended)):
            self.bell()

    def _ask_for_credentials(self) -> None:
        is_refused = self.update_now.link.state is LinkState.UNAUTHORISED
        if is_refused and not self._asked_password and not self.has_dialog:
            self.call_next(self.acting.ask_password, clean(self.update_now.link.cause))
        self._asked_password = is_refused

    @work(exclusive=True, group="details", exit_on_error=False)
    async def on_details_wanted(self, event: DetailsWanted) -> None:
        """Read one VM whole for the details; where that fails, banner or list soon say why."""
        try:
            vm = await asyncio.wrap_future(self.engine.read_vm(event.vm_id))
        except CftuiError:
            return
        row = self.update_now.view.vms.get(event.vm_id)
        for screen in self.screen_stack:
            if row is not None and (read := getattr(screen, "details_read", None)) is not None:
                read(event.vm_id, row, attributes_of(vm))

    # Keys

    def key_of(self, key_id: str) -> str:
        """The key of a binding as a person reads it, remapped or not."""
        return keymap.shown(key_id, self.settings.keymap)

    async def on_event(self, event: events.Event) -> None:
        """Note when a key came, and whether anybody looks."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._last_key = self.clock.monotonic()
        elif isinstance(event, events.AppFocus | events.AppBlur):
            self.engine.focus(isinstance(event, events.AppFocus))
        await super().on_event(event)

    async def action_command(self) -> None:
        """Open the command line in place of the footer."""
        from cftui.tui.commands import CommandLine

        if not self.has_dialog and self.screen.query_one_optional(CommandLine) is None:
            await self.screen.mount(CommandLine())

    async def action_help(self) -> None:
        """Keys, signs and commands, for the pane that has the focus."""
        from cftui.tui.screens.help import HelpScreen

        if not self.has_dialog:
            pane = _PANES.get(self.focused.id or "", "") if self.focused is not None else ""
            await self.push_screen(HelpScreen(keymap.KEYS, self.settings.keymap, pane=pane))

    async def action_back(self) -> None:
        """One step back; it never quits."""
        if len(self.screen_stack) == 1:
            await self.cockpit.back()
        elif not self.has_dialog:
            self.pop_screen()

    async def action_refresh(self) -> None:
        """Ask the cloud now, and sort anew."""
        if self.update_now.link.state is LinkState.UNAUTHORISED:
            await self.acting.ask_password(clean(self.update_now.link.cause))
            return
        self.engine.refresh()
        self.cockpit.listing.reorder()
        self.cockpit.show_order()

    def action_pause(self) -> None:
        """Stop refreshing the list, or go on; what is in progress is followed all the same."""
        self.engine.pause(not self.update_now.link.is_paused)

    def action_profile(self) -> None:
        """Say which profile this is, and how to open another."""
        name = clean(self.profile.name)
        self.say([Part(f"profile {name}; another one: ", "text"), Part("cftui --profile NAME", "*key")])

    def action_redraw(self) -> None:
        """Draw every cell again, after something else wrote on the terminal."""
        self.refresh(layout=True)

    async def action_quit(self, is_certain: bool = False) -> None:
        """End at once; what goes on in the cloud goes on, and is told. Asks if confirmed requests are not sent yet."""
        unsent, now = self.engine.update.unsent, self.clock.monotonic()
        if unsent and not is_certain and now - self._asked_to_leave > _LEAVES_WITHIN_S:
            self._asked_to_leave = now
            words = f"{count(unsent, 'confirmed request is', 'confirmed requests are')} not sent yet; "
            again = [Part(self.key_of("quit"), "*key"), Part(" again leaves them out", "*warn")]
            self.say([Part(words, "*warn"), *again])
            return
        going_on = sum(entry.is_open for entry in self.update_now.view.history if entry.is_own)
        if going_on:
            self.farewell = f"{going_on} in progress. Following resumes at the next start; cftui watch follows now."
        self.exit()

    async def action_help_quit(self) -> None:  # type: ignore[override]  # Textual awaits key actions of both kinds
        """ctrl+c without a selection: twice within a second quits."""
        now = self.clock.monotonic()
        if now - self._last_interrupt <= 1.0:
            await self.action_quit()
            self.exit(return_code=130)
            return
        self._last_interrupt = now
        self.say([Part("ctrl+c again quits; ", "text"), Part(self.key_of("quit"), "*key"), Part(" quits at once")])

    def copy_text(self, text: str) -> None:
        """Put a text on the clipboard, and say so."""
        wrong = terminal.copy(text, self.copy_to_clipboard)
        lines = text.count("\n") + 1
        words = wrong or ("copied" if lines == 1 else f"copied {lines} lines")
        self.say([Part(words, "warn" if wrong else "text")])

    async def open_vm(self, vm_id: str) -> None:
        """Everything about one VM, as a screen of its own."""
        from cftui.tui.screens.vm import VmScreen

        await self.push_screen(VmScreen(vm_id))

    async def open_history(self) -> None:
        """The actions, as a screen of their own."""
        from cftui.tui.screens.history import HistoryScreen

        await self.push_screen(HistoryScreen())

    def on_command_given(self, event: CommandGiven) -> None:
        """A command of the line or of the palette."""
        self.call_next(self.run_command, event.name, event.argument)

    async def run_command(self, name: str, argument: str = "") -> None:
        """Do what a command says; an action opens its form or confirmation, never more."""
        await self.acting.command(name, argument)

    def _fatal_error(self) -> None:
        """A bug: a report without local variables, which may hold secrets; exit code 70."""
        stamp = self.clock.now().strftime("%Y%m%d-%H%M%S")
        self._exit_renderables.append(Text(terminal.crash_report(self.settings.state_dir, stamp)))
        self._return_code = EXIT_BUG
        self._close_messages_no_wait()

    def run_guarded(self) -> int:
        """Run on the real terminal until the end; signals restore the screen.

        Returns:
            The exit code: 0, 130 after ctrl+c twice, 129, 130 or 143 after a signal, 70 after a bug.
        """
        self._tames_collector = True
        with terminal.signals(lambda code: self.exit(return_code=code)):
            self.run(mouse=self.settings.mouse)
        return self.return_code or 0
