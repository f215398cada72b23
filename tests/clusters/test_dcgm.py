"""DCGM's metrics as claims: who held which GPU, from when to when, and how busy it was."""

import json
from fractions import Fraction

import pytest

from clusters.exports import scrape, util
from clusters.readers import by_run, options, sample, write
from trainfare.clusters.dcgm import read_dcgm, read_dcgm_json
from trainfare.clusters.inventory import Inventory, Node, make_capacity
from trainfare.core.period import Interval, parse_instant
from trainfare.core.stage import Status
from trainfare.core.tally import BadRecords

START = parse_instant("2026-10-01T00:00:00Z")


def read(tmp_path, text, **changes):
    return read_dcgm(
        write(tmp_path, text), options(**{"cluster": "hpc", "inventory": Inventory(), **changes})
    )


def test_a_slurm_job_holds_its_gpu_from_first_to_last_sighting_plus_one_interval(tmp_path):
    text = "".join(scrape(s, util("GPU-a", hpc_job="7")) for s in (0, 30, 60))
    text += scrape(90, util("GPU-a", 0, hpc_job=""))
    reading = read(tmp_path, text)
    (record,) = reading.records
    assert (record.run, record.resource_id, record.share) == ("slurm-hpc-7", "GPU-a", 1)
    assert record.interval == Interval(START, START + 90 * 10**9)
    assert record.activity_source == "DCGM_FI_DEV_GPU_UTIL"
    assert [u.activity_permille for u in record.activity] == [800, 800]
    assert reading.skipped == {"GPU without a job": 1}
    assert record.labels["slurm.job"] == "7"


def test_gpus_of_one_job_on_a_known_machine_are_one_claim_of_their_part(tmp_path):
    inventory = Inventory({"gpu01": Node("gpu01", make_capacity(8, 96), "i-0abc")})
    both = [util("GPU-a", hpc_job="7"), util("GPU-b", hpc_job="7")]
    text = scrape(0, *both) + scrape(30, *both) + scrape(60, both[0]) + scrape(90, both[0])
    text += scrape(120, util("GPU-b", hpc_job=""))
    first, second = read(tmp_path, text, inventory=inventory).records
    assert {first.resource_id, second.resource_id} == {"i-0abc"}
    assert (first.share, second.share) == (Fraction(2, 8), Fraction(1, 8))
    assert first.interval == Interval(START, START + 60 * 10**9)
    assert second.interval == Interval(START + 60 * 10**9, START + 120 * 10**9)
    assert {u.device_id for u in first.activity} == {"GPU-a", "GPU-b"}


