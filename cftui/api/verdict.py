"""What became of a POST: one pure function.

Whatever is not provably "not sent", "refused" or "accepted" is unknown: a wrong "unknown" costs a look-up, a wrong
"not sent" a second reboot.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from cftui.api.decode import read_object
from cftui.api.errors import (
    BadAnswer,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unreachable,
)
from cftui.api.exchange import Exchange, Flaw
from cftui.api.models import Action
from cftui.fleet.rows import ActionRow
from cftui.text import clean, cut, duration

UNDECIDED_4XX = frozenset({408, 425, 499})
"""Timeout, too early, client went away: a proxy says these of requests that the server behind it may have executed."""


def verdict(exchange: Exchange, *, host: str, vm_id: str, type_: str, now: datetime) -> ActionRow:
    """The action that a POST started.

    Args:
        exchange: How it ended.
        host: Who was asked, for messages.
        vm_id: The VM of the path.
        type_: The type that was asked for.
        now: The wall clock.

    Returns:
        The action as accepted; `started` is None when the cloud tells no start time.

    Raises:
        Unreachable: Provably nothing was sent.
        Rejected, RateLimited, Unauthorized, Forbidden, NotFound: Refused; nothing was changed.
        OutcomeUnknown: Everything else; with `is_accepted` when it has begun and only the answer cannot be used.
    """
    status = exchange.status
    if status is None:
        if exchange.flaw is Flaw.NOT_SENT:
            message, cause = f"Not sent to {host}: {exchange.why}.", exchange.cause
            raise Unreachable(message, cause=cause, hint=exchange.advice, vm_id=vm_id)
        reason = (exchange.flaw or Flaw.UNFORESEEN).value
        raise OutcomeUnknown(f"No answer came: {exchange.cause or reason}.", reason=reason, vm_id=vm_id)
    if 200 <= status < 300:
        return _accepted(exchange, vm_id=vm_id, type_=type_)
    if 300 <= status < 400:
        message = f"{host} redirects to {exchange.redirect_host}; that was not followed. Check the base URL."
        raise OutcomeUnknown(message, reason="redirect", status=status, vm_id=vm_id)
    words = exchange.server_words
    said = f": {words}" if words else "."
    if 400 <= status < 500 and status not in UNDECIDED_4XX:
        _refused(exchange, status, f"{status}: {words or 'no reason was given'}", vm_id=vm_id, now=now)
    what = "Server error" if status >= 500 else "The answer is"
    raise OutcomeUnknown(f"{what} {status}{said}", reason=str(status), status=status, vm_id=vm_id)


def _refused(exchange: Exchange, status: int, message: str, *, vm_id: str, now: datetime) -> NoReturn:
    match status:
        case 401:
            raise Unauthorized(message, hint="Check e-mail and password.", status=status, vm_id=vm_id)
        case 403:
            raise Forbidden(message, status=status, vm_id=vm_id)
        case 404:
            raise NotFound(message, hint="The VM may be gone.", status=status, vm_id=vm_id)
        case 429:
            wait_s = exchange.retry_after_s(now)
            asked = "it does not say how long to wait" if wait_s is None else f"it asks to wait {duration(wait_s)}"
            raise RateLimited(f"{message.rstrip('.')}; {asked}", retry_after_s=wait_s, vm_id=vm_id)
        case _:
            raise Rejected(message, status=status, vm_id=vm_id)


def _accepted(exchange: Exchange, *, vm_id: str, type_: str) -> ActionRow:
    def unusable(message: str, reason: str) -> OutcomeUnknown:
        return OutcomeUnknown(message, reason=reason, status=exchange.status, vm_id=vm_id, is_accepted=True)

    content_type = exchange.content_type
    if exchange.flaw is not None:
        raise unusable(f"Accepted, but the answer did not come whole: {exchange.cause}.", "accepted-noid")
    if content_type and "json" not in content_type:
        raise unusable(f"Accepted, but the answer is {content_type}, not JSON.", "accepted-noid")
    try:
        action = Action.model_validate(read_object(exchange.body, "action", bare_with="type"))
    except BadAnswer:
        action = Action()
    if not action.id and not action.type:
        raise unusable("Accepted, but the answer does not say what was started.", "accepted-noid")
    row = action.row(vm_id)
    row = row._replace(type=row.type or type_)
    if (row.vm_id, row.type) != (vm_id, type_):
        named = f"{cut(clean(row.type), 40)} of {cut(clean(row.vm_id), 40)}"
        asked = f"{type_} of {cut(clean(vm_id), 40)}"
        raise unusable(f"Accepted, but the answer names {named}, not {asked}.", "accepted-mismatch")
    return row
