"""The cockpit on a profile, on a simulated cloud, or on nothing yet.

What is not needed for the first paint is not imported before it: neither httpx nor pydantic nor sqlite3.
"""

from __future__ import annotations

import gc
import os
import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cftui.api.urls import is_clear
from cftui.cli.choice import Flags, NotConfiguredError, choose
from cftui.cli.exit_codes import ExitCode
from cftui.cli.options import Options
from cftui.cli.output import Narrator, forget_terminal
from cftui.cli.session import ask_password, choose_for, silence_logging, ssl_context
from cftui.config.files import append_profile, load_config
from cftui.config.folders import config_path, state_dir
from cftui.config.models import Choice, Config, Settings
from cftui.config.remembered import base_url_of, remember_base_url
from cftui.config.secrets import Secret, find_secret, usable
from cftui.errors import ConfigError, UsageError
from cftui.text import clean, count, cut

if TYPE_CHECKING:
    from cftui.operations.engine import Account, Engine
    from cftui.simulator.server import SimulatorServer
    from cftui.tui.cockpit import CockpitSettings, ProfileBadge
    from cftui.tui.screens.welcome import WelcomeAnswer

DEMO = "demo"
"""The demo's profile; its cloud ends with it."""

_DRAWING = ("ANIMATIONS", "COLOR_SYSTEM", "DIM_FACTOR", "DISABLE_KITTY_KEY", "FPS", "SMOOTH_SCROLL")
_TEXTUAL_VARIABLES = frozenset(f"TEXTUAL_{name}" for name in _DRAWING)
"""How the screen may be drawn. The others log every key to a file or a port, press keys, or load other code."""

_PROBE_LIMIT_S = 3.0
"""How long a start without a remembered base path waits for one."""


def cockpit(options: Options) -> int:
    """The cockpit on the chosen profile; without any configuration, its first-start form.

    Raises:
        UsageError: There is no terminal, or nothing that can be used is configured.
    """
    _check_terminals()
    gc.disable()  # until the first paint
    silence_logging()
    try:
        choice = choose_for(options)
    except NotConfiguredError as error:
        if error.is_partly_configured:
            raise
        return _first_start(options)
    return _open(choice, find_secret(choice, os.environ) or ask_password(choice))


def demo(options: Options) -> int:
    """The cockpit on a simulated cloud inside this process; needs nothing and keeps nothing.

    Raises:
        UsageError: There is no terminal.
    """
    import tempfile

    from cftui.operations.engine import Account

    _check_terminals()
    gc.disable()
    silence_logging()
    try:
        settings = load_config(os.environ).settings
    except ConfigError as error:
        Narrator()(f"The configuration is left out: {error.message}")
        settings = Settings()
    with tempfile.TemporaryDirectory(prefix="cftui-demo-") as folder:
        port = _free_port()
        account = Account(f"http://127.0.0.1:{port}/api/v1", "demo@example.com", secrets.token_urlsafe(24))
        engine = _on_simulator(options, account, Path(folder), port)
        badge = _badge(DEMO, account)
        return _run(engine, badge, _settings(replace(settings, views={}), Path(folder)))


def _open(choice: Choice, secret: Secret) -> int:
    from cftui.operations.engine import Account, Engine
    from cftui.operations.state import PollLimits

    state = state_dir(os.environ)
    account = Account(
        base_url=_base_url(choice, secret, state),
        email=choice.email,
        password=secret.value,
        profile=choice.profile_name,
        is_read_only=choice.is_read_only,
        starts_read_only=choice.starts_read_only,
        read_only_source=choice.sources["read_only"],
        ssl_context=ssl_context(choice),
        proxy=choice.proxy,
    )
    limits = PollLimits(choice.settings.poll_idle_s, choice.settings.poll_active_s)
    engine = Engine(account, state_dir=state, poll=limits)
    badge = _badge(choice.profile_name, account, is_production=choice.is_production)
    for note in choice.notes:
        Narrator()(f"Note: {note}.")  # stays on the terminal when the cockpit has left it
    code = _run(engine, badge, _settings(choice.settings, state, choice.notes))
    if not choice.has_path and engine.view.read_at is None:
        remember_base_url(state, choice.url, "")  # it never answered: look for the path anew at the next start
    return code


def _run(engine: Engine, badge: ProfileBadge, settings: CockpitSettings) -> int:
    """Show it until it is left; then say what goes on in the cloud."""
    from cftui.operations.engine_thread import EngineThread
    from cftui.tui.app import CftuiApp

    class Thread(EngineThread):
        """The app starts it once something was painted; only then may the collector run."""

        def start(self) -> None:
            super().start()
            gc.freeze()
            gc.enable()

    app = CftuiApp(Thread(lambda: engine), profile=badge, settings=settings)
    try:
        code = app.run_guarded()
    finally:
        going_on = sum(not one.is_settled for one in engine.view.submissions.values())
        if going_on and badge.name != DEMO:  # the demo's cloud has ended, too
            told = f"{count(going_on, 'action')} not seen to end yet: what was sent goes on in the cloud"
            Narrator()(f"{told}; `cftui watch` and the next start follow it.")
        if engine.unrecorded:
            from cftui.cli.journal import tell_unrecorded

            tell_unrecorded(engine.unrecorded, Narrator())
    if code == ExitCode.HANGUP:
        forget_terminal()
    return code