def test_a_gap_ends_a_claim_and_begins_the_next_attempt(tmp_path):
    seen = (0, 30, 60, 300, 330)
    records = list(read(tmp_path, "".join(scrape(s, util("G", hpc_job="7")) for s in seen)).records)
    assert [(r.attempt, r.interval.duration_ns // 10**9) for r in records] == [(1, 90), (2, 60)]


def test_renamed_labels_are_the_same_gpu(tmp_path):
    old = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a",Hostname="n",modelName="H100",hpc_job="7"} 5'
    new = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",uuid="GPU-a",hostname="n",model_name="H100",hpc_job="7"} 5'
    (record,) = read(tmp_path, scrape(0, old) + scrape(30, new)).records
    assert record.interval.duration_ns == 60 * 10**9
    assert record.reported == {"gpu_model": "H100", "host": "n"}


def test_a_mig_instance_is_its_slices_of_the_gpu(tmp_path):
    labels = {"modelName": "NVIDIA A100-SXM4-40GB", "hpc_job": "7"}
    text = "".join(
        scrape(
            s,
            util("GPU-a", GPU_I_ID="1", GPU_I_PROFILE="3g.20gb", **labels),
            util("GPU-a", GPU_I_ID="2", GPU_I_PROFILE="1g.5gb", **{**labels, "hpc_job": "8"}),
        )
        for s in (0, 30)
    )
    shares = {run: records[0].share for run, records in by_run(read(tmp_path, text)).items()}
    assert shares == {"slurm-hpc-7": Fraction(3, 7), "slurm-hpc-8": Fraction(1, 7)}


def test_pods_name_their_run_by_label_by_mapping_or_by_their_own_name(tmp_path):
    def pod(uuid, name, **labels):
        return util(uuid, namespace="ml", pod=name, container="main", **labels)

    lines = [
        pod("a", "p1", run_id="llama-7"),
        pod("b", "p2"),
        pod("c", "p3"),
        util("d", pod="dcgm-exporter-x9", namespace="gpu-operator", container="dcgm-exporter"),
        util("e", pod="dcgm-exporter-x9", exported_pod="p4", exported_namespace="ml"),
    ]
    text = scrape(0, *lines) + scrape(30, *lines)
    runs = by_run(read(tmp_path, text, runs={"ml/p2": "mapped"}, cluster=None))
    assert set(runs) == {"llama-7", "mapped", "k8s-ml-p3", "k8s-ml-p4"}
    assert runs["k8s-ml-p3"][0].labels == {
        "k8s.namespace": "ml",
        "k8s.pod": "p3",
        "k8s.node": "gpu01",
    }


def test_two_jobs_that_share_a_gpu_in_time_each_claim_it(tmp_path):
    both = [util("G", hpc_job="7"), util("G", hpc_job="8")]
    runs = by_run(read(tmp_path, scrape(0, *both) + scrape(30, *both)))
    assert {len(records) for records in runs.values()} == {1}
    assert {records[0].interval.duration_ns for records in runs.values()} == {60 * 10**9}


def test_a_claim_that_reaches_the_time_of_the_export_still_runs(tmp_path):
    now = START + 45 * 10**9
    (record,) = read(
        tmp_path, scrape(0, util("G", hpc_job="7")) + scrape(30, util("G", hpc_job="7")), now_ns=now
    ).records
    assert (record.interval.end_ns, record.status) == (now, Status.RUNNING)


def test_blank_values_are_counted(tmp_path):
    text = scrape(0, util("G", 9223372036854775794, hpc_job="7")) + scrape(
        30, util("G", "NaN", hpc_job="7")
    )
    reading = read(tmp_path, text)
    (record,) = reading.records
    assert reading.skipped == {"blank value": 2}
    assert record.activity_source is None
    assert record.activity[0].activity_permille is None


def test_one_scrape_needs_its_time_and_its_interval(tmp_path):
    line = util("G", hpc_job="7") + "\n"
    with pytest.raises(BadRecords, match="write a line such as '# at"):
        read(tmp_path, line)
    with pytest.raises(BadRecords, match="collect two or more"):
        read(tmp_path, line, scraped_at_ns=START)
    (record,) = read(tmp_path, line, scraped_at_ns=START, scrape_interval_ns=15 * 10**9).records
    assert record.interval.duration_ns == 15 * 10**9


def test_a_slurm_job_without_a_cluster_and_a_series_without_a_gpu_are_told(tmp_path):
    text = scrape(0, util("G", hpc_job="7"), 'DCGM_FI_DEV_GPU_UTIL{gpu="0"} 1')
    with pytest.raises(BadRecords) as caught:
        read(tmp_path, text, cluster=None)
    assert "column hpc_job: '7' names a Slurm job but no cluster" in str(caught.value)
    assert "has no label UUID" in str(caught.value)


def test_a_range_query_and_the_scrapes_it_was_made_of_give_the_same_claims(tmp_path):
    labels = {"UUID": "GPU-a", "Hostname": "gpu01", "hpc_job": "7"}
    result = [
        {
            "metric": {"__name__": name, **labels},
            "values": [[START // 10**9 + s, value] for s in (0, 30, 60)],
        }
        for name, value in (
            ("DCGM_FI_DEV_GPU_UTIL", "100"),
            ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "0.125"),
        )
    ]
    answer = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    path = write(tmp_path, json.dumps(answer), "range.json")
    (from_json,) = read_dcgm_json(path, options(cluster="hpc", inventory=Inventory())).records
    active = util("GPU-a", 0.125, hpc_job="7").replace("DEV_GPU_UTIL", "PROF_GR_ENGINE_ACTIVE")
    text = "".join(scrape(s, util("GPU-a", 100, hpc_job="7"), active) for s in (0, 30, 60))
    (from_text,) = read(tmp_path, text).records
    assert from_json == from_text
    assert from_json.activity_source == "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
    assert from_json.activity[0].activity_permille == 125


def test_the_exporters_readme_excerpt_shows_a_gpu_without_a_job():
    path = sample("bills/dcgm/readme_excerpt.prom")
    reading = read_dcgm(path, options(scraped_at_ns=START, scrape_interval_ns=30 * 10**9))
    assert (reading.count, reading.skipped) == (0, {"GPU without a job": 1})
