"""Flag over environment over profile over file over default; and whose secrets go where."""

from dataclasses import replace
from pathlib import Path

import pytest

from cftui.cli.choice import Flags, NotConfiguredError, choose
from cftui.config.models import Config, Profile, Settings
from cftui.errors import ConfigError

PROD = Profile(
    "https://cloudsfor.com", "ops@example.com", password_command=("pass",), read_only=True, production=True, theme="day"
)
LAB = Profile("http://lab.example.com", "lab@example.com", allow_http=True)
PATH = Path("/config.toml")
BOTH = Config(PATH, True, Settings(theme="clear"), {"prod": PROD, "lab": LAB}, frozenset({"theme"}))


def test_each_source_outranks_the_next_and_is_named() -> None:
    environ = {"CFTUI_PROFILE": "lab", "CFTUI_EMAIL": "env@example.com"}
    chosen = choose(BOTH, Flags(profile="prod", email="flag@example.com"), environ)
    assert (chosen.url, chosen.email) == ("https://cloudsfor.com/api/v1", "flag@example.com")
    assert {key: chosen.sources[key] for key in ("profile", "url", "email", "theme", "bell")} == {
        "profile": "--profile",
        "url": "profile 'prod'",
        "email": "--email",
        "theme": "config file",
        "bell": "default",
    }
    from_environment = choose(BOTH, Flags(), environ)
    assert (from_environment.url, from_environment.sources["email"]) == ("http://lab.example.com/api/v1", "CFTUI_EMAIL")


def test_a_profile_is_used_whole_for_its_own_cloud_and_account() -> None:
    chosen = choose(BOTH, Flags(profile="prod"), {"CFTUI_URL": "https://CLOUDSFOR.com:443/v1/"})
    assert (chosen.url, chosen.has_path, chosen.profile_name) == ("https://cloudsfor.com/v1", True, "prod")
    assert chosen.profile is PROD
    assert (chosen.is_read_only, chosen.is_production, chosen.settings.theme) == (True, True, "day")
    assert chosen.sources["read_only"] == "profile 'prod'"


@pytest.mark.parametrize(
    ("flags", "environ"),
    [
        (Flags(profile="prod", url="https://evil.example.com"), {}),
        (Flags(profile="prod"), {"CFTUI_URL": "https://cloudsfor.com:8443"}),
        (Flags(profile="prod"), {"CFTUI_URL": "http://localhost:8808/api/v1"}),
        (Flags(profile="prod", email="other@example.com"), {}),
    ],
)
def test_another_origin_or_account_gets_nothing_of_a_profile(flags: Flags, environ: dict[str, str]) -> None:
    chosen = choose(BOTH, flags, environ)
    assert (chosen.profile, chosen.profile_name) == (None, "")
    assert (chosen.is_read_only, chosen.is_production, chosen.settings.theme) == (False, False, "clear")


def test_the_only_profile_and_the_configured_one_are_used_unasked() -> None:
    assert choose(replace(BOTH, profiles={"prod": PROD}), Flags(), {}).profile_name == "prod"
    assert choose(replace(BOTH, settings=Settings(profile="lab")), Flags(), {}).profile_name == "lab"
    with pytest.raises(ConfigError, match="--profile: prod, lab"):
        choose(BOTH, Flags(), {})


def test_a_profile_that_does_not_exist_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'prod'"):
        choose(BOTH, Flags(profile="prd"), {})


def test_nothing_configured_is_an_error_of_its_own() -> None:
    with pytest.raises(NotConfiguredError) as raised:
        choose(Config(PATH), Flags(), {})
    assert not raised.value.is_partly_configured
    with pytest.raises(NotConfiguredError, match="No e-mail") as raised:
        choose(Config(PATH), Flags(url="https://cloudsfor.com"), {})
    assert raised.value.is_partly_configured


@pytest.mark.parametrize(
    ("word", "is_read_only"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("no", False), ("", False)]
)
def test_read_only_by_the_environment(word: str, is_read_only: bool) -> None:
    environ = {"CFTUI_READ_ONLY": word}
    assert choose(BOTH, Flags(profile="lab"), environ).is_read_only is is_read_only
    assert choose(BOTH, Flags(profile="lab", read_only=True), environ).is_read_only
    assert choose(BOTH, Flags(profile="prod"), environ).is_read_only, "what a profile forbids, nothing allows"


@pytest.mark.parametrize(
    "environ",
    [
        {"CFTUI_READ_ONLY": "maybe"},
        {"CFTUI_EMAIL": "a:b@example.com"},
        {"CFTUI_EMAIL": "a\x1b@example.com"},
        {"CFTUI_URL": "http://cloudsfor.com"},
        {"CFTUI_URL": "https://user:pw@cloudsfor.com"},
        {"CFTUI_URL": "https://cloudsfor.com/?x"},
        {"CFTUI_URL": "file:///etc/passwd"},
    ],
)
def test_values_that_cannot_be_used_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as raised:
        choose(BOTH, Flags(profile="prod"), environ)
    assert "\x1b" not in str(raised.value)
    assert "pw" not in str(raised.value)
