"""Nothing hostile reaches the terminal of the cockpit: the real program on a real terminal, every byte of it."""

from __future__ import annotations

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyte
import pytest

from cftui.simulator import faults
from cftui.text import clean
from tests.faults.cockpit import COMMAND, environment
from tests.faults.command_lines import ANSWERS, ODD_FOLDER, make_odd, start
from tests.faults.hostile import ALL, MARK
from tests.faults.tokens import forbidden, sequences, text_of, tokens
from tests.pty_reader import Terminal

BENIGN_WORDS = json.dumps({"message": "not now, please"})
COLUMNS, ROWS = 104, 34
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=][\d;]*u|\x1b\[\?[\d;]*\$p")


@dataclass(frozen=True)
class Run:
    """One session of the cockpit."""

    stages: dict[str, bytes]
    """What was written after each of the keys."""
    code: int

    @property
    def written(self) -> bytes:
        return b"".join(self.stages.values())


_ESCAPE = "\x1b[27u"
"""As newer terminals send it: a bare one is another key when the next comes too soon."""

_KEYS = (
    ("a page further", "\x1b[6~", "moscow_01"),
    ("last", "\x1b[F", "moscow_01"),
    ("marked", "*", "marked"),
    ("palette of many", "a", "password_reset"),
    ("confirmation of many", "r", "Request"),
    ("back from it", _ESCAPE, "REGION"),
    ("unmarked", "U", "moscow_01"),
    ("palette", "a", "password_reset"),
    ("form", "e", "called that now"),
    ("back from the form", _ESCAPE, "REGION"),
    ("copy menu", "c", "Copy from"),
    ("copied", "n", "copied"),
    ("help", "?", "Filter"),
    ("back from help", _ESCAPE, "REGION"),
    ("screen of one", "\r", "address"),
    ("back to the list", _ESCAPE, "REGION"),
    ("palette of one", "a", "password_reset"),
    ("confirmation", "r", "reboots"),
)
"""What is reached, with which key, and what is drawn then."""


def run(names: tuple[str, ...], home: Path, *, is_hostile: bool) -> Run:
    """The same keys on a fleet of as many VMs, hostile or not, which then refuses an action and goes dark."""
    home.mkdir(mode=0o700)
    with start(quirks=["endless-actions"]) as server:
        for name in names:
            server.cloud.add_vm(name)
        if is_hostile:
            make_odd(server.cloud)
        else:
            for vm in (server.cloud.add_vm("odd"), server.cloud.vms()[0]):
                server.cloud.start_foreign_action(vm.id, "reboot")
        profile, theme = (MARK, '"[/]"') if is_hostile else ("prod", '"none"')
        config = home / "config" / "cftui" / "config.toml"
        config.parent.mkdir(mode=0o700, parents=True)
        config.write_text(
            f"poll_idle_s = 1\npoll_active_s = 1\nbell = false\ntheme = {theme}\n[profiles.{json.dumps(profile)}]\n"
            f'url = "{server.url}"\nemail = "{server.cloud.email}"\n'
        )
        env = environment(server, home) | {"CFTUI_URL": "", "CFTUI_PROFILE": profile}
        env |= {"XDG_STATE_HOME": str(home / ODD_FOLDER)} if is_hostile else {}
        stages: dict[str, bytes] = {}
        with Terminal(COMMAND, env=env, columns=COLUMNS, rows=ROWS) as terminal:

            def stage(what: str) -> None:
                stages[what] = terminal.written[sum(map(len, stages.values())) :]

            terminal.wait_for("live")
            terminal.rest(0.2)
            stage("opened")
            server.faults.always("POST", ANSWERS["a refusal"] if is_hostile else faults.status(422, BENIGN_WORDS))
            for what, key, word in _KEYS:
                began = len(terminal.written)
                terminal.type(key)
                terminal.wait_for(word, since=began, within_s=20)
                if "confirmation" in what:
                    terminal.listen(0.5)  # it takes no key before
                terminal.rest(0.05)
                stage(what)
            began = len(terminal.written)
            terminal.type("y")
            terminal.wait_for("rejected", since=began)
            stage("refused")
            listed, _ = server.cloud.listed_vms(0, 10)
            server.faults.always("GET /vms?", faults.body(b'{"links": {}, "vms": [%s, 7, null]}' % b", ".join(listed)))
            terminal.wait_for("2 unreadable entries")
            terminal.rest(0.05)
            stage("partly unreadable")
            server.faults.clear()
            server.faults.always("GET", ANSWERS["an error in JSON"] if is_hostile else faults.status(500, BENIGN_WORDS))
            terminal.wait_for("OFFLINE")
            terminal.rest(0.1)
            stage("dark")
            terminal.type("q")
            code = terminal.wait(10)
            stage("left")
    return Run(stages, code)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """A benign one, and a hostile one."""
    home = tmp_path_factory.mktemp("cockpits")
    plain = tuple(f"plain-{number:02}" for number in range(len(ALL)))
    with ThreadPoolExecutor(2) as pool:
        benign = pool.submit(run, plain, home / "benign", is_hostile=False)
        hostile = pool.submit(run, ALL, home / "hostile", is_hostile=True)
        return benign.result(), hostile.result()


@pytest.mark.fault("S1", "S2", "S3", "S5", "S6", "50", "66")
def test_a_hostile_fleet_asks_nothing_of_the_terminal_that_a_plain_one_does_not(runs: tuple[Run, Run]) -> None:
    benign, hostile = runs
    allowed = sequences(benign.written)
    assert not {name for name in allowed if name.startswith(("C1", "hidden", "byte", "DCS", "APC", "PM", "SOS", "ESC"))}
    # The terminal's title, the pointer, the clipboard.
    assert {name for name in allowed if name.startswith("OSC")} <= {"OSC 2", "OSC 22", "OSC 52"}
    assert {name for name in allowed if name.startswith("C0")} <= {"C0 CR", "C0 LF"}
    assert not forbidden(hostile.written, allowed)
    assert (benign.code, hostile.code) == (0, 0)
    for shown in (r"\x1b[2J", r"\x9b2J", r"\u202egnp", "[/]", "$accent", "{0}", "%s%n", r"\ud800", "[red]red[/red]"):
        assert shown in text_of(hostile.stages["opened"] + hostile.stages["a page further"])


def test_each_stage_was_reached(runs: tuple[Run, Run]) -> None:
    """Else there was nothing to judge."""
    words = {
        "confirmation of many": "VMs?",
        "screen of one": "address",
        "form": "called that now",
        "copy menu": "Copy from",
        "help": "Filter",
        "refused": "rejected",
        "dark": "OFFLINE",
    }
    for one in runs:
        assert {what: word in text_of(one.stages[what]) for what, word in words.items()} == dict.fromkeys(words, True)
    told = text_of(runs[1].stages["refused"])
    assert r"\x1b]52;c" in told
    assert all(r"\x1b]52;c" in text_of(runs[1].stages[what]) for what in ("opened", "copy menu", "screen of one"))


@pytest.mark.fault("51")
def test_entries_that_cannot_be_read_are_counted(runs: tuple[Run, Run]) -> None:
    assert all("2 unreadable entries" in text_of(one.stages["partly unreadable"]) for one in runs)


@pytest.mark.fault("S22")
def test_the_clipboard_is_written_when_a_key_says_so_and_clean(runs: tuple[Run, Run]) -> None:
    for one in runs:
        copied = [
            (what, token) for what, part in one.stages.items() for token in tokens(part) if token.name == "OSC 52"
        ]
        ((what, token),) = copied
        assert what == "copied"
        text = base64.b64decode(token.content.rsplit(";", 1)[1]).decode()
        assert text == clean(text)
        assert text.isprintable()


@pytest.mark.fault("S3", "S4")
def test_no_name_shifts_the_grid(runs: tuple[Run, Run]) -> None:
    """Hebrew and Arabic, wide letters, emoji and marks without end: the state stands in its column on every row."""
    display = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(display)
    hostile = runs[1].stages
    places = []
    for what in ("opened", "a page further", "last"):
        stream.feed(_UNKNOWN_TO_PYTE.sub(b"", hostile[what]))
        rows = [display.buffer[y] for y in range(ROWS)]
        places += [x for row in rows for x in range(5, 40) if row[x].data in ("●", "?") and row[x + 1].data == " "]
    assert len(places) > 40
    assert len(set(places)) == 1


@pytest.mark.fault("S4")
def test_a_megabyte_of_name_costs_what_a_short_one_costs(runs: tuple[Run, Run]) -> None:
    """Counted in characters that are drawn, beyond the eight marks a letter may have."""
    benign, hostile = (len(text_of(one.stages["opened"])) for one in runs)
    assert hostile < 1.3 * benign
