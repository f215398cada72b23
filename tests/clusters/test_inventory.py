"""Laws of inventories: a share is what is held over what there is, or a sentence says what to supply."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.readers import DATA, sample, write
from trainfare.clusters.inventory import (
    Inventory,
    Node,
    bill_name,
    make_capacity,
    read_inventory,
    share_of,
)
from trainfare.clusters.tres import WHOLE_GPU, Capacity
from trainfare.core.errors import BadInput

SCONTROL = """\
NodeName=gpu01 Arch=x86_64 CoresPerSocket=48
   CPUAlloc=0 CPUEfctv=96 CPUTot=96 CPULoad=0.01
   Gres=gpu:h100:8(S:0-1)
   NodeAddr=10.0.0.1 NodeHostName=gpu01 Version=24.05.4
   OS=Linux 5.15.0-1063-aws #69 SMP Mon Jun 10 12:00:00 UTC 2024
   CfgTRES=cpu=96,mem=2000000M,billing=96,gres/gpu=8,gres/gpu:h100=8
   AllocTRES=
   InstanceId=i-0123456789abcdef0 InstanceType=p5.48xlarge

NodeName=mig01 CPUTot=64 Gres=gpu:a100_3g.20gb:2,gpu:a100_1g.5gb:1 CfgTRES=cpu=64,mem=500000M InstanceId=(null)
NodeName=cpu[01] CPUTot=32 Gres=(null) CfgTRES=cpu=32,mem=1000M
NodeName=shard01 CPUTot=16 Gres=gpu:l4:1,shard:l4:4 CfgTRES=cpu=16,gres/gpu=1,gres/shard=4
"""


@given(st.lists(st.integers(1, 16), min_size=1, max_size=6), st.data())
def test_a_share_is_of_every_node_the_same_and_sums_to_what_is_held(gpus, data):
    nodes = [Node(f"n{i}", make_capacity(count, 8)) for i, count in enumerate(gpus)]
    held = data.draw(st.integers(1, sum(gpus)))
    share = share_of(Capacity(cpus=1, gpu_units=held * WHOLE_GPU), nodes)
    assert 0 < share <= 1
    assert sum(share * count for count in gpus) == held


def test_gpus_decide_before_cpus_and_cpus_where_there_are_no_gpus():
    node = Node("n", make_capacity(8, 96))
    assert share_of(Capacity(cpus=96, gpu_units=2 * WHOLE_GPU), [node]) == Fraction(1, 4)
    assert share_of(Capacity(cpus=24, gpu_units=0), [node]) == Fraction(1, 4)


@pytest.mark.parametrize(
    ("held", "capacity", "what"),
    [
        (Capacity(gpu_units=WHOLE_GPU), make_capacity(0, 8), "has no GPUs"),
        (Capacity(gpu_units=WHOLE_GPU), make_capacity(None, 8), "unknown number of GPUs"),
        (Capacity(gpu_units=9 * WHOLE_GPU), make_capacity(8, 8), "holds 9 GPUs, its nodes have 8"),
        (Capacity(cpus=0, gpu_units=0), make_capacity(8, 8), "neither GPUs nor CPUs"),
    ],
)
def test_what_does_not_fit_is_refused_not_clipped(held, capacity, what):
    with pytest.raises(BadInput, match=what):
        share_of(held, [Node("n1", capacity)])


def test_scontrol_text_gives_capacity_and_the_name_on_the_bill(tmp_path):
    inventory = read_inventory(write(tmp_path, SCONTROL))
    gpu = inventory.nodes["gpu01"]
    assert gpu.capacity.gpu_units == 8 * WHOLE_GPU
    assert gpu.capacity.cpus == 96
    assert inventory.resource_id("gpu01") == "i-0123456789abcdef0"
    assert inventory.resource_id("mig01") == "mig01"
    assert inventory.nodes["mig01"].capacity.gpu_units == 2 * 12 + 4
    assert inventory.nodes["cpu[01]"].capacity.gpu_units == 0
    assert inventory.nodes["shard01"].capacity.shards == 4


def test_a_csv_names_nodes_by_host_list(tmp_path):
    inventory = read_inventory(write(tmp_path, "node,gpus,cpus,resource\nn[1-2],8,96,\nx,,4,i-9\n"))
    assert set(inventory.nodes) == {"n1", "n2", "x"}
    assert inventory.resource_id("x") == "i-9"
    assert inventory.nodes["x"].capacity == make_capacity(None, 4)


def test_a_csv_with_wrong_cells_tells_all_of_them(tmp_path):
    path = write(tmp_path, "node,gpus,cpus\nn1,eight,96\nn[2,8,96\nn3,8,-4\n")
    with pytest.raises(BadInput) as caught:
        read_inventory(path)
    text = str(caught.value)
    assert "row 1, column gpus: 'eight' is not a whole number" in text
    assert "row 2, column node" in text
    assert "row 3, column cpus" in text


def test_kubectl_json_counts_gpus_mig_instances_and_cpus(tmp_path):
    def node(name, provider_id, capacity):
        return {
            "kind": "Node",
            "metadata": {"name": name},
            "spec": {"providerID": provider_id},
            "status": {"capacity": capacity},
        }

    answer = {
        "items": [
            node(
                "a", "aws:///us-east-1a/i-0123456789abcdef0", {"cpu": "96", "nvidia.com/gpu": "8"}
            ),
            node("b", "gce://p/z/gke-b", {"cpu": "3920m", "nvidia.com/mig-1g.5gb": "7"}),
        ]
    }
    inventory = read_inventory(write(tmp_path, json.dumps(answer)))
    assert inventory.nodes["a"].capacity == make_capacity(8, 96)
    assert inventory.nodes["b"].capacity == make_capacity(1, 4)
    assert inventory.resource_id("b") == "gke-b"


def test_the_assets_answer_in_opencosts_documentation_gives_its_node(tmp_path):
    text = sample("bills/opencost/api-examples.md").read_text()
    begin = text.index('{\n  "code": 200,\n  "status": "success",\n  "data": {\n    "GCP/')
    body = text[begin : text.index("```", begin)].replace("...\n", "")
    inventory = read_inventory(write(tmp_path, body))
    name = "gke-opencost-1-default-pool-a30d4801-81dm"
    assert inventory.nodes[name].capacity == make_capacity(0, 1)
    assert inventory.resource_id(name) == name
    assert DATA.exists()


@pytest.mark.parametrize(
    "item",
    [
        7,
        {"kind": "Node", "status": {"capacity": {"cpu": "many"}}},
        {"a": {"type": "Node", "cpuCores": "x"}},
    ],
)
def test_json_that_is_no_node_is_told(tmp_path, item):
    with pytest.raises(BadInput, match="row 1: is not a node as kubectl or OpenCost has it"):
        read_inventory(write(tmp_path, json.dumps({"items": [item]})))


@pytest.mark.parametrize("text", ["hello\nworld\n", "node\n1\n", '{"items": []}', "node,gpus\n"])
def test_a_file_without_nodes_says_what_to_supply(tmp_path, text):
    with pytest.raises(BadInput, match="scontrol show nodes"):
        read_inventory(write(tmp_path, text))


def test_the_default_fits_every_node_and_a_short_name_finds_a_long_one():
    inventory = Inventory({"n1": Node("n1", make_capacity(4, 8), "i-1")}, make_capacity(2, 2))
    assert inventory.find_node("n1.cluster.local") == inventory.nodes["n1"]
    assert inventory.find_node("other") == Node("other", make_capacity(2, 2))
    assert Inventory().find_node("other") is None


@pytest.mark.parametrize(
    ("provider_id", "name"),
    [
        ("i-0123456789abcdef0", "i-0123456789abcdef0"),
        ("aws:///eu-west-1b/i-0123456789abcdef0", "i-0123456789abcdef0"),
        ("azure:///subscriptions/s/virtualMachines/0", "/subscriptions/s/virtualMachines/0"),
        ("gce://project/zone/node-7", "node-7"),
    ],
)
def test_a_provider_id_becomes_the_name_on_the_bill(provider_id, name):
    assert bill_name(provider_id) == name


def test_a_negative_count_is_refused():
    with pytest.raises(BadInput, match="-1 GPUs"):
        make_capacity(-1, 8)
