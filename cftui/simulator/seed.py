"""The demo fleet: believable, and the same for a seed on every run. A larger fleet begins with the VMs of a smaller."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cftui.simulator.past import past_actions
from cftui.simulator.state import RUNNING, STOPPED, Action, Vm

DOCUMENT_VM_ID = "5609f1ee1b0c4d2da622737b5ca25e6c"
"""The VM of every example in the document. It runs, in moscow_01, and the document's resizes enlarge it."""

REGIONS = (
    {
        "country": "ru",
        "name": "moscow_01",
        "coordinates": {"lat": 55.75222, "lng": 37.61556},
        "description": "M1/Cloud_01",
    },
    {
        "country": "ru",
        "name": "moscow_02",
        "coordinates": {"lat": 55.79682, "lng": 37.61154},
        "description": "M10/Cloud_02",
    },
    {
        "country": "ru",
        "name": "moscow_03",
        "coordinates": {"lat": 55.79682, "lng": 37.61154},
        "description": "M9/Cloud_03",
    },
    {
        "country": "ru",
        "name": "spb_01",
        "coordinates": {"lat": 59.93863, "lng": 30.31413},
        "description": "S1/Cloud_01",
    },
)

IMAGES = (
    {"id": "11081d5dcd884cf48f73a9d0ba8be005", "distro": "CentOS-6.6-x86_64-minimal.iso", "name": "CentOS 6.6 x86_64"},
    {"id": "2f0a6c3e8d5b41b7a6e1c94d7f3b8a10", "distro": "debian-8-x86_64", "name": "Debian 8 x86_64"},
    {"id": "7c9d1e5a4b3f42c8905d6e7f8a1b2c3d", "distro": "debian-12-x86_64", "name": "Debian 12 x86_64"},
    {"id": "a4b8c2d6e0f14a3b8c5d9e7f6a0b1c2d", "distro": "ubuntu-22.04-x86_64", "name": "Ubuntu 22.04 x86_64"},
    {
        "id": "6b0d616465c611e4a170089e010d4886",
        "distro": "windows-server-2008-r2-dc-en",
        "name": "Windows Server 2008 R2 SP1",
    },
)

ACCOUNT_UUID = "b6fr89dbf6d9156cace5f3c78dc9851d957381ef"
"""The document's sample."""


class Group(NamedTuple):
    """VMs that do the same work: `api-01`, `api-02` and so on."""

    prefix: str
    share: int
    """Their part of a fleet of about 200."""
    sizes: tuple[tuple[int, int, int], ...]
    """vCPUs, GB of memory, GB of disk; one is drawn for each VM."""
    is_public: bool = False
    image: int = -1
    """Index of its image; -1 for any of the Debians and Ubuntu."""


GROUPS = (
    Group("api", 14, ((4, 8, 40), (4, 8, 40), (4, 16, 40)), True),
    Group("web", 14, ((2, 4, 20), (2, 4, 40)), True),
    Group("k8s-node", 26, ((8, 32, 100), (8, 16, 100))),
    Group("worker", 22, ((4, 8, 40), (2, 4, 40))),
    Group("ci-runner", 16, ((4, 8, 60), (4, 16, 60))),
    Group("cache", 10, ((2, 8, 20), (2, 16, 20))),
    Group("db", 9, ((8, 32, 500), (8, 64, 500), (4, 16, 200)), False, 1),
    Group("search", 8, ((4, 16, 200), (8, 32, 200))),
    Group("es-data", 8, ((8, 32, 1000),)),
    Group("kafka", 6, ((4, 16, 500),)),
    Group("queue", 6, ((2, 4, 40),)),
    Group("staging-api", 6, ((2, 4, 20),)),
    Group("staging-db", 3, ((2, 8, 100),)),
    Group("static", 5, ((1, 2, 40),), True),
    Group("pay-gw", 4, ((2, 4, 40),), True),
    Group("backup", 4, ((2, 4, 2000),), False, 1),
    Group("log", 4, ((2, 8, 500),)),
    Group("mail", 3, ((2, 4, 100),), True, 0),
    Group("dns", 3, ((1, 1, 20),), True),
    Group("lb", 4, ((2, 2, 20),), True),
    Group("monitor", 2, ((4, 8, 200),)),
    Group("grafana", 2, ((2, 4, 40),)),
    Group("bastion", 2, ((1, 2, 20),), True, 2),
    Group("vpn", 2, ((1, 1, 20),), True),
    Group("git", 2, ((4, 8, 200),)),
    Group("registry", 2, ((2, 4, 500),)),
    Group("ldap", 2, ((1, 2, 20),), False, 0),
    Group("win-rdp", 2, ((4, 8, 80),), True, 4),
    Group("cron", 2, ((1, 2, 20),)),
    Group("dev-box", 5, ((2, 4, 40),), True, 3),
    Group("stubborn", 2, ((2, 4, 40),)),
    Group("broken", 2, ((2, 4, 40),)),
)

FIRST = ("web", "api", "db", "stubborn", "broken", "backup", "cache", "stubborn", "broken")
"""Whom even a small fleet has, in this order; the first is the document's VM. All run but the cache."""

LOCKED = frozenset({"backup-01", "registry-02", "ldap-01"})
"""Locked in every fleet that has them."""

