"""Themes: every shipped one is readable, and a bad file of the user's is told, not met."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color

from cftui.tui.themes import COLOURLESS_THEME, TOKENS, Styles, load_themes

THEMES, STYLES, NOTICES = load_themes()
COLOURED = [name for name in STYLES if STYLES[name].colour("bg").startswith("#")]

TEXTS = ("text", "strong", "muted", "focus", "key", "run", "stop", "busy", "good", "warn", "bad", "unk", "mark")
PAIRS = [(text, ground) for text in TEXTS for ground in ("bg", "raised", "pop", "field", "cursor", "idle", "markbg")]
PAIRS += [("faint", ground) for ground in ("bg", "raised", "pop")]
PAIRS += [(text, "prodbar") for text in ("text", "strong", "muted")]
PAIRS += [(f"on{badge}", badge) for badge in ("btnfocus", "alarm", "unkbg", "caution", "calm")]
PAIRS += [("text", "btn"), ("strong", "matchbg"), ("text", "matchbg")]


def contrast(first: str, second: str) -> float:
    """WCAG 2: 1 for the same colour, 21 for black on white."""

    def luminance(colour: str) -> float:
        red, green, blue = (
            channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
            for channel in Color.parse(colour).normalized
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_shipped_themes_load_without_notices() -> None:
    assert {"night", "day", "clear", "ansi", COLOURLESS_THEME} <= {theme.name for theme in THEMES}
    assert NOTICES == []


@pytest.mark.parametrize("name", COLOURED)
def test_text_of_every_coloured_theme_has_a_contrast_of_4_5(name: str) -> None:
    weak = {
        f"{text} on {ground}": round(ratio, 2)
        for text, ground in PAIRS
        if (ratio := contrast(STYLES[name].colour(text), STYLES[name].colour(ground))) < 4.5
    }
    assert weak == {}


def test_a_theme_names_every_token_as_a_css_variable() -> None:
    for theme in THEMES:
        assert set(TOKENS) <= theme.variables.keys()


def test_without_colour_no_style_carries_one() -> None:
    styles = STYLES[COLOURLESS_THEME]
    for token in TOKENS:
        for ground in ("", "bg", "cursor", "alarm"):
            style = styles.on(token, ground)
            assert style.color is None
            assert style.bgcolor is None
    assert styles.on("muted", "cursor").reverse
    assert styles["warn"].bold


def test_a_reversed_row_is_one_even_band() -> None:
    style = STYLES["ansi"].on("busy", "cursor")
    assert (style.reverse, style.color, style.bgcolor) == (True, None, None)


def test_a_bad_file_is_one_sentence_and_the_others_stay(tmp_path: Path) -> None:
    good = "\n".join(f'{token} = "#102030"' for token in TOKENS)
    (tmp_path / "broken.toml").write_text("name = ")
    (tmp_path / "short.toml").write_text('[tokens]\ntext = "#ffffff"\n')
    (tmp_path / "odd.toml").write_text(f"[tokens]\n{good}\nblink = '#ffffff'\n")
    (tmp_path / "wrong.toml").write_text(f"[tokens]\n{good}\n".replace('text = "#102030"', 'text = "no-colour"'))
    (tmp_path / "mine.toml").write_text(f"[tokens]\n{good}\n")
    themes, styles, notices = load_themes(tmp_path, tmp_path / "none")
    assert "mine" in {theme.name for theme in themes}
    assert styles["mine"].colour("busy") == "#102030"
    assert [notice.split()[1] for notice in notices] == ["broken.toml", "odd.toml", "short.toml", "wrong.toml"]
    assert "no such token: blink" in notices[1]


def test_styles_are_made_once() -> None:
    styles: Styles = STYLES["night"]
    assert styles.on("text", "cursor") is styles.on("text", "cursor")
