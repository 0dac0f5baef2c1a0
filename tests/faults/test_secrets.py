"""Where the password may go, and how often: to its own cloud, once, and to nobody else."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from textual.widgets import Input

from cftui.api import requests
from cftui.api.client import CloudClient
from cftui.api.errors import CloudError, NotFound, Unauthorized
from cftui.cli import cockpit, settings
from cftui.cli.choice import Flags, choose
from cftui.cli.options import parse
from cftui.config.files import load_config
from cftui.config.models import Choice, Config, Profile
from cftui.config.remembered import base_url_of
from cftui.config.secrets import find_secret
from cftui.errors import ConfigError, UsageError
from cftui.fleet.history import Stage
from cftui.fleet.rows import ActionType
from cftui.operations.engine import Account, Engine
from cftui.operations.engine_thread import EngineThread
from cftui.operations.state import LinkState
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.server import SimulatorServer
from cftui.tui.app import CftuiApp
from cftui.tui.cockpit import CockpitSettings, ProfileBadge
from cftui.tui.modals.password import AskPassword
from tests.api.scripted import ScriptedServer, http, says
from tests.conftest import EMAIL, PASSWORD, StartSimulator
from tests.faults.places import Places
from tests.operations.conftest import World
from tests.proof.canary import Canary, Ground, Watch
from tests.pty_reader import Terminal
from tests.tui.screen import shown

CFTUI = [sys.executable, "-m", "cftui"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A calm cloud of twenty VMs that was read once."""
    made = await World(tmp_path / "state").begin()
    yield made
    await made.engine.stop()
    made.server.stop()


# One 401 is not followed by a second try.


@pytest.mark.fault("52")
async def test_after_one_401_nothing_is_asked_until_the_password_changes(world: World) -> None:
    """Neither by the poller nor by anything that a person can press."""
    engine, ledger, vm = world.engine, world.server.ledger, world.named()
    followed = await world.send(vm, ActionType.REBOOT)
    world.cloud.password = "another"
    asked, posts = ledger.count(), len(ledger.posts)
    await world.until(lambda: engine.update.link.state is LinkState.UNAUTHORISED)
    assert ledger.count() == asked + 1
    await world.pass_time(120)
    engine.refresh()
    engine.focus(False)
    engine.pause(True)
    engine.pause(False)
    await world.pass_time(10)
    with pytest.raises(Unauthorized):
        await engine.read_vm(vm.id)
    refused = await world.send(world.named(nth=1), ActionType.REBOOT)
    assert (refused.stage, refused.reason) == (Stage.NOT_SENT, "401")
    assert (ledger.count(), len(ledger.posts)) == (asked + 1, posts)
    await engine.set_credentials("another")
    await world.until(lambda: engine.update.link.state is LinkState.LIVE)
    assert (await world.ended(followed)).stage is Stage.COMPLETED
    assert len(ledger.posts) == posts


@pytest.mark.fault("18", "52")
async def test_after_a_401_to_a_post_nothing_more_leaves(world: World) -> None:
    """Not even the other steps of the same plan."""
    async with CloudClient(world.server.url, "user@example.com", "wrong") as client:
        reboot = requests.simple(ActionType.REBOOT)
        with pytest.raises(Unauthorized):
            await client.submit(world.named().id, reboot)
        asked = world.server.ledger.count()
        for nth in range(3):
            with pytest.raises(CloudError, match="refused"):
                await client.submit(world.named(nth=nth).id, reboot)
        with pytest.raises(Unauthorized):
            await client.account()
        assert world.server.ledger.count() == asked


@pytest.mark.fault("52")
def test_a_command_tries_a_wrong_password_once(places: Places, start_simulator: StartSimulator) -> None:
    """Whether the base path is known or looked for."""

    def wrong(path: str, *words: str) -> tuple[int, str, int]:
        simulator = start_simulator(vms=5)
        url = simulator.url.removesuffix("/api/v1") + path
        ran = places.run(*words, env={"CFTUI_URL": url, "CFTUI_EMAIL": EMAIL, "CFTUI_PASSWORD": "wrong"})
        return ran.code, ran.stdout, simulator.ledger.count()

    with ThreadPoolExecutor(3) as pool:
        ended = [pool.submit(wrong, "", "vms"), pool.submit(wrong, "/v1", "watch")]
        ended.append(pool.submit(wrong, "/v1", "reboot", "@web", "--yes", "--expect-count", "4"))
        assert [one.result() for one in ended] == [(4, "", 1)] * 3


