"""OpenCost's allocations as claims: what pods held of their nodes; idle and services are counted."""

import json
from fractions import Fraction

import pytest

from clusters.exports import DAY, OPENCOST_HEADER, allocation, opencost_row
from clusters.readers import EIGHT_GPUS, options, sample, write
from trainfare.clusters.inventory import Inventory, Node, make_capacity
from trainfare.clusters.opencost import is_allocation_set, read_opencost, read_opencost_csv
from trainfare.core.period import Interval
from trainfare.core.stage import Status
from trainfare.core.tally import BadRecords


def read(tmp_path, *windows, **changes):
    sets = [{f"{a['name']}{n}": a for n, a in enumerate(window)} for window in windows]
    path = write(tmp_path, json.dumps({"code": 200, "data": sets}), "allocation.json")
    return read_opencost(path, options(**changes))


def test_a_pod_claims_its_gpus_over_the_nodes_under_the_bills_name(tmp_path):
    (record,) = read(tmp_path, [allocation()]).records
    assert record.run == "k8s-prod-ml-train"
    assert record.resource_id == "i-0123456789abcdef0"
    assert record.share == Fraction(1, 2)
    assert record.interval == Interval.parse(DAY[0], "2026-10-01T12:00:00Z")
    assert record.labels["team"] == "nlp"
    assert record.labels["k8s.namespace"] == "ml"
    assert record.reported == {"totalCost": "31.41593", "gpuCost": "0.1"}
    assert record.status is None


def test_a_pod_without_gpus_claims_its_cpus(tmp_path):
    (record,) = read(tmp_path, [allocation(gpus=0.0)]).records
    assert record.share == Fraction(1, 4)


def test_pods_and_containers_of_one_run_on_one_node_add_up(tmp_path):
    parts = [allocation("train-0", gpus=2.0), allocation("train-1", gpus=3.0)]
    (record,) = read(tmp_path, parts).records
    assert record.share == Fraction(5, 8)


def test_a_pod_cut_by_windows_is_one_attempt_and_a_window_listed_twice_counts_once(tmp_path):
    first = allocation(end="2026-10-01T06:00:00Z")
    second = allocation(start="2026-10-01T06:00:00Z", end="2026-10-01T10:00:00Z")
    reading = read(tmp_path, [first], [second], [first])
    assert [r.attempt for r in reading.records] == [1, 1]
    assert {r.share for r in reading.records} == {Fraction(1, 2)}
    assert reading.skipped == {"listed twice": 1}


def test_what_no_job_owns_is_counted(tmp_path):
    def remainder(name):
        return {**allocation(), "name": name, "properties": {"cluster": "prod"}}

    reading = read(
        tmp_path,
        [
            remainder("prod/__idle__"),
            remainder("__unmounted__"),
            allocation(controllerKind="deployment"),
            allocation(controllerKind="daemonset"),
            allocation(gpus=0.0) | {"cpuCoreHours": 0.0, "cpuCores": 0.0},
        ],
    )
    assert reading.count == 0
    assert reading.skipped == {"idle": 1, "unmounted": 1, "not a job": 2, "held nothing": 1}


@pytest.mark.parametrize(
    ("labels", "kind", "run"),
    [
        ({"run_id": "llama-7"}, "job", "llama-7"),
        ({"trainfare_run": "llama-8", "run_id": "other"}, "deployment", "llama-8"),
        ({"batch_kubernetes_io_controller_uid": "8b1c-22"}, "job", "8b1c-22"),
        ({}, "pytorchjob", "k8s-prod-ml-train"),
    ],
)
def test_the_run_is_named_by_label_then_by_the_jobs_uid_then_by_its_name(
    tmp_path, labels, kind, run
):
    (record,) = read(tmp_path, [allocation(labels=labels, controllerKind=kind)]).records
    assert record.run == run
    assert "run_id" not in record.labels


def test_opencosts_own_proportion_serves_without_an_inventory(tmp_path):
    costs = {"prod,node-1": {"gpuPercentage": 0.25, "cpuPercentage": 0.1}}
    with_costs = allocation() | {"proportionalAssetResourceCosts": costs}
    (record,) = read(tmp_path, [with_costs], inventory=Inventory()).records
    assert record.share == Fraction(1, 4)


