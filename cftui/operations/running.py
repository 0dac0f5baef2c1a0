"""Carrying out confirmed plans: those of this session, and those that an earlier program did not bring to an end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from cftui.api.client import CloudClient
from cftui.api.errors import CloudError
from cftui.errors import JournalError, UsageError
from cftui.fleet.history import Stage, Submission
from cftui.fleet.rows import VmRow
from cftui.operations.baselines import Baselines
from cftui.operations.order import Order
from cftui.operations.plan import Plan, Step
from cftui.operations.run import Run
from cftui.operations.run_store import BEAT_S, KeptRun, RunStore
from cftui.operations.runs import STOPPED, WAIT, RunState, RunView
from cftui.operations.sending import Sending

log = logging.getLogger(__name__)

LEFT = "left as it is"
_LEAVING_S = 0.25

_HOPELESS = frozenset({"journal", "401", "stopped", "read-only"})
"""Reasons that hold for every step that would follow."""

_REFUSED = frozenset({Stage.SKIPPED, Stage.NOT_SENT})


class Running:
    """Carries out the plans of one account.

    Args:
        sending: Sends each step.
        store: Keeps runs of several requests.
        reread: Takes in all that open runs sent.
        changed: Told when a run looks different.
    """

    def __init__(
        self,
        sending: Sending,
        store: RunStore,
        *,
        reread: Callable[[], Awaitable[None]],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._sending = sending
        self._clock = sending.clock
        self._store = store
        self._reread = reread
        self._changed = changed
        self._runs: dict[str, Run] = {}
        self._leading: dict[str, asyncio.Task[None]] = {}
        """By run id."""
        self._left: dict[str, KeptRun] = {}
        """Runs that earlier programs did not bring to an end, and nobody decided about, by id."""
        self._looking = asyncio.Lock()
        self._stops_noted: set[str] = set()
        self._writes: set[asyncio.Task[None]] = set()
        self._beating: asyncio.Task[None] | None = None

    @property
    def runs(self) -> tuple[RunView, ...]:
        """Runs of several VMs or of several steps, of this session and those that had not ended, oldest first."""
        return tuple(run.view for run in self._runs.values() if run.is_listed)

    @property
    def unsent(self) -> int:
        """Confirmed VMs that have not begun."""
        return sum(run.unsent for run in self._runs.values())

    def run(self, run_id: str) -> Run | None:
        """A run of this session."""
        return self._runs.get(run_id)

    async def execute(self, plan: Plan, client: CloudClient, order: Order) -> list[Submission]:
        """See `Engine.execute`.

        Raises:
            UsageError: This plan was executed before; one confirmation is not used twice.
        """
        if plan.id in self._runs:
            raise UsageError("This was confirmed and sent before.", hint="Confirm it anew to send it again.")
        tools = _Tools(self._sending, plan, client)
        confirmed_at = self._clock.now().timestamp()
        run = self._make(tools, order, confirmed_at)
        if run.is_listed:
            try:
                await self._store.begin(plan, order, confirmed_at)
            except JournalError as error:
                tools.give_up("journal", f"{error.message.rstrip('.')}; nothing was sent")
        return await self._carry_out(run)

    async def resume(self, run_id: str, client: CloudClient, order: Order | None) -> list[Submission]:
        """See `Engine.resume`.

        Raises:
            UsageError: There is no such run, or another program goes on with it.
            JournalError: That it goes on could not be written; nothing was sent.
        """
        kept = await self._take_over(run_id, order)
        return await self._carry_out(
            self._make(_Tools(self._sending, kept.plan, client), kept.order, kept.confirmed_at)
        )

    async def dismiss(self, run_id: str) -> None:
        """See `Engine.dismiss_run`.

        Raises:
            UsageError: There is no such run, or another program goes on with it.
            JournalError: It could not be written.
        """
        kept = await self._take_over(run_id, None)
        await self._store.end(run_id, "dismissed", LEFT)
        self._stops_noted.add(run_id)
        run = self._make(
            _Tools(self._sending, kept.plan, None), replace(kept.order, is_attended=False), kept.confirmed_at
        )
        run.abort(LEFT)
        self._lead(run)

    async def look_for_left_runs(self) -> None:
        """Take in the runs that other programs left behind, and drop those that others go on with."""
        async with self._looking:
            with contextlib.suppress(JournalError):
                await self._look_for_left_runs()

    async def _look_for_left_runs(self) -> None:
        found = {kept.plan.id: kept for kept in await self._store.left_behind()}
        for run_id in self._left.keys() - found.keys():
            await self._forget_left(run_id)
        fresh = [kept for run_id, kept in found.items() if run_id not in self._runs]
        if fresh:
            await self._reread()
        for kept in fresh:
            self._left[kept.plan.id] = kept
            self._lead(
                self._make(_Tools(self._sending, kept.plan, None), kept.order, kept.confirmed_at, is_parked=True)
            )
        for _ in range(2):  # the run begins, and leads each VM to where it stands
            await asyncio.sleep(0)

    async def _take_over(self, run_id: str, order: Order | None) -> KeptRun:
        kept = self._left.pop(run_id, None)
        if kept is None:
            raise UsageError("There is no interrupted run of this name; nothing was sent.")
        try:
            await self._store.take_over(kept, order or kept.order)
        except JournalError:
            self._left[run_id] = kept
            raise
        except UsageError:
            await self._forget_left(run_id)
            raise
        await self._reread()  # whoever carried it out may have sent more of it since it was looked at
        await self._end_leading(run_id)  # the run stays in its place until it goes on there
        return replace(kept, order=order or kept.order)

    async def _forget_left(self, run_id: str) -> None:
        self._left.pop(run_id, None)
        self._runs.pop(run_id, None)
        await self._end_leading(run_id)
        self._changed()

    async def _end_leading(self, run_id: str) -> None:
        if (task := self._leading.pop(run_id, None)) is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _make(self, tools: _Tools, order: Order, confirmed_at: float, *, is_parked: bool = False) -> Run:
        plan = tools.plan
        run = self._runs[plan.id] = Run(
            plan,
            order,
            tools,
            clock=self._clock,
            confirmed_at=confirmed_at,
            changed=lambda: self._run_moved(plan.id),
            hopeless=lambda: STOPPED if self._sending.is_stopping else tools.hopeless,
            is_parked=is_parked,
        )
        tools.is_kept = run.is_listed
        return run

    async def _carry_out(self, run: Run) -> list[Submission]:
        self._lead(run)
        if run.is_listed and self._beating is None and not self._sending.is_stopping:
            self._beating = asyncio.create_task(self._beat(), name="cftui-alive")
        await run.until_sent()
        told = (self._sending.engine.view.submissions.get(step.token) for step in run.plan.steps)
        return [submission for submission in told if submission is not None]

    def _lead(self, run: Run) -> None:
        task = self._leading[run.plan.id] = asyncio.create_task(self._led(run), name="cftui-run")
        task.add_done_callback(_told)

    async def _led(self, run: Run) -> None:
        await run.carry_out()
        # What ended because the program ends has not: it is offered again.
        if run.is_listed and run.state is RunState.ENDED and run.message != STOPPED:
            self._left.pop(run.plan.id, None)
            self._note_end(run, "ended")

    def _note_end(self, run: Run, state: str) -> None:
        """Write it down, whatever becomes of who asked for it."""
        task = asyncio.create_task(self._store.end(run.plan.id, state, run.message), name="cftui-run-over")
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    def _run_moved(self, run_id: str) -> None:
        run = self._runs.get(run_id)
        is_stopped = run is not None and run.state is RunState.STOPPING and run.message != STOPPED
        if run is not None and is_stopped and run.is_listed and run_id not in self._stops_noted:
            self._stops_noted.add(run_id)
            self._note_end(run, "aborted")
        self._changed()

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(BEAT_S)
            await self._store.say_alive()

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more, and give what is under way a moment for its answers."""
        self._sending.is_stopping = True
        for run in self._runs.values():
            run.abort(STOPPED)
        if self._beating is not None:
            self._beating.cancel()
        # What is under way first, so that its end is known when whoever waits for the run is told.
        await self._sending.stop(grace_s)
        # Those that stood behind it leave by themselves, and are told as left out.
        leaving = [asyncio.ensure_future(run.until_sent()) for run in self._runs.values()]
        if leaving:
            await asyncio.wait(leaving, timeout=_LEAVING_S)
        for task in leaving:
            task.cancel()
        for task in self._leading.values():
            task.cancel()
        await asyncio.gather(*self._leading.values(), return_exceptions=True)
        await asyncio.gather(*self._writes)

    async def idle(self) -> None:
        """Until nothing that is under way now is any more, no plan that has steps left either."""
        unsent = (asyncio.ensure_future(run.until_sent()) for run in self._runs.values())
        if waits := [*self._sending.under_way, *unsent]:
            await asyncio.wait(waits)


