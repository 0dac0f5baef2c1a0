"""What can go wrong between us and the cloud.

CloudError                 has `.vm_id`, empty when it concerns no single VM
├── Unauthorized           401: the credentials are wrong; ask for others before asking again
├── Forbidden              403: not for this account
├── NotFound               404: no such VM, or no such endpoint
├── Rejected               another 4xx: the cloud understood and refused; nothing was changed
│   └── RateLimited        429: refused before acting; `.retry_after_s`
├── Unreachable            provably nothing was sent: no name, no connection, no TLS
├── ReadFailed             a read got no usable end: timeout, reset, 5xx, redirect
├── BadAnswer              an answer came and cannot be read
└── OutcomeUnknown         a POST left and what became of it is not known
"""

from __future__ import annotations

from cftui.errors import CftuiError


class CloudError(CftuiError):
    """Base of all that goes wrong with the cloud.

    Args:
        message: One sentence without secrets; texts of the server in it are cleaned.
        hint: What to do next.
        status: HTTP status, None when no answer came.
        vm_id: The VM it concerns; empty when none.
    """

    title = "The cloud"

    def __init__(self, message: str, *, hint: str = "", status: int | None = None, vm_id: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.vm_id = vm_id


class Unauthorized(CloudError):
    """401: the cloud refused the e-mail and password."""

    title = "Not signed in"


class Forbidden(CloudError):
    """403: this account may not."""


class NotFound(CloudError):
    """404, 405 or 501 to a read: no such VM, or an endpoint that this cloud does not have."""


class Rejected(CloudError):
    """Another 4xx: understood and refused; nothing was changed."""

    title = "Rejected"


class RateLimited(Rejected):
    """429: refused before acting.

    Args:
        retry_after_s: How long the cloud asks to wait, 1 to 300 s; None when it does not say.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, status: int = 429, vm_id: str = "") -> None:
        super().__init__(message, status=status, vm_id=vm_id)
        self.retry_after_s = retry_after_s


class Unreachable(CloudError):
    """Provably nothing was sent: no such name, connection refused, no TLS.

    Args:
        cause: One short phrase for a status line: "connection refused".
    """

    title = "Out of reach"

    def __init__(self, message: str, *, cause: str, hint: str = "", vm_id: str = "") -> None:
        super().__init__(message, hint=hint, vm_id=vm_id)
        self.cause = cause


class ReadFailed(CloudError):
    """A read got no usable end: timeout, reset, 5xx, redirect.

    Args:
        cause: One short phrase for a status line: "server error 503".
        retry_after_s: As in `RateLimited`.
    """

    def __init__(
        self,
        message: str,
        *,
        cause: str,
        hint: str = "",
        status: int | None = None,
        vm_id: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, status=status, vm_id=vm_id)
        self.cause = cause
        self.retry_after_s = retry_after_s


class BadAnswer(CloudError):
    """An answer came and cannot be read: HTML, truncated JSON, too large, contradicting itself."""

    title = "Unreadable answer"


class OutcomeUnknown(CloudError):
    """A POST left and no answer says what became of it; it may have begun. Never raised for a read.

    Args:
        reason: A word for the journal: `timeout`, `read-error`, `no-reply`, `write`, `unforeseen`, `redirect`, a status
            such as `500`; with `is_accepted`, `accepted-noid` or `accepted-mismatch`; of a cancelled task, `cancelled`.
        is_accepted: A 2xx came, only its content is unreadable: it has begun.
    """

    title = "Outcome unknown"

    def __init__(
        self, message: str, *, reason: str, status: int | None = None, vm_id: str = "", is_accepted: bool = False
    ) -> None:
        super().__init__(message, hint="Do not repeat it; it is being looked up.", status=status, vm_id=vm_id)
        self.reason = reason
        self.is_accepted = is_accepted
