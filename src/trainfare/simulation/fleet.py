"""Fleets: the machines of the simulated company, on four clouds, and where they stand on the bills.

Prices are of the order of public list prices of 2026 and stand for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from trainfare.core.period import HOUR, SECOND, Interval
from trainfare.simulation.line import Place, Provider

Tags = tuple[tuple[str, str], ...]
"""Keys and values, in the order of the keys."""


class Venue(StrEnum):
    """Where a run finds its machines."""

    POOL = "pool"
    """AWS instances that stay up and are shared by whoever comes."""
    SLURM = "slurm"
    """A Slurm cluster on rented AWS instances."""
    DEDICATED = "dedicated"
    """An AWS instance started for one run and tagged with its id."""
    MANAGED = "managed"
    """SageMaker training jobs."""
    AZURE = "azure"
    KUBERNETES = "kubernetes"
    """A Google Kubernetes Engine cluster."""
    RENTED = "rented"
    """The small GPU cloud."""


@dataclass(frozen=True, slots=True)
class MachineType:
    """What a machine is, and its list price in nano-units of the provider's currency per hour."""

    name: str
    provider: Provider
    gpus: int
    gpu: str
    """As Slurm and DCGM shorten the model: h100, a100 …"""
    cpus: int
    memory_gib: int
    hour_nano: int


