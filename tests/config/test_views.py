from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cftui.config.remembered import base_url_of, remember_base_url
from cftui.config.views import MAX_NAME, SavedView, find_view, forget_view, keep_view, views_of
from cftui.errors import ConfigError, UsageError

URL, FOUND = "https://a.example.com/api/v1", "https://a.example.com/v1"
WEB = SavedView('web is:running "two words"', "ram", True, True)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_a_view_is_kept_replaced_and_forgotten(state: Path) -> None:
    assert not keep_view(state, "web", WEB)
    assert keep_view(state, "web", SavedView("web"))
    keep_view(state, "Alle, ü", SavedView())
    assert views_of(state, {}) == {"Alle, ü": SavedView(), "web": SavedView("web")}
    assert stat.S_IMODE((state / "state.toml").stat().st_mode) == 0o600
    forget_view(state, "Alle, ü")
    assert list(views_of(state, {})) == ["web"]


def test_views_and_base_paths_leave_one_another_alone(state: Path) -> None:
    remember_base_url(state, URL, FOUND)
    keep_view(state, "web", WEB)
    remember_base_url(state, "https://b.example.com/api/v1", "https://b.example.com/v1")
    assert views_of(state, {}) == {"web": WEB}
    assert base_url_of(state, URL) == FOUND


def test_a_view_by_hand_wins_and_is_never_written(state: Path) -> None:
    keep_view(state, "night", WEB)
    views = views_of(state, {"night": "db"})
    assert views == {"night": SavedView("db", is_by_hand=True)}
    with pytest.raises(UsageError, match=r"stands in config\.toml"):
        keep_view(state, "night", WEB, {"night": "db"})
    assert views_of(None, {"night": "db"}) == views


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m", "\ud800", "x" * (MAX_NAME + 1)])
def test_a_name_that_cannot_be_seen_is_refused(state: Path, name: str) -> None:
    with pytest.raises(UsageError, match="A view's name"):
        keep_view(state, name, WEB)
    with pytest.raises(UsageError, match="The filter holds"):
        keep_view(state, "fine", SavedView("web\x00"))


def test_what_cannot_be_read_is_neither_shown_nor_overwritten(state: Path) -> None:
    state.mkdir(mode=0o700)
    kept = state / "state.toml"
    kept.touch(0o600)
    kept.write_text('[views.web]\nfilter = 3\nsort = ["x"]\nwide = "yes"\n[views]\nother = 5')
    assert views_of(state, {}) == {"web": SavedView()}
    kept.write_text("[views\nweb = ")
    assert views_of(state, {}) == {}
    with pytest.raises(ConfigError, match="cannot be read"):
        keep_view(state, "web", WEB)
    remember_base_url(state, URL, FOUND)
    assert kept.read_text() == "[views\nweb = "


def test_an_unknown_name_tells_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no view 'nigth'; did you mean 'night'\?"):
        find_view({"night": WEB}, "nigth")
    with pytest.raises(UsageError, match="No view is saved yet"):
        find_view({}, "night")
    assert find_view({"night": WEB}, "night") == WEB
