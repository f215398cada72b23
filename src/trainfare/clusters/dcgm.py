"""DCGM exporter's metrics as claims: which job held which GPU, from when to when, and how busy.

A job holds a GPU from the first scrape that shows it there to the last one, plus one scrape
interval, but not into the first scrape that shows something else. A single missed scrape is
bridged; a longer gap ends the claim. A blank value (9223372036854775794, NaN) is missing, not idle.
Where the inventory knows the host, a job claims its GPUs' part of the machine; elsewhere it claims
the GPU itself, by UUID.
Source: NVIDIA dcgm-exporter, default-counters.csv and README; DCGM, dcgm_structs.h (blank values).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from trainfare.clusters.combine import combine
from trainfare.clusters.gpu_track import Track, device_use, learn_interval, stretches
from trainfare.clusters.options import ReadOptions
from trainfare.clusters.prometheus import Sample, json_samples, text_samples
from trainfare.clusters.record import LATEST_NS, ClaimRecord, Reading, clean_labels, make_reading
from trainfare.clusters.run_tag import find_run_id, valid_run_id
from trainfare.clusters.tres import WHOLE_GPU, gpu_units
from trainfare.core.stage import Status
from trainfare.core.tally import Tally
from trainfare.metering.environment import derive_run_id

KIND = "dcgm"

_NAMES = {
    "uuid": ("UUID", "uuid", "gpu_uuid"),
    "host": ("Hostname", "hostname", "exported_hostname", "node"),
    "model": ("modelName", "model_name", "gpu_model"),
    "instance": ("GPU_I_ID", "gpu_instance_id"),
    "profile": ("GPU_I_PROFILE", "gpu_instance_profile"),
    "job": ("hpc_job",),
}
"""What releases and relabelling have called the same label."""

_EXPORTER = "dcgm-exporter"

_NO_TIME = (
    "has no time; write a line such as '# at 2026-10-01T12:00:00Z' above every scrape, "
    "or save the answer of Prometheus to a range query"
)


@dataclass(frozen=True, slots=True)
class _Holder:
    """Whom the labels of a series name: a GPU (or its MIG instance) and the run that held it."""

    uuid: str
    instance: str
    run: str | None
    """None where nobody held the GPU."""
    facts: Mapping[str, str] = field(compare=False)
    labels: Mapping[str, str] = field(compare=False)


def read_dcgm(path: Path, options: ReadOptions) -> Reading:
    """Claims from exposition text of dcgm-exporter: scrapes with times, or one scrape.

    Raises:
        BadRecords: with every problem found.
    """

    def parse(tally: Tally) -> Iterator[ClaimRecord]:
        samples = text_samples(path, tally, at_ns=options.scraped_at_ns, wanted=_is_dcgm)
        return _claims(samples, tally, options)

    return make_reading(KIND, path.name, parse)


def read_dcgm_json(path: Path, options: ReadOptions) -> Reading:
    """Claims from answers of Prometheus' HTTP API to a range query of DCGM metrics.

    Raises:
        BadRecords: with every problem found.
    """

    def parse(tally: Tally) -> Iterator[ClaimRecord]:
        return _claims(json_samples(path, tally, wanted=_is_dcgm), tally, options)

    return make_reading(KIND, path.name, parse)


def _is_dcgm(metric: str) -> bool:
    return metric.startswith("DCGM_FI_")


def _claims(samples: Iterable[Sample], tally: Tally, options: ReadOptions) -> Iterator[ClaimRecord]:
    tracks = _tracks(samples, tally, options)
    if tally.problem_count:
        return
    interval_ns = options.scrape_interval_ns or learn_interval(tracks.values())
    if interval_ns is None:
        if tracks:
            tally.refuse(
                "holds a single scrape, which shows no length of time; collect two or more"
            )
        return
    devices: dict[tuple[str, str], set[int]] = defaultdict(set)
    for holder, track in tracks.items():
        devices[holder.uuid, holder.instance].update(track.seen)
    instants = {device: sorted(seen) for device, seen in devices.items()}
    records: list[ClaimRecord] = []
    for holder, track in tracks.items():
        if holder.run is None:
            tally.skip("GPU without a job", len(track.instants()))
        else:
            seen = instants[holder.uuid, holder.instance]
            records.extend(_holder_claims(holder, track, interval_ns, seen, options))
    yield from combine(records, joins=False)


def _tracks(samples: Iterable[Sample], tally: Tally, options: ReadOptions) -> dict[_Holder, Track]:
    """Samples by who held which GPU."""
    tracks: dict[_Holder, Track] = {}
    # Keyed by identity, with the labels kept so that no other object can take theirs.
    holders: dict[int, tuple[Mapping[str, str], _Holder | None]] = {}
    for sample in samples:
        if id(sample.labels) not in holders:
            holder = _holder(sample, tally, options)
            holders[id(sample.labels)] = sample.labels, holder
        holder = holders[id(sample.labels)][1]
        if holder is None:
            continue
        if sample.instant_ns is None:
            tally.refuse(_NO_TIME, sample.row, sample.metric)
            break
        if not 0 <= sample.instant_ns <= LATEST_NS:
            tally.refuse("has a time outside the years 1970 to 2262", sample.row, sample.metric)
            break
        track = tracks.get(holder)
        if track is None:
            track = tracks[holder] = Track()
        if not track.add(sample.metric, sample.instant_ns, sample.value):
            tally.skip("blank value")
    return tracks


def _holder(sample: Sample, tally: Tally, options: ReadOptions) -> _Holder | None:
    """Whom a series' labels name; None, with a problem, where they name no GPU."""
    tags = sample.labels
    facts = {
        fact: next((tags[name] for name in names if tags.get(name)), "")
        for fact, names in _NAMES.items()
    }
    if not facts["uuid"]:
        tally.refuse("has no label UUID, so no GPU", sample.row, sample.metric)
        return None
    pod, namespace = _pod(tags)
    run = find_run_id(tags)
    labels: dict[str, object] = {}
    if facts["job"]:
        run = run or _slurm_run(facts["job"], options)
        labels = {"slurm.job": facts["job"], "slurm.cluster": options.cluster}
        if run is None:
            tally.refuse(
                "names a Slurm job but no cluster; name the cluster",
                sample.row,
                "hpc_job",
                facts["job"],
            )
    elif pod:
        stated = options.runs.get(f"{namespace}/{pod}") or options.runs.get(pod)
        cluster = (options.cluster,) if options.cluster else ()
        run = run or (
            valid_run_id(stated) if stated else derive_run_id("k8s", *cluster, namespace, pod)
        )
        labels = {"k8s.namespace": namespace, "k8s.pod": pod, "k8s.node": facts["host"]}
    return _Holder(facts["uuid"], facts["instance"], run, facts, clean_labels(labels))


