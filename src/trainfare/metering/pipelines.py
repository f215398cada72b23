"""Pipelines: which step of which one a process runs, as the pipeline's engine says it.

A step of one execution of a pipeline is one run, and its retries are attempts of that run: an
engine names the step alike each time. Every step has the labels ``pipeline``, ``pipeline.run`` and
``pipeline.step``, as far as its engine says them, so that money sums up by any of the three.

Readers as in :mod:`trainfare.metering.schedulers`. Engines whose steps share one process (Prefect,
Dagster) say nothing in its environment: :mod:`trainfare.integrations` asks them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from trainfare.metering.schedulers import Env, Job, whole

_SKYPILOT_TASK = r"(sky-(?:managed-)?[\d-]+)_(.+)_(\d+)-(\d+)"


def step_job(
    engine: str, pipeline: str, execution: str, step: str, *part: str, source: str = ""
) -> Job:
    """A step as a job: *part* tells apart what one step is split into (mapped tasks, shards).

    >>> step_job("airflow", "nightly", "manual__2026-10-01", "train").labels["pipeline.step"]
    'train'
    """
    return Job(
        engine,
        source=source,
        shown=(engine, pipeline, step),
        within=(execution, *part),
        job_id="/".join((pipeline, execution, step, *part)),
        labels={"pipeline": pipeline, "pipeline.run": execution, "pipeline.step": step},
    )


def _airflow(env: Env, _root: Path | None) -> Job | None:
    """A task instance; source: Airflow, ``context_to_airflow_vars``.

    Mapped tasks have no number there: those of one step are one run.
    """
    dag, task = env.get("AIRFLOW_CTX_DAG_ID"), env.get("AIRFLOW_CTX_TASK_ID")
    execution = env.get("AIRFLOW_CTX_DAG_RUN_ID")
    if not dag or not task or not execution:
        return None
    tries = whole(env, "AIRFLOW_CTX_TRY_NUMBER") or 1
    job = airflow_job(dag, execution, task)
    return job._replace(source="AIRFLOW_CTX_DAG_RUN_ID", restart_count=max(0, tries - 1))


def airflow_job(dag: str, execution: str, task: str) -> Job:
    """A task by its names, or by the labels that Airflow makes of them for the pod that runs it."""
    safe = [_pod_label(name) for name in (dag, task, execution)]
    shown, within = ("airflow", *safe[:2]), tuple(safe[2:])
    return step_job("airflow", dag, execution, task)._replace(shown=shown, within=within)


def _pod_label(text: str) -> str:
    """*text* as Airflow writes it into a pod's label; what is one already stays as it is.

    Source: apache-airflow-providers-cncf-kubernetes, ``make_safe_label_value``.

    >>> _pod_label("nightly"), _pod_label("manual__2026-10-01T00:00:00+00:00")
    ('nightly', 'manual__2026-10-01T0000000000-68c098335')
    """
    safe = re.sub(r"^[^a-z0-9A-Z]*|[^a-zA-Z0-9_\-\.]|[^a-z0-9A-Z]*$", "", text)
    if safe == text and len(text) <= 63:
        return text
    from hashlib import md5  # OpenSSL, which few processes need

    return f"{safe[:53]}-{md5(text.encode(), usedforsecurity=False).hexdigest()[:9]}"


def _metaflow(env: Env, _root: Path | None) -> Job | None:
    """A task on AWS Batch or Kubernetes; source: Metaflow, ``export_mflog_env_vars``."""
    parts = env.get("MF_PATHSPEC", "").split("/")
    if len(parts) != 4 or not all(parts):
        return None
    job = metaflow_job(*parts)
    return job._replace(source="MF_PATHSPEC", restart_count=whole(env, "MF_ATTEMPT") or 0)


def metaflow_job(flow: str, run: str, step: str, task: str) -> Job:
    """A task by the four parts of its pathspec; a foreach has one task for each of its items."""
    return step_job("metaflow", flow, run, step, task)


def _skypilot(env: Env, _root: Path | None) -> Job | None:
    """A task; a managed job keeps its id over recoveries. Source: SkyPilot, "Environment variables"."""
    task = env.get("SKYPILOT_TASK_ID")
    if not task:
        return None
    named = re.fullmatch(_SKYPILOT_TASK, task)
    labels: dict[str, str | None] = {"skypilot.task": task}
    if named and len(env.get("SKYPILOT_TASK_IDS", "").split()) > 1:
        labels |= {"pipeline.run": f"{named[1]}_{named[3]}", "pipeline.step": named[2]}
    return Job(
        "skypilot",
        source="SKYPILOT_TASK_ID",
        shown=("skypilot", task),
        job_id=task,
        node_rank=whole(env, "SKYPILOT_NODE_RANK"),
        nodes=whole(env, "SKYPILOT_NUM_NODES"),
        gpus=whole(env, "SKYPILOT_NUM_GPUS_PER_NODE") or None,
        labels=labels,
    )


def _dstack(env: Env, _root: Path | None) -> Job | None:
    """A run: all its nodes, and what is submitted anew after an interruption.

    Source: dstack, "Environment variables".
    """
    run, name = env.get("DSTACK_RUN_ID"), env.get("DSTACK_RUN_NAME")
    if not run:
        return None
    return Job(
        "dstack",
        source="DSTACK_RUN_ID",
        shown=("dstack", name or "run"),
        within=(run,),
        job_id=run,
        node_rank=whole(env, "DSTACK_NODE_RANK"),
        nodes=whole(env, "DSTACK_NODES_NUM"),
        gpus=whole(env, "DSTACK_GPUS_PER_NODE") or None,
        labels={"dstack.run": name},
    )


PIPELINES: tuple[Callable[[Env, Path | None], Job | None], ...] = (
    _airflow,
    _metaflow,
    _skypilot,
    _dstack,
)
"""Readers of engines; a managed job or a Slurm job is told from others before them."""
