"""What became of a GET: its body, or the reason in the words of `cftui.api.errors`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from cftui.api.errors import (
    BadAnswer,
    Forbidden,
    NotFound,
    RateLimited,
    ReadFailed,
    Rejected,
    Unauthorized,
    Unreachable,
)
from cftui.api.exchange import Exchange, Flaw
from cftui.api.verdict import UNDECIDED_4XX
from cftui.text import clean, cut

LOST = frozenset({Flaw.READ_ERROR, Flaw.NO_REPLY, Flaw.WRITE_ERROR})
"""A connection that broke. A GET is repeated once: a kept connection may have been closed while it was idle."""

NO_SUCH_ENDPOINT = frozenset({404, 405, 501})


@contextmanager
def named(path: str, vm_id: str = "") -> Iterator[None]:
    """What cannot be read inside is told together with what was asked for."""
    reason = ""
    try:
        yield
    except BadAnswer as error:
        reason = error.message
    if reason:
        raise BadAnswer(f"GET {cut(clean(path), 80)}: {reason}", vm_id=vm_id)


def body_of(exchange: Exchange, *, host: str, path: str, vm_id: str, now: datetime) -> bytes:
    """The body of a good answer.

    Args:
        exchange: How the GET ended.
        host: Who was asked, for messages.
        path: What was asked for, for messages.
        vm_id: The VM it concerns; empty when none.
        now: The wall clock.

    Raises:
        CloudError: Every other end, as the narrowest class.
    """
    status, flaw, cause = exchange.status, exchange.flaw, exchange.cause
    if flaw is Flaw.NOT_SENT:
        raise Unreachable(f"Cannot reach {host}: {exchange.why}.", cause=cause, hint=exchange.advice, vm_id=vm_id)
    if flaw in (Flaw.TOO_LARGE, Flaw.ENCODED):
        raise BadAnswer(f"The reply to GET {path} is unusable: {cause}.", status=status, vm_id=vm_id)
    if flaw is not None or status is None:
        raise ReadFailed(f"{host} did not answer GET {path}: {cause}.", cause=cause, status=status, vm_id=vm_id)
    if 200 <= status < 300:
        if exchange.body.lstrip().startswith(b"<"):
            message = f"{host} answered GET {path} with a web page ({exchange.content_type or 'no type'})."
            raise BadAnswer(message, hint="Check the base URL.", status=status, vm_id=vm_id)
        return exchange.body
    if 300 <= status < 400:
        target = exchange.redirect_host
        message = f"{host} redirects to {target}; that was not followed."
        cause = f"redirect to {target}"
        raise ReadFailed(message, cause=cause, hint="Check the base URL.", status=status, vm_id=vm_id)
    words = exchange.server_words
    message = f"{host} answered {status} to GET {path}" + (f": {words}" if words else ".")
    if exchange.body.lstrip().startswith(b"<"):
        message = f"{host} answered {status} to GET {path} with a web page; that is not the API."
    if status == 401:
        raise Unauthorized(f"{host} refused the e-mail and password.", hint="Check both.", status=status, vm_id=vm_id)
    if status == 403:
        raise Forbidden(message, status=status, vm_id=vm_id)
    if status in NO_SUCH_ENDPOINT:
        raise NotFound(message, status=status, vm_id=vm_id)
    retry_after_s = exchange.retry_after_s(now)
    if status == 429:
        raise RateLimited(message, retry_after_s=retry_after_s, vm_id=vm_id)
    if 400 <= status < 500 and status not in UNDECIDED_4XX:
        raise Rejected(message, status=status, vm_id=vm_id)
    cause = f"server error {status}" if status >= 500 else f"answer {status}"
    raise ReadFailed(message, cause=cause, status=status, vm_id=vm_id, retry_after_s=retry_after_s)
