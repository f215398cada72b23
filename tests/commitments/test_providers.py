"""What providers' own pages count, counted by the engine: numbers, order and sizes.

Each case names its page and the day on which it was read.
"""

import csv
import json
from fractions import Fraction
from pathlib import Path

import pytest

from trainfare.commitments.application import apply
from trainfare.commitments.demand import demand_of
from trainfare.commitments.kinds import KINDS, term_hours
from trainfare.commitments.offer import Holding, Offer

SHARED = Path(__file__).parents[3] / "shared" / "data"
UNIT = 10**9


def hour_of(*uses):
    """One hour of (SKU, machines, price)."""
    return demand_of([("2026-01-01T00:00Z", sku, str(count), price) for sku, count, price in uses])


def reserved(kind, unit_rate, sizes, count, **words):
    """*count* of the smallest of *sizes* (name → units), which share a reservation."""
    rates = {name: int(Fraction(units) * unit_rate * UNIT) for name, units in sizes.items()}
    offer = Offer(kind, "1y", rates, group="family", **words)
    return Holding(offer, offer.quantum_nano * count)


def test_a_reserved_size_pays_for_the_same_units_of_other_sizes():
    """A c4.8xlarge of 64 units is four c4.2xlarge, or sixteen c4.large, or a mixture.

    AWS whitepaper "Amazon EC2 Reserved Instances", size flexibility, read 2026-11-27.
    """
    sizes = {"c4.large": 4, "c4.2xlarge": 16, "c4.4xlarge": 32, "c4.8xlarge": 64}
    held = reserved("aws_reserved_instance", Fraction(6, 1000), sizes, 16)  # of the smallest
    price = {name: str(units / 100) for name, units in sizes.items()}
    for uses in (
        [("c4.8xlarge", 1)],
        [("c4.2xlarge", 4)],
        [("c4.large", 16)],
        [("c4.4xlarge", 1), ("c4.large", 8)],
    ):
        applied = apply(hour_of(*((sku, n, price[sku]) for sku, n in uses)), [held])
        assert applied.on_demand_nano.sum() == 0
        assert applied.unused_nano.sum() == 0


def test_a_reserved_size_pays_for_half_of_one_twice_as_large():
    """One t2.medium of 2 units: two t2.small in full, or half of a t2.large. The same page."""
    sizes = {"t2.small": 1, "t2.medium": 2, "t2.large": 4}
    held = reserved("aws_reserved_instance", Fraction(13, 1000), sizes, 2)
    assert apply(hour_of(("t2.small", 2, "0.023")), [held]).on_demand_nano.sum() == 0
    large = apply(hour_of(("t2.large", 1, "0.0928")), [held])
    assert large.on_demand_nano.sum() == int(0.0464 * UNIT)


def test_of_a_family_the_smallest_size_is_served_first():
    """AWS EC2 user guide, "How Reserved Instance discounts are applied", read 2026-11-27."""
    sizes = {"m4.large": 4, "m4.xlarge": 8}
    held = reserved("aws_reserved_instance", Fraction(15, 1000), sizes, 2)
    applied = apply(hour_of(("m4.xlarge", 1, "0.2"), ("m4.large", 2, "0.1")), [held])
    assert applied.on_demand_nano.tolist() == [[0, int(0.2 * UNIT)]]


def test_aws_serves_reservations_then_the_instance_plan_then_the_compute_plan():
    """docs.aws.amazon.com/savingsplans, sp-applying, read 2026-11-23: the order, whatever they save."""
    p5 = [("p5", 3, "55.04")]
    held = [
        Holding(Offer(kind, "3y", {"p5": rate * UNIT}), rate * UNIT)
        for kind, rate in (
            ("aws_compute_savings_plan", 20),
            ("aws_ec2_instance_savings_plan", 25),
            ("aws_reserved_instance", 30),
        )
    ]
    assert apply(hour_of(*p5), held).used_nano.tolist() == [[20 * UNIT, 25 * UNIT, 30 * UNIT]]
    two = apply(hour_of(("p5", 2, "55.04")), held)
    assert two.used_nano.tolist() == [[0, 25 * UNIT, 30 * UNIT]]
    assert apply(hour_of(("ml.p5", 1, "63.3")), held).used_nano.sum() == 0  # not SageMaker's


