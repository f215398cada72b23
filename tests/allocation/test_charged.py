"""Charged: whole days of resources, their paid time, rates before discounts, and a bill's reach."""

from datetime import date
from fractions import Fraction

from allocation.lake import NANO, at, charge, write_lake
from trainfare.allocation.charged import read_charged
from trainfare.core.charge import Component
from trainfare.core.period import HOUR, parse_instant


def days_of(folder, *charges, resources=("i-0",)):
    return read_charged([write_lake(folder / "lake.parquet", charges)], resources)[0]


def test_a_day_has_its_paid_time_and_every_amount(tmp_path):
    hours = [charge(start=at(h), x_ListNano=12 * NANO, ConsumedQuantity=q, ConsumedUnit="Hours")
             for h, q in ((8, "1"), (9, "0.25"))]  # fmt: skip
    other = charge(resource="i-1", ConsumedQuantity="1", ConsumedUnit="Hours")
    [day] = days_of(tmp_path, *hours, other)
    assert (day.resource, day.day, day.charges) == ("i-0", date(2026, 10, 1), 2)
    assert day.paid_ns == Fraction(5, 4) * HOUR
    assert (day.asked_nano, day.agreed_nano) == (24 * NANO, 20 * NANO)
    assert day.quantity == Fraction(5, 4)


def test_a_day_without_amounts_asks_for_nothing(tmp_path):
    unknown = dict.fromkeys(("x_EffectiveNano", "x_ListNano", "x_ContractedNano"))
    [day] = days_of(tmp_path, charge(7, **unknown), charge(11, start=at(1), **unknown))
    assert day.amounts == (18, None, None, None)
    assert (day.asked_nano, day.agreed_nano, day.credit_nano) == (0, 0, 0)


def test_several_meters_of_one_machine_are_one_time(tmp_path):
    """Google bills GPUs, cores and memory apart, for the same stretch of time."""
    parts = [
        charge(start=at(8), SkuId=sku, ConsumedQuantity=quantity, ConsumedUnit=unit)
        for sku, quantity, unit in (
            ("gpu", "8", "gpu-hours"),
            ("core", "1", "hour"),
            ("ram", "1872", "gibibyte hour"),
        )
    ]
    [day] = days_of(tmp_path, *parts)
    assert (day.paid_ns, day.quantity) == (HOUR, None)
    [silent] = days_of(tmp_path, charge(ConsumedQuantity="3", ConsumedUnit="GB"))
    assert silent.paid_ns is None


def test_what_was_paid_and_not_used_and_corrections_are_left_out(tmp_path):
    kept = charge(ConsumedQuantity="1", ConsumedUnit="Hours")
    left = [
        charge(CommitmentDiscountStatus="Unused"),
        charge(ChargeClass="Correction"),
        charge(ChargeCategory="Credit"),
    ]
    [day] = days_of(tmp_path, kept, *left)
    assert day.charges == 1


def test_spot_is_asked_at_what_was_offered_and_unknown_list_costs_at_what_was_paid(tmp_path):
    spot = charge(4 * NANO, PricingCategory="Dynamic", x_ListNano=10 * NANO)
    [day] = days_of(tmp_path, spot)
    assert (day.asked_nano, day.is_spot) == (4 * NANO, True)
    mixed = charge(6 * NANO, x_ListNano=None, x_ContractedNano=0)
    [day] = days_of(tmp_path, spot, mixed)
    assert (day.asked_nano, day.is_spot) == (10 * NANO, None)


def test_promotions_are_credits_and_discounts_are_not(tmp_path):
    credits = (
        '[{"amount":"-1.5","type":"PROMOTION"},{"amount":"-2","type":"SUSTAINED_USAGE_DISCOUNT"},'
        '{"amount":"-0.25","type":"FREE_TIER"}]'
    )
    [day] = days_of(tmp_path, charge(x_Credits=credits), charge())
    assert day.credit_nano == -1_750_000_000


def test_a_bill_reaches_as_far_as_its_daily_usage_and_no_further(tmp_path):
    lake = write_lake(
        tmp_path / "lake.parquet",
        [
            charge(start=at(8), ServiceProviderName="AWS"),
            charge(start=at(0), hours=31 * 24, ServiceProviderName="AWS"),
            charge(start=at(20), ServiceProviderName="AWS", ChargeCategory="Tax"),
        ],
    )
    days, [reach] = read_charged([lake], ())
    assert (days, reach.provider) == ([], "AWS")
    assert reach.until_ns == parse_instant("2026-10-01T09:00:00Z")
    assert read_charged([], ["i-0"]) == ([], [])


def test_components_of_a_resource_are_told_apart(tmp_path):
    sent = charge(x_Component="network", ConsumedQuantity="7", ConsumedUnit="GB")
    found = days_of(tmp_path, charge(ConsumedQuantity="1", ConsumedUnit="Hours"), sent)
    assert [(d.component, d.quantity, d.unit) for d in found] == [
        (Component.COMPUTE, 1, "hours"),
        (Component.NETWORK, 7, "gb"),
    ]
    assert [d.paid_ns for d in found] == [HOUR, None]
