"""Choosing many: marks by a filter, marks by a pasted list, and saved views of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cftui.errors import CftuiError, UsageError
from cftui.fleet.order import column_of
from cftui.fleet.query import parse
from cftui.text import clean, count, cut
from cftui.tui.look import Line, Part
from cftui.tui.modals.changes import is_same

if TYPE_CHECKING:
    from pathlib import Path

    from cftui.config.views import SavedView
    from cftui.tui.modals.pasted_list import Taken
    from cftui.tui.screens.vms import VmsScreen


class Choosing:
    """Marks and views by word; what is marked or shown is the screen's.

    Args:
        screen: Has the list, and says things.
    """

    def __init__(self, screen: VmsScreen) -> None:
        self._screen = screen

    async def command(self, name: str, argument: str) -> None:
        """Do what `:sel`, `:save` or `:view` says.

        Raises:
            UsageError: It cannot be done; nothing changed.
        """
        match name:
            case "sel":
                await self.select(argument)
            case "save":
                self.save(argument)
            case _:
                await self.open(argument)

    # Marks

    async def select(self, argument: str) -> None:
        """Mark all that pass a filter, beside what is marked; `none` unmarks all, `paste` asks for a list.

        Raises:
            UsageError: The filter is missing, or cannot be read.
        """
        match argument.lower():
            case "none":
                self._screen.action_unmark()
            case "paste":
                await self.paste()
            case _:
                found, more = self._screen.listing.mark_passing(filter_of(argument))
                self._screen.marked()
                self._say_marked(found, more, argument)

    def _say_marked(self, found: int, more: int, words: str) -> None:
        glyphs, shown = self._screen.table.look.glyphs, cut(clean(words), 32)
        if not found:
            self._say([Part(f"{glyphs.warn} no VM passes {shown}", "warn")])
            return
        passing = f"{count(found)} pass{'es' if found == 1 else ''} {shown}"
        self._say([Part(f"{glyphs.marked} {count(more)} more marked", "*mark"), Part(f"  {passing}", "text")])

    async def paste(self, text: str | None = None) -> None:
        """Show which VMs a text names, and mark them if that is wanted.

        Args:
            text: As it was pasted; None asks for one.
        """
        listing = self._screen.listing
        if text is not None and not text.strip():
            return
        if not listing.vms:
            self._say([Part("there are no VMs that a list could name", "warn")])
            return
        from cftui.tui.modals.pasted_list import PastedList

        dialog = PastedList(listing.vms, frozenset(listing.marks), text, is_hidden=listing.hidden_among)
        await self._screen.cockpit.acting.ask(dialog, self._taken)

    def _taken(self, taken: Taken | None) -> None:
        if taken is None:
            return
        listing = self._screen.listing
        there = [vm.id for vm in taken.vms if is_same(vm, listing.vms.get(vm.id))]
        listing.mark_these(there, replaces=taken.replaces)
        self._screen.marked()
        if gone := len(taken.vms) - len(there):
            sign = self._screen.table.look.glyphs.warn
            self._say([Part(f"{sign} {count(gone)} of them do not exist any more, and are not marked", "*warn")])

    # Views

    def views(self) -> dict[str, SavedView]:
        """All saved views, by name."""
        from cftui.config.views import views_of

        settings = self._screen.cockpit.settings
        return views_of(settings.state_dir, settings.views)

    def save(self, name: str) -> None:
        """Keep filter, order and columns under a name.

        Raises:
            UsageError: It cannot be kept.
        """
        from cftui.config.views import SavedView, keep_view

        listing, settings = self._screen.listing, self._screen.cockpit.settings
        view = SavedView(
            listing.query.text.strip(), listing.sort.value, listing.is_reversed, self._screen.table.is_wide
        )
        try:
            had_one = keep_view(self._state(), name, view, settings.views)
        except OSError as error:
            raise UsageError(f"It cannot be kept: {error.strerror}.") from error
        did = "replaced" if had_one else "saved"
        self._say([Part(f"view {clean(name)} {did}", "*strong"), Part(f"  {_view_words(view)}", "text")])

    async def open(self, name: str) -> None:
        """Show the list as a view has it; without a name, choose one.

        Raises:
            UsageError: There is no such view, or its filter cannot be read.
        """
        from cftui.config.views import find_view

        views = self.views()
        if name or not views:
            await self._show(name, find_view(views, name))
            return
        from cftui.tui.modals.view_picker import ViewPicker

        async def chosen(picked: str | None) -> None:
            if picked is None:
                return
            try:
                await self._show(picked, find_view(self.views(), picked))
            except UsageError as error:
                self._say([Part(f"view {clean(picked)}: {clean(str(error))}", "warn")])

        await self._screen.cockpit.acting.ask(ViewPicker(views, words=_view_words, forget=self._forget), chosen)

    async def _show(self, name: str, view: SavedView) -> None:
        parse(view.filter)
        screen = self._screen
        screen.table.is_wide = view.is_wide
        screen.sort_by(column_of(view.sort), is_reversed=view.is_reversed)
        if view.filter:
            await screen.set_filter(view.filter)
        else:
            await screen.leave_filter(is_kept=False)
        screen.table.repaint_all()
        self._say([Part(f"view {clean(name)}", "*strong"), Part(f"  {_view_words(view)}", "text")])

    def _forget(self, name: str) -> str:
        """Take a view away; what is wrong, or nothing."""
        from cftui.config.views import forget_view

        try:
            forget_view(self._state(), name)
        except CftuiError as error:
            return str(error)
        except OSError as error:
            return f"It cannot be removed: {error.strerror}."
        return ""

    def _state(self) -> Path:
        folder = self._screen.cockpit.settings.state_dir
        if folder is None:
            raise UsageError("Nothing is kept in this session.")
        return folder

    def _say(self, line: Line) -> None:
        self._screen.say(line)


def filter_of(argument: str) -> str:
    """The filter of `:sel EXPR` and `:sel @EXPR`, checked.

    Raises:
        UsageError: It is missing, or cannot be read.
    """
    words = argument.removeprefix("@").strip()
    if not words:
        raise UsageError("sel needs a filter, none or paste.", hint="* marks all that is shown.")
    parse(words)
    return words


def _view_words(view: SavedView) -> str:
    """`web is:running, by ram, turned round, every column`."""
    order = f"by {clean(view.sort)}" + (", turned round" if view.is_reversed else "")
    return ", ".join([clean(view.filter) or "all VMs", order, *(["every column"] if view.is_wide else [])])
