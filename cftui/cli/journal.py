"""`journal`: what this machine sent, with verdicts; works without network and without credentials."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from cftui.cli import records
from cftui.cli.exit_codes import ExitCode
from cftui.cli.options import Options
from cftui.cli.output import Narrator, emit, named, write
from cftui.clock import Clock
from cftui.config.folders import state_dir
from cftui.config.whoami import user_and_machine
from cftui.errors import UsageError
from cftui.fleet.handover import Shift, handover
from cftui.fleet.history import Submission, entry_of_submission
from cftui.operations.journal import Journal, gap_of, read_journal, read_left_runs
from cftui.operations.run_store import KeptRun
from cftui.text import count

ACKNOWLEDGE = "Look at the VMs; then: cftui journal --acknowledge-gap"
"""The way on after a gap, for whoever has no cockpit to type in."""

_USUAL_SHIFT_H = 12.0
_MOST_IN_SHIFT = 20_000
"""Newest rows that are looked at for a handover."""
_OURS_ALONE = "Written from this machine's journal: what others did, and how it stands in the cloud now, is not in it."


def journal(options: Options) -> ExitCode:
    """Newest first, of all accounts.

    Raises:
        JournalError: It cannot be read, or not be written where it has to be.
        UsageError: Options that do not go together.
    """
    path = state_dir(os.environ) / "journal.sqlite3"
    tell = Narrator(is_quiet=options.quiet)
    if options.since is not None and not options.handover:
        raise UsageError("--since goes with --handover.")
    if options.handover:
        return _handover(path, options, tell)
    if options.acknowledge_gap:
        known = asyncio.run(_acknowledge(path))
        tell(f"Acknowledged. {known}" if known else "Nothing is missing; there is nothing to acknowledge.")
    entries = read_journal(path)
    emit(records.journal([(entry.submission, entry.origin) for entry in entries]), options.form, options.columns)
    if missing := gap_of(path):
        tell.error(f"{missing} {ACKNOWLEDGE}")
    for run, not_begun in read_left_runs(path, now=Clock().now().timestamp()):
        tell.error(_left_words(run, not_begun))
    if not missing and not entries:
        tell(f"Nothing was sent from here yet; there is no entry in {path}.")
    return ExitCode.DONE


def _handover(path: Path, options: Options, tell: Narrator) -> ExitCode:
    """The timeline of the last hours, a document for each account.

    Raises:
        JournalError: The journal cannot be read.
        UsageError: Another form of output is asked for.
    """
    if options.output is not None or options.columns:
        raise UsageError("A handover is Markdown; neither -o nor --columns goes with it.")
    until = Clock().now().astimezone()
    since = until - timedelta(hours=_USUAL_SHIFT_H if options.since is None else options.since)
    accounts: dict[str, list[Submission]] = {}
    for entry in read_journal(path, limit=_MOST_IN_SHIFT):
        accounts.setdefault(entry.origin, []).append(entry.submission)
    for origin, sent in accounts.items():
        host, _, account = origin.rpartition("|")
        shift = Shift(since, until, "", account, host, user_and_machine(), _OURS_ALONE)
        plans = {submission.token: submission.plan_id for submission in sent}
        write(handover([entry_of_submission(submission, None) for submission in sent], plans, shift) + "\n")
    if not accounts:
        tell(f"Nothing was sent from here yet; there is no entry in {path}.")
    return ExitCode.DONE


def tell_unrecorded(submissions: Iterable[Submission], tell: Narrator) -> None:
    """Say at the end of the program what is known now and will not be at the next start."""
    for one in submissions:
        when = f", started {one.started_at}" if one.started_at else ""
        told = f"{one.handle} {one.type} {named(one.vm_name)} {one.vm_id}: {one.stage.value.replace('_', ' ')}{when}"
        tell.error(f"Not recorded: {told}. The next start has to look it up.")


def _left_words(run: KeptRun, not_begun: int) -> str:
    """`run 7c1f (reboot) was interrupted: 27 of 50 VMs not begun`, and the way on."""
    plan = run.plan
    what = plan.workflow.value.replace("_", " ") or plan.type.value
    vms = len({step.vm.id for step in plan.steps})
    how = f"{not_begun:,} of {count(vms, 'VM')} not begun" if not_begun else "not all of it is sent"
    return f"Run {plan.id[:4]} ({what}) was interrupted: {how}. The cockpit offers to go on or to leave it."


async def _acknowledge(path: Path) -> str:
    kept = Journal(path)
    await kept.open()
    try:
        missing = kept.gap
        if missing:
            await kept.acknowledge_gap()
    finally:
        await kept.close()
    return missing
