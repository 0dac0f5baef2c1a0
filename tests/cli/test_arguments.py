"""The command line itself: suggestions, help, the words of refusal."""

import pytest

from cftui import __version__
from cftui.cli.exit_codes import ExitCode, of_several
from cftui.cli.options import SIMPLE_VERBS, make_parser, parse
from tests.cli.conftest import Run


def test_version_is_one_line(run: Run) -> None:
    ran = run("--version")
    assert (ran.code, ran.stdout, ran.stderr) == (0, f"cftui {__version__}\n", "")


def test_help_shows_examples_exit_codes_and_environment(run: Run) -> None:
    ran = run("--help")
    assert (ran.code, ran.stderr) == (0, "")
    for part in ("examples:", "exit codes:", "environment:", "CFTUI_PASSWORD", *SIMPLE_VERBS):
        assert part in ran.stdout
    assert ran.stdout.isascii()


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["rebot", "web-1"], "'reboot'"),
        (["reboot", "web-1", "--dryrun"], "'--dry-run'"),
        (["vms", "-o", "jsn"], "'json'"),
        (["--quite", "vms"], "'--quiet'"),
    ],
)
def test_a_mistyped_word_gets_the_nearest(
    capsys: pytest.CaptureFixture[str], arguments: list[str], suggestion: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert f"did you mean {suggestion}?" in printed.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["reboot"],
        ["rename", "only-one"],
        ["vm", "a", "b"],
        ["reboot", "a", "--timeout", "0"],
        ["reboot", "a", "--timeout", "inf"],
        ["reboot", "a", "--expect-count", "-1"],
        ["reboot", "a", "--max-parallel", "0"],
        ["simulate", "--port", "65536"],
        ["config"],
        ["halt", "a"],
        ["reboot", "--dry", "a"],
        ["reboot", "a", "\x1b[2J--x"],
    ],
)
def test_what_makes_no_sense_is_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([*arguments, "--nonsense"] if arguments[-1].startswith("\x1b") else arguments)
    assert ended.value.code == 2
    assert "\x1b" not in capsys.readouterr().err


def test_options_may_stand_between_targets() -> None:
    options = parse(["-o", "json", "reboot", "a", "--yes", "b", "-", "-q"])
    assert options.targets == ["a", "b", "-"]
    assert (options.yes, options.quiet, options.form) == (True, True, "json")
    assert parse(["vms", "web", "--quiet", "cpu>2"]).filter == ["web", "cpu>2"]
    assert parse(["rename", "a", "--yes", "b"]).new_name == "b"


def test_there_is_no_option_for_a_password() -> None:
    assert "--password " not in make_parser().format_help()
    with pytest.raises(SystemExit):
        parse(["vms", "--password", "x"])


def test_the_code_of_several_is_the_gravest() -> None:
    every = [ExitCode(code) for code in (0, 3, 4, 1, 5, 6, 7)]
    assert [of_several(every[: length + 1]) for length in range(len(every))] == every
    assert of_several([]) is ExitCode.DONE
