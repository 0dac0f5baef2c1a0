"""The edges of the program: where it is started, what it imports there, and a mistake of its own."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import cftui
from cftui.cli.crash import report
from cftui.cli.exit_codes import ExitCode
from cftui.config.folders import state_dir


def test_files_where_one_stands_are_not_run(tmp_path: Path) -> None:
    """Reliability row S14: a foreign folder may hold an argparse.py."""
    root = str(Path(cftui.__file__).parent.parent)
    (tmp_path / "argparse.py").write_text("raise SystemExit('hijacked')")
    ran = subprocess.run(
        [sys.executable, "-m", "cftui", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": root},
    )
    assert (ran.returncode, ran.stdout) == (0, f"cftui {cftui.__version__}\n")


def test_a_mistake_of_our_own_is_70_and_its_report_holds_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(password: str) -> None:
        raise RuntimeError(f"while signing in with {password}")

    with pytest.raises(RuntimeError) as raised:
        fail("s3cret")
    assert report(raised.value) is ExitCode.BUG
    (path,) = state_dir(os.environ).glob("crash-*.txt")
    text, printed = path.read_text(), capsys.readouterr()
    assert printed.out == ""
    assert str(path) in printed.err
    assert "test_main.py" in text
    assert "RuntimeError" in text
    assert "s3cret" not in text + printed.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_terminal_that_is_not_utf_8_gets_escapes(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[profiles."prod–1"]\nurl = "https://cloudsfor.com"\nemail = "ops@example.com"\n')
    ran = subprocess.run(
        [sys.executable, "-m", "cftui", "profile", "list"],
        capture_output=True,
        check=False,
        env=os.environ | {"CFTUI_CONFIG": str(config), "PYTHONIOENCODING": "iso-8859-1"},
    )
    assert ran.returncode == 0
    assert rb"prod\u20131" in ran.stdout
