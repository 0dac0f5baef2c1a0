"""The simulated cloud as a program of its own, until it is asked to end."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO

from cftui.simulator.cloud import SimulatedCloud
from cftui.simulator.ledger import Received
from cftui.simulator.server import SimulatorServer

CANNOT_LISTEN = 2
"""Exit code: the arguments cannot be used."""


def run(host: str, port: int, cloud: SimulatedCloud, stdout: TextIO, stderr: TextIO) -> int:
    """Serve until SIGINT or SIGTERM; from the main thread only.

    Args:
        host: Where to listen.
        port: 0 for any free one.
        cloud: What to serve.
        stdout: Gets one line, the base URL with its path, flushed.
        stderr: Gets all else: how to sign in, and a line for each POST.

    Returns:
        The exit code: 0 when asked to end, 2 when the address cannot be listened on.
    """
    asked_to_end = threading.Event()
    server = SimulatorServer(cloud, host, port)

    def tell(received: Received) -> None:
        with suppress(OSError):  # nobody reads it any more; the cloud goes on
            print(_told(received), file=stderr, flush=True)

    cloud.ledger.on_post = tell
    handlers = {
        number: signal.signal(number, lambda *_: asked_to_end.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        server.start()
        print(server.url, file=stdout, flush=True)
        quirks = ", ".join(f"{name}={value}" if value else name for name, value in cloud.quirks.items())
        odd = f" Quirks: {quirks}." if quirks else ""
        told = f"{len(cloud.vms())} VMs; sign in as {cloud.email}.{odd} ctrl+c ends it."
        print(_visible(told), file=stderr, flush=True)
        asked_to_end.wait()
    except OSError as error:
        reason = (error.strerror or str(error)).rstrip(".")
        told = f"Cannot listen on {host}:{port}: {reason}. Choose another with --port (0: any free one)."
        print(_visible(told), file=stderr)
        return CANNOT_LISTEN
    finally:
        server.stop()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return 0


def _visible(text: str) -> str:
    """The text, with escapes in it where a terminal would obey what was typed."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _told(received: Received) -> str:
    at = datetime.fromtimestamp(received.time, UTC).strftime("%H:%M:%S")
    asked = f"POST {ascii(received.path)[1:-1]} {ascii(received.body[:200])[2:-1]}"
    return f"{at} {asked}: {received.status} {received.verdict}"
