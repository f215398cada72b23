"""What each scheduler, managed service and launcher puts into a process's environment.

One reader per system: variables in, a :class:`Job` or None out. Managed services and schedulers
come before launchers; :mod:`trainfare.metering.environment` puts their answers together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

Env = Mapping[str, str]

# Patterns stay text until one is needed: compiling them would be half of this module's import.
_UUID = r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}"
_RAY_LOT = r"raysubmit_[A-Za-z0-9]{12,}"
_TORCH_LOG = r"(.*/[^/]+)/attempt_\d+/\d+/error\.json"
_SAGEMAKER_STEP = r"pipelines-([a-z0-9]{12})-(.+)-[A-Za-z0-9]{10}"
_NO_STEP = 0xFFFFFFF0
"""Slurm's step numbers from here on are its own batch scripts, shells and daemons."""


class Job(NamedTuple):
    """What one system says about the job that this process belongs to."""

    scheduler: str
    source: str = ""
    """The variable that identifies the job."""
    shown: tuple[str, ...] = ()
    """The visible parts of a run id; empty where nothing identifies the job for good …"""
    within: tuple[str, ...] = ()
    """… and what they are unique within: account, region, workspace."""
    job_id: str | None = None
    managed_job: str | None = None
    node_rank: int | None = None
    nodes: int | None = None
    restart_count: int = 0
    gpus: int | None = None
    cpus: int | None = None
    provider: str | None = None
    region: str | None = None
    instance_type: str | None = None
    labels: Mapping[str, str | None] = MappingProxyType({})
    note: str | None = None
    """What the user could set so that the job has an id."""


def whole(env: Env, *names: str) -> int | None:
    """The first of the variables *names* that holds a whole number of at least 0.

    >>> whole({"RANK": "x", "PMI_RANK": "3"}, "RANK", "PMI_RANK")
    3
    """
    for name in names:
        text = env.get(name, "").strip()
        if text.isascii() and text.isdigit() and len(text) <= 18:
            return int(text)
    return None


def _json(text: str | None) -> object:
    """What *text* says as JSON; None where it says nothing."""
    if not text:
        return None
    import json  # most processes have none of these variables

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _file(root: Path | None, path: str) -> str | None:
    if root is None:
        return None
    try:
        return (root / path).read_text("utf-8", "replace")[:65536]
    except OSError:
        return None


def _sagemaker(env: Env, root: Path | None) -> Job | None:
    """A training job; source: sagemaker-training-toolkit, "Environment variables"."""
    training = _mapping(_json(env.get("SM_TRAINING_ENV")))
    arn = env.get("TRAINING_JOB_ARN", "")
    name = env.get("TRAINING_JOB_NAME") or str(training.get("job_name") or "")
    name = name or arn.rpartition("/")[2]
    if not name:
        return None
    resources = _mapping(training.get("resource_config")) or _mapping(
        _json(_file(root, "opt/ml/input/config/resourceconfig.json"))
    )
    stated = _json(env.get("SM_HOSTS")) or training.get("hosts") or resources.get("hosts")
    hosts = sorted(map(str, stated)) if isinstance(stated, list) else []
    current = env.get("SM_CURRENT_HOST") or str(resources.get("current_host") or "")
    pieces = arn.split(":")
    is_arn = len(pieces) >= 6 and pieces[0] == "arn"
    region = pieces[3] if is_arn else env.get("AWS_REGION") or None
    kind = env.get("SM_CURRENT_INSTANCE_TYPE") or resources.get("current_instance_type")
    return Job(
        "sagemaker",
        source="TRAINING_JOB_ARN" if is_arn else "TRAINING_JOB_NAME",
        shown=("sagemaker", name),
        within=(pieces[4] if is_arn else "", region or ""),
        job_id=name,
        managed_job=arn if is_arn else name,
        node_rank=hosts.index(current) if current in hosts else None,
        nodes=len(hosts) or None,
        provider="aws",
        region=region,
        instance_type=kind if isinstance(kind, str) and kind.startswith("ml.") else None,
        labels={"sagemaker.job": name, "sagemaker.host": current, **_sagemaker_step(name)},
    )


def _sagemaker_step(job: str) -> dict[str, str | None]:
    """Execution and step of a SageMaker pipeline, which are all that a step's job name tells."""
    named = re.fullmatch(_SAGEMAKER_STEP, job)
    return {"pipeline.run": named[1], "pipeline.step": named[2]} if named else {}


