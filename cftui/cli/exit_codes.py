"""Exit codes are an interface: what each means, and the one map from error and stage to code."""

from __future__ import annotations

from enum import IntEnum

TYPE_CHECKING = False
"""True for type checkers, which know the name; `typing` itself would take a tenth of the time of `--version`."""
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cftui.errors import CftuiError
    from cftui.fleet.history import Stage


class ExitCode(IntEnum):
    """How a command ended. 129, 130, 131 and 143 are the signals HUP, INT, QUIT and TERM."""

    DONE = 0
    """Done, as far as it can be seen."""
    FAILED = 1
    """An action errored, was rejected, or was refused here."""
    USAGE = 2
    """Usage, configuration, not found, ambiguous, wrong count, no terminal without --yes, read-only."""
    UNREACHABLE = 3
    """The cloud is out of reach or unreadable; nothing was sent."""
    UNAUTHORISED = 4
    """Not authorised."""
    UNFINISHED = 5
    """Accepted, but not seen to finish."""
    UNKNOWN = 6
    """The outcome of a request is not known."""
    JOURNAL = 7
    """The journal cannot be used; nothing was sent."""
    BUG = 70
    """A mistake of cftui's own."""
    HANGUP = 129
    INTERRUPTED = 130
    QUIT = 131
    TERMINATED = 143


HELP = """\
exit codes:
  0  done                         4  not authorised
  1  an action errored, was       5  accepted, not seen to finish
     rejected or refused here     6  outcome unknown
  2  usage, configuration,        7  journal unusable, nothing sent
     target, read-only           70  a bug
  3  cloud unreachable           129, 130, 143  signals
"""
"""The table at the end of `--help`."""

_FIRST_THAT_APPLIES = (
    ExitCode.JOURNAL,
    ExitCode.UNKNOWN,
    ExitCode.UNFINISHED,
    ExitCode.FAILED,
    ExitCode.UNAUTHORISED,
    ExitCode.UNREACHABLE,
)


def of_several(codes: Iterable[ExitCode]) -> ExitCode:
    """The code of a run of several targets: the first that applies of 7, 6, 5, 1, 4, 3, 0."""
    found = set(codes)
    return next((code for code in _FIRST_THAT_APPLIES if code in found), ExitCode.DONE)


def of_error(error: CftuiError) -> ExitCode:
    """The code of an error that ended a command before anything was sent."""
    from cftui.errors import JournalError, ReadOnlyError, UsageError

    if isinstance(error, UsageError | ReadOnlyError):
        return ExitCode.USAGE
    if isinstance(error, JournalError):
        return ExitCode.JOURNAL
    from cftui.api.errors import CloudError, Forbidden, OutcomeUnknown, Unauthorized

    if isinstance(error, Unauthorized | Forbidden):
        return ExitCode.UNAUTHORISED
    if isinstance(error, OutcomeUnknown):
        return ExitCode.UNKNOWN
    return ExitCode.UNREACHABLE if isinstance(error, CloudError) else ExitCode.BUG


def of_outcome(
    stage: Stage, *, is_verifiable: bool, waited: bool = True, is_probable: bool = False, reason: str = ""
) -> ExitCode:
    """The code of one target.

    Args:
        stage: How far it was seen to get.
        is_verifiable: Whether its effect is awaited on the VM; if not, the cloud's word is enough.
        waited: Whether its end was awaited; without waiting, accepted is enough.
        is_probable: Which action is ours was inferred: then only the effect proves anything.
        reason: The submission's reason.
    """
    from cftui.fleet.history import Stage

    match stage:
        case Stage.VERIFIED:
            return ExitCode.DONE
        case Stage.COMPLETED:
            if reason == "conflict":
                return ExitCode.FAILED
            if is_probable:
                return ExitCode.UNKNOWN
            return ExitCode.UNFINISHED if waited and is_verifiable else ExitCode.DONE
        case Stage.ACCEPTED:
            return ExitCode.UNFINISHED if waited else ExitCode.DONE
        case Stage.TIMED_OUT:
            return ExitCode.UNFINISHED
        case Stage.REJECTED:
            return ExitCode.UNAUTHORISED if reason in ("401", "403") else ExitCode.FAILED
        case Stage.NOT_SENT:
            return _NOT_SENT.get(reason, ExitCode.FAILED)
        case Stage.SKIPPED | Stage.ERRORED:
            return ExitCode.FAILED
        case _:
            return ExitCode.UNKNOWN


_NOT_SENT = {
    "journal": ExitCode.JOURNAL,
    "unreachable": ExitCode.UNREACHABLE,
    "unread": ExitCode.UNREACHABLE,
    "401": ExitCode.UNAUTHORISED,
    "stopped": ExitCode.DONE,
}
"""By the reason of a submission that was not sent; `stopped` never stands alone, what stopped it has the code."""
