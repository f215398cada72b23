"""Finding out which machine this is: what it is made of, who rents it out, what its bill calls it.

Four voices, the first that speaks on a question settles it: the user (``--instance``), the managed
job's environment (SageMaker), the cloud's metadata service, the firmware. In a container or pod the
machine under it is still the resource. What nobody says stays None, and ``Machine.facts`` names
the source of every answer and the reason for every gap.

:func:`quick_machine` touches no network and takes some 1 ms; :func:`detect_machine` also asks the
metadata services, so it belongs on a background thread. Until the second answers, ``resource_id``
may still be the host's own; ``facts["host"]`` is the same in both, and ``facts["boot"]`` is the
same for all containers on one running machine.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from trainfare.core.machine import Accelerator, Machine
from trainfare.metering.board import Board, read_board
from trainfare.metering.cgroup import find_allowance
from trainfare.metering.environment import Surroundings, fingerprint, read_surroundings

if TYPE_CHECKING:
    from trainfare.metering.metadata import CloudFacts, Inquiry

_FORMS = (
    (r"(ml\.)?[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|\d*xlarge|metal(-\d+xl)?)", "aws"),
    (r"u-p6e-gb200x\d+", "aws"),
    (r"(Standard|Basic)_\w+", "azure"),
    (r"(VM|BM)\.[\w.-]+", "oci"),
    (r"gpu_\d+x_\w+", "lambda"),
    (r"gpu-[\w-]+_\d+gpu-\d+vcpu-\d+gb", "nebius"),
    (r"([a-z]\d[a-z]{0,2}|ct\d[a-z]*)-[a-z0-9]+(-[a-z0-9]+)*|tpu-v\d[a-z]*-\d+", "gcp"),
)
"""The form of each provider's instance names."""

_Voice = tuple[str, Mapping[str, str | None]]
"""A source and what it says to each question; the questions are fields of a Machine."""

_ARM_MAKERS = {"0x41": "ARM", "0x46": "Fujitsu", "0x48": "HiSilicon", "0x4e": "NVIDIA Grace"}
_ARM_PARTS = {"0xd0c": "Neoverse-N1", "0xd40": "Neoverse-V1", "0xd4f": "Neoverse-V2"}
"""Where /proc/cpuinfo gives numbers instead of a name; source: util-linux, lscpu-arm.c."""


class _Local(NamedTuple):
    """All that this machine says without a network."""

    machine: Machine
    around: Surroundings
    board: Board


def quick_machine(
    *,
    env: Mapping[str, str],
    devices: Sequence[Accelerator] = (),
    root: Path = Path("/"),
    instance: str | None = None,
    region: str | None = None,
    option: str | None = None,
) -> Machine:
    """The machine as far as it is known without any network.

    Args:
        env: the process's environment.
        devices: the accelerators that the driver listed.
        root: where ``/proc``, ``/sys`` and ``/etc`` are looked for.
        instance: the instance type that the user states.
        region: the region that the user states.
        option: the purchase option that the user states.

    >>> machine = quick_machine(env={}, instance="p5.48xlarge", region="us-east-1")
    >>> machine.provider, machine.facts["instance_type"]
    ('aws', 'stated')
    """
    local = _look_around(env, devices, root)
    return _settle(local, None, instance, region, option)


def detect_machine(
    *,
    env: Mapping[str, str],
    devices: Sequence[Accelerator] = (),
    root: Path = Path("/"),
    instance: str | None = None,
    region: str | None = None,
    option: str | None = None,
) -> Machine:
    """The machine with all that can be found out, metadata services included; about 0.25 s at most.

    Arguments as for :func:`quick_machine`. Nothing is asked where the firmware shows that this is
    no cloud, where a managed job's environment has said it all, or with ``TRAINFARE_METADATA=off``.
    """
    local = _look_around(env, devices, root)
    return _settle(local, _inquire(local, env), instance, region, option)


def provider_of_instance(name: str) -> str | None:
    """The provider whose instance types are named like *name*, or None.

    >>> provider_of_instance("a3-highgpu-8g"), provider_of_instance("dgx-07")
    ('gcp', None)
    """
    return next((provider for form, provider in _FORMS if re.fullmatch(form, name)), None)


def _inquire(local: _Local, env: Mapping[str, str]) -> Inquiry:
    """Ask the metadata services that are worth asking."""
    from trainfare.metering import metadata  # sockets load only where they are used

    base = metadata.base_url(env)
    if base is None:
        return metadata.Inquiry(skipped="switched off by TRAINFARE_METADATA")
    if local.around.managed_job and local.around.instance_type:
        return metadata.Inquiry(skipped="not asked: the managed job's environment says it all")
    if base != metadata.LINK_LOCAL:
        return metadata.find_cloud_facts(base=base)
    if local.board.is_own_hardware:
        return metadata.Inquiry(
            skipped=f"not asked: this is a {local.board}, not a cloud's machine"
        )
    if sys.platform != "linux":
        return metadata.Inquiry(skipped=f"not asked on {sys.platform}")
    provider = local.board.provider
    return metadata.find_cloud_facts((provider,)) if provider else metadata.find_cloud_facts()


