"""Taking our own secret out of what a server echoes."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

HIDDEN = b"[hidden]"
_SHORTEST = 4
"""A password shorter than this is not looked for by itself: it would shred every text."""


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