@pytest.mark.fault("52")
def test_the_cockpit_tries_a_wrong_password_once_before_it_opens(places: Places, simulator: SimulatorServer) -> None:
    """Looking for the base path is a try, too."""
    url = simulator.url.removesuffix("/api/v1")
    account = {"CFTUI_URL": url, "CFTUI_EMAIL": EMAIL, "CFTUI_PASSWORD": "wrong"}
    with Terminal(CFTUI, env=places.environ | account) as terminal:
        assert terminal.wait(20) == 4
        assert b"refused the e-mail and password" in terminal.written
    assert simulator.ledger.count() == 1


@pytest.mark.fault("52")
def test_the_cockpit_asks_for_another_password_and_goes_on(places: Places, simulator: SimulatorServer) -> None:
    account = {"CFTUI_URL": simulator.url, "CFTUI_EMAIL": EMAIL, "CFTUI_PASSWORD": "wrong"}
    with Terminal(CFTUI, env=places.environ | account) as terminal:
        terminal.wait_for("Sign in")
        terminal.listen(0.5)
        assert simulator.ledger.count() == 1
        terminal.type(PASSWORD + "\r")
        terminal.wait_for("web-01")
        terminal.type("q")
        assert terminal.wait(10) == 0
        assert PASSWORD.encode() not in terminal.written


# Nobody but the profile's own cloud gets its secret.


@pytest.fixture
def profile(places: Places, simulator: SimulatorServer) -> str:
    """A profile of the simulator's, with its password in a file; the port that belongs to it."""
    places.secret.write_text(PASSWORD + "\n")
    places.write_config(
        f'[profiles.own]\nurl = "http://LocalHost:{simulator.port}"\nemail = "{EMAIL}"\n'
        f'password_file = "{places.secret}"\n'
    )
    return str(simulator.port)


def chosen(places: Places, *, url: str) -> Choice:
    return choose(load_config(places.environ), Flags(url=url), places.environ)


@pytest.mark.fault("S12")
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{own}", "http://localhost:1", "https://localhost:{own}", "http://[::1]:{own}/v1"]
)
def test_another_origin_never_gets_a_profiles_secret(places: Places, profile: str, url: str) -> None:
    choice = chosen(places, url=url.format(own=profile))
    assert find_secret(choice, places.environ) is None
    assert choice.notes == ("--url: another cloud or account than that of profile 'own', of which nothing is used",)


@pytest.mark.fault("S12")
def test_another_cloud_hears_nothing_when_there_is_no_password_for_it(
    places: Places, profile: str, simulator: SimulatorServer
) -> None:
    ran = places.run("vms", env={"CFTUI_URL": f"http://127.0.0.1:{profile}"})
    assert (ran.code, ran.stdout) == (2, "")
    assert "CFTUI_URL: another cloud or account than that of profile 'own'" in ran.stderr
    assert "No password is known" in ran.stderr
    assert simulator.ledger.connections == 0


@pytest.mark.fault("S11")
@pytest.mark.parametrize("url", ["HTTP://LOCALHOST:{own}/v1/", "http://localhost.:{own}"])
def test_the_same_origin_in_another_spelling_does(places: Places, profile: str, url: str) -> None:
    secret = find_secret(chosen(places, url=url.format(own=profile)), places.environ)
    assert secret is not None
    assert secret.value == PASSWORD


@pytest.mark.fault("S11")
def test_a_remembered_base_path_leads_nowhere_else(places: Places, profile: str) -> None:
    """Whoever can write the memory cannot send the password elsewhere."""
    state = places.state
    state.mkdir(parents=True, mode=0o700)
    url = f"http://localhost:{profile}/api/v1"
    for found in (
        "http://evil.example/v1",
        f"http://localhost:{profile}/v1/../evil",
        f"http://localhost:1{profile}/v1",
    ):
        (state / "state.toml").write_text(f'[base_urls]\n"{url}" = "{found}"\n')
        (state / "state.toml").chmod(0o600)
        assert base_url_of(state, url) == ""
    (state / "state.toml").write_text(f'[base_urls]\n"{url}" = "http://localhost:{profile}/v1"\n')
    assert base_url_of(state, url) == f"http://localhost:{profile}/v1"


