"""Why no connection came about, in one short phrase for a status line."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

from cftui.text import clean, cut

_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})


def connect_cause(error: BaseException) -> str:
    """The phrase for a failed connection: "connection refused", "certificate: hostname mismatch".

    Looks through what the error was made from; the HTTP library wraps the system's own error several times.
    """
    refused = no_route = False
    for origin in _origins(error):
        if isinstance(origin, socket.gaierror):
            return "name not found"
        if isinstance(origin, ssl.SSLCertVerificationError):
            return f"certificate: {_shown(origin.verify_message)}"
        if isinstance(origin, ssl.SSLError):
            return f"no TLS: {_shown((origin.reason or 'closed').replace('_', ' ').lower())}"
        refused = refused or isinstance(origin, ConnectionRefusedError)
        no_route = no_route or (isinstance(origin, OSError) and origin.errno in _NO_ROUTE)
    if refused:
        return "connection refused"
    return "no route to it" if no_route else "no connection"


def shown_fingerprint(error: BaseException) -> str:
    """SHA-256 of the certificate that was not believed, `3F:9C:…`; empty where the failure was another one."""
    for origin in _origins(error):
        if isinstance(origin, ssl.SSLCertVerificationError):
            return str(getattr(origin, "fingerprint", ""))
    return ""


def _shown(words: str) -> str:
    return cut(clean(words), 80)


def _origins(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it came from; each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
