"""The cluster's pods and GPUs: no GPU is held twice, and hours are exact."""

import json
import re
from collections import defaultdict
from fractions import Fraction

import pytest

from simulation.worlds import world_of
from trainfare.core.errors import BadInput
from trainfare.core.period import HOUR, SECOND, Interval, parse_instant
from trainfare.simulation.fault import Source
from trainfare.simulation.kubernetes_file import BLANK, pods, write_dcgm, write_opencost

BIG = {"runs": 200, "days": 4}


def test_no_gpu_is_held_by_two_pods_at_once():
    listed = pods(world_of(**BIG))
    assert len(listed) > 5
    for pod in listed:
        assert len(pod.devices) == pod.gpus
        for other in listed:
            if other is not pod and other.machine is pod.machine:
                together = pod.interval.overlap_ns(other.interval)
                assert not (together and set(pod.devices) & set(other.devices))


def test_gpu_hours_are_those_of_the_claims_exactly(tmp_path):
    world = world_of(**BIG)
    answer = json.loads(
        write_opencost(world, tmp_path / "o.json").read_text(), parse_float=Fraction
    )
    hours = defaultdict(Fraction)
    for window in answer["data"]:
        for allocation in window.values():
            if "gpuHours" in allocation:
                run = allocation["properties"]["labels"]["run_id"]
                hours[run] += Fraction(allocation["gpuHours"])
                assert allocation["window"]["start"] <= allocation["start"]
                assert allocation["end"] <= allocation["window"]["end"]
    machines = {machine.id: machine for machine in world.machines}
    claimed = defaultdict(Fraction)
    for trace in world.traces:
        if trace.source is Source.KUBERNETES:
            claim, gpus = trace.claim, machines[trace.claim.resource_id].type.gpus
            claimed[claim.run] += claim.share * gpus * Fraction(claim.interval.duration_ns, HOUR)
    assert hours == claimed


def test_idle_is_listed_as_opencost_does(tmp_path):
    answer = json.loads(write_opencost(world_of(**BIG), tmp_path / "o.json").read_text())
    assert all("__idle__" in window for window in answer["data"])


def test_scrapes_show_who_holds_each_gpu(tmp_path):
    world = world_of(**BIG)
    first = world.bill.start_ns
    path = write_dcgm(
        world, tmp_path / "d.prom", step_seconds=600, within=Interval(first, first + 24 * HOUR)
    )
    listed, at_ns, busy, idle = pods(world), None, 0, 0
    for line in path.read_text().splitlines():
        if line.startswith("# at "):
            at_ns = parse_instant(line[5:])
            continue
        labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
        value = int(line.rpartition(" ")[2])
        holders = [
            pod
            for pod in listed
            if pod.machine.node == labels["Hostname"]
            and int(labels["gpu"]) in pod.devices
            and pod.interval.start_ns <= at_ns < pod.interval.end_ns
        ]
        assert [pod.run for pod in holders] == ([labels["run_id"]] if "pod" in labels else [])
        if line.startswith("DCGM_FI_DEV_GPU_UTIL") and value != BLANK:
            assert (value > 0) == bool(holders)
            busy, idle = busy + bool(holders), idle + (not holders)
    assert busy > 0 < idle


def test_scrapes_need_a_step(tmp_path):
    with pytest.raises(BadInput, match="at least 1 s apart, not 0"):
        write_dcgm(world_of(**BIG), tmp_path / "d.prom", step_seconds=0)


def test_kubernetes_times_are_hundredths_of_an_hour():
    for pod in pods(world_of(**BIG)):
        assert pod.interval.start_ns % (36 * SECOND) == pod.interval.end_ns % (36 * SECOND) == 0
