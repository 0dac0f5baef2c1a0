"""Errors that a user can meet.

Each answers: what failed, for which VM, what state things are in now, what to do next.

    CftuiError
    ├── UsageError        wrong arguments, configuration or targets; nothing was sent
    │   └── ConfigError   a file, key or value of the configuration
    ├── ReadOnlyError     something would have changed the cloud and may not
    ├── JournalError      the journal cannot be written; nothing was sent
    └── CloudError        drawn in `cftui.api.errors`
"""

from __future__ import annotations


class CftuiError(Exception):
    """Base of every error that reaches a user, in three short texts without secrets.

    Args:
        message: One sentence: what failed, and for what.
        hint: What to do next; empty when there is nothing to advise.
    """

    title = "Error"
    """Two or three words for the head of a dialog."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(CftuiError):
    """Wrong arguments, configuration or targets; nothing was sent to anyone."""

    title = "Cannot do that"


class ConfigError(UsageError):
    """A configuration file, key or value cannot be used."""

    title = "Configuration"


class ReadOnlyError(CftuiError):
    """The profile, flag or environment says that nothing may be changed."""

    title = "Read-only"


class JournalError(CftuiError):
    """The journal cannot be used, so nothing was sent."""

    title = "Journal"