P5 = MachineType("p5.48xlarge", Provider.AWS, 8, "h100", 192, 2048, 98_320_000_000)
P4 = MachineType("p4d.24xlarge", Provider.AWS, 8, "a100", 96, 1152, 32_772_600_000)
G5 = MachineType("g5.12xlarge", Provider.AWS, 4, "a10g", 48, 192, 5_672_000_000)
HEAD = MachineType("m6i.2xlarge", Provider.AWS, 0, "", 8, 32, 384_000_000)
NOTEBOOK = MachineType("g4dn.xlarge", Provider.AWS, 1, "t4", 4, 16, 526_000_000)
ML_P4 = MachineType("ml.p4d.24xlarge", Provider.AWS, 8, "a100", 96, 1152, 37_688_000_000)
ML_G5 = MachineType("ml.g5.12xlarge", Provider.AWS, 4, "a10g", 48, 192, 7_090_000_000)
ND96 = MachineType("Standard_ND96isr_H100_v5", Provider.AZURE, 8, "h100", 96, 1900, 98_320_000_000)
NC96 = MachineType("Standard_NC96ads_A100_v4", Provider.AZURE, 4, "a100", 96, 880, 14_692_000_000)
A3 = MachineType("a3-highgpu-8g", Provider.GCP, 8, "h100", 208, 1872, 88_490_000_000)
A2 = MachineType("a2-highgpu-4g", Provider.GCP, 4, "a100", 48, 340, 14_694_000_000)
SXM8 = MachineType("gpu-8x-h100-sxm", Provider.RENTED, 8, "h100", 208, 1800, 22_320_000_000)


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine and the time that it was paid for."""

    id: str
    """As meters and schedulers name it; the bill may write a longer name that ends so."""
    type: MachineType
    venue: Venue | None
    """None: nobody trains here."""
    life: Interval
    place: Place
    tags: Tags
    volume: Place
    """Its disk."""
    node: str = ""
    """Host name in its cluster."""
    run: str | None = None
    """The run that it was started for."""
    is_spot: bool = False
    is_crowded: bool = False
    """Several runs may each take all of it at once."""
    serves_all: bool = False
    """What it costs is shared: no run holds it, every run needs it."""
    address: Place | None = None
    """A public IP that it holds."""
    gateway: Place | None = None
    """A NAT gateway that only it uses."""


ACCOUNTS = {
    Provider.AWS: ("210000000001", "210000000002", "210000000003"),
    Provider.AZURE: ("5f0c0000-0000-4000-8000-00000000a001",),
    Provider.GCP: ("acme-train-prod",),
    Provider.RENTED: ("acme",),
}
"""AWS accounts of research, platform and sandbox; the subscription, project and customer."""

REGIONS = {
    Provider.AWS: ("us-east-1", "us-east-1b"),
    Provider.AZURE: ("eastus2", ""),
    Provider.GCP: ("us-central1", "us-central1-a"),
    Provider.RENTED: ("no-1", ""),
}
"""Region and zone in which everything of a provider stands."""

AZURE_GROUP = f"/subscriptions/{ACCOUNTS[Provider.AZURE][0]}/resourcegroups/training/providers"
GCP_ZONE = f"//compute.googleapis.com/projects/{ACCOUNTS[Provider.GCP][0]}/zones/us-central1-a"


def place_of(provider: Provider, kind: str, name: str, account: int = 0) -> Place:
    """Where resource *name* of a *kind* (instance, volume, ip, natgateway) stands on the bill."""
    region, zone = REGIONS[provider]
    if provider is Provider.AZURE:
        words = {
            "instance": "microsoft.compute/virtualmachines",
            "volume": "microsoft.compute/disks",
            "ip": "microsoft.network/publicipaddresses",
        }
        resource_id = f"{AZURE_GROUP}/{words[kind]}/{name}"
    elif provider is Provider.GCP:
        words = {"instance": "instances", "volume": "disks", "ip": "addresses"}
        resource_id = f"{GCP_ZONE}/{words[kind]}/{name}"
    elif kind == "natgateway":
        owner = ACCOUNTS[provider][account]
        resource_id = f"arn:aws:ec2:{region}:{owner}:natgateway/{name}"
    else:
        resource_id = name
    return Place(ACCOUNTS[provider][account], region, resource_id, name, kind, zone)


def hex_id(rng: Random, prefix: str) -> str:
    """An id as AWS makes them: ``i-0`` and sixteen hexadecimal digits."""
    return f"{prefix}-0{rng.getrandbits(64):016x}"


def standing_fleet(rng: Random, bill: Interval, machines: int) -> list[Machine]:
    """The machines that stay up: *machines* in each pool, and the few that serve everybody.

    Args:
        rng: of this fleet.
        bill: the stretch of time that the bills cover.
        machines: how many in each pool.

    Returns:
        Machines alive before and after *bill*, but for the last of each pool, which comes late and
        goes early.
    """
    fleet = []
    for venue, types in _POOLS.items():
        for number in range(machines + (venue is Venue.SLURM)):
            life = Interval(bill.start_ns - 24 * HOUR, bill.end_ns + 24 * HOUR)
            if number and number == machines - 1:
                life = _late(rng, bill)
            fleet.append(_pooled(rng, venue, types[number % len(types)], number, life))
    return [*fleet, *_shared(rng, bill)]


_POOLS = {
    Venue.POOL: (G5, P4),
    Venue.SLURM: (P4, P5),
    Venue.AZURE: (NC96, ND96),
    Venue.KUBERNETES: (A3, A2),
    Venue.RENTED: (SXM8,),
}


def _late(rng: Random, bill: Interval) -> Interval:
    """From some second of the first half of *bill* to one of its last quarter."""
    seconds = bill.duration_ns // SECOND
    start = bill.start_ns + rng.randrange(seconds // 2) * SECOND
    end = bill.end_ns - rng.randrange(1, seconds // 4) * SECOND
    return Interval(start, end)


def _pooled(
    rng: Random, venue: Venue, machine_type: MachineType, number: int, life: Interval
) -> Machine:
    """One machine of a pool."""
    provider = machine_type.provider
    is_aws = provider is Provider.AWS
    node = _NODE_NAMES[venue].format(number=number + 1)
    name = hex_id(rng, "i") if is_aws else node
    volume = hex_id(rng, "vol") if is_aws else f"{node}-disk"
    account = int(is_aws)
    is_spot = venue is Venue.SLURM and number > 1 and number % 3 == 2
    has_address = (is_aws and number % 2 == 0) or provider is Provider.AZURE
    address = hex_id(rng, "eipalloc") if is_aws else f"{node}-ip"
    gateway = hex_id(rng, "nat")
    return Machine(
        id=name,
        type=machine_type,
        venue=venue,
        life=life,
        place=place_of(provider, "instance", name, account),
        tags=() if number % 5 == 4 else _POOL_TAGS[venue],
        volume=place_of(provider, "volume", volume, account),
        node=node if venue in (Venue.SLURM, Venue.KUBERNETES) else "",
        is_spot=is_spot,
        is_crowded=venue is Venue.POOL and number == 0,
        address=place_of(provider, "ip", address, account) if has_address else None,
        gateway=place_of(provider, "natgateway", gateway, account)
        if venue is Venue.POOL and number == 0
        else None,
    )


_NODE_NAMES = {
    Venue.POOL: "pool-{number:03d}",
    Venue.SLURM: "gpu{number:03d}",
    Venue.AZURE: "train-vm-{number:03d}",
    Venue.KUBERNETES: "gke-prod-gpu-{number:03d}",
    Venue.RENTED: "fj-h100-{number:03d}",
}
_POOL_TAGS: dict[Venue, Tags] = {
    Venue.POOL: (("pool", "warm"), ("team", "platform")),
    Venue.SLURM: (("role", "slurm-node"), ("team", "platform")),
    Venue.AZURE: (("team", "platform"),),
    Venue.KUBERNETES: (("goog-k8s-cluster-name", "prod"), ("team", "platform")),
    Venue.RENTED: (("team", "platform"),),
}


def _shared(rng: Random, bill: Interval) -> Iterator[Machine]:
    """The head of the Slurm cluster, and a notebook server that somebody forgot."""
    life = Interval(bill.start_ns - HOUR, bill.end_ns + HOUR)
    tags: dict[MachineType, Tags] = {HEAD: (("role", "head"), ("team", "platform")), NOTEBOOK: ()}
    for account, machine_type in ((1, HEAD), (2, NOTEBOOK)):
        name, volume = hex_id(rng, "i"), hex_id(rng, "vol")
        yield Machine(
            id=name,
            type=machine_type,
            venue=None,
            life=life,
            place=place_of(Provider.AWS, "instance", name, account),
            tags=tags[machine_type],
            volume=place_of(Provider.AWS, "volume", volume, account),
            serves_all=machine_type is HEAD,
        )


def dedicated_machine(
    rng: Random, machine_type: MachineType, use: Interval, run: str, tags: Tags, *, is_spot: bool
) -> Machine:
    """An instance started for *run*: up some minutes before *use*, and a little after it."""
    boot_ns = rng.randrange(120, 600) * SECOND
    shutdown_ns = rng.randrange(20, 180) * SECOND
    name, volume = hex_id(rng, "i"), hex_id(rng, "vol")
    return Machine(
        id=name,
        type=machine_type,
        venue=Venue.DEDICATED,
        life=Interval(use.start_ns - boot_ns, use.end_ns + shutdown_ns),
        place=place_of(Provider.AWS, "instance", name),
        tags=tags,
        volume=place_of(Provider.AWS, "volume", volume),
        run=run,
        is_spot=is_spot,
    )
