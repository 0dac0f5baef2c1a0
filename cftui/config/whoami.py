"""Who runs this, and where."""

from __future__ import annotations

import getpass
import os
import socket


def user_and_machine() -> str:
    """`alice on jump-1`; the user's number where it has no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user} on {socket.gethostname()}"
