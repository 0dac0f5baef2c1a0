"""Taking secrets out of what a server says: our own where it echoes it, and new ones that it may tell."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote

HIDDEN = b"[hidden]"
_SHORTEST = 4
"""A password shorter than this is not looked for by itself: it would shred every text."""

_TOLD = re.compile(
    r"""(?i)(\w{0,30}(?:passw(?:or)?d|passphrase|secret|token|\[hidden\])\w{0,30}["']?\s?[:=]\s?"""
    r"""|new (?:password|\[hidden\]) is )"""
    r"""("[^"]*"?|'[^']*'?|[^\s,;<>"']+)"""
)
"""A name like that of a secret, then its value, as JSON, HTML, or a sentence would tell it.

The name is hidden already where the account's own password is that very word."""


def without_secrets(words: str) -> str:
    """A server's words without what looks like a password in them: `"root_password": [hidden]`.

    No answer is documented to hold one, and what is shown is journalled too.
    """
    return _TOLD.sub(lambda told: told[1] + HIDDEN.decode(), words)


class Redaction:
    """Replaces the password, in the forms in which a server might send it back.

    Args:
        email: Of the account.
        password: Kept in no attribute, only in what `__call__` closes over.
    """

    def __init__(self, email: str, password: str) -> None:
        forms = {base64.b64encode(f"{email}:{password}".encode())}
        if len(password) >= _SHORTEST:
            secret = password.encode()
            forms |= {secret, base64.b64encode(secret), quote(secret, safe="").encode()}
            forms |= {json.dumps(password, ensure_ascii=is_ascii)[1:-1].encode() for is_ascii in (True, False)}
        longest_first = sorted(forms, key=len, reverse=True)

        def hide(body: bytes) -> bytes:
            for form in longest_first:
                body = body.replace(form, HIDDEN)
            return body

        self._hide = hide

    def __call__(self, body: bytes) -> bytes:
        """The body without the secret."""
        return self._hide(body)