def _first_start(options: Options) -> int:
    """Ask the four questions, store the answers as a profile, and open it; or the demo, or nothing."""
    from cftui.tui.terminal import speaks_utf8
    from cftui.tui.welcome_app import WelcomeApp

    config = load_config(os.environ)
    glyphs = config.settings.glyphs
    is_ascii = glyphs == "ascii" or (glyphs == "auto" and not speaks_utf8())
    app = WelcomeApp(test=_sign_in, environ=os.environ, theme=config.settings.theme, is_ascii=is_ascii)
    answer = app.guard(mouse=config.settings.mouse)
    if answer is None:
        return app.return_code or ExitCode.DONE
    if isinstance(answer, str):
        return demo(options)
    append_profile(config.path, answer.name, answer.profile)
    Narrator()(f"Profile {answer.name!r} is written to {config.path}.")
    choice = choose(load_config(os.environ), Flags(profile=answer.name, read_only=options.read_only), os.environ)
    return _open(choice, _secret(choice, answer.password) or ask_password(choice))


async def _sign_in(answer: WelcomeAnswer, password: str | None) -> str:
    """Try what the form says, with one request or two.

    Raises:
        CftuiError: It does not work, or cannot.
    """
    import asyncio

    from cftui.api.client import CloudReader
    from cftui.api.probe import find_base_url, sign_in

    config = Config(Path(), profiles={answer.name: answer.profile})
    choice = choose(config, Flags(profile=answer.name), {})
    secret = await asyncio.to_thread(_secret, choice, password or "")
    if secret is None:
        raise UsageError("No password is known.")
    context, url = ssl_context(choice), choice.url
    if not choice.has_path:
        url = await find_base_url(url, choice.email, secret.value, ssl_context=context, proxy=choice.proxy)
    async with CloudReader(url, choice.email, secret.value, ssl_context=context, proxy=choice.proxy) as reader:
        email = await sign_in(reader)
    return f"signed in as {clean(email or choice.email)} at {url}"


def _secret(choice: Choice, typed: str) -> Secret | None:
    return Secret(usable(typed, "the form"), "asked") if typed else find_secret(choice, os.environ)


def _on_simulator(options: Options, account: Account, folder: Path, port: int) -> Engine:
    """An engine that starts its cloud before it asks, on its own thread, beside the first paint."""
    import asyncio

    from cftui.operations.engine import Engine

    class SimulatedEngine(Engine):
        async def start(self) -> None:
            self.server = await asyncio.to_thread(serve)
            await super().start()

        async def stop(self) -> None:
            await super().stop()
            self.server.stop()

    def serve() -> SimulatorServer:
        from cftui.simulator.cloud import SimulatedCloud
        from cftui.simulator.server import SimulatorServer

        cloud = SimulatedCloud(
            vms=options.vms, seed=options.seed, speed=options.speed, email=account.email, password=account.password
        )
        server = SimulatorServer(cloud, port=port)
        server.start()
        return server

    return SimulatedEngine(account, state_dir=folder)


def _free_port() -> int:
    """A port that is free now, so that the cloud's address is known before the cloud is there."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _base_url(choice: Choice, secret: Secret, state: Path) -> str:
    """Where the API answers: as configured, as remembered, else found out with one request before the first paint."""
    if choice.has_path:
        return choice.url
    if known := base_url_of(state, choice.url):
        return known
    import asyncio

    from cftui.api.errors import CloudError, Unauthorized
    from cftui.api.probe import find_base_url

    asked = find_base_url(choice.url, choice.email, secret.value, ssl_context=ssl_context(choice), proxy=choice.proxy)
    try:
        found = asyncio.run(asyncio.wait_for(asked, _PROBE_LIMIT_S))
    except Unauthorized:
        raise  # the cockpit would offer the same password a second time
    except (CloudError, TimeoutError):
        return choice.url  # the cockpit itself tells what is wrong
    remember_base_url(state, choice.url, found)
    return found


def _badge(name: str, account: Account, *, is_production: bool = False) -> ProfileBadge:
    from cftui.tui.cockpit import ProfileBadge

    host = urlsplit(account.base_url).netloc
    return ProfileBadge(name, is_production, host, account.email, account.base_url, is_clear(account.base_url))


def _settings(settings: Settings, state: Path, notes: tuple[str, ...] = ()) -> CockpitSettings:
    from cftui.tui.cockpit import CockpitSettings

    return CockpitSettings(
        theme=settings.theme,
        theme_folders=(config_path(os.environ).parent / "themes",),
        keymap=settings.keys,
        glyphs=settings.glyphs,
        bell=settings.bell,
        notify=settings.notify,
        has_title=settings.title,
        mouse=settings.mouse,
        state_dir=state,
        views=settings.views,
        notes=(_in_short(notes),) if notes else (),
    )


def _in_short(notes: tuple[str, ...]) -> str:
    """The first of several notes and how many there are, for a rule that shows one message."""
    more = f", and {count(len(notes) - 1, 'more note')}" if len(notes) > 1 else ""
    return cut(clean(notes[0]), 48) + more


def _check_terminals() -> None:
    """The cockpit reads keys from stdin and draws on stderr, and nothing else gets to know what is typed.

    Raises:
        UsageError: One of them is no terminal, or one that cannot be drawn on.
    """
    for name in [name for name in os.environ if name.startswith("TEXTUAL") and name not in _TEXTUAL_VARIABLES]:
        del os.environ[name]
    hint = "On the command line: cftui vms, cftui --help."
    for name, stream in (("stdin", sys.stdin), ("stderr", sys.stderr)):
        if stream is None or not stream.isatty():
            raise UsageError(f"The cockpit needs a terminal, and {name} is none.", hint=hint)
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        raise UsageError("The cockpit cannot be drawn on a terminal of type 'dumb'.", hint=hint)
