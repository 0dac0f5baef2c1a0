"""Whose VMs, where, and how to ask; and the one name by which journal and readings know an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cftui.api.urls import origin_of

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class Account:
    """What a profile becomes once its secret is known."""

    base_url: str
    """Origin and base path, without a slash at the end."""
    email: str
    password: str = field(repr=False)
    profile: str = ""
    is_read_only: bool = False
    """Nothing may ever be changed."""
    starts_read_only: bool = False
    """Nothing may be changed until it is allowed for a time."""
    read_only_source: str = ""
    """What made it read-only for good: `--read-only`, `CFTUI_READ_ONLY`, `profile 'prod'`."""
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    proxy: str = field(default="", repr=False)

    @property
    def origin(self) -> str:
        """Names this account in readings and in the journal; no secret."""
        return account_name(self.base_url, self.email)

    @property
    def locked_by(self) -> str:
        """What made it read-only for good; empty when nothing did."""
        return (self.read_only_source or "the way it was started") if self.is_read_only else ""


def account_name(base_url: str, email: str) -> str:
    """One name an account, however it is reached: what is open on a VM under `/v1` is open under `/api/v1`, too.

    Scheme, host and port, then the e-mail without case.
    """
    return f"{origin_of(base_url) or base_url}|{email.strip().lower()}"
