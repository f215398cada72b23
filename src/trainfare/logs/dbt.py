"""dbt's ``run_results.json`` with its manifest: an invocation that nobody metered, as a data run.

Each model is a stage ``data/MODEL``, each table an output. With several threads models overlap; the
stage is that of the model that began last.
"""

from __future__ import annotations

from pathlib import Path

from trainfare.core.run import StageMark
from trainfare.core.stage import DATA, Status
from trainfare.logs.training_log import Clock, Made, TrainingLog
from trainfare.metering.dbt_artifacts import RESULTS, Invocation, read_invocation

KIND = "dbt"
NAME = RESULTS


def is_run_results(text: str) -> bool:
    """Whether *text* begins as the results of an invocation.

    >>> is_run_results('{"metadata": {"dbt_schema_version": "https://x/dbt/run-results/v6.json"')
    True
    """
    return text.lstrip().startswith("{") and "/dbt/run-results/" in text[:2000]


def read_run_results(path: Path) -> list[TrainingLog]:
    """The one stretch that the results at *path*, and the manifest beside them, tell of.

    Raises:
        BadInput: there is no manifest beside them, or of another invocation.
    """
    found = read_invocation(path.parent)
    made = [Made("dataset", uri) for uri in found.reads]
    made += [Made("output", one.uri, one.took_us, one.of) for one in found.tables]
    return [
        TrainingLog(
            kind=KIND,
            clock=Clock.WALL,
            start_ns=found.start_ns,
            duration_ns=max(0, found.end_ns - found.start_ns),
            entries=(),
            stages=tuple(_stages(found)),
            status=Status.FAILED if found.error else Status.FINISHED,
            error=found.error,
            made=tuple(made),
        )
    ]


def _stages(found: Invocation) -> list[StageMark]:
    """From when on which model; ``data`` alone where none is worked on."""
    known = [one for one in found.tables if one.began_ns is not None]
    spans = sorted((one.began_ns or 0, one.took_us * 1000, one.name) for one in known)
    marks, free_ns = [StageMark(0, DATA)], 0
    for began_ns, took_ns, name in spans:
        at_ns = min(max(0, began_ns - found.start_ns), found.end_ns - found.start_ns)
        if len(marks) > 1 and free_ns < at_ns:
            marks.append(StageMark(free_ns, DATA))
        marks.append(StageMark(at_ns, f"{DATA}/{name}"))
        free_ns = max(free_ns, at_ns + took_ns)
    if free_ns < found.end_ns - found.start_ns and len(marks) > 1:
        marks.append(StageMark(free_ns, DATA))
    return marks
