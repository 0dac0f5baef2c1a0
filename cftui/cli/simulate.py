"""`simulate`: the simulated cloud as a server, until a signal ends it."""

from __future__ import annotations

import sys

from cftui.cli.exit_codes import ExitCode
from cftui.cli.options import Options
from cftui.cli.output import write
from cftui.config.secrets import usable
from cftui.errors import UsageError
from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.main import run
from cftui.simulator.quirks import QUIRKS

EMAIL, PASSWORD = "user@example.com", "password"
"""Who may sign in by default: the document's own sample."""


def simulate(options: Options) -> ExitCode:
    """Serve until SIGINT or SIGTERM; the first line of stdout is the base URL.

    Raises:
        UsageError: A quirk or a value that does not exist.
    """
    if options.list_quirks:
        widest = max(map(len, QUIRKS))
        write("".join(f"{name:{widest}}  {meaning}\n" for name, meaning in QUIRKS.items()))
        return ExitCode.DONE
    if sys.stdout is None or sys.stderr is None:
        raise UsageError("The simulator needs stdout for its URL and stderr for what it is asked.")
    try:
        cloud = SimulatedCloud(
            vms=options.vms,
            seed=options.seed,
            speed=options.speed,
            calm=options.calm,
            quirks=options.quirk,
            email=options.email or EMAIL,
            password=_password() if options.password_stdin else PASSWORD,
        )
    except ValueError as error:
        raise UsageError(str(error), hint="`cftui simulate --list-quirks` lists what it can do.") from error
    return ExitCode(run(options.host, options.port, cloud, sys.stdout, sys.stderr))


def _password() -> str:
    line = sys.stdin.readline().rstrip("\r\n") if sys.stdin is not None else ""
    if not line:
        raise UsageError("--password-stdin, but stdin holds no password.")
    return usable(line, "stdin")
