"""For how long a bill says that machines were paid for, and what commitments covered of them."""

from allocation.lake import MONTH, NANO, at, charge, ns, numbered, write_lake
from trainfare.allocation.commitment_hours import read_commitment_hours
from trainfare.allocation.commitment_sums import read_commitment_sums
from trainfare.allocation.machine_time import read_machine_life, read_machine_time
from trainfare.core.period import DAY, HOUR


def lake(folder, *charges):
    return [write_lake(folder / "part-00000.parquet", numbered(charges))]


def test_no_bill_tells_of_no_machine():
    assert read_machine_time([]) == []
    assert read_machine_life([]) == {}
    assert read_commitment_hours([]) == []
    assert read_commitment_sums([]) == []


def test_a_machines_day_is_the_sum_of_its_hours(tmp_path):
    files = lake(
        tmp_path,
        charge(start=at(8), x_InstanceType="p5"),
        charge(start=at(9), x_InstanceType="p5"),
        charge(start=at(1, day=2), x_InstanceType="p5"),
        charge(start=at(8), resource="i-1"),
        charge(start=at(8), resource="bucket", x_Component="storage"),
    )
    found = read_machine_time(files)
    assert [
        (one.resource, one.instance_type, one.paid_ns // HOUR, one.gpu_ns) for one in found
    ] == [
        ("i-0", "p5", 2, None),
        ("i-0", "p5", 1, None),
        ("i-1", None, 1, None),
    ]
    assert [(one.interval.start_ns - ns(MONTH)) // DAY for one in found] == [0, 1, 0]
    assert {one.interval.duration_ns for one in found} == {DAY}


def test_hours_that_touch_are_one_stretch_of_a_machines_life(tmp_path):
    files = lake(
        tmp_path,
        charge(start=at(8)),
        charge(start=at(9)),
        charge(start=at(12)),
        charge(start=at(13), hours=0.5),
        charge(start=at(7), resource="i-1"),
    )
    life = read_machine_life(files)
    shown = {
        name: [((one.interval.start_ns - ns(MONTH)) / HOUR, one.interval.duration_ns / HOUR, one.paid_ns / HOUR)
               for one in stretches]
        for name, stretches in life.items()
    }  # fmt: skip
    assert shown == {"i-0": [(8, 2, 2), (12, 1, 1), (13, 1, 0.5)], "i-1": [(7, 1, 1)]}


def committed(status, **more):
    return charge(
        CommitmentDiscountStatus=status, CommitmentDiscountId="sp-1", CommitmentDiscountName="one year",
        CommitmentDiscountType="Savings Plan", ServiceProviderName="AWS", **more,
    )  # fmt: skip


def test_commitments_are_used_unused_or_could_have_been(tmp_path):
    files = lake(
        tmp_path,
        committed("Used", nano=6 * NANO, x_InstanceType="p5", x_ContractedNano=10 * NANO),
        committed("Unused", nano=4 * NANO, resource=None, x_ContractedNano=None, x_ListNano=None),
        charge(
            3 * NANO,
            x_InstanceType="g5",
            ServiceProviderName="AWS",
            x_ContractedNano=None,
            x_ListNano=5 * NANO,
        ),
        charge(2 * NANO, x_InstanceType="g5", ServiceProviderName="AWS", PricingCategory="Dynamic"),
    )
    sums = read_commitment_sums(files)
    assert {
        (one.commitment, one.is_used, one.is_unused): one.effective // NANO for one in sums
    } == {
        ("sp-1", True, False): 6,
        ("sp-1", False, True): 4,
        (None, False, False): 3,
    }
    open_ones = next(one for one in sums if one.commitment is None)
    assert (open_ones.list, open_ones.has_list, open_ones.contracted, open_ones.has_contracted) == (
        5 * NANO,
        1,
        0,
        0,
    )
    hours = read_commitment_hours(files)
    shown = {
        (one.sku, one.is_unused): (one.on_demand // NANO, one.effective // NANO) for one in hours
    }
    assert shown == {("p5", False): (10, 6), ("", True): (0, 4), ("g5", False): (5, 3)}
    assert {one.paid_us * 1000 for one in hours} == {HOUR}
    assert {tuple(one.hours) for one in hours} == {(ns(MONTH) // HOUR,)}


def test_gpus_that_are_sold_apart_have_a_time_of_their_own(tmp_path):
    """Google counts GPU-hours; the machine itself lived as long as its cores say."""
    google = {"ServiceProviderName": "Google Cloud", "ConsumedUnit": "hour"}
    files = lake(
        tmp_path,
        charge(SkuMeter="Nvidia H100 GPU", ConsumedQuantity="5.25", **google),
        charge(SkuMeter="Core", ConsumedQuantity="0.75", **google),
        charge(start=at(1), SkuMeter="Nvidia H100 GPU", ConsumedQuantity="7", **google),
        charge(start=at(1), SkuMeter="Core", ConsumedQuantity="0.875", **google),
        charge(start=at(20), resource="i-1", hours=30, x_InstanceType="g5"),
    )
    found = [
        (one.resource, one.instance_type, one.paid_ns, one.gpu_ns,
         one.interval.start_ns - ns(MONTH), one.interval.end_ns - ns(MONTH))
        for one in read_machine_time(files)
    ]  # fmt: skip
    assert found == [
        ("i-0", None, 13 * HOUR // 8, 49 * HOUR // 4, 0, DAY),
        ("i-1", "g5", 30 * HOUR, None, 0, 50 * HOUR),
    ]
    by_hour = read_machine_time(files, grain_ns=HOUR)
    assert [(one.paid_ns, one.gpu_ns, one.interval.duration_ns) for one in by_hour] == [
        (3 * HOUR // 4, 21 * HOUR // 4, HOUR),
        (7 * HOUR // 8, 7 * HOUR, HOUR),
        (30 * HOUR, None, 30 * HOUR),
    ]
