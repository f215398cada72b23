"""Readers of sacct's two notations: ``--parsable2`` text and ``--json``.

Best exported as
``TZ=UTC sacct --allusers --allocations --duplicates --parsable2 --format
jobid,cluster,partition,qos,account,user,start,end,elapsed,suspended,restarts,state,alloctres,nodelist,submitline,comment,jobname``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from trainfare.clusters.options import ReadOptions
from trainfare.clusters.record import WRONG_SHAPE, ClaimRecord, Reading, make_reading
from trainfare.clusters.slurm import KIND, SlurmJob, job_claims
from trainfare.clusters.slurm_time import SlurmClock, parse_elapsed
from trainfare.clusters.tres import Capacity, capacity_of, gpu_models, parse_tres
from trainfare.core.errors import BadInput
from trainfare.core.source_file import json_items, text_lines
from trainfare.core.tally import Tally

XDMOD = (
    "jobid",
    "jobidraw",
    "cluster",
    "partition",
    "qos",
    "account",
    "group",
    "gid",
    "user",
    "uid",
    "submit",
    "eligible",
    "start",
    "end",
    "elapsed",
    "exitcode",
    "state",
    "nnodes",
    "ncpus",
    "reqcpus",
    "reqmem",
    "reqtres",
    "alloctres",
    "timelimit",
    "nodelist",
    "jobname",
)
"""The columns of an export without header, in the order that Open XDMoD asks sacct for."""

_FREE_TEXT = (
    "jobname",
    "comment",
    "admincomment",
    "systemcomment",
    "submitline",
    "workdir",
    "extra",
)
"""Columns in which users may write ``|``; one of them per export can be told apart."""

_JOB_ID = re.compile(r"(\d+)(?:_(\d+|\[[^\]]*\]))?(?:\+(\d+))?(\..+)?")
_WHOLE_NODES = re.compile(r"--exclusive(?:\s|$)")
_NEEDED = ("start", "end", "state", "nodelist", "alloctres")


def is_sacct_header(line: str) -> bool:
    """Whether *line* heads sacct's text, or is a first row of it without header."""
    names = [name.strip().lower() for name in line.split("|")]
    if "jobid" in names or "jobidraw" in names:
        return len(names) > 1
    return len(names) >= len(XDMOD) and bool(_JOB_ID.fullmatch(names[0]))


def read_sacct(path: Path, options: ReadOptions) -> Reading:
    """Claims of ``sacct --parsable2`` text, with a header in any order or XDMoD's columns without.

    Raises:
        BadRecords: with every problem found.
    """
    clock = SlurmClock(options.zone)

    def parse(tally: Tally) -> Iterator[ClaimRecord]:
        return job_claims(_text_jobs(path, tally, options, clock), tally, options)

    return make_reading(KIND, path.name, parse)


def _text_jobs(
    path: Path, tally: Tally, options: ReadOptions, clock: SlurmClock
) -> Iterator[SlurmJob]:
    header: list[str] | None = None
    row = 0
    for line in text_lines(path, errors="replace"):
        if not line.strip():
            continue
        if header is None:
            header, is_first_row = _header(line)
            if missing := _missing(header, options):
                tally.refuse(missing)
                return
            if not is_first_row:
                continue
        row += 1
        cells = _cells(line, header, row, tally)
        if cells is not None:
            job = _text_job(cells, row, tally, options, clock)
            if job is not None:
                yield job


def _header(line: str) -> tuple[list[str], bool]:
    """The columns in lower case, and whether *line* is already the first row."""
    names = [name.strip().lower() for name in line.split("|")]
    if "jobid" in names or "jobidraw" in names:
        return names, False
    return list(XDMOD), True


def _missing(header: Sequence[str], options: ReadOptions) -> str | None:
    """What an export must have and lacks, as a sentence."""
    lacking = [name for name in _NEEDED if name not in header]
    if lacking:
        return (
            f"has no column {', '.join(lacking)}; export with --parsable2 --format "
            f"jobid,{','.join(_NEEDED)},elapsed,cluster,user,account,jobname"
        )
    if "cluster" not in header and not options.cluster:
        return "does not say which cluster it is of; export the column cluster, or name the cluster"
    return None


def _cells(line: str, header: list[str], row: int, tally: Tally) -> dict[str, str] | None:
    """Column → text; surplus ``|`` belong to the one column of free text."""
    cells = line.split("|")
    surplus = len(cells) - len(header)
    if surplus > 0:
        free = [index for index, name in enumerate(header) if name in _FREE_TEXT]
        if len(free) != 1:
            tally.refuse(
                f"has {len(cells)} fields, the header {len(header)}; someone wrote '|' in a name or "
                "comment; export with only one of the columns jobname, comment and submitline",
                row,
            )
            return None
        at = free[0]
        cells[at : at + surplus + 1] = ["|".join(cells[at : at + surplus + 1])]
    elif surplus < 0:
        tally.refuse(
            f"has {len(cells)} fields, the header {len(header)}; the file is cut short or a name "
            "holds a line break",
            row,
        )
        return None
    return dict(zip(header, cells, strict=True))


