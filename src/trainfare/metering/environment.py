"""What the process environment says: which run this is, which rank, and what a scheduler allots.

A pure function of the variables (and, where a *root* is given, of two small files that SageMaker
and Kubernetes mount). Explicit words win over a scheduler's, a scheduler's over a launcher's.

The law of a derived run id: all ranks and nodes of one launch, and its requeued or restarted
successors, derive the same id; launches that are not the same never do. Where the variables cannot
keep both promises there is no derived id, and a note says what to set. In detail:

- ``TRAINFARE_RUN_ID`` is taken as it is (rewritten where it is no valid run id).
- SageMaker, Vertex AI and Azure ML name a job uniquely within an account, project or workspace.
- Slurm: cluster + job (an array adds its task). A batch script is one run; part it by giving its
  commands run ids of their own. In an interactive allocation each ``srun`` is one run, and a
  shell says nothing, since anything may be started from it. Job numbers that a cluster hands out
  again after its database was emptied cannot be told apart.
- Airflow, Metaflow on Batch or Kubernetes, SkyPilot, dstack: the step of one execution of the
  pipeline; its retries and recoveries are the same run.
- Ray: the submission id, where Ray drew it by lot.
- torchrun: a rendezvous id that is a UUID (``--standalone`` makes one). Otherwise it is ``none`` or
  a word like ``100`` that the next launch has too: on one node the launch's log folder, which
  torchrun draws by lot and keeps over restarts, tells launches apart; on several nodes nothing does.
- Open MPI 4: the address and job number of its head process.
- Kubernetes gives a container nothing that is unique to its job, unless the pod asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from trainfare.core.errors import BadInput
from trainfare.core.labels import check_run_id, is_label_key, make_labels
from trainfare.metering.pipelines import PIPELINES
from trainfare.metering.schedulers import LAUNCHERS, SERVICES, Job, whole

_READERS = (*SERVICES, *PIPELINES, *LAUNCHERS)
"""All readers, the most authoritative first."""


class Surroundings(NamedTuple):
    """What is around this process; one process on one machine where nothing says otherwise."""

    run_id: str | None = None
    """The run that this process is part of, where the environment identifies one."""
    run_id_source: str | None = None
    """The variable that *run_id* comes from."""
    scheduler: str | None = None
    """sagemaker, vertex, azureml, slurm, airflow, metaflow, skypilot, dstack, ray, kubernetes,
    torchrun or mpi."""
    job_id: str | None = None
    """The scheduler's own name for the job."""
    managed_job: str | None = None
    """The ARN or full name under which a provider bills a managed job."""
    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    node_rank: int = 0
    nodes: int = 1
    restart_count: int = 0
    """How often Slurm, torchrun or a pipeline say that they restarted it; a hint, not an identity."""
    allotted_gpus: int | None = None
    """GPUs of this machine that the scheduler gave to the job."""
    allotted_cpus: int | None = None
    provider: str | None = None
    region: str | None = None
    instance_type: str | None = None
    """The last three as a managed job's environment states them."""
    labels: Mapping[str, str] = MappingProxyType({})
    """The scheduler's words for reports: ``{"slurm.partition": "gpu", …}``."""
    notes: tuple[str, ...] = ()
    """What the user could set so that more is known; sentences."""


def read_surroundings(env: Mapping[str, str], *, root: Path | None = None) -> Surroundings:
    """What *env* says; files of SageMaker and Kubernetes are read under *root*, if it is given.

    Values that make no sense (a rank of ``abc``) count as unset.

    >>> here = read_surroundings({"SLURM_JOB_ID": "7", "SLURM_CLUSTER_NAME": "hpc",
    ...                           "ENVIRONMENT": "BATCH", "SLURM_RESTART_COUNT": "1"})
    >>> here.run_id, here.scheduler, here.restart_count
    ('slurm-hpc-7', 'slurm', 1)
    """
    jobs = [job for job in (read(env, root) for read in _READERS) if job is not None]
    run_id, source = _run_id(env, jobs)
    managed = next((job for job in jobs if job.managed_job), None)
    rank, local_rank, world_size = _ranks(env, jobs)
    node_rank, nodes = _nodes(env, jobs, rank, world_size)
    labels: dict[str, str | None] = {}
    for job in reversed(jobs):
        labels.update(job.labels)
    labels.update(_stated_labels(env))
    return Surroundings(
        run_id=run_id,
        run_id_source=source,
        scheduler=jobs[0].scheduler if jobs else None,
        job_id=next((job.job_id for job in jobs if job.job_id), None),
        managed_job=managed.managed_job if managed else None,
        rank=rank,
        local_rank=local_rank,
        world_size=world_size,
        node_rank=node_rank,
        nodes=nodes,
        restart_count=sum(job.restart_count for job in jobs),
        allotted_gpus=next((job.gpus for job in jobs if job.gpus is not None), None),
        allotted_cpus=next((job.cpus for job in jobs if job.cpus is not None), None),
        provider=managed.provider if managed else None,
        region=managed.region if managed else None,
        instance_type=managed.instance_type if managed else None,
        labels=make_labels({key: clean_label(text) for key, text in labels.items()}),
        notes=_notes(jobs, run_id, world_size),
    )


