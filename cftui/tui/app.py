"""CftuiApp joins the rooms: what the engine knows reaches the screens, what a person confirmed reaches the engine."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from rich.console import RenderableType
from textual import events, work
from textual.binding import BindingType
from textual.command import Provider
from textual.filter import LineFilter
from textual.screen import Screen

from cftui.clock import Clock
from cftui.errors import CftuiError
from cftui.fleet.fleet import Change
from cftui.fleet.history import HistoryEntry
from cftui.operations.state import LinkState, Update
from cftui.text import clean, count
from cftui.tui import keymap, terminal
from cftui.tui.acting import Acting
from cftui.tui.announcing import Announcing
from cftui.tui.attention import Attention
from cftui.tui.cockpit import CockpitSettings, ProfileBadge
from cftui.tui.duty import Duty
from cftui.tui.glyphs import ASCII, UNICODE
from cftui.tui.look import Line, Look, Part
from cftui.tui.messages import DetailsWanted, EntryVisited, FleetMoved
from cftui.tui.one_key import OneKeyAtATime
from cftui.tui.screens.vms import VmsScreen
from cftui.tui.standing import RoundTrip, is_fresh, standing
from cftui.tui.telling import Moment
from cftui.tui.themes import COLOURLESS_THEME, DEFAULT_THEME, load_themes
from cftui.tui.updates import tightened
from cftui.tui.widgets.bars import Standing
from cftui.tui.widgets.too_small import BLIND_KEYS, cover, is_too_small
from cftui.tui.widgets.vm_details import attributes_of

if TYPE_CHECKING:
    from cftui.operations.engine_thread import EngineThread
    from cftui.operations.subscription import Subscription
    from cftui.tui.command_line import CommandGiven

_PANES = {"table": "VM list", "about": "details", "actions": "actions"}
_LEAVES_WITHIN_S = 5.0
"""A second quit within this leaves unsent requests out."""
_SETTLED_S = 3.0
"""After so long without a key the list may be sorted anew."""


def _commands() -> type[Provider]:
    """The palette's source, loaded when the palette is opened."""
    from cftui.tui.command_palette import CockpitCommands

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
        themes, self._styles, problems = load_themes(*self.settings.theme_folders)
        self.notices = [*self.settings.notes, *problems]
        for theme in themes:
            self.register_theme(theme)
        self.notices += keymap.problems(self.settings.keymap)
        wanted = COLOURLESS_THEME if self._is_colourless else self.settings.theme
        if wanted not in self._styles:
            self.notices.append(f"No theme is called {wanted!r}.")
            wanted = DEFAULT_THEME
        self._take_look(wanted)
        self.theme = wanted
        for name in self.available_themes.keys() - self._styles.keys():
            self.unregister_theme(name)  # Textual's own have no words for what we colour
        self.set_keymap(dict(self.settings.keymap))
        self.update_now: Update = engine.update
        self._subscription: Subscription | None = None
        self._attention = Attention()
        self.announcing = Announcing(self, self._attention)
        self.duty = Duty(self)
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

    # Life

    def get_default_screen(self) -> VmsScreen:
        """The cockpit."""
        return VmsScreen()

    def on_mount(self) -> None:
        """Subscribe, and start the engine once something was painted."""
        self._subscription = self.engine.subscribe(self._wake)
        self.call_after_refresh(self.engine.start)
        self.set_interval(1.0, self._tick)
        self.call_after_refresh(self._tell_notices)
        self._entitle()

    def _tell_notices(self) -> None:
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
        if self.engine.failure is not None:
            raise self.engine.failure
        was_fresh, wrote = is_fresh(self.update_now), self.update_now.writes_until is not None
        self.update_now = self._subscription.take()
        if wrote and self.update_now.writes_until is None:
            self.say(
                [Part(f"{self.look.glyphs.warn} read-only again", "*warn"), Part("  nothing more is sent", "text")]
            )
        if is_fresh(self.update_now) != was_fresh:
            self.cockpit.repaint_data()
        self.announcing.take(self.update_now)
        self._show(self.update_now)
        self._entitle()
        self._ask_for_credentials()
        if self._tames_collector and self.update_now.view.read_at is not None:
            self._tames_collector = False
            terminal.tame_collector()

    @property
    def _drawn_screens(self) -> list[Screen[object]]:
        """The screens that have their widgets; one that was just opened has none for a moment."""
        return [screen for screen in self.screen_stack if screen.is_mounted]

    def _show(self, update: Update) -> None:
        for screen in self._drawn_screens:
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

    def on_resize(self) -> None:
        """A terminal may be too small for any screen."""
        cover(self.screen_stack, self.size)

    def _tick(self) -> None:
        cover(self.screen_stack, self.size)
        for screen in self._drawn_screens:
            if (tick := getattr(screen, "tick", None)) is not None:
                tick()

    def say(self, line: Line) -> None:
        """Stand a message in a rule of every screen that has one for it."""
        for screen in self._drawn_screens:
            if (say := getattr(screen, "say", None)) is not None:
                say(line)

    # Time

    def _cloud_now(self) -> float:
        offset = self.update_now.link.server_offset if hasattr(self, "update_now") else None
        return self.clock.now().timestamp() if offset is None else self.clock.monotonic() + offset

    def moment(self) -> Moment:
        """Now, and what is usual."""
        update = self.update_now
        is_live = update.link.state is LinkState.LIVE
        return Moment(self._cloud_now(), update.estimates, self.look.glyphs, is_live, update.view.vms)

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
        update = self.update_now
        return self._attention.unseen(update.view.history, is_read=is_read, runs=update.runs)

    def on_entry_visited(self, event: EntryVisited) -> None:
        """Somebody looked at it."""
        if self._attention.visit(event.entry_id):
            self._show(replace(self.update_now, change=Change()))
            self._entitle()

    def needing(self) -> tuple[HistoryEntry, ...]:
        """What needs somebody: VMs that wait for a decision, then what nobody looked at yet."""
        waiting = tuple(self.announcing.turn_entries())
        return (*waiting, *(entry for entry in self.unseen() if entry not in waiting))

    def next_word(self) -> str:
        """Where the key for the next one leads now; empty where nothing needs anybody."""
        if self.announcing.turn_entries():
            return "your turn"
        return "next unseen" if self.unseen() else ""

    def next_hint(self) -> Line:
        """That key and that word, for a rule."""
        word = self.next_word()
        return [Part(self.key_of("next"), "*key"), Part(f" {word}", "muted")] if word else []

    def show_watched(self) -> None:
        """Other VMs are watched: show it."""
        self._show(replace(self.update_now, change=Change()))

    def _entitle(self) -> None:
        self.announcing.entitle(self.standing())

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

    def tell_left_out(self) -> None:
        """Say that keys right behind a paste did nothing."""
        self.say([Part("keys right behind a paste were left out", "warn")])

    async def on_event(self, event: events.Event) -> None:
        """Note when a key came, and whether anybody looks."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if event.key not in BLIND_KEYS and is_too_small(self.size):
                return
            self._last_key = self.clock.monotonic()
        elif isinstance(event, events.AppFocus | events.AppBlur):
            self.engine.focus(isinstance(event, events.AppFocus))
        await super().on_event(event)

    async def action_command(self) -> None:
        """Open the command line in place of the footer."""
        from cftui.tui.command_line import CommandLine

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
        self.exit()

    async def action_help_quit(self) -> None:  # type: ignore[override]  # Textual awaits key actions of both kinds
        """ctrl+c without a selection: twice within a second quits, and does not ask about what is not sent yet."""
        now = self.clock.monotonic()
        if now - self._last_interrupt <= 1.0:
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

    async def action_open_run(self) -> None:
        """Open the run that goes on, or the last one."""
        if not self.has_dialog:
            await self.run_command("run")

    def on_command_given(self, event: CommandGiven) -> None:
        """A command of the line or of the palette."""
        self.call_next(self.run_command, event.name, event.argument)

    async def run_command(self, name: str, argument: str = "") -> None:
        """Do what a command says; an action opens its form or confirmation, never more."""
        await self.acting.command(name, argument)

    def leave(self, code: int) -> None:
        """End with an exit code; from this moment on nothing more is sent."""
        self.engine.begin_stop()
        super().leave(code)

    def on_driver_signal_resume(self) -> None:
        """Back in front, or read again: what is shown is as old as the absence was long."""
        self.engine.refresh()

    def tell_no_shell(self) -> None:
        """Say why ctrl+z did nothing."""
        self.say([Part("there is no shell to go back to", "warn")])

    def run_guarded(self) -> int:
        """Run on the real terminal until the end, and stop the engine, whatever ends it.

        Returns:
            The exit code: 0, 130 after ctrl+c twice; 129, 130, 131 or 143 after a signal.

        Raises:
            Exception: A bug, for whoever reports it.
        """
        self._tames_collector = True
        try:
            self.guard(mouse=self.settings.mouse)
        finally:
            self.engine.stop()
        return self.return_code or 0
