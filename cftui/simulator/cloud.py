"""The simulated cloud: VMs, actions, and what becomes of them as time passes. No sockets.

Time is asked for, never waited for: each call first lets everything happen that was due, in order, each at its own
instant.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from cftui.simulator.clocks import Clock, WallClock, iso, seconds
from cftui.simulator.durations import duration_s
from cftui.simulator.ledger import Ledger
from cftui.simulator.neighbours import next_deed, pause_s
from cftui.simulator.quirks import parse_quirks
from cftui.simulator.rules import ACTION_TYPES, Order, Refusal, check, read_order
from cftui.simulator.seed import Seeder
from cftui.simulator.state import COMPLETED, ERRORED, RUNNING, STOPPED, Action, Vm
from cftui.simulator.wire import Wire

LONGEST_CATCH_UP_S = 3600.0
"""What other people did during a longer sleep of the machine is left out."""

BUSY_AT_START = ((81.0, "snapshot"), (31.0, "power_cycle"), (12.0, "reboot"))
"""Begun so many seconds before the start, where other people act: something to see at once."""


class SimulatedCloud:
    """One account's cloud. All public methods may be called from any thread.

    Args:
        vms: How many VMs the fleet has.
        seed: The same seed gives the same fleet.
        speed: Durations are divided by it.
        calm: Nobody else acts. What misbehaves by its name (`stubborn-…`, `broken-…`) still does.
        quirks: By name with a value, or texts `NAME` and `NAME=VALUE`; see `QUIRKS`.
        clock: Tells the time; the machine's when None.
        email: Who may sign in.
        password: With what.

    Raises:
        ValueError: An unknown quirk, a quirk's value, or a number that makes no sense.
    """

    def __init__(
        self,
        vms: int = 200,
        seed: int = 1,
        speed: float = 1.0,
        calm: bool = False,
        quirks: Mapping[str, str] | Iterable[str] = (),
        clock: Clock | None = None,
        email: str = "user@example.com",
        password: str = "password",  # noqa: S107 the document's own
    ) -> None:
        if vms < 0:
            raise ValueError("A cloud cannot have fewer than 0 VMs.")
        if not 0 < speed < float("inf"):
            raise ValueError("The speed must be a number above 0.")
        self.quirks = parse_quirks(quirks)
        self.email = email
        self.password = password
        self.ledger = Ledger()
        self.wire = Wire(self.quirks)
        self._speed = speed
        self._seed = seed
        self._clock = clock or WallClock()
        self._lock = threading.RLock()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._counter = 0
        self._now = seconds(self._clock)
        self._seeder = Seeder(seed)
        self._vms = {vm.id: vm for vm in self._seeder.fleet(vms)}
        if "hostile-names" in self.quirks:
            self._seeder.name_hostile(list(self._vms.values()))
        self._order = list(self._vms.values())
        self._actions = self._seeder.past(self._order, self._now, speed)
        self._of_vm: dict[str, list[Action]] = {}
        for action in self._actions:
            self._of_vm.setdefault(action.vm_id, []).append(action)
        if not calm and self._order:
            self._neighbours = random.Random(f"{seed}/neighbours")
            self._begin_with_others()

    # What the API reads

    def now(self) -> float:
        """The cloud's time, in seconds since 1970."""
        return seconds(self._clock)

    def listed_vms(self, start: int, stop: int) -> tuple[list[bytes], int]:
        """VMs from one place in the list to another, as JSON, and how many there are."""
        with self._live():
            return [self.wire.vm(vm) for vm in self._order[start:stop]], len(self._order)

    def shown_vm(self, vm_id: str) -> bytes:
        """One VM as JSON.

        Raises:
            Refusal: 404.
        """
        with self._live():
            return self.wire.vm(self._known(vm_id))

    def listed_actions(self, start: int, stop: int, vm_id: str | None = None) -> tuple[list[bytes], int]:
        """Actions from one place in the list to another, newest first, as JSON, and how many there are.

        Args:
            start: First place, from 0.
            stop: The place after the last.
            vm_id: Only those of this VM.

        Raises:
            Refusal: 404.
        """
        with self._live():
            actions = self._actions if vm_id is None else self._of_vm.get(self._known(vm_id).id, [])
            if "late-actions" in self.quirks:
                latest = self._now - float(self.quirks["late-actions"])
                actions = [action for action in actions if action.started <= latest]
            total = len(actions)
            if "actions-oldest-first" in self.quirks:
                chosen = actions[start:stop]
            else:
                chosen = [actions[place] for place in range(total - 1 - start, max(-1, total - 1 - stop), -1)]
            return [self.wire.action(action) for action in chosen], total

    def submit(self, vm_id: str, body: bytes, *, carry_out: bool = True) -> Action:
        """Take a POST's body for what it is, and begin the action that it asks for.

        Args:
            vm_id: From the path.
            body: The bytes received.
            carry_out: When false, the answer is the same and nothing happens: a request lost on its way.

        Returns:
            The action as the answer must print it: as it was when it was accepted.

        Raises:
            Refusal: Nothing was begun.

        API: "Reboot a VM" to "Snapshot a VM".
        """
        with self._live():
            vm = self._known(vm_id)
            order = read_order(body)
            if order.type == "snapshot" and "demo-mode" in self.quirks:
                raise Refusal(403, "forbidden", "Snapshots are not available in demo mode.")
            check(order, vm)
            if not carry_out:
                return self._new_action(vm, order.type, self._now)
            accepted = replace(self._begin(vm, order, self._now))
            if "same-second" in self.quirks:
                self._begin(vm, order, self._now)
            return accepted

    # What tests see and do

    def vm(self, vm_id: str) -> Vm:
        """One VM, as it is now.

        Raises:
            KeyError: There is none.
        """
        with self._live():
            return self._vms[vm_id]

    def find(self, name: str) -> Vm:
        """The first VM of this name, as it is now.

        Raises:
            KeyError: There is none.
        """
        with self._live():
            for vm in self._order:
                if vm.name == name:
                    return vm
            raise KeyError(name)

    def vms(self) -> list[Vm]:
        """All VMs, in the list's order."""
        with self._live():
            return list(self._order)

    def actions(self, vm_id: str | None = None) -> list[Action]:
        """All actions, or those of one VM, oldest first."""
        with self._live():
            return list(self._actions if vm_id is None else self._of_vm.get(vm_id, []))

    def add_vm(self, name: str, **attributes: object) -> Vm:
        """Create a VM: small, running, in moscow_01, unless `attributes` (those of `Vm`) say otherwise."""
        with self._live():
            vm = self._seeder.single(name, iso(self._now), attributes)
            self._vms[vm.id] = vm
            self._order.append(vm)
            return vm

    def delete(self, vm_id: str) -> None:
        """Take a VM out of the cloud; its actions stay in the global list."""
        with self._live():
            self._order.remove(self._vms.pop(vm_id))

    def set_status(self, vm_id: str, status: str) -> None:
        """Give a VM any status, as a maintenance of the host would."""
        with self._live():
            self._vms[vm_id].status = status

    def lock(self, vm_id: str, locked: bool = True) -> None:
        """Lock a VM against user actions, or unlock it."""
        with self._live():
            self._vms[vm_id].locked = locked

    def start_foreign_action(
        self, vm_id: str, type_: str, *, sizes: Mapping[str, float] | None = None, name: str = ""
    ) -> Action:
        """Begin an action as somebody in the control panel would: past every rule, even beside one in progress.

        Args:
            vm_id: The VM.
            type_: One of the nine.
            sizes: For a resize, by resource (`cpu`, `ram`, `disk`).
            name: For a rename or a snapshot.

        Returns:
            The action; it goes on changing.
        """
        if type_ not in ACTION_TYPES:
            raise ValueError(f"Unknown action type {type_!r}.")
        with self._live():
            return self._begin(self._vms[vm_id], Order(type_, sizes or {}, name), self._now)

    # How things go on

    @contextmanager
    def _live(self) -> Iterator[None]:
        with self._lock:
            now = seconds(self._clock)
            while self._due and self._due[0][0] <= now:
                due, _, happen = heapq.heappop(self._due)
                self._now = max(self._now, due)
                happen()
            self._now = max(self._now, now)
            yield

    def _known(self, vm_id: str) -> Vm:
        if vm_id not in self._vms:
            raise Refusal(404, "not_found", "The VM you were looking for could not be found.")
        return self._vms[vm_id]

    def _at(self, instant: float, happen: Callable[[], None]) -> None:
        self._counter += 1
        heapq.heappush(self._due, (instant, self._counter, happen))

    def _new_action(self, vm: Vm, type_: str, started: float) -> Action:
        return Action(len(self._actions) + 1, vm.id, type_, vm.region, started)

    def _begin(self, vm: Vm, order: Order, started: float) -> Action:
        action = self._new_action(vm, order.type, started)
        self._actions.append(action)
        own = self._of_vm.setdefault(vm.id, [])
        own.append(action)
        vm.open_actions = (*vm.open_actions, action)
        if "restamped-start" in self.quirks:
            delay = float(self.quirks["restamped-start"])
            self._at(started + delay / self._speed, lambda: self._restamp(action, started + delay))
        if "endless-actions" in self.quirks:
            return action
        takes = duration_s(vm, order.type, random.Random(f"{self._seed}/{vm.id}/{order.type}/{len(own)}")) / self._speed
        if vm.name.startswith("broken-"):
            self._at(started + takes / 3, lambda: self._end(vm, action, ERRORED))
            return action
        if order.type == "power_cycle":
            self._at(started + takes / 4, lambda: _set_power(vm, STOPPED))
            self._at(started + takes * 3 / 4, lambda: _set_power(vm, RUNNING))
        late = float(self.quirks.get("late-effect", 0)) / self._speed
        effect = self._effect(vm, order)
        if late:
            self._at(started + takes, lambda: self._end(vm, action, COMPLETED))
            self._at(started + takes + late, effect)
        else:
            self._at(started + takes, effect)
            self._at(started + takes, lambda: self._end(vm, action, COMPLETED))
        return action

    def _restamp(self, action: Action, started: float) -> None:
        action.started = started
        if action.completed is not None:
            action.completed = max(action.completed, started)

    def _end(self, vm: Vm, action: Action, status: str) -> None:
        vm.open_actions = tuple(other for other in vm.open_actions if other is not action)
        action.status = status
        action.completed = max(self._now, action.started)

    def _effect(self, vm: Vm, order: Order) -> Callable[[], None]:
        """What the VM looks like once the action has completed.

        A `stubborn-…` VM does not react to a shutdown: the document guarantees that the command is issued, not that
        it succeeds.
        """

        def apply() -> None:
            match order.type:
                case "power_on" | "reboot" | "power_cycle":
                    _set_power(vm, RUNNING)
                case "power_off":
                    _set_power(vm, STOPPED)
                case "shutdown" if not vm.name.startswith("stubborn-"):
                    _set_power(vm, STOPPED)
                case "resize":
                    vm.vcpus = order.sizes.get("cpu", vm.vcpus)
                    vm.memory = order.sizes.get("ram", vm.memory)
                    vm.disk = order.sizes.get("disk", vm.disk)
                case "rename":
                    vm.name = order.name
                case "snapshot":
                    vm.snapshot_ids = (*vm.snapshot_ids, self._seeder.new_id())

        return apply

    def _begin_with_others(self) -> None:
        idle = [vm for vm in self._order if vm.status == RUNNING and not vm.locked]
        for (ago, type_), vm in zip(
            BUSY_AT_START, self._neighbours.sample(idle, min(len(idle), len(BUSY_AT_START))), strict=False
        ):
            self._begin(vm, Order(type_), self._now - ago / self._speed)
        self._await_others(self._now)

    def _await_others(self, since: float) -> None:
        self._at(since + pause_s(len(self._order), self._neighbours) / self._speed, self._others_act)

    def _others_act(self) -> None:
        deed = next_deed(self._order, self._neighbours)
        if deed is not None:
            self._begin(*deed, self._now)
        self._await_others(max(self._now, seconds(self._clock) - LONGEST_CATCH_UP_S))


def _set_power(vm: Vm, status: str) -> None:
    vm.status = status
