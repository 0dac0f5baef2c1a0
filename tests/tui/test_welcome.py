"""The first start: four answers, one test, nothing stored before it is asked for."""

from pathlib import Path

import pytest
from textual import events

from cftui.errors import ConfigError
from cftui.tui.screens.welcome import Source, WelcomeAnswer, WelcomeScreen
from cftui.tui.welcome_app import WelcomeApp
from tests.tui.stage import NOTHING, SMALL, DialogApp, shown, wait_until


class Cloud:
    """Signs in whoever knows the password; remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[WelcomeAnswer, str | None]] = []

    async def __call__(self, answer: WelcomeAnswer, password: str | None) -> str:
        self.asked.append((answer, password))
        if password == "wrong":
            raise ConfigError("The cloud [/] refused the password.", hint="Type it again.")
        return f"signed in as {answer.email}"


FILL = ["tab", *"o@e.io", "tab", "tab"]
"""From the cloud's field over e-mail and sources to the password."""


async def test_it_tests_before_it_saves_and_answers_with_what_was_typed() -> None:
    cloud = Cloud()
    async with (app := DialogApp(WelcomeScreen(test=cloud))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*FILL, *"s3cret", "ctrl+o")
        await wait_until(pilot, lambda: app.answer != NOTHING)
        assert cloud.asked[0][1] == "s3cret"
        answer = app.answer
        assert (answer.url, answer.email, answer.source) == ("https://cloudsfor.com", "o@e.io", Source.ASK)
        assert answer.password == "s3cret"
        assert "s3cret" not in repr(answer)
        assert "s3cret" not in repr(answer.profile)


async def test_a_failed_test_is_told_and_saves_only_when_asked_again() -> None:
    cloud = Cloud()
    async with (app := DialogApp(WelcomeScreen(test=cloud))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*FILL, *"wrong", "ctrl+o")
        await wait_until(pilot, lambda: "refused" in shown(app))
        assert "× The cloud [/] refused the password. Type it again." in shown(app)
        assert app.answer == NOTHING
        await pilot.press("ctrl+o")
        await wait_until(pilot, lambda: app.answer != NOTHING)
        assert len(cloud.asked) == 1


async def test_a_command_becomes_words_without_a_shell() -> None:
    async with (app := DialogApp(WelcomeScreen(test=(cloud := Cloud())))).run_test(size=(120, 40)) as pilot:
        await pilot.press("tab", *"o@e.io", "tab", "down", "tab", *"pass show 'a b'", "ctrl+t")
        await wait_until(pilot, lambda: "✓ signed in as o@e.io" in shown(app))
        assert app.answer == NOTHING
        assert cloud.asked[0][0].profile.password_command == ("pass", "show", "a b")


async def test_production_starts_read_only_and_a_file_is_a_path() -> None:
    async with (app := DialogApp(WelcomeScreen(test=Cloud()))).run_test(size=(120, 40)) as pilot:
        await pilot.press("tab", *"o@e.io", "tab", "down", "down", "tab", *"/tmp/pw", "tab", "ctrl+u")
        await pilot.press(*"prod", "tab", "space", "ctrl+o")
        await wait_until(pilot, lambda: app.answer != NOTHING)
        profile = app.answer.profile
        assert app.answer.name == "prod"
        assert profile.production
        assert profile.start_read_only
        assert profile.password_file == Path("/tmp/pw")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (["ctrl+u", *"ftp://x"], "begin with https://"),
        (["ctrl+u", *"http://cloud.example"], "×"),
        (["tab", *"nobody"], "× an e-mail without a colon"),
        (["tab", *"a@b", "tab", "down", "down", "down"], "× CFTUI_PASSWORD is not set in this shell"),
    ],
)
async def test_what_is_wrong_is_told_at_the_field_and_nothing_is_asked(keys: list[str], told: str) -> None:
    cloud = Cloud()
    async with (app := DialogApp(WelcomeScreen(test=cloud, environ={}))).run_test(size=(120, 40)) as pilot:
        await pilot.press(*keys, "ctrl+o")
        assert told in shown(app)
        assert app.answer == NOTHING
        assert cloud.asked == []


async def test_one_key_opens_the_demo() -> None:
    async with (app := DialogApp(WelcomeScreen(test=Cloud()))).run_test() as pilot:
        await pilot.press("ctrl+d")
        assert app.answer == "demo"


@pytest.mark.parametrize("size", SMALL)
async def test_every_field_is_reachable(size: tuple[int, int]) -> None:
    async with (app := DialogApp(WelcomeScreen(test=Cloud()))).run_test(size=size) as pilot:
        seen = ""
        for _ in range(7):
            await pilot.press("tab")
            await pilot.pause()
            seen += shown(app)
        for part in ("cloud", "e-mail", "ask me at each start", "CFTUI_PASSWORD", "profile", "production"):
            assert part in seen


async def test_it_runs_alone_and_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = WelcomeApp(test=Cloud(), environ={}, is_ascii=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert shown(app).isascii()
        await pilot.press("ctrl+d")
    assert app.return_value == "demo"


async def test_leaving_writes_nothing() -> None:
    app = WelcomeApp(test=(cloud := Cloud()), environ={})
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+q")
    assert app.return_value is None
    assert cloud.asked == []


async def test_what_is_typed_ahead_goes_to_the_fields_it_was_meant_for() -> None:
    """All of it in one burst: the password must never land in a field that shows it."""
    app = WelcomeApp(test=Cloud(), environ={})
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_until(pilot, lambda: "No configuration yet" in shown(app))
        for key in [*FILL, *"s3cret"]:
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await wait_until(pilot, lambda: "o@e.io" in shown(app))
        await pilot.pause(0.5)
        assert "s3cret" not in shown(app)
        assert "••••••" in shown(app)