def _told(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("A run failed inside cftui", exc_info=error)


class _Tools:
    """What one run needs of `Sending`."""

    def __init__(self, sending: Sending, plan: Plan, client: CloudClient | None) -> None:
        self.plan = plan
        self.is_kept = False
        """Whether what is refused here is written down too, so that a later start tells it of the run."""
        self._sending = sending
        self._client = client
        self._baselines = None if client is None else Baselines(plan, client, sending.engine, sending.clock)
        self.hopeless = ""
        """Why nothing more of this plan can be sent; empty while something can."""
        self._reason = "stopped"

    def give_up(self, reason: str, message: str) -> None:
        self._reason, self.hopeless = reason, message

    @property
    def wait_s(self) -> float:
        return self._sending.wait_s

    async def send(self, step: Step) -> Submission:
        if (known := self.now(step.token)) is not None:
            return known
        assert self._client is not None, "without one, nothing is to be sent"
        assert self._baselines is not None
        entry = await self._sending.send(step, self.plan, self._client, self._baselines)
        submission = entry.submission
        if submission.reason in _HOPELESS:
            self.give_up(submission.reason, submission.message)
        elif self.is_kept and submission.stage in _REFUSED and submission.reason != WAIT:
            await self._sending.keep(entry)
        return submission

    def leave_out(self, step: Step, message: str) -> None:
        self._sending.not_sent(self.plan, step, self._reason, message)

    def now(self, token: str) -> Submission | None:
        known = self._sending.engine.view.submissions.get(token)
        return None if known is not None and known.reason == WAIT else known

    def vm(self, vm_id: str) -> VmRow | None:
        return self._sending.engine.view.vms.get(vm_id)

    async def look(self, vm_id: str) -> None:
        if self._client is None:
            return  # what an earlier program left is looked at as often as all others
        with contextlib.suppress(CloudError):
            self._sending.engine.feed(vms=((await self._client.get_vm(vm_id)).row(),))

    async def news_of(self, token: str, *, within_s: float) -> None:
        await self._sending.news_of(token, within_s=within_s)