def _pod(tags: Mapping[str, str]) -> tuple[str, str]:
    """The pod and namespace that hold the GPU.

    Prometheus renames them to ``exported_…`` where its own scrape target has labels of that name;
    ``pod`` is then the exporter itself.
    """
    if tags.get("exported_pod"):
        return tags["exported_pod"], tags.get("exported_namespace", "")
    pod = tags.get("pod") or tags.get("pod_name") or ""
    if _EXPORTER in pod or _EXPORTER in tags.get("container", ""):
        return "", ""
    return pod, tags.get("namespace") or tags.get("pod_namespace") or ""


def _slurm_run(job: str, options: ReadOptions) -> str | None:
    stated = options.runs.get(job)
    if stated:
        return valid_run_id(stated)
    return derive_run_id("slurm", options.cluster, *job.split("_")) if options.cluster else None


def _holder_claims(
    holder: _Holder, track: Track, interval_ns: int, seen: list[int], options: ReadOptions
) -> Iterator[ClaimRecord]:
    assert holder.run is not None
    profile = holder.facts["profile"]
    units = gpu_units(f"{holder.facts['model']} {profile}") if profile else WHOLE_GPU
    host = holder.facts["host"]
    node = options.inventory.find_node(host) if host else None
    device_id = holder.uuid + (f"/{holder.instance}" if holder.instance else "")
    if node is not None and node.capacity.gpu_units:
        resource_id, whole = options.inventory.resource_id(host), node.capacity.gpu_units
    else:
        resource_id, whole = holder.uuid, WHOLE_GPU
    named = {"gpu_model": holder.facts["model"], "gpu_profile": profile, "host": host}
    for stretch in stretches(track, interval_ns, seen, now_ns=options.now_ns):
        is_open = stretch.end_ns >= options.now_ns
        yield ClaimRecord(
            run=holder.run,
            attempt=1,
            resource_id=resource_id,
            interval=stretch,
            share=min(Fraction(1), Fraction(units, whole)),
            labels=holder.labels,
            source=KIND,
            status=Status.RUNNING if is_open else None,
            activity=device_use(track, device_id, stretch, interval_ns),
            activity_source=track.activity_source,
            reported={key: value for key, value in named.items() if value},
        )
