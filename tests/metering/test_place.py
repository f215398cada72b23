"""The part of a machine that a run holds, as devices, scheduler and catalogue show it."""

from fractions import Fraction

import pytest

from trainfare.core.errors import BadInput
from trainfare.core.machine import Accelerator, Machine
from trainfare.metering.place import Stated, place_of, start_facts


def machine(count, **more):
    gpus = tuple(Accelerator(n, f"GPU-{n}", "NVIDIA H100 80GB HBM3") for n in range(count))
    return Machine("i-0", "node", accelerators=gpus, **more)


def share(place):
    return str(place.share)


def test_four_visible_of_eight_are_half():
    place = place_of(machine(8), {"CUDA_VISIBLE_DEVICES": "0,1,2,3"})
    assert share(place) == "1/2"
    assert place.held == ("GPU-0", "GPU-1", "GPU-2", "GPU-3")


def test_all_visible_are_the_whole_machine():
    assert share(place_of(machine(8), {})) == "1"


def test_a_container_that_is_shown_two_of_eight_holds_a_quarter():
    sold_with_eight = machine(2, provider="aws", instance_type="p5.48xlarge", region="us-east-1")
    assert share(place_of(sold_with_eight, {})) == "1/4"


def test_a_mig_slice_is_its_part_of_one_gpu():
    slice_ = Accelerator(0, "MIG-1", "H100 MIG 3g.40gb", parent_id="GPU-0", slices=3, slices_of=7)
    rest = Accelerator(0, "MIG-2", "H100 MIG 4g.40gb", parent_id="GPU-0", slices=4, slices_of=7)
    whole = Machine("i-0", "node", accelerators=(slice_, rest))
    assert place_of(whole, {"CUDA_VISIBLE_DEVICES": "MIG-1"}).share == Fraction(3, 7)


def test_what_slurm_allotted_counts_where_devices_say_nothing():
    env = {"SLURM_JOB_ID": "7", "SLURM_CLUSTER_NAME": "c", "SLURM_GPUS_ON_NODE": "2"}
    assert share(place_of(machine(8), env)) == "1/4"


def test_no_visible_device_on_a_gpu_machine_is_still_the_machine():
    place = place_of(machine(8), {"CUDA_VISIBLE_DEVICES": ""})
    assert (share(place), place.held) == ("1", ())


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TRAINFARE_NETWORK_CLASS", "lan", "is not one of internet"),
        ("TRAINFARE_CARBON_G_PER_KWH", "much", "TRAINFARE_CARBON_G_PER_KWH"),
        ("TRAINFARE_CARBON_G_PER_KWH", "-1", "below 0"),
        ("TRAINFARE_PUE", "0.9", "TRAINFARE_PUE='0.9' is below 1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(variable, value, words):
    with pytest.raises(BadInput, match=words):
        start_facts({variable: value})


def test_the_option_is_stated_or_left_to_detection():
    assert [Stated(spot=s).option for s in (None, True, False)] == [None, "spot", "on_demand"]
