"""config.toml: what is read, how mistakes are told, and what is written."""

import os
import re
import stat
from pathlib import Path

import pytest

from cftui.config.files import append_profile, load_config, read_config
from cftui.config.folders import config_path, state_dir
from cftui.config.models import Profile
from cftui.config.remembered import base_url_of, remember_base_url
from cftui.errors import ConfigError

WHOLE = """
theme = "day"            # a comment that must stay
poll_idle_s = 60

[keys]
palette = "x"

[profiles.prod]
url = "https://cloudsfor.com"
email = "ops@example.com"
password_command = ["pass", "show", "cftui"]
production = true
poll_active_s = 5

[profiles."lab two"]
url = "https://lab.example.com/v1"
email = "lab@example.com"
password_file = "~/lab.password"
"""


def write(text: str, mode: int = 0o600) -> Path:
    path = config_path(os.environ)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_everything_is_read() -> None:
    write(WHOLE)
    config = load_config(os.environ)
    assert (config.settings.theme, config.settings.poll_idle_s, config.settings.keys) == ("day", 60.0, {"palette": "x"})
    assert list(config.profiles) == ["prod", "lab two"]
    assert config.profiles["prod"].password_command == ("pass", "show", "cftui")
    assert config.profiles["lab two"].password_file == Path.home() / "lab.password"


def test_without_a_file_there_are_defaults() -> None:
    config = load_config(os.environ)
    assert (config.exists, config.profiles, config.settings.theme) == (False, {}, "night")


@pytest.mark.fault("87")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (WHOLE[: WHOLE.index('cftui"]')], "line 11"),
        (WHOLE[: WHOLE.index(" = true")], "not valid TOML"),
        ("theme = day", "line 1"),
        ('\nthem = "day"', "line 2: them is not a key; did you mean 'theme'?"),
        ("theme = 3", "line 1: theme must be a text in quotes"),
        ("poll_idle_s = 0.5", "line 1: poll_idle_s must be a number of seconds from 1 to 300"),
        ("poll_idle_s = true", "must be a number"),
        ('notify = "loud"', "must be one of off, osc9, osc777, osc99"),
        ('[profiles.prod]\nurl = "x"\n', "line 1: profiles.prod has no 'email'"),
        ('[profiles.prod]\nurl = "x"\nemial = "y"', "line 3: profiles.prod.emial is not a key; did you mean 'email'?"),
        ('[profiles.prod]\nurl="x"\nemail="y"\npassword_command="pass show"', "line 4: profiles.prod.password_command"),
        ('[profiles.prod]\nurl="x"\nemail="y"\npassword_file="here"', "must be a path from the root"),
        ('[profiles.prod]\nurl="x"\nemail="y"\npassword="hunter2"', "line 4: profiles.prod.password is not a key"),
        ("profiles = 3", "must be tables"),
        ('[profiles]\nprod = "x"', "line 2: profiles.prod must be a table"),
        ('"\\u001b[2J" = 1', r"\x1b[2J is not a key"),
    ],
)
def test_a_mistake_names_file_line_key_and_the_nearest_key(text: str, told: str) -> None:
    path = write(text)
    with pytest.raises(ConfigError) as raised:
        load_config(os.environ)
    assert str(path) in str(raised.value)
    assert told in str(raised.value)
    assert "hunter2" not in str(raised.value)


@pytest.mark.fault("S16")
def test_a_file_that_others_can_change_is_refused_with_the_mending_line() -> None:
    path = write(WHOLE, 0o664)
    with pytest.raises(ConfigError, match=f"chmod go-w {path}"):
        load_config(os.environ)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664, "nothing is mended unasked"


@pytest.mark.fault("S16")
@pytest.mark.parametrize("above", [0, 1])
def test_a_file_in_a_folder_that_others_can_change_is_refused(above: int) -> None:
    """They could put another file in its place, and with it a command of their own."""
    path = write(WHOLE)
    folder = path.parents[above]
    folder.chmod(0o775)
    with pytest.raises(ConfigError, match=f"chmod go-w {folder}$"):
        load_config(os.environ)
    with pytest.raises(ConfigError, match=f"chmod go-w {folder}$"):
        append_profile(path, "new", Profile("https://x.example.com", "x@example.com"))