def derive_run_id(*shown: str, within: Sequence[str] = ()) -> str:
    """A run id that *shown* and *within* together determine, readable as far as it goes.

    Plain words are joined as they are. Anything that joining would blur (other characters, a dash
    inside a word, too much length, the context *within*) adds ``--`` and a digest of all parts, so
    that different parts never give the same id.

    >>> derive_run_id("slurm", "hpc", "4711"), derive_run_id("slurm", "hpc-2", "4711")
    ('slurm-hpc-4711', 'slurm-hpc-2-4711--8f15adbf728c')
    """
    plain = "-".join(shown)
    words_are_plain = all(re.fullmatch(r"[a-z0-9]+", part) for part in shown)
    if words_are_plain and not within and _is_run_id(plain):
        return plain
    digest = fingerprint(str(len(shown)), *shown, *within)
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "run"
    return f"{slug[: 61 - len(digest)].strip('-')}--{digest}"


def fingerprint(*parts: str) -> str:
    """Twelve hex digits that tell *parts* from all others and do not reveal them.

    48 bits of BLAKE2s: among a million different inputs the chance that any two agree is 0.2 %.

    >>> fingerprint("ab", "c") == fingerprint("a", "bc")
    False
    """
    try:
        # What hashlib hands out as blake2s, without the 4 MB of OpenSSL that hashlib loads.
        from _blake2 import blake2s
    except ImportError:
        from hashlib import blake2s
    exact = repr(parts).encode("utf-8", "backslashreplace")
    return blake2s(exact, digest_size=6, person=b"trainfar").hexdigest()


def _is_run_id(text: str) -> bool:
    try:
        check_run_id(text)
    except BadInput:
        return False
    return True


def _run_id(env: Mapping[str, str], jobs: Sequence[Job]) -> tuple[str | None, str | None]:
    stated = env.get("TRAINFARE_RUN_ID", "").strip()
    if stated:
        return (stated if _is_run_id(stated) else derive_run_id(stated)), "TRAINFARE_RUN_ID"
    for job in jobs:
        if job.shown:
            return derive_run_id(*job.shown, within=job.within), job.source
    return None, None


def _ranks(env: Mapping[str, str], jobs: Sequence[Job]) -> tuple[int, int, int]:
    """Rank, local rank and world size: torch's variables, else a Slurm step's, else MPI's."""
    names = [("RANK", "LOCAL_RANK", "WORLD_SIZE")]
    if any(job.scheduler == "slurm" for job in jobs):
        # Only inside a step: a batch script itself is task 0 of no tasks.
        names.append(("SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS"))
    names.append(("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_SIZE"))
    names.append(("PMI_RANK", "MPI_LOCALRANKID", "PMI_SIZE"))
    for rank_name, local_name, size_name in names:
        rank, size = whole(env, rank_name), whole(env, size_name)
        if rank is not None and size is not None and rank < size:
            return rank, whole(env, local_name) or 0, size
    return 0, 0, 1


def _nodes(
    env: Mapping[str, str], jobs: Sequence[Job], rank: int, world_size: int
) -> tuple[int, int]:
    """This node's number and how many there are, as the launcher says it, else the scheduler."""
    node_rank = whole(env, "GROUP_RANK", "NODE_RANK")
    nodes = whole(env, "GROUP_WORLD_SIZE")
    local_size = whole(env, "LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS")
    if nodes is None and local_size:
        nodes = -(-world_size // local_size)
    if nodes is None:
        node_rank = next((j.node_rank for j in jobs if j.node_rank is not None), node_rank)
        nodes = next((j.nodes for j in jobs if j.nodes is not None), None)
    # Operators such as PyTorchJob number pods, and a pod is what they call a node.
    numbers_pods = "LOCAL_RANK" not in env and any(job.scheduler == "kubernetes" for job in jobs)
    if nodes is None and numbers_pods and world_size > 1:
        node_rank, nodes = rank, world_size
    return node_rank or 0, max(1, nodes or 1)


def clean_label(text: str | None) -> str | None:
    """A value that labels accept, else None."""
    cleaned = (text or "").strip()
    return cleaned if cleaned and len(cleaned) <= 256 and cleaned.isprintable() else None


def _stated_labels(env: Mapping[str, str]) -> dict[str, str]:
    """The pairs of ``TRAINFARE_LABELS``, as in ``team=nlp,pipeline=nightly``.

    Pairs without a value or with a key that is none are passed over: a manifest fills them in from
    labels that a job may not have.
    """
    pairs = (pair.partition("=") for pair in env.get("TRAINFARE_LABELS", "").split(","))
    return {key.strip(): value for key, _, value in pairs if is_label_key(key.strip())}


def _notes(jobs: Sequence[Job], run_id: str | None, world_size: int) -> tuple[str, ...]:
    """What is worth setting: only many processes without a common run id are in trouble."""
    if run_id is not None or world_size == 1:
        return ()
    said = tuple(job.note for job in jobs if job.note)
    general = (
        f"{world_size} processes share no run id, so each node is a run of its own; "
        "set TRAINFARE_RUN_ID to one value for all of them"
    )
    return said or (general,)
