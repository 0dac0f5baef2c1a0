"""themes/*.toml into Textual themes, and the styles that cells are drawn with; a bad file is a notice, not a crash."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.color import Color, ColorParseError
from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

TOKENS = (
    *("text", "strong", "muted", "faint", "focus", "key", "line"),
    *("run", "stop", "busy", "good", "warn", "bad", "unk", "mark"),
    *("bg", "raised", "pop", "field", "cursor", "idle", "markbg", "matchbg", "prodbar"),
    *("btn", "btnfocus", "onbtnfocus", "alarm", "onalarm", "unkbg", "onunkbg"),
    *("caution", "oncaution", "calm", "oncalm"),
)
"""Semantic names; code and CSS use these alone. In CSS each is a variable: `$busy`."""

DEFAULT_THEME = "night"
COLOURLESS_THEME = "mono"
"""What NO_COLOR takes, whatever the configuration says."""

_ATTRIBUTES = frozenset({"bold", "dim", "reverse", "underline"})


class Styles:
    """What cells are drawn with, by token; without colour it is bold, dim, reverse and underline.

    `styles["busy"]` is a foreground; `styles.on("busy", "cursor")` puts it on a background token.

    Args:
        tokens: A value for every one of `TOKENS`: at most one colour (`#34d0e4`, `bright_cyan`) and any
            attributes, in any order.
    """

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._words = {name: _words(tokens[name]) for name in TOKENS}
        self._made: dict[tuple[str, str], Style] = {}

    def __getitem__(self, token: str) -> Style:
        return self.on(token, "")

    def on(self, token: str, background: str) -> Style:
        """The style of `token` on a background token; `""` stands for the page's own background.

        Reversed backgrounds take neither colour nor dimness, so that a cursor row is one even band.
        """
        style = self._made.get((token, background))
        if style is None:
            colour, attributes = self._words[token]
            ground, ground_attributes = self._words[background] if background else (None, frozenset[str]())
            attributes |= ground_attributes
            if "reverse" in attributes:
                colour, ground, attributes = None, None, attributes - {"dim"}
            style = Style(color=colour, bgcolor=ground, **dict.fromkeys(attributes, True))  # type: ignore[arg-type]
            self._made[token, background] = style
        return style

    def colour(self, token: str) -> str:
        """The token as Textual's CSS spells a colour; what has none is the terminal's default."""
        colour = self._words[token][0]
        if colour is None:
            return "ansi_default"
        return colour if colour.startswith("#") else f"ansi_{colour}"

    def __iter__(self) -> Iterator[str]:
        return iter(TOKENS)


def load_themes(*folders: Path) -> tuple[list[Theme], Mapping[str, Styles], list[str]]:
    """All themes found, their styles by name, and a sentence for each file that could not be used.

    Args:
        folders: The user's own, read after those that are shipped; an equal name replaces. A missing one is empty.
    """
    themes: dict[str, Theme] = {}
    styles: dict[str, Styles] = {}
    notices: list[str] = []
    for folder in (_shipped(), *folders):
        for path in sorted(folder.glob("*.toml")):
            try:
                theme, drawn = _read(path)
            except (OSError, ValueError, ColorParseError) as error:
                notices.append(f"Theme {path.name} is not used: {error}")
            else:
                themes[theme.name], styles[theme.name] = theme, drawn
    return list(themes.values()), styles, notices


def _shipped() -> Path:
    """In a wheel the themes lie inside the package, in a work tree beside it."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def _read(path: Path) -> tuple[Theme, Styles]:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    tokens = content.get("tokens", {})
    name, is_dark, is_ansi = content.get("name", path.stem), content.get("dark", True), content.get("ansi", False)
    if not isinstance(tokens, dict) or not all(isinstance(value, str) for value in tokens.values()):
        raise ValueError("[tokens] holds a text for each name")
    if strange := sorted(tokens.keys() - set(TOKENS)):
        raise ValueError(f"no such token: {', '.join(strange)}")
    if missing := [token for token in TOKENS if token not in tokens]:
        raise ValueError(f"no value for {', '.join(missing)}")
    drawn = Styles(tokens)
    return _theme(str(name), drawn, is_dark=bool(is_dark), is_ansi=bool(is_ansi)), drawn


def _words(value: str) -> tuple[str | None, frozenset[str]]:
    words = value.split()
    attributes = frozenset(words) & _ATTRIBUTES
    colours = [word for word in words if word not in attributes]
    if len(colours) > 1:
        raise ValueError(f"{value!r} holds more than one colour")
    for colour in colours:
        Color.parse(colour)
    return (colours[0] if colours else None), attributes


def _theme(name: str, styles: Styles, *, is_dark: bool, is_ansi: bool) -> Theme:
    colour = styles.colour
    variables = {token: colour(token) for token in TOKENS} | {
        "border": colour("focus"),
        "border-blurred": colour("line"),
        "block-cursor-foreground": colour("strong"),
        "block-cursor-background": colour("cursor"),
        "block-cursor-blurred-background": colour("idle"),
        "input-cursor-background": colour("text"),
        "input-cursor-foreground": colour("field"),
        "input-selection-background": colour("cursor"),
        "scrollbar": colour("muted"),
        "scrollbar-hover": colour("focus"),
        "scrollbar-active": colour("focus"),
        "scrollbar-background": colour("bg"),
        "scrollbar-background-hover": colour("bg"),
        "scrollbar-background-active": colour("bg"),
        "scrollbar-corner-color": colour("bg"),
    }
    if is_ansi:
        # Textual's own widgets ask for more names in such a theme. CSS cannot turn a default colour round, so that
        # an input's cursor and a chosen option are reversed by attribute.
        variables = BUILTIN_THEMES["ansi-dark"].variables | variables
        variables |= {"input-cursor-text-style": "reverse", "block-cursor-text-style": "reverse"}
    return Theme(
        name=name,
        primary=colour("focus"),
        secondary=colour("busy"),
        accent=colour("focus"),
        success=colour("good"),
        warning=colour("warn"),
        error=colour("bad"),
        foreground=colour("text"),
        background=colour("bg"),
        surface=colour("raised"),
        panel=colour("pop"),
        dark=is_dark,
        ansi=is_ansi,
        variables=variables,
    )