def test_a_full_node_that_rounding_puts_above_one_is_one(tmp_path):
    full = allocation(gpus=8.0) | {"gpuHours": 96.00012}
    (record,) = read(tmp_path, [full]).records
    assert record.share == 1


def test_the_inventorys_name_of_a_node_wins_and_a_node_without_either_keeps_its_own(tmp_path):
    inventory = Inventory({"node-1": Node("node-1", make_capacity(8, 96), "i-from-inventory")})
    (record,) = read(tmp_path, [allocation()], inventory=inventory).records
    assert record.resource_id == "i-from-inventory"
    (record,) = read(tmp_path, [allocation(providerID="")]).records
    assert record.resource_id == "node-1"


def test_an_allocation_up_to_now_still_runs(tmp_path):
    (record,) = read(tmp_path, [allocation(end="2026-10-01T23:00:00Z")], now_ns=0).records
    assert record.status is Status.RUNNING


def test_everything_wrong_is_told(tmp_path):
    aggregated = {**allocation(), "properties": {"namespace": "ml"}}
    timeless = {k: v for k, v in allocation().items() if k not in ("start", "window")}
    with pytest.raises(BadRecords) as caught:
        read(
            tmp_path,
            [
                aggregated,
                timeless,
                allocation() | {"start": "soon"},
                allocation() | {"gpuHours": "many"},
            ],
            inventory=EIGHT_GPUS,
        )
    text = str(caught.value)
    assert "names no node; it was aggregated; query /allocation by pod" in text
    assert "'soon' is not an RFC 3339 time" in text
    assert caught.value.total == 4
    with pytest.raises(BadRecords, match=r"GPUs and CPUs of node node-1 are unknown.*/assets"):
        read(tmp_path, [allocation()], inventory=Inventory())
    with pytest.raises(BadRecords, match="gives node node-1 no GPUs"):
        read(tmp_path, [allocation()], inventory=Inventory(default=make_capacity(0, 8)))


def test_the_csv_export_gives_a_claim_per_pod_and_day_where_labels_name_the_node(tmp_path):
    labels = {"kubernetes_io_hostname": "node-1", "run_id": "llama-7"}
    (record,) = read_opencost_csv(
        write(tmp_path, OPENCOST_HEADER + opencost_row(labels)), options()
    ).records
    assert (record.run, record.resource_id, record.share) == ("llama-7", "node-1", Fraction(1, 4))
    assert record.interval == Interval.parse(*DAY)
    assert record.reported["totalCost"] == "8.75"
    assert record.reported["gpuCost"] == "7.25"


def test_a_csv_without_nodes_says_to_export_json_and_services_do_not_matter(tmp_path):
    with pytest.raises(BadRecords, match="export the JSON of /allocation instead"):
        read_opencost_csv(write(tmp_path, OPENCOST_HEADER + opencost_row({})), options())
    reading = read_opencost_csv(
        write(tmp_path, OPENCOST_HEADER + opencost_row({}, kind="deployment")), options()
    )
    assert (reading.count, reading.skipped) == (0, {"not a job": 1})


def test_csv_cells_that_are_wrong_are_told(tmp_path):
    labels = {"kubernetes_io_hostname": "n"}
    text = (
        OPENCOST_HEADER
        + opencost_row(labels, "two")
        + opencost_row(labels).replace("2026-10-01", "October")
        + "a,b\n"
    )
    with pytest.raises(BadRecords) as caught:
        read_opencost_csv(write(tmp_path, text), options())
    assert "row 1, column GPUs: 'two'" in str(caught.value)
    assert "row 2, column Date: 'October'" in str(caught.value)
    assert "row 3: has 2 fields" in str(caught.value)


def test_the_documentations_answers_have_the_shape_that_is_read():
    text = sample("bills/opencost/api-examples.md").read_text()
    shown = text[text.index('{\n  "code": 200,\n  "data": [') :]
    body = shown[: shown.index("```")].replace("{ ... }", '{"totalCost": 1}')
    (window,) = json.loads(body)["data"]
    assert is_allocation_set(window)
    assert set(window) == {"kube-system", "default", "cost-model"}
    assert not is_allocation_set({"GCP/x": {"type": "Disk"}})
