"""From arguments, environment and configuration to an account that can be asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from cftui.cli.choice import Flags, choose
from cftui.cli.exit_codes import ExitCode
from cftui.cli.options import Options
from cftui.cli.output import Narrator
from cftui.cli.signals import leave_soon
from cftui.config.files import load_config
from cftui.config.folders import state_dir
from cftui.config.models import Choice
from cftui.config.secrets import Secret, find_secret, usable
from cftui.errors import UsageError
from cftui.text import clean

if TYPE_CHECKING:
    import ssl

    from cftui.api.client import CloudReader
    from cftui.operations.engine import Account, Engine

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """What a command needs to talk to one account."""

    options: Options
    choice: Choice
    tell: Narrator
    secret: Secret = field(repr=False)

    def engine(self, account: Account) -> Engine:
        """An engine for one command; the last known fleet is the cockpit's alone."""
        from cftui.operations.engine import Engine
        from cftui.operations.state import PollLimits

        settings = self.choice.settings
        limits = PollLimits(settings.poll_idle_s, settings.poll_active_s)
        return Engine(account, state_dir=state_dir(os.environ), poll=limits, keeps_fleet=False)

    async def account(self, *, is_read_only: bool) -> Account:
        """The account, with the base path that this cloud answers under.

        Raises:
            CloudError: The cloud is out of reach, or refuses the credentials.
        """
        from cftui.operations.engine import Account

        return Account(
            base_url=await self._base_url(),
            email=self.choice.email,
            password=self.secret.value,
            profile=self.choice.profile_name,
            is_read_only=is_read_only,
            ssl_context=ssl_context(self.choice),
            proxy=self.choice.proxy,
        )

    async def reader(self, account: Account | None = None) -> CloudReader:
        """A reader of the account; close it."""
        from cftui.api.client import CloudReader

        account = account or await self.account(is_read_only=True)
        return CloudReader(
            account.base_url, account.email, account.password, ssl_context=account.ssl_context, proxy=account.proxy
        )

    async def _base_url(self) -> str:
        if self.choice.has_path:
            return self.choice.url
        from cftui.api.probe import find_base_url

        found = await find_base_url(
            self.choice.url,
            self.choice.email,
            self.secret.value,
            ssl_context=ssl_context(self.choice),
            proxy=self.choice.proxy,
        )
        if found != self.choice.url:
            self.tell(f"No API under {self.choice.url}; using {found}.")
        return found


def open_session(options: Options) -> Session:
    """Decide where to connect and with which password; asks for it at the terminal when no source is set.

    Raises:
        UsageError: Nothing is configured, or a source gives no password.
    """
    silence_logging()
    choice = choose_for(options)
    tell = Narrator(is_quiet=options.quiet)
    for note in choice.notes:
        tell(f"Note: {note}.")
    secret = find_secret(choice, os.environ) or ask_password(choice)
    return Session(options, choice, tell, secret)


def silence_logging() -> None:
    """Keep log records of libraries off the terminal: what there is to tell is told in our own words."""
    import logging

    logging.getLogger().addHandler(logging.NullHandler())


def choose_for(options: Options) -> Choice:
    """What the options, the environment and the configuration come to."""
    flags = Flags(options.profile, options.url, options.email, options.read_only)
    return choose(load_config(os.environ), flags, os.environ)


def ask_password(choice: Choice) -> Secret:
    """Ask the person at the terminal.

    Raises:
        UsageError: There is no terminal, or the answer was empty.
    """
    if sys.stderr is None or sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "No password is known, and there is no terminal to ask at.",
            hint="Set CFTUI_PASSWORD, or password_command or password_file in the profile.",
        )
    import getpass

    try:
        password = getpass.getpass(f"Password of {clean(choice.email)} at {choice.url}: ")
    except EOFError:
        password = ""
    if not password:
        raise UsageError("No password was given.")
    return Secret(usable(password, "the terminal"), "asked")


def ssl_context(choice: Choice) -> ssl.SSLContext | None:
    """Trust the profile's own certificate authority and no other; None for the usual ones.

    Raises:
        ConfigError: The file cannot be used.
    """
    if choice.ca_file is None:
        return None
    from cftui.api.tls import make_ssl_context

    return make_ssl_context(choice.ca_file)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's asynchronous part on a loop of its own."""
    import asyncio

    with asyncio.Runner() as runner:
        try:
            return runner.run(work)
        except KeyboardInterrupt:
            leave_soon(ExitCode.INTERRUPTED)
            raise