def _vertex(env: Env, _root: Path | None) -> Job | None:
    """A custom job; source: Vertex AI, "Environment variables for custom training"."""
    job = env.get("CLOUD_ML_JOB_ID")
    if not job:
        return None
    project, region = env.get("CLOUD_ML_PROJECT_ID", ""), env.get("CLOUD_ML_REGION", "")
    full = f"projects/{project}/locations/{region}/customJobs/{job}"
    node_rank, nodes = _vertex_place(_mapping(_json(env.get("CLUSTER_SPEC"))))
    return Job(
        "vertex",
        source="CLOUD_ML_JOB_ID",
        shown=("vertex", job),
        within=(project, region),
        job_id=job,
        managed_job=full if project and region else job,
        node_rank=node_rank,
        nodes=nodes,
        provider="gcp",
        region=region or None,
        labels={"vertex.job": job},
    )


def _vertex_place(spec: Mapping[str, object]) -> tuple[int | None, int | None]:
    """This node's number and the number of nodes, over all worker pools of a CLUSTER_SPEC."""
    cluster = _mapping(spec.get("cluster"))
    sizes = {name: len(pool) for name, pool in sorted(cluster.items()) if isinstance(pool, list)}
    task = _mapping(spec.get("task"))
    pool, index = task.get("type"), task.get("index")
    if pool not in sizes or not isinstance(index, int):
        return None, sum(sizes.values()) or None
    before = sum(size for name, size in sizes.items() if name < str(pool))
    return before + index, sum(sizes.values())


def _azureml(env: Env, _root: Path | None) -> Job | None:
    """A job of an Azure Machine Learning workspace."""
    run = env.get("AZUREML_RUN_ID")
    if not run:
        return None
    names = ("AZUREML_ARM_SUBSCRIPTION", "AZUREML_ARM_RESOURCEGROUP", "AZUREML_ARM_WORKSPACE_NAME")
    root = env.get("AZUREML_ROOT_RUN_ID")
    is_step = root not in (None, "", run)
    return Job(
        "azureml",
        source="AZUREML_RUN_ID",
        shown=("azureml", run),
        within=tuple(env.get(name, "") for name in names),
        job_id=run,
        managed_job=run,
        node_rank=whole(env, "NODE_RANK"),
        nodes=whole(env, "AZUREML_NODE_COUNT"),
        provider="azure",
        labels={
            "azureml.run": run,
            "azureml.workspace": env.get(names[2]),
            "pipeline": env.get("AZUREML_ARM_PROJECT_NAME") if is_step else None,
            "pipeline.run": root if is_step else None,
        },
    )


def _slurm(env: Env, _root: Path | None) -> Job | None:
    """A job, array task or interactive step; source: sbatch(1) and srun(1), output environment."""
    number = env.get("SLURM_HET_JOB_ID") or env.get("SLURM_JOB_ID") or ""
    if not number.isdigit():
        return None
    cluster = env.get("SLURM_CLUSTER_NAME") or env.get("SLURM_SUBMIT_HOST") or "cluster"
    array, task = env.get("SLURM_ARRAY_JOB_ID"), env.get("SLURM_ARRAY_TASK_ID")
    step = whole(env, "SLURM_STEP_ID", "SLURM_STEPID")
    shown: tuple[str, ...] = ()
    source = "SLURM_JOB_ID"
    if array and task:
        shown, source = ("slurm", cluster, array, task), "SLURM_ARRAY_JOB_ID"
    elif env.get("ENVIRONMENT") == "BATCH":
        shown = ("slurm", cluster, number)
    elif step is not None and step < _NO_STEP and "SLURM_PTY_PORT" not in env:
        shown, source = ("slurm", cluster, number, f"s{step}"), "SLURM_STEP_ID"
    job_id = f"{array}_{task}" if array and task else number
    devices = env.get("SLURM_STEP_GPUS") or env.get("SLURM_JOB_GPUS")
    gpus = whole(env, "SLURM_GPUS_ON_NODE")
    words = {
        "job_name": "SLURM_JOB_NAME",
        "cluster": "SLURM_CLUSTER_NAME",
        "partition": "SLURM_JOB_PARTITION",
        "account": "SLURM_JOB_ACCOUNT",
        "qos": "SLURM_JOB_QOS",
        "user": "SLURM_JOB_USER",
    }
    return Job(
        "slurm",
        source=source,
        shown=shown,
        job_id=job_id,
        node_rank=whole(env, "SLURM_NODEID"),
        nodes=whole(env, "SLURM_STEP_NUM_NODES", "SLURM_JOB_NUM_NODES", "SLURM_NNODES"),
        restart_count=whole(env, "SLURM_RESTART_COUNT") or 0,
        gpus=len(devices.split(",")) if gpus is None and devices else gpus,
        cpus=whole(env, "SLURM_CPUS_ON_NODE"),
        labels={
            "slurm.job": job_id,
            **{f"slurm.{word}": env.get(name) for word, name in words.items()},
        },
    )


