"""Which devices a process holds, by every way that an environment can say it."""

from __future__ import annotations

import pytest

from trainfare.core.machine import Accelerator
from trainfare.metering.visible import order_is_certain, visible

GPUS = [Accelerator(i, f"GPU-{i}{i}aa-bb", "NVIDIA H100 80GB HBM3") for i in range(4)]
CUT = [
    GPUS[0],
    *(
        Accelerator(1, f"MIG-{i}cc-dd", "NVIDIA H100 80GB HBM3", parent_id="GPU-11aa-bb", slices=i + 1, slices_of=7)
        for i in range(3)
    ),
    GPUS[2],
]  # fmt: skip


def held(devices, **environ):
    return [device.id for device in visible(devices, environ)]


def indices(devices, **environ):
    return [device.index for device in visible(devices, environ)]


def test_without_variables_every_device_is_held():
    assert visible(GPUS, {}) == tuple(GPUS)
    assert visible([], {"CUDA_VISIBLE_DEVICES": "0"}) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", [0]),
        ("2,0", [2, 0]),
        (" 1 , 3 ", [1, 3]),
        ("", []),
        ("-1", []),
        ("0,-1,1", [0]),
        ("1,9,2", [1]),
        ("0,0,1", [0, 1]),
        ("NoDevFiles", []),
        ("GPU-22aa-bb", [2]),
        ("GPU-2", [2]),
        ("GPU-33aa,GPU-00aa", [3, 0]),
        ("GPU-", []),
        ("GPU-9", []),
        ("3,GPU-0", [3, 0]),
    ],
)
def test_cuda_devices_are_indices_and_beginnings_of_uuids(text, expected):
    """From the first entry that names nothing, or more than one device, CUDA ignores the rest."""
    assert indices(GPUS, CUDA_VISIBLE_DEVICES=text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIG-1cc-dd", ["MIG-1cc-dd"]),
        ("MIG-2", ["MIG-2cc-dd"]),
        ("MIG-0cc-dd,MIG-2cc-dd", ["MIG-0cc-dd", "MIG-2cc-dd"]),
        ("1", ["MIG-0cc-dd"]),
        ("GPU-11aa-bb", ["MIG-0cc-dd"]),
        ("2", ["GPU-22aa-bb"]),
        ("MIG-", []),
    ],
)
def test_a_gpu_in_mig_mode_stands_for_its_first_instance(text, expected):
    assert held(CUT, CUDA_VISIBLE_DEVICES=text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", [0, 1, 2, 3]),
        ("void", [0, 1, 2, 3]),
        ("", [0, 1, 2, 3]),
        ("none", []),
        ("1,2", [1, 2]),
        ("GPU-33aa-bb", [3]),
        ("GPU-33aa-bb,GPU-77aa-bb", [3]),
    ],
)
def test_a_container_holds_what_the_engine_granted(text, expected):
    """``void`` says that devices came by another way, as the Kubernetes plug-in's CDI does."""
    assert indices(GPUS, NVIDIA_VISIBLE_DEVICES=text) == expected


def test_the_hosts_indices_do_not_apply_to_what_the_driver_counts_anew_inside():
    """Granted GPUs 6 and 7 of the host, the container sees two GPUs, 0 and 1."""
    assert indices(GPUS[:2], NVIDIA_VISIBLE_DEVICES="6,7") == [0, 1]
    assert indices(GPUS[:2], NVIDIA_VISIBLE_DEVICES="1,2") == [0, 1]
    assert indices(GPUS[:1], NVIDIA_VISIBLE_DEVICES="3") == [0]


def test_the_engine_grants_mig_instances_by_gpu_and_place():
    assert held(CUT, NVIDIA_VISIBLE_DEVICES="1:2") == ["MIG-2cc-dd"]
    assert held(CUT, NVIDIA_VISIBLE_DEVICES="MIG-1cc-dd") == ["MIG-1cc-dd"]


def test_cuda_counts_among_what_the_engine_granted():
    both = {"NVIDIA_VISIBLE_DEVICES": "2,3", "CUDA_VISIBLE_DEVICES": "1"}
    assert indices(GPUS, **both) == [3]


def test_each_kind_of_accelerator_obeys_its_own_variables():
    amd = [Accelerator(i, f"amd{i}", "MI300X", kind="amd") for i in range(4)]
    tpu = [Accelerator(i, f"tpu{i}", "TPU v5e", kind="tpu") for i in range(4)]
    gaudi = [Accelerator(i, f"hpu{i}", "HL-225", kind="gaudi") for i in range(4)]
    neuron = [Accelerator(0, "trn0", "Trainium", kind="trainium")]
    assert indices(amd, HIP_VISIBLE_DEVICES="1") == [1]
    assert indices(amd, CUDA_VISIBLE_DEVICES="2") == [2]
    assert indices(amd, ROCR_VISIBLE_DEVICES="2,3", HIP_VISIBLE_DEVICES="1") == [3]
    assert indices(tpu, TPU_VISIBLE_CHIPS="0,1") == [0, 1]
    assert indices(gaudi, HABANA_VISIBLE_DEVICES="all") == [0, 1, 2, 3]
    assert indices(gaudi, HABANA_VISIBLE_DEVICES="3") == [3]
    assert indices(tpu + neuron, CUDA_VISIBLE_DEVICES="") == [0, 1, 2, 3, 0]


def test_an_index_is_certain_where_cuda_and_the_driver_count_alike():
    mixed = [GPUS[0], Accelerator(1, "GPU-t4", "Tesla T4")]
    assert order_is_certain(GPUS, {"CUDA_VISIBLE_DEVICES": "1"})
    assert not order_is_certain(mixed, {"CUDA_VISIBLE_DEVICES": "1"})
    assert order_is_certain(mixed, {"CUDA_VISIBLE_DEVICES": "GPU-t4"})
    assert order_is_certain(mixed, {})
    assert order_is_certain(mixed, {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
