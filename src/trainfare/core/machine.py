"""A machine as a run sees it: who sells it, where it is, what it is made of.

Every fact may be unknown (None). Nothing here measures; ``metering`` fills it in and ``prices``
looks a price up from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One GPU, MIG instance, TPU chip, Trainium or Gaudi device."""

    index: int
    id: str
    """The provider's identity: a GPU UUID (``GPU-…``), a MIG UUID (``MIG-…``), or ``host:index``."""
    name: str
    """As the driver says it: ``NVIDIA H100 80GB HBM3``."""
    kind: str = "nvidia"
    """nvidia, amd, tpu, trainium or gaudi."""
    memory_bytes: int | None = None
    parent_id: str | None = None
    """For a MIG instance, the UUID of the GPU it is cut from."""
    slices: int = 1
    """Compute slices held …"""
    slices_of: int = 1
    """… of so many: a whole GPU is 1 of 1, a MIG ``3g.40gb`` is 3 of 7."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that a process runs on, as far as it could be found out."""

    resource_id: str
    """What the bill calls it (instance id, ARN), else ``host:`` and a stable digest of the host."""
    hostname: str
    provider: str | None = None
    """aws, gcp, azure, oci, lambda, … or None where nobody known sells it by the hour."""
    region: str | None = None
    zone: str | None = None
    instance_type: str | None = None
    purchase_option: str | None = None
    """on_demand, spot, reserved, capacity_block, or None where the machine does not know."""
    account: str | None = None
    cpu_model: str | None = None
    cpu_count: int | None = None
    """CPUs that this process may use (cgroup quota and affinity respected), rounded up."""
    memory_bytes: int | None = None
    """Memory that this process may use: the cgroup limit, else the host's."""
    in_container: bool = False
    accelerators: tuple[Accelerator, ...] = ()
    """All accelerators of the machine, used by this run or not; empty also means none were found."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Where each answer came from and what the scheduler says: ``{"source": "aws-imds", …}``."""