def _ray(env: Env, _root: Path | None) -> Job | None:
    """A job submitted to Ray; its own job numbers start again with every cluster."""
    config = _mapping(_json(env.get("RAY_JOB_CONFIG_JSON_ENV_VAR")))
    submission = str(_mapping(config.get("metadata")).get("job_submission_id") or "")
    number = env.get("RAY_JOB_ID") or None
    if not submission and not number:
        return None
    return Job(
        "ray",
        source="RAY_JOB_CONFIG_JSON_ENV_VAR",
        shown=("ray", submission) if re.fullmatch(_RAY_LOT, submission) else (),
        job_id=submission or number,
        labels={"ray.job": submission or number},
        note=(
            "Ray's workers know no id that is theirs alone; pass one down with "
            'runtime_env={"env_vars": {"TRAINFARE_RUN_ID": "…"}}'
        ),
    )


def _kubernetes(env: Env, root: Path | None) -> Job | None:
    """A pod; names reach a container only where its manifest asks for them."""
    if not env.get("KUBERNETES_SERVICE_HOST"):
        return None
    account = "var/run/secrets/kubernetes.io/serviceaccount/namespace"
    namespace = env.get("POD_NAMESPACE") or (_file(root, account) or "").strip()
    return Job(
        "kubernetes",
        node_rank=whole(env, "JOB_COMPLETION_INDEX"),
        labels={
            "k8s.namespace": namespace,
            "k8s.pod": env.get("POD_NAME") or env.get("HOSTNAME"),
            "k8s.node": env.get("NODE_NAME"),
        },
        note=(
            "a pod does not know its job; in the manifest set TRAINFARE_RUN_ID from "
            "fieldRef metadata.labels['batch.kubernetes.io/controller-uid'], "
            "or to one value of your own for all pods"
        ),
    )


def _torchrun(env: Env, _root: Path | None) -> Job | None:
    """A torchrun launch; source: torch.distributed.run, "Environment Variables"."""
    rendezvous = env.get("TORCHELASTIC_RUN_ID")
    if rendezvous is None:
        return None
    log = re.fullmatch(_TORCH_LOG, env.get("TORCHELASTIC_ERROR_FILE", ""))
    shown: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    source = "TORCHELASTIC_RUN_ID"
    if re.fullmatch(_UUID, rendezvous):
        shown = ("torchrun", rendezvous.replace("-", "").lower())
    elif log and whole(env, "GROUP_WORLD_SIZE") == 1:
        shown, source = ("torchrun", rendezvous), "TORCHELASTIC_ERROR_FILE"
        within = (log[1],)
    return Job(
        "torchrun",
        source=source,
        shown=shown,
        within=within,
        job_id=rendezvous,
        restart_count=whole(env, "TORCHELASTIC_RESTART_COUNT") or 0,
        note=(
            f"torchrun's id {rendezvous!r} may come again in another launch; start all nodes with "
            'the same --rdzv-id="$(uuidgen)", or set TRAINFARE_RUN_ID to one value on all of them'
        ),
    )


def _mpi(env: Env, _root: Path | None) -> Job | None:
    """An MPI launch; source: Open MPI and MPICH (Hydra), environment of their ranks."""
    if whole(env, "OMPI_COMM_WORLD_RANK", "PMI_RANK") is None:
        return None
    head = env.get("OMPI_MCA_orte_hnp_uri")
    return Job(
        "mpi",
        source="OMPI_MCA_orte_hnp_uri",
        shown=("mpi",) if head else (),
        within=(head,) if head else (),
    )


SERVICES: tuple[Callable[[Env, Path | None], Job | None], ...] = (
    _sagemaker,
    _vertex,
    _azureml,
    _slurm,
)
"""Readers of what bills or accounts for a job under a name of its own."""

LAUNCHERS: tuple[Callable[[Env, Path | None], Job | None], ...] = (
    _ray,
    _kubernetes,
    _torchrun,
    _mpi,
)
"""Readers of what only starts processes; asked last."""
