"""`config` and `profile`: every value with its source, and never a secret."""

import os
from pathlib import Path

from tests.cli.conftest import Run

CONFIG = """
theme = "day"
[profiles.prod]
url = "https://cloudsfor.com"
email = "ops@example.com"
password_command = ["printf", "s3cret"]
production = true
"""


def write(text: str) -> Path:
    path = Path(os.environ["XDG_CONFIG_HOME"], "cftui", "config.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_config_path_says_where_the_file_is_or_would_be(run: Run, tmp_path: Path) -> None:
    expected = Path(os.environ["XDG_CONFIG_HOME"], "cftui", "config.toml")
    assert run("config", "path").stdout == f"{expected}\n"
    named = str(tmp_path / "other.toml")
    assert run("config", "path", env={"CFTUI_CONFIG": named}).stdout == f"{named}\n"


def test_config_show_names_the_source_of_each_value(run: Run) -> None:
    write(CONFIG)
    ran = run("config", "show", "--email", "ops@example.com", "-o", "json")
    shown = {value["key"]: (value["value"], value["source"]) for value in ran.json["values"]}
    assert shown["url"] == ("https://cloudsfor.com/api/v1", "profile 'prod'")
    assert shown["email"] == ("ops@example.com", "--email")
    assert shown["theme"] == ("day", "config file")
    assert shown["password"] == ("(not shown)", "password_command")
    assert shown["production"] == (True, "profile 'prod'")
    assert "s3cret" not in ran.stdout


def test_config_show_without_any_configuration_shows_the_defaults(run: Run) -> None:
    ran = run("config", "show")
    assert ran.code == 0
    assert "night" in ran.stdout
    assert "No URL and e-mail" in ran.stderr


def test_profile_list_names_the_sources_of_passwords(run: Run) -> None:
    write(CONFIG)
    (listed,) = run("profile", "list", "-o", "json").json["profiles"]
    assert (listed["name"], listed["password_from"], listed["production"]) == ("prod", "password_command", True)
    assert "s3cret" not in run("profile", "list").stdout


def test_a_broken_file_is_2_with_file_line_and_key(run: Run) -> None:
    path = write('[profiles.prod]\nurl = "https://cloudsfor.com"\nemial = "x"\n')
    ran = run("vms")
    assert (ran.code, ran.stdout) == (2, "")
    assert f"{path}, line 3: profiles.prod.emial is not a key; did you mean 'email'?" in ran.stderr


def test_a_profile_without_a_password_and_without_a_terminal_is_2(run: Run) -> None:
    write(CONFIG.replace('password_command = ["printf", "s3cret"]\n', ""))
    ran = run("vms")
    assert (ran.code, ran.stdout) == (2, "")
    assert "CFTUI_PASSWORD" in ran.stderr
