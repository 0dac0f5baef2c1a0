"""What the project promises about itself: one version, few dependencies, and a README that tells the truth."""

import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from cftui import __version__
from cftui.cli.options import make_parser

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
README = (ROOT / "README.md").read_text()


def test_the_newest_change_is_of_this_version() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__


def test_the_command_is_installed() -> None:
    (script,) = entry_points(group="console_scripts", name="cftui")
    assert script.value == PROJECT["scripts"]["cftui"]


def test_the_run_time_dependencies_are_these() -> None:
    names = {re.split(r"[<>=]", requirement)[0] for requirement in PROJECT["dependencies"]}
    assert names == {"textual", "httpx", "h11", "sniffio", "pydantic", "msgspec", "tomli-w", "certifi"}


def test_readme_has_the_two_lines() -> None:
    lines = [line.strip() for line in README.splitlines()]
    assert "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/cftui demo" in lines
    assert "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest" in lines


def test_readme_names_every_command_and_no_other() -> None:
    """Those in its tables are those of `--help`."""
    (commands,) = (action for action in make_parser()._actions if action.dest == "command")
    section = README.partition("## Commands")[2].partition("\n## ")[0]
    assert commands.choices is not None
    named = {word for cell in re.findall(r"^\| `cftui ([^`]*)`", section, re.MULTILINE) for word in cell.split()[:1]}
    assert named == set(commands.choices)


def test_readme_shows_only_pictures_that_exist() -> None:
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), picture


def test_no_file_of_the_package_is_empty_of_words() -> None:
    """Every module says what it is for."""
    for module in (ROOT / "cftui").rglob("*.py"):
        assert module.read_text().lstrip().startswith(('"""', 'r"""')), module
