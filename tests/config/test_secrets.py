"""Where a password comes from, and that nobody else's file or folder can give one."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cftui.config import commands, secrets
from cftui.config.models import Choice, Profile, Settings
from cftui.config.secrets import find_secret, source_of
from cftui.errors import ConfigError

PROFILE = Profile("https://cloudsfor.com", "ops@example.com")


def choice_of(profile: Profile | None) -> Choice:
    return Choice(
        url="https://cloudsfor.com/api/v1",
        has_path=False,
        email="ops@example.com",
        profile_name="prod" if profile else "",
        profile=profile,
        is_read_only=False,
        starts_read_only=False,
        is_production=False,
        settings=Settings(),
        sources={},
    )


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    path = folder / "password"
    path.write_text("from: a file\nsecond line\n")
    path.chmod(0o600)
    return path


def printing(text: str, then: str = "") -> tuple[str, ...]:
    return (sys.executable, "-c", f"print({text!r}); {then}")


def test_the_first_source_that_is_set_is_used(password_file: Path) -> None:
    whole = replace(PROFILE, password_command=printing("from a command"), password_file=password_file, netrc=True)
    environ = {**os.environ, "CFTUI_PASSWORD": "from the environment"}
    in_order = [
        (whole, environ, "from a command", "password_command"),
        (replace(whole, password_command=()), environ, "from the environment", "CFTUI_PASSWORD"),
        (replace(whole, password_command=()), os.environ, "from: a file", "password_file"),
    ]
    for profile, variables, password, source in in_order:
        secret = find_secret(choice_of(profile), variables)
        assert secret is not None
        assert secret.value == password
        assert secret.source.startswith(source)
        assert password not in repr(secret)
    assert find_secret(choice_of(PROFILE), os.environ) is None
    assert find_secret(choice_of(None), os.environ) is None
    assert source_of(None, os.environ) == "asked"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (printing("", "raise SystemExit(3)"), "ended with 3"),
        (printing(""), "empty password"),
        (("/no/such/program",), "cannot be run"),
        ((sys.executable, "-c", r"import sys; sys.exit('no \x1b[2J key')"), r"no \x1b[2J key"),
        (printing("\x1b[32mgreen\x1b[0m"), "control character"),
        ((sys.executable, "-c", "import os; os.write(1, b'\\xff\\n')"), "not UTF-8"),
        (("sh", "-c", "cat /dev/zero"), "more than 64 kB"),
        (("sh", "-c", "read answer < /dev/tty && echo $answer"), "ended with"),
    ],
    ids=["fails", "nothing", "missing", "hostile", "colours", "bytes", "endless", "terminal"],
)
@pytest.mark.fault("S17")
def test_a_command_that_gives_none_is_told_and_nothing_else_is_tried(command: tuple[str, ...], told: str) -> None:
    environ = {**os.environ, "CFTUI_PASSWORD": "other"}
    with pytest.raises(ConfigError) as raised:
        find_secret(choice_of(replace(PROFILE, password_command=command)), environ)
    assert told in str(raised.value)
    assert "\x1b" not in str(raised.value)


@pytest.mark.fault("S17")
@pytest.mark.parametrize("command", [("sleep", "60"), ("sh", "-c", "sleep 60 | cat"), ("sh", "-c", "yes >&2")])
def test_a_command_that_waits_for_a_locked_keyring_is_ended(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "COMMAND_LIMIT_S", 0.2)
    began = time.monotonic()
    with pytest.raises(ConfigError, match=r"gave no password within 0\.2 s"):
        find_secret(choice_of(replace(PROFILE, password_command=command)), os.environ)
    assert time.monotonic() - began < 3


@pytest.mark.fault("S17")
def test_nothing_that_a_command_started_is_left_behind(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    command = ("sh", "-c", f"sleep 61 & echo $! > {pids}; echo $$ >> {pids}; wait")
    with pytest.raises(TimeoutError):
        commands.run(command, os.environ, 0.5)
    assert len(pids.read_text().split()) == 2
    assert not [pid for pid in pids.read_text().split() if is_running(pid)]


def is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_helper_that_stays_behind_delays_nothing() -> None:
    """As an agent does that gpg starts: it keeps the pipes that it inherited."""
    began = time.monotonic()
    secret = find_secret(
        choice_of(replace(PROFILE, password_command=("sh", "-c", "sleep 4 & echo from a command"))), os.environ
    )
    assert secret is not None
    assert secret.value == "from a command"
    assert time.monotonic() - began < 3


@pytest.mark.fault("S9")
@pytest.mark.parametrize("password", ["\x1b[32mgreen", "tab\there", "\ufeffmark", "half \udcff", "line\nfeed", ""])
def test_what_nobody_types_is_no_password(password: str, password_file: Path) -> None:
    """It would be sent along, and cost a sign-in."""
    with pytest.raises(ConfigError) as raised:
        secrets.usable(password, "here")
    assert not password or password not in str(raised.value)
    if password and "\n" not in password:
        password_file.write_bytes(password.encode(errors="surrogateescape"))
        with pytest.raises(ConfigError, match="control character"):
            find_secret(choice_of(replace(PROFILE, password_file=password_file)), os.environ)


@pytest.mark.fault("S9")
@pytest.mark.parametrize("password", ["-x:@/% \"'\\", "pä$$wörd €", " spaces ", "x" * 1024, "日本"])
def test_odd_passwords_come_through_every_source_as_they_are(password: str, password_file: Path) -> None:
    password_file.write_text(password + "\n")
    from_file = replace(PROFILE, password_file=password_file)
    from_command = replace(PROFILE, password_command=("cat", str(password_file)))
    for profile, environ in ((from_file, {}), (from_command, {}), (PROFILE, {"CFTUI_PASSWORD": password})):
        secret = find_secret(choice_of(profile), {"PATH": os.environ["PATH"], **environ})
        assert secret is not None
        assert secret.value == password


def test_a_command_reads_no_stdin_and_sees_no_password() -> None:
    script = "import os, sys; print(sys.stdin.read() + os.environ.get('CFTUI_PASSWORD', 'none'))"
    profile = replace(PROFILE, password_command=(sys.executable, "-c", script))
    secret = find_secret(choice_of(profile), {**os.environ, "CFTUI_PASSWORD": "secret"})
    assert secret is not None
    assert secret.value == "none"


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        find_secret(choice_of(replace(PROFILE, password_file=path)), os.environ)
    return str(raised.value)


@pytest.mark.fault("S16")
def test_a_password_file_that_others_can_read_is_refused(password_file: Path) -> None:
    password_file.chmod(0o640)
    assert f"chmod 600 {password_file}" in refused(password_file)


@pytest.mark.fault("S16")
def test_a_password_file_of_another_user_is_refused(password_file: Path) -> None:
    if os.geteuid() == 0:
        os.chown(password_file, 65534, -1)
        assert "belongs to another user" in refused(password_file)
    assert "belongs to another user" in refused(Path("/etc/passwd")) or os.geteuid() == 0


@pytest.mark.fault("S16")
def test_a_password_file_below_a_folder_that_others_can_change_is_refused(password_file: Path) -> None:
    above = password_file.parent.parent
    above.chmod(0o770)
    assert f"chmod go-w {above}" in refused(password_file)
    assert above.stat().st_mode & 0o777 == 0o770, "nothing is mended unasked"


@pytest.mark.fault("S16")
def test_a_password_file_in_a_folder_that_others_can_change_is_refused(password_file: Path) -> None:
    password_file.parent.chmod(0o777)
    assert f"chmod go-w {password_file.parent}" in refused(password_file)


@pytest.mark.fault("S16")
def test_links_folders_and_pipes_are_no_password_files(password_file: Path, tmp_path: Path) -> None:
    link, hard, fifo = tmp_path / "link", tmp_path / "hard", tmp_path / "fifo"
    link.symlink_to(password_file)
    assert "is a link" in refused(link)
    os.mkfifo(fifo, 0o600)
    assert "not a plain file" in refused(fifo)
    assert "not a plain file" in refused(password_file.parent)
    hard.hardlink_to(password_file)
    assert "hard link" in refused(hard)
    assert "cannot be read" in refused(tmp_path / "none")
    long = tmp_path / "long"
    long.write_bytes(b"x" * (2**20 + 1))
    long.chmod(0o600)
    assert "longer than 1 MB" in refused(long)


def test_netrc_is_read_only_when_asked_for_and_only_for_this_account() -> None:
    path = Path(os.environ["HOME"], ".netrc")
    path.write_text("machine cloudsfor.com login ops@example.com password from-netrc\n")
    path.chmod(0o600)
    assert find_secret(choice_of(PROFILE), os.environ) is None
    asking = replace(PROFILE, netrc=True)
    secret = find_secret(choice_of(asking), os.environ)
    assert secret is not None
    assert secret.value == "from-netrc"
    with pytest.raises(ConfigError, match=r"no entry for cloudsfor\.com"):
        find_secret(choice_of(replace(asking, email="other@example.com")), os.environ)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        find_secret(choice_of(asking), os.environ)