@pytest.mark.fault("21", "S12")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{other}", "//127.0.0.1:{port}/", "file:///etc/passwd", "/elsewhere", "{self}"])
async def test_redirects_are_never_followed(simulator: SimulatorServer, status: int, location: str) -> None:
    """Neither to another host, port or scheme nor round in circles; who is named hears nothing."""
    redirects: list[bytes] = []
    async with ScriptedServer(lambda _, writer: _say(writer, redirects)) as server:
        to = location.format(other=simulator.url, port=simulator.port, self=server.url)
        headers = (f"Location: {to}", f"Refresh: 0; url={simulator.url}")
        redirects.append(http(status, headers=headers))
        async with CloudClient(server.url, EMAIL, PASSWORD) as client:
            for attempt in (client.account(), client.submit("a" * 32, requests.simple(ActionType.REBOOT))):
                with pytest.raises(CloudError, match="not followed"):
                    await attempt
        assert [one.method for one in server.requests] == ["GET", "POST"]
    assert simulator.ledger.connections == 0


async def _say(writer: asyncio.StreamWriter, answers: list[bytes]) -> None:
    writer.write(answers[0])


@pytest.mark.fault("S12", "68")
async def test_the_next_page_of_another_host_is_not_read(simulator: SimulatorServer) -> None:
    page = http(
        200,
        {"vms": [{"id": "a" * 32}], "links": {"pages": {"next": f"{simulator.url}/vms?page=2"}}, "meta": {"total": 9}},
        headers=(f'Link: <{simulator.url}/vms?page=2>; rel="next"',),
    )
    async with ScriptedServer(says(page)) as server, CloudClient(server.url, EMAIL, PASSWORD) as client:
        with pytest.raises(CloudError):
            async for _ in client.list_vms():
                pass
    assert simulator.ledger.connections == 0


@pytest.mark.fault("87")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[profiles.own]\nurl = "htt', "line 2"),
        ('[profiles.own]\nemail = "a@b.c"\n', "has no 'url'"),
        ('[profiles.own]\nurl = "https://a.example"\nemail = "a@b.c"\nread_onyl = true\n', "did you mean 'read_only'"),
        ('[profiles.own]\nurl = ""\nemail = "a@b.c"\n', "No URL"),
    ],
)
def test_a_broken_configuration_leads_to_no_host_at_all(places: Places, text: str, told: str) -> None:
    path = places.write_config(text)
    with pytest.raises(UsageError) as raised:
        choose(load_config(places.environ), Flags(), places.environ | {"CFTUI_PASSWORD": PASSWORD})
    assert str(path) in str(raised.value)
    assert told in str(raised.value)


@pytest.mark.fault("87")
def test_two_sources_that_disagree_are_told_with_the_one_that_counts(places: Places, profile: str) -> None:
    places.write_config((places.config.read_text()) + 'read_only = true\npassword_command = ["true"]\n')
    environ = places.environ | {"CFTUI_PASSWORD": "other", "CFTUI_READ_ONLY": "0"}
    choice = choose(load_config(environ), Flags(), environ)
    assert choice.is_read_only
    assert choice.notes == (
        "profile 'own' is read-only, whatever CFTUI_READ_ONLY says",
        "the password comes from password_command; CFTUI_PASSWORD is not used",
    )
    ran = places.run("config", "show", env={"CFTUI_EMAIL": EMAIL, "CFTUI_READ_ONLY": "0"})
    assert re.search(rf"email +{EMAIL} +CFTUI_EMAIL", ran.stdout)
    assert "whatever CFTUI_READ_ONLY says" in ran.stderr


# Odd passwords.


@pytest.mark.fault("S9")
@pytest.mark.parametrize(
    "password", ["-x:@/% \"'\\", "pä$$wörd €", "x" * 1024, "日本語", "https://user:pw@evil.example/?#", " : "]
)
async def test_odd_passwords_sign_in(password: str) -> None:
    """They go into the one header that is made for them, and never into a URL."""
    with SimulatorServer(SimulatedCloud(vms=1, email=EMAIL, password=password)) as server:
        async with CloudClient(server.url, EMAIL, password) as client:
            assert (await client.account()).email == EMAIL
            with pytest.raises(NotFound):
                await client.submit("a" * 32, requests.simple(ActionType.REBOOT))
        assert {one.target for one in server.ledger.requests} == {"/api/v1/account", f"/api/v1/vms/{'a' * 32}/actions"}


@pytest.mark.fault("S9")
@pytest.mark.parametrize("email", ["a:b@example.com", "a\x01@example.com", "a\n@example.com"])
def test_an_email_that_basic_authentication_cannot_carry_is_refused(email: str) -> None:
    with pytest.raises(ConfigError, match="Basic authentication cannot carry it"):
        choose(Config(Path("config.toml")), Flags(url="https://a.example", email=email), {})