@pytest.mark.fault("S16")
def test_a_linked_file_is_read_and_written_where_it_lies_and_judged_there(tmp_path: Path) -> None:
    """People keep their configuration elsewhere, under version control."""
    elsewhere = tmp_path / "dotfiles"
    elsewhere.mkdir(mode=0o755)
    (elsewhere / "cftui.toml").write_text(WHOLE)
    path = config_path(os.environ)
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere / "cftui.toml")
    append_profile(path, "new", Profile("https://x.example.com", "x@example.com"))
    assert path.is_symlink()
    assert "new" in load_config(os.environ).profiles
    elsewhere.chmod(0o777)
    with pytest.raises(ConfigError, match=f"chmod go-w {elsewhere}$"):
        load_config(os.environ)


@pytest.mark.fault("87")
@pytest.mark.parametrize("kind", ["folder", "pipe", "endless", "unreadable"])
def test_what_is_no_readable_file_is_told_and_hangs_nothing(kind: str) -> None:
    path = config_path(os.environ)
    path.parent.mkdir(parents=True)
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "endless":
            path.symlink_to("/dev/zero")
        case _:
            path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(ConfigError, match=re.escape(str(path))):
        load_config(os.environ)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_config(os.environ | {"CFTUI_CONFIG": str(tmp_path / "none.toml")})


def test_a_file_that_is_not_text_is_told() -> None:
    config_path(os.environ).parent.mkdir(parents=True)
    config_path(os.environ).write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        load_config(os.environ)


@pytest.mark.fault("S14")
def test_relative_folders_of_the_environment_are_ignored() -> None:
    environ = {"HOME": "/home/me", "XDG_CONFIG_HOME": "here", "XDG_STATE_HOME": "../there"}
    assert config_path(environ) == Path("/home/me/.config/cftui/config.toml")
    assert state_dir(environ) == Path("/home/me/.local/state/cftui")


def test_a_profile_is_appended_and_the_rest_stays_as_it_was() -> None:
    path = write(WHOLE)
    profile = Profile("https://new.example.com", "new@example.com", password_command=("print", "a b"), production=True)
    append_profile(path, "new one", profile)
    assert path.read_text().startswith(WHOLE.rstrip())
    assert load_config(os.environ).profiles["new one"] == profile
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_first_profile_makes_file_and_folder_for_the_owner_alone() -> None:
    path = config_path(os.environ)
    append_profile(path, "prod", Profile("https://x.example.com", "x@example.com", password_file=Path("/run/secret")))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [child.name for child in path.parent.iterdir()] == ["config.toml"]
    assert read_config(path, path.read_text()).profiles["prod"].password_file == Path("/run/secret")


def test_a_profile_is_never_replaced() -> None:
    path = write(WHOLE)
    with pytest.raises(ConfigError, match="has a profile 'prod' already"):
        append_profile(path, "prod", Profile("https://x.example.com", "x@example.com"))
    assert path.read_text() == WHOLE


def test_views_by_hand_are_filters_by_name() -> None:
    config = read_config(Path("config.toml"), '[views]\nnight = "is:running"\n"two words" = "web"')
    assert config.settings.views == {"night": "is:running", "two words": "web"}
    with pytest.raises(ConfigError, match="line 1: views must be a table of texts"):
        read_config(Path("config.toml"), "views = 3")


def test_the_base_path_is_remembered_until_it_is_forgotten(tmp_path: Path) -> None:
    url, other = "https://a.example.com/api/v1", "https://b.example.com/api/v1"
    remember_base_url(tmp_path, url, "https://a.example.com/v1")
    remember_base_url(tmp_path, other, other)
    assert base_url_of(tmp_path, url) == "https://a.example.com/v1"
    remember_base_url(tmp_path, url, "")
    assert (base_url_of(tmp_path, url), base_url_of(tmp_path, other)) == ("", other)


@pytest.mark.parametrize(
    "kept", ["not toml", "base_urls = 3", '[base_urls]\n"https://a.example.com/api/v1" = "https://evil.example.com/v1"']
)
def test_a_memory_that_makes_no_sense_counts_for_nothing(tmp_path: Path, kept: str) -> None:
    (tmp_path / "state.toml").write_text(kept)
    assert base_url_of(tmp_path, "https://a.example.com/api/v1") == ""