def _text_job(
    cells: Mapping[str, str], row: int, tally: Tally, options: ReadOptions, clock: SlurmClock
) -> SlurmJob | None:
    shown = (cells.get("jobid") or cells.get("jobidraw") or "").strip()
    match = _JOB_ID.fullmatch(shown)
    if not match:
        tally.refuse("is not a job id such as 123, 123_4 or 123+1", row, "JobID", shown)
        return None
    number, task, component, step = match.groups()
    if step:
        tally.skip("step")
        return None
    column = ""
    try:
        column = "Start"
        starts = clock.instants(cells["start"])
        column = "End"
        ends = clock.instants(cells["end"])
        column = "Elapsed"
        elapsed = _elapsed(cells.get("elapsedraw") or cells.get("elapsed", ""))
        column = "Suspended"
        suspended = _elapsed(cells.get("suspended", "")) or 0
        column = "AllocTRES"
        held, models = _held(cells["alloctres"])
    except BadInput as error:
        tally.refuse(str(error), row, column)
        return None
    restarts = cells.get("restarts", "").strip()
    words = cells.get("state", "").split()
    return SlurmJob(
        row=row,
        cluster=cells.get("cluster") or options.cluster or "",
        id=f"{number}_{task}" if task else number,
        component=int(component or 0),
        state=words[0].rstrip("+").upper() if words else "",
        starts=starts,
        ends=ends,
        elapsed_seconds=elapsed,
        suspended_seconds=suspended,
        nodes=cells["nodelist"],
        held=held,
        gpu_models=models,
        restarts=int(restarts) if restarts.isascii() and restarts.isdigit() else None,
        is_exclusive=bool(_WHOLE_NODES.search(cells.get("submitline", ""))),
        words={
            "user": cells.get("user", ""),
            "account": cells.get("account", ""),
            "partition": cells.get("partition", ""),
            "qos": cells.get("qos", ""),
            "job_name": cells.get("jobname", ""),
            "comment": cells.get("comment", ""),
        },
    )


def _elapsed(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else parse_elapsed(text)


@lru_cache(maxsize=8192)
def _held(text: str) -> tuple[Capacity, tuple[str, ...]]:
    """What AllocTRES says that the job held, and of which GPU models."""
    tres = parse_tres(text)
    return capacity_of(tres), gpu_models(tres)


def read_sacct_json(path: Path, options: ReadOptions) -> Reading:
    """Claims of ``sacct --json`` (data parser v0.0.38 and newer); times there are UTC.

    Raises:
        BadRecords: with every problem found.
    """

    def parse(tally: Tally) -> Iterator[ClaimRecord]:
        return job_claims(_json_jobs(path, tally, options), tally, options)

    return make_reading(KIND, path.name, parse)


def _json_jobs(path: Path, tally: Tally, options: ReadOptions) -> Iterator[SlurmJob]:
    for row, item in json_items(path, {"jobs"}):
        try:
            job = _json_job(item, row, options)
        except WRONG_SHAPE as error:
            why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            tally.refuse(f"is not a job as sacct --json writes it: {why}", row)
            continue
        if not job.cluster:
            tally.refuse("does not say which cluster it is of; name the cluster", row, "cluster")
            continue
        yield job


def _json_job(item: Mapping[str, Any], row: int, options: ReadOptions) -> SlurmJob:
    times = item["time"]
    state = item["state"]["current"]
    array = item.get("array") or {}
    task = _number(array.get("task_id"))
    hetero = item.get("het") or {}
    leader = _number(hetero.get("job_id")) or 0
    component = _number(hetero.get("job_offset")) if leader else 0
    array_id = _number(array.get("job_id")) or 0
    number = leader or array_id or int(item["job_id"])
    is_task = bool(array_id) and task is not None
    comment = item.get("comment") or ""
    if isinstance(comment, dict):
        comment = comment.get("job") or ""
    association = item.get("association") or {}
    tres = _json_tres((item.get("tres") or {}).get("allocated") or [])
    return SlurmJob(
        row=row,
        cluster=str(item.get("cluster") or association.get("cluster") or options.cluster or ""),
        id=f"{number}_{task}" if is_task else str(number),
        component=component or 0,
        state=str(state[0] if isinstance(state, list) else state).upper(),
        starts=_seconds(times.get("start")),
        ends=_seconds(times.get("end")),
        elapsed_seconds=_number(times.get("elapsed")),
        suspended_seconds=_number(times.get("suspended")) or 0,
        nodes=str(item.get("nodes") or ""),
        held=capacity_of(tres),
        gpu_models=gpu_models(tres),
        restarts=_number(item.get("restart_cnt")),
        is_exclusive=bool(_WHOLE_NODES.search(str(item.get("submit_line") or ""))),
        words={
            "user": str(item.get("user") or association.get("user") or ""),
            "account": str(item.get("account") or association.get("account") or ""),
            "partition": str(item.get("partition") or ""),
            "qos": str(item.get("qos") or ""),
            "job_name": str(item.get("name") or ""),
            "comment": str(comment),
        },
    )


def _number(value: object) -> int | None:
    """A number, or what ``{"set": true, "infinite": false, "number": 4}`` wraps."""
    if isinstance(value, dict):
        return int(value["number"]) if value.get("set") and not value.get("infinite") else None
    return None if value is None else int(value)  # type: ignore[call-overload]


def _seconds(value: object) -> tuple[int, ...]:
    """An instant; 0 and unset are none."""
    number = _number(value)
    return (number,) if number else ()


def _json_tres(entries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """``{"type": "gres", "name": "gpu", "count": 8}`` … as ``gres/gpu`` → 8."""
    counts = {}
    for entry in entries:
        name = entry.get("name")
        kind = f"{entry['type']}/{name}" if name else str(entry["type"])
        counts[kind] = int(entry["count"])
    return counts