HOSTILE_NAMES = (
    "[/]",
    "[bold red]web[/bold red]-07",
    "\x1b]52;c;RVZJTA==\x07",
    "\x1b[2J\x1b[H\x1b[31mowned",
    "\x9d52;c;RVZJTA==\x9c",
    "invoice\u202egnp.exe",
    "zero\u200bwidth\u2066-\u2069\ufeff01",
    "データベース・主機-01",
    "👩‍👩‍👧‍👦-🚀-🇷🇺-01",
    "Z̷̢̛͓̖a̵̧͈̝l̶̳̫̈g̴̢͚̋o̴̡-01",
    "line\nbreak\rand\ttab\x00",
    "  $(reboot); `id`  ",
    '"><script>alert(1)</script>',
    "=cmd|' /C calc'!A0",
    "lone-\ud800-surrogate",
    "",
    "x" * 1_048_576,
)
"""What somebody might call a VM to hurt who looks at it; for the quirk `hostile-names`."""


class Seeder:
    """Makes VMs; asked the same in the same order, it makes the same.

    Args:
        seed: Any number.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._later = random.Random(f"{seed}/later")

    def fleet(self, size: int) -> list[Vm]:
        """That many VMs, in the order in which the list shows them."""
        rng = random.Random(f"{self._seed}/fleet")
        counts = dict.fromkeys((group.prefix for group in GROUPS), 0)
        fleet = []
        public = 0
        for place, group in zip(range(size), _groups(), strict=False):
            counts[group.prefix] += 1
            vm = _drawn(GROUPS.index(group), group, counts[group.prefix], public, rng)
            if place == 0:
                _become_the_documents(vm)
            elif place < len(FIRST):
                vm.status = STOPPED if group.prefix == "cache" else RUNNING
            public += group.is_public
            fleet.append(vm)
        return fleet

    def past(self, vms: list[Vm], now: float, speed: float) -> list[Action]:
        """The finished actions of the last days, oldest first; their snapshots are in the VMs."""
        return past_actions(vms, now, speed, random.Random(f"{self._seed}/past"), self.new_id)

    def name_hostile(self, vms: list[Vm]) -> None:
        """Give hostile names to some VMs, past those whose names mean something."""
        for vm, name in zip(vms[len(FIRST) :], HOSTILE_NAMES, strict=False):
            vm.name = name

    def single(self, name: str, created_at: str, attributes: Mapping[str, object]) -> Vm:
        """One more VM: small, running, in moscow_01, unless `attributes` (those of `Vm`) say otherwise."""
        network = _address("10.200", self._later.randrange(1 << 14), "private")
        vm = Vm(self.new_id(), name, "moscow_01", 1, 2, 20, RUNNING, False, created_at, IMAGES[1], (network,))
        for attribute, value in attributes.items():
            setattr(vm, attribute, value)
        return vm

    def new_id(self) -> str:
        """32 hexadecimal digits, as the document's ids."""
        return f"{self._later.getrandbits(128):032x}"


def _groups() -> Iterator[Group]:
    """Groups in turn, so that every beginning of the sequence has them in proportion to their shares."""
    by_prefix = {group.prefix: group for group in GROUPS}
    taken = dict.fromkeys(by_prefix, 0)
    for prefix in FIRST:
        taken[prefix] += 1
        yield by_prefix[prefix]
    turns = [((taken[group.prefix] + 1) / group.share, place) for place, group in enumerate(GROUPS)]
    heapq.heapify(turns)
    while True:
        turn, place = turns[0]
        yield GROUPS[place]
        heapq.heapreplace(turns, (turn + 1 / GROUPS[place].share, place))


def _drawn(place: int, group: Group, number: int, public: int, rng: random.Random) -> Vm:
    vcpus, memory, disk = rng.choice(group.sizes)
    name = f"{group.prefix}-{number:02}"
    created = datetime(2015, 1, 15, tzinfo=UTC) + timedelta(minutes=rng.randrange(9 * 365 * 24 * 60))
    has_backups = rng.random() < 0.3 or group.prefix in ("db", "git", "mail")
    networks = [_address(f"10.{place}", number, "private")]
    if group.is_public:
        networks.insert(0, _public_address(public))
    return Vm(
        id=f"{rng.getrandbits(128):032x}",
        name=name,
        region=str(rng.choice(REGIONS)["name"]),
        vcpus=vcpus,
        memory=memory,
        disk=disk,
        status=STOPPED if rng.random() < 0.08 else RUNNING,
        locked=name in LOCKED,
        created_at=created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        image=IMAGES[rng.choice((1, 2, 2, 3)) if group.image < 0 else group.image],
        networks=tuple(networks),
        features=("backups", "private_networking") if has_backups else ("private_networking",),
        backup_ids=tuple(f"{rng.getrandbits(128):032x}" for _ in range(3 * has_backups)),
    )


def _become_the_documents(vm: Vm) -> None:
    vm.id = DOCUMENT_VM_ID
    vm.region = "moscow_01"
    vm.vcpus, vm.memory, vm.disk = 1, 1, 20
    vm.status = RUNNING
    vm.created_at = "2015-01-14T16:00:00Z"
    vm.image = IMAGES[1]


def _address(net: str, host: int, kind: str) -> dict[str, str]:
    block, last = divmod(host, 240)
    return {
        "ip_address": f"{net}.{block}.{10 + last}",
        "netmask": "255.255.255.0",
        "gateway": f"{net}.{block}.1",
        "type": kind,
    }


def _public_address(number: int) -> dict[str, str]:
    """From the networks set aside for documentation (203.0.113.0/24), then for benchmarks (198.18.0.0/15)."""
    if number < 240:
        return _address("203.0", 113 * 240 + number, "public")
    block, host = divmod(number - 240, 256 * 240)
    return _address(f"198.{18 + block}", host, "public")
