"""Help: the live keys, the signs, the squares and the filter, all searchable on one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from cftui.fleet.history import Stage
from cftui.text import clean
from cftui.tui.keymap import Key
from cftui.tui.modals.dialog import Choice
from cftui.tui.modals.form import Asking, Field
from cftui.tui.modals.ink import lines, pad
from cftui.tui.offers import KEYS, name_of


class _Line(NamedTuple):
    mark: str
    tone: str
    words: str


_Group = tuple[str, list[_Line]]


_TITLES = {
    "Choose": {"filter", "mark", "range", "range_down", "range_up", "mark_all", "invert", "unmark", "include_hidden"},
    "Act": {"palette", "copy", "command"},
    "Look": {"details", "next", "watch", "history", "sort", "sort_reverse", "wide", "larger", "smaller", "help"},
    "Data": {"refresh", "pause", "profile", "redraw"},
}
_SCOPES = {"list": "Move", "vms": "Look", "details": "In details", "run": "In a run", "everywhere": "Everywhere"}
_SPOKEN = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn"}


class HelpScreen(Asking[None]):
    """What every key does here, and what every sign means.

    Args:
        keys: The key map.
        overrides: Keys by id that a configuration put in place of the usual ones.
        pane: What had the focus: "VM list".
    """

    def __init__(self, keys: Sequence[Key], overrides: Mapping[str, str] | None = None, *, pane: str = "") -> None:
        super().__init__()
        self._key_map = tuple(keys)
        self._overrides = overrides or {}
        self._pane = pane

    def heading(self) -> str:
        """What it is."""
        return "Help"

    def state(self) -> Content:
        """Whose keys."""
        whose = f"{self._pane}; " if self._pane else ""
        return self.ink(f"{whose}from the live key map", "muted")

    DEFAULT_CSS = """
    HelpScreen Field { height: 1; }
    """

    def compose_body(self) -> ComposeResult:
        """The page."""
        yield Static(id="page")

    def compose_answer(self) -> ComposeResult:
        """The search field, below, where it never scrolls away."""
        yield Field("find", id="field-find", ghost="a key, an action, a word")

    def choices(self) -> Iterable[Choice]:
        """Only closing."""
        return (Choice("Close", id="cancel", key="esc"),)

    def keys(self) -> Sequence[tuple[str, str]]:
        """What can be pressed."""
        arrows = "up/down" if self.ink.is_ascii else "↑↓"
        return [("esc", "close"), (arrows, "scroll"), ("type", "to find")]

    def redraw(self) -> None:
        """Lay the groups out in as many columns as fit."""
        wanted = self.query_one("#field-find", Field).value.strip().lower()
        groups = [(title, [line for line in group if _holds(title, line, wanted)]) for title, group in self._groups()]
        groups = [(title, group) for title, group in groups if group]
        page = self.query_one("#page", Static)
        if not groups:
            page.update(self.ink(f"Nothing here is called {wanted}.", "strong"))
            return
        columns = 2 if self.inner_width >= 84 else 1
        cells = (self.inner_width - 3 * (columns - 1)) // columns
        page.update(_side_by_side(_flow([self._drawn(*group, cells) for group in groups], columns), cells))

    def _drawn(self, title: str, group: list[_Line], cells: int) -> list[Content]:
        ink = self.ink
        width = min(max(len(clean(line.mark)) for line in group), cells // 2) + 2
        rows = [ink(title, "*strong")]
        for line in group:
            mark = pad(ink(line.mark, line.tone), width)
            said = ink(line.words)
            room = cells - width
            if said.cell_length <= room:
                rows.append(mark + said)
            else:
                first, *rest = _wrapped(clean(line.words), room)
                rows.append(mark + ink(first))
                rows.extend(Content(" " * width) + ink(more) for more in rest)
        return [*rows, Content("")]

    def _groups(self) -> Iterable[_Group]:
        groups: dict[str, list[_Line]] = {title: [] for title in ("Move", "Choose", "Act", "Look", "Data")}
        for key in self._key_map:
            title = next(
                (title for title, ids in _TITLES.items() if key.id in ids), _SCOPES.get(key.scope, "Everywhere")
            )
            names = (name.strip() for name in (self._overrides.get(key.id) or key.keys).split(","))
            shown = " ".join(_SPOKEN.get(name, name) for name in names)
            groups.setdefault(title, []).append(_Line(shown, "*key", key.sentence))
        for title, group in groups.items():
            yield title, group
            if title == "Act":
                yield "Act: a, then", [_Line(key, "*key", name_of(wish)) for key, wish in KEYS.items()]
        glyphs = self.ink.glyphs
        yield (
            "Signs",
            [
                _Line(glyphs.running, "run", "running"),
                _Line(glyphs.stopped, "stop", "stopped"),
                _Line(glyphs.busy, "busy", "in progress"),
                _Line(glyphs.warn, "warn", "slow, or take care"),
                _Line(glyphs.failed, "bad", "failed, rejected"),
                _Line(glyphs.unknown, "unk", "outcome unknown"),
                _Line(glyphs.marked, "mark", "marked"),
                _Line(glyphs.watched, "muted", "watched"),
            ],
        )
        yield (
            "Three squares tell how true it is",
            [
                _Line(glyphs.squares(Stage.ACCEPTED), "busy", "accepted: the cloud took the request"),
                _Line(glyphs.squares(Stage.COMPLETED), "busy", "completed: the cloud says it is done"),
                _Line(glyphs.squares(Stage.VERIFIED), "good", "verified: the VM itself shows it"),
                _Line(
                    glyphs.squares(Stage.COMPLETED, is_verifiable=False), "muted", "completed; nothing could verify it"
                ),
                _Line(glyphs.squares(Stage.ERRORED), "bad", "failed"),
                _Line(glyphs.squares(Stage.REJECTED), "bad", "rejected or not sent: nothing was done"),
                _Line(glyphs.squares(Stage.UNKNOWN), "unk", "no answer came: done or not; it is looked up"),
            ],
        )
        yield (
            "Filter",
            [
                _Line("web !db", "*key", "and, not"),
                _Line("api|web", "*key", "or"),
                _Line("region:moscow_01", "*key", "a column"),
                _Line("cpu>=2 disk<80", "*key", "numbers, GB"),
                _Line("is:marked is:locked", "*key", "what it is"),
                _Line("act:running act:failed", "*key", "what it does"),
                _Line("/^db-0[1-3]/", "*key", "a pattern"),
            ],
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow while one types."""
        event.stop()
        self.redraw()
        self.query_one("#body").scroll_home(animate=False)
        self.fit()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter has nothing to take here."""
        event.stop()


def _holds(title: str, line: _Line, wanted: str) -> bool:
    return not wanted or any(wanted in text.lower() for text in (title, line.mark, line.words))


def _flow(blocks: list[list[Content]], columns: int) -> list[list[Content]]:
    """Blocks into columns of about one height, in their order."""
    height = sum(map(len, blocks)) / columns
    result: list[list[Content]] = [[]]
    for block in blocks:
        is_full = len(result[-1]) + len(block) / 2 > height
        if result[-1] and is_full and len(result) < columns:
            result.append([])
        result[-1].extend(block)
    return result


def _side_by_side(columns: list[list[Content]], cells: int) -> Content:
    height = max(map(len, columns))
    filled = [column + [Content("")] * (height - len(column)) for column in columns]
    rows = list(zip(*filled, strict=True))
    while len(rows) > 1 and not any(cell.cell_length for cell in rows[-1]):
        rows.pop()
    return lines(Content("   ").join([*(pad(cell, cells) for cell in row[:-1]), row[-1]]) for row in rows)


def _wrapped(text: str, cells: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, max(8, cells)) or [""]