# The password anywhere it should not be.


@pytest.mark.fault("S10")
def test_the_search_finds_what_is_planted(tmp_path: Path) -> None:
    """A canary that nobody would hear proves nothing."""
    canary = Canary("planted", "c4nary \"é/%':@", EMAIL)
    root = tmp_path / "ground"
    root.mkdir(mode=0o700)
    ground = Ground(root, canary)
    for what, form in canary.forms.items():
        ground.keep(what.replace(" ", "-"), b"before" + form + b"after")
    _, found = ground.places_with_it()
    assert {where.rpartition(": ")[2] for where in found} == set(canary.forms)
    with Watch(canary, b"CANARY_MARK=1") as watch:
        with_argument = subprocess.Popen(["sh", "-c", "sleep 5; :", canary.password])
        with_variable = subprocess.Popen(["sleep", "5"], env={"CANARY_MARK": "1", "X": canary.password})
        deadline = time.monotonic() + 4
        while len(watch.seen) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in (with_argument, with_variable):
            process.kill()
            process.wait()
    assert len(watch.seen) >= 4


@pytest.mark.fault("S10", "S24")
@pytest.mark.parametrize("words", [("--password", "hunter2", "vms"), ("vms", "--password=hunter2")])
def test_no_option_takes_a_password_and_what_was_given_is_not_repeated(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(list(words))
    assert ended.value.code == 2
    assert "no option takes a password" in (told := capsys.readouterr().err)
    assert "hunter2" not in told
    for command in ([], ["simulate"], ["vms"]):
        with pytest.raises(SystemExit):
            parse([*command, "--help"])
    assert not re.search(r"--password(?!-stdin)", capsys.readouterr().out)


@pytest.mark.fault("S10")
def test_a_url_with_a_password_is_not_listed_with_it(
    places: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = places.write_config('[profiles.own]\nurl = "https://me:hunter2@a.example?t=hunter2"\nemail = "a@b.c"\n')
    monkeypatch.setenv("CFTUI_CONFIG", str(path))
    settings.profile(parse(["profile", "list"]))
    assert "…@a.example" in (listed := capsys.readouterr().out)
    assert "hunter2" not in listed
    with pytest.raises(ConfigError) as raised:
        settings.config(parse(["config", "show"]))
    assert "hunter2" not in str(raised.value)


@pytest.mark.fault("S10", "S22", "S23")
async def test_a_field_of_dots_gives_nothing_to_the_clipboard_nor_to_a_picture(places: Places) -> None:
    canary = Canary("typed", "c4nary-of-dots", EMAIL)
    copied: list[str] = []
    account = Account("http://127.0.0.1:1/api/v1", EMAIL, canary.password)
    engine = EngineThread(lambda: Engine(account, state_dir=places.state))
    app = CftuiApp(engine, profile=ProfileBadge("staging"), settings=CockpitSettings(bell=False))
    app.copy_to_clipboard = copied.append  # type: ignore[method-assign, assignment]
    async with app.run_test() as pilot:
        app.push_screen(AskPassword(EMAIL, "cloud.example"))
        await pilot.pause(0.2)
        field = app.screen.query_one(Input)
        field.value = canary.password
        picture = app.export_screenshot()
        field.action_select_all()
        await pilot.press("ctrl+c", "super+c", "ctrl+x")
        assert field.value == "", "cut, and not copied"
        await pilot.press("escape")
    assert copied == []
    assert canary.found_in(picture.encode()) == []


@pytest.mark.fault("S11", "S13")
async def test_the_cockpit_shows_for_good_that_the_password_travels_in_the_clear(places: Places) -> None:
    """And tells at its start what of the environment has no say."""
    profile = Profile("http://cloud.example/v1", EMAIL, allow_http=True)
    choice = choose(Config(Path("config.toml"), profiles={"lab": profile}), Flags(), {"HTTPS_PROXY": "http://x:1"})
    account = Account(choice.url, EMAIL, PASSWORD)
    engine = EngineThread(lambda: Engine(account, state_dir=places.state))
    opened = cockpit._settings(choice.settings, places.state, choice.notes)
    app = CftuiApp(engine, profile=cockpit._badge("lab", account), settings=opened)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        assert " NO TLS " in (screen := shown(app))
        assert "proxy variables are ignored: HTTPS_PROXY" in screen
    assert not cockpit._badge("own", Account("http://127.0.0.1:1/v1", EMAIL, PASSWORD)).is_clear