def test_google_states_the_same_commitment_at_both_prices():
    """100 an hour on demand at 46 per cent off: 54 in fees, before and since 2026-01-21.

    docs.cloud.google.com/docs/cuds-multiprice, read 2026-11-27.
    """
    demand = hour_of(("n2", 100, "1"), ("a3-gpu", 1, "80"))
    for kind in ("gcp_flexible_cud", "gcp_flexible_cud_credits"):
        held = [Holding(Offer(kind, "3y", {"n2": 54 * UNIT // 100}), 54 * UNIT)]
        applied = apply(demand, held)
        assert applied.covered_nano.sum() == 100 * UNIT
        assert applied.total_nano == (54 + 80) * UNIT  # GPUs are not in it


def test_google_serves_resource_commitments_before_flexible_ones():
    """Archera's page on Google's order, 2026-03: the narrow one first, though it saves less."""
    demand = hour_of(("n2-core", 10, "0.04"))
    held = [
        Holding(Offer("gcp_flexible_cud", "3y", {"n2-core": 21_600_000}), 216_000_000),
        Holding(Offer("gcp_resource_cud", "1y", {"n2-core": 25_200_000}), 252_000_000),
    ]
    assert apply(demand, held).used_nano.tolist() == [[0, 252_000_000]]


def test_azure_serves_reservations_first_and_then_the_greatest_plan_discount():
    """learn.microsoft.com, savings-plan/discount-application, 2024-01-12, read 2026-11-27.

    Rates of Standard_B16als_v2 in australiacentral by the Retail Prices API, 2026-07: 0.673 an hour,
    3,478 for a reserved year, 27 per cent off by a plan. The reservation's price is the whole term's.
    """
    size = "Standard_B16als_v2"
    reservation = 3478 * UNIT // term_hours("1y")
    assert 1 - reservation / (0.673 * UNIT) == pytest.approx(0.41, abs=0.001)
    plan = Offer(
        "azure_savings_plan", "1y", {size: int(0.673 * 0.73 * UNIT), "D8s": int(0.27 * UNIT)}
    )
    demand = hour_of((size, 2, "0.673"), ("D8s", 1, "0.384"))
    held = [
        Holding(plan, int(0.673 * 0.73 * UNIT)),
        Holding(Offer("azure_reservation", "1y", {size: reservation}), reservation),
    ]
    applied = apply(demand, held)
    assert applied.used_nano[0, 1] == reservation
    # of the machine that is left and the D8s, the latter has the greater plan discount: 29.7 per cent
    assert applied.on_demand_nano[0].tolist()[0] == 0
    assert applied.on_demand_nano[0].sum() == pytest.approx(0.673 * UNIT * 0.27 / 0.49129, rel=0.01)


def test_azure_uses_the_lower_of_plan_and_negotiated_rate():
    """The same page: a negotiated price below the plan's rate leaves the plan unused."""
    held = [Holding(Offer("azure_savings_plan", "1y", {"D8s": int(0.27 * UNIT)}), int(0.27 * UNIT))]
    applied = apply(hour_of(("D8s", 1, "0.25")), held)
    assert (applied.used_nano.sum(), applied.on_demand_nano.sum()) == (0, UNIT // 4)


def test_what_was_bought_for_a_cluster_of_ones_own_is_used_first():
    held = [
        Holding(Offer("reserved_contract", "1y", {"h100": 2 * UNIT}, order=1), 16 * UNIT),
        Holding(Offer("on_premises", "4y", {"h100": 3 * UNIT}), 24 * UNIT),
    ]
    assert apply(hour_of(("h100", 10, "4")), held).used_nano.tolist() == [[4 * UNIT, 24 * UNIT]]


@pytest.mark.parametrize(("name", "amounts"), [("test_1_1", [100]), ("test_2_1", [100, 50])])
def test_google_samples_of_resource_commitments(name, amounts):
    """Memory that several projects use and some committed to: all of it is used, none twice."""
    folder = SHARED / "bills" / "gcp" / "cud_tests" / name
    if not folder.exists():
        pytest.skip(f"the samples of {folder} are not here")
    decoder, text, bought = json.JSONDecoder(), (folder / "commitments.json").read_text(), []
    while text.strip():
        one, end = decoder.raw_decode(text.lstrip())
        bought.append(one["commitments_amount"])
        text = text.lstrip()[end:]
    assert bought == amounts
    used = {"test_1_1": (70, 70, 70), "test_2_1": (50, 100, 70)}[name]
    demand = hour_of(*(("memory", units, "0.005") for units in used))
    held = [
        Holding(Offer("gcp_resource_cud", "3y", {"memory": 2_250_000}), 2_250_000 * amount)
        for amount in amounts
    ]
    applied = apply(demand, held)
    assert applied.unused_nano.sum() == 0
    assert applied.covered_nano.sum() == sum(amounts) * 5_000_000
    assert applied.on_demand_nano.sum() == (sum(used) - sum(amounts)) * 5_000_000


def test_measured_discounts_are_below_what_kinds_promise_at_most():
    """No measured saving of the shared list is above its provider's own "up to"."""
    path = SHARED / "prices" / "commitments.csv"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    most = {
        "aws": 0.72,
        "gcp": 0.65,
        "azure": 0.65,
    }  # Azure: plans; aws.amazon.com/savingsplans/faqs
    with path.open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["plan"] != "spot"]
    assert len(rows) > 40
    for row in rows:
        assert 0 < float(row["discount_vs_on_demand"]) <= most[row["provider"]]


def test_every_kind_has_its_rules_with_source_and_date():
    wanted = {
        "aws": {"compute", "ec2_instance", "sagemaker", "reserved", "capacity_block"},
        "gcp": {"resource_cud", "flexible_cud", "flexible_cud_credits"},
        "azure": {"reservation", "savings_plan"},
        "any": {"reserved_contract", "on_premises"},
    }
    for provider, words in wanted.items():
        names = [one.name for one in KINDS.values() if one.provider == provider]
        assert all(any(word in name for name in names) for word in words)
    for one in KINDS.values():
        assert all((one.covers, one.rule, one.end, one.source, one.as_of.year >= 2026))