def _settle(
    local: _Local,
    inquiry: Inquiry | None,
    instance: str | None,
    region: str | None,
    option: str | None,
) -> Machine:
    """Let the voices speak in order; each question goes to the first that answers it."""
    around, board = local.around, local.board
    found = inquiry.found if inquiry else None
    stated = {
        "provider": provider_of_instance(instance) if instance else None,
        "region": region,
        "instance_type": instance,
        "purchase_option": option,
    }
    job = {"provider": around.provider, "region": around.region}
    voices: list[_Voice] = [
        ("stated", stated),
        (around.scheduler or "", {**job, "instance_type": around.instance_type}),
    ]
    if found is not None:
        names = ("provider", "region", "zone", "instance_type", "purchase_option", "account")
        voices.append((found.source, {name: getattr(found, name) for name in names}))
    voices.append(("dmi", {"provider": board.provider, "instance_type": board.instance_type}))
    if instance:
        voices.append(("assumed", {"purchase_option": "on_demand"}))
    answers, sources = _first_answers(voices)
    resource_id, sources["resource_id"] = _resource_id(local, found)
    facts = {**local.machine.facts, **(found.details if found else {}), **sources}
    facts["source"] = sources.get("instance_type", sources["resource_id"])
    facts["metadata"] = _say_inquiry(inquiry)
    if instance and found and found.instance_type and found.instance_type != instance:
        facts["detected_instance_type"] = found.instance_type
    return replace(local.machine, resource_id=resource_id, facts=facts, **answers)


def _first_answers(voices: Sequence[_Voice]) -> tuple[dict[str, Any], dict[str, str]]:
    """Answers and their sources by question.

    A voice of another provider than the one already settled is not heard: its region and account
    belong to a machine that the user did not mean.
    """
    answers: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, words in voices:
        provider = words.get("provider")
        if provider and answers.get("provider", provider) != provider:
            continue
        for question, word in words.items():
            if word and question not in answers:
                answers[question], sources[question] = word, source
    return answers, sources


def _resource_id(local: _Local, found: CloudFacts | None) -> tuple[str, str]:
    """What the bill calls this machine, and who says so.

    A managed job is billed as such, not by machine: its name stands for its one machine, and with
    ``#`` and the node's number for one of several, so that each node is a resource of its own.
    """
    around = local.around
    if around.managed_job and around.scheduler in {"sagemaker", "vertex"}:
        number = f"#{around.node_rank}" if around.nodes > 1 else ""
        return f"{around.managed_job}{number}", around.scheduler
    if found is not None:
        return found.resource_id, found.source
    if local.board.instance_id:
        return local.board.instance_id, "dmi"
    return local.machine.resource_id, "hardware"


def _say_inquiry(inquiry: Inquiry | None) -> str:
    if inquiry is None:
        return "not asked yet"
    if inquiry.found is not None:
        return f"{inquiry.found.source} answered"
    if inquiry.skipped is not None:
        return inquiry.skipped
    return "; ".join(f"{provider}: {why}" for provider, why in inquiry.failures.items())


def _look_around(env: Mapping[str, str], devices: Sequence[Accelerator], root: Path) -> _Local:
    """Everything that needs no network."""
    cpuinfo = _head(root / "proc/cpuinfo", 4096)
    is_virtual = re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.MULTILINE) is not None
    around = read_surroundings(env, root=root)
    hostname = _head(root / "proc/sys/kernel/hostname", 256).strip() or os.uname().nodename
    allowance = find_allowance(
        proc=str(root / "proc"), cgroup=str(root / "sys/fs/cgroup"), root=str(root), environ=env
    )
    boot_id = _head(root / "proc/sys/kernel/random/boot_id", 64).strip()
    machine_id = _head(root / "etc/machine-id", 64).strip()
    # An image's machine-id is the same in all of its containers and a container's name is chosen
    # anew each time; the kernel's boot id is the machine's, whichever container reads it.
    # Apptainer keeps the host's name and machine-id.
    keeps_names = any(env.get(f"{name}_CONTAINER") for name in ("APPTAINER", "SINGULARITY"))
    is_boxed = allowance.in_container and not keeps_names and boot_id
    host = fingerprint("boot", boot_id) if is_boxed else fingerprint(machine_id, hostname)
    facts = {
        "host": f"host:{host}",
        "cpu_count": allowance.cpu_source,
        "memory_bytes": allowance.memory_source,
    }
    if boot_id:
        facts["boot"] = f"boot:{fingerprint('boot', boot_id)}"
    if around.scheduler:
        facts["scheduler"] = around.scheduler
    for name in ("job_id", "managed_job", "allotted_gpus", "allotted_cpus"):
        if (value := getattr(around, name)) is not None:
            facts[name] = str(value)
    machine = Machine(
        resource_id=facts["host"],
        hostname=hostname,
        cpu_model=_cpu_model(cpuinfo),
        cpu_count=ceil(allowance.cpus),
        memory_bytes=allowance.memory_bytes,
        in_container=allowance.in_container,
        accelerators=tuple(devices),
        facts=facts,
    )
    return _Local(machine, around, read_board(root, is_virtual=is_virtual))


def _head(path: Path, size: int) -> str:
    """The beginning of a file: the kernel renders no more of ``cpuinfo`` than is read."""
    try:
        with path.open("rb") as file:
            return file.read(size).decode("utf-8", "replace")
    except OSError:
        return ""


def _cpu_model(cpuinfo: str) -> str | None:
    """``model name`` on x86, maker and part on ARM, else what Python knows."""
    words = {}
    for line in cpuinfo.split("\n\n", 1)[0].splitlines():
        name, _, value = line.partition(":")
        words[name.strip()] = value.strip()
    if model := words.get("model name") or words.get("cpu model"):
        return re.sub(r"\s+", " ", model)
    if (maker := words.get("CPU implementer")) and (part := words.get("CPU part")):
        return f"{_ARM_MAKERS.get(maker, maker)} {_ARM_PARTS.get(part, part)}"
    return None
