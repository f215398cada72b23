"""Two books: items of one run from its segments and its parts of charges, without any database."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trainfare.allocation.charged import ChargedDay
from trainfare.core.attempts import make_run
from trainfare.core.charge import Component, View
from trainfare.core.estimate import estimate_run
from trainfare.core.machine import Machine
from trainfare.core.money import NANO, Money
from trainfare.core.period import HOUR, BillingPeriod, Interval, parse_instant
from trainfare.core.price import GIB, Price
from trainfare.core.run import Artifact, PriceMark, Segment, Totals
from trainfare.core.stage import Status
from trainfare.metering.receipt import make_receipt
from trainfare.reports.two_books import Books, basis_of, estimated_in, items_of
from trainfare.reports.variance import Cause, settle
from trainfare.store.results import RunPart

START = parse_instant("2026-10-01T08:00:00Z")
OCTOBER = BillingPeriod(2026, 10).interval
SKU = "aws/us-east-1/p4d.24xlarge/on_demand"
DAY = date(2026, 10, 1)
BUCKET = Price("aws/us-east-1/s3/standard", Decimal("0.023"), "gb_month", origin="shipped")


def price(amount="10", origin="shipped", sku=SKU):
    return Price(sku, Decimal(amount), "h", origin=origin)


def receipt(hours=1, *, resource="i-1", stamped=None, start=START, network=None, **more):
    """A run on one machine."""
    segment = Segment(
        run="r",
        id="s",
        name=None,
        labels={},
        machine=Machine(resource, "n", provider="aws", region="us-east-1"),
        share=Fraction(1),
        held_devices=(),
        started_wall_ns=start,
        duration_ns=round(Fraction(hours) * HOUR),
        status=Status.FINISHED,
        prices=(PriceMark(0, stamped or price()),),
        **more,
    )
    run = make_run("r", [segment])
    return make_receipt(run, estimate_run(run, network_price=network))


def part(nano, resource="i-1", component="compute", **more):
    amounts = more.pop("amounts", (nano,) * 4)
    words = {
        "day": DAY,
        "currency": "USD",
        "category": "Usage",
        "is_correction": False,
        "method": "resource_overlap",
        "charges": 1,
    }
    return RunPart("r", resource, component, amounts=amounts, **(words | more))


def whole(nano, resource="i-1", component="compute", **more):
    """All that a resource was charged on the day."""
    words = {
        "currency": "USD",
        "day": DAY,
        "charges": 1,
        "amounts": (nano,) * 4,
        "asked_nano": nano,
        "agreed_nano": nano,
        "credit_nano": 0,
        "quantity": Fraction(1),
        "unit": "hours",
        "is_spot": False,
        "instance_type": None,
        "region": "us-east-1",
        "provider": "AWS",
        "paid_ns": HOUR if component == "compute" else None,
    }
    return ChargedDay(resource, Component(component), **(words | more))


def books(*days, held=None, months=(OCTOBER,)):
    known = {}
    for day in days:
        known.setdefault((day.resource, day.currency, day.day), []).append(day)
    return Books(months, {}, known, held or {})


def causes(one, parts, known):
    """The causes of a run in dollars, those that played a part."""
    billed = Money(sum(p.amounts[1] or 0 for p in parts))
    items = items_of(one, parts, known)
    line = settle("r", estimated_in(one, known), billed, (item.causes for item in items))
    return {cause.value: amount.nano / NANO for cause, amount in line.causes.items() if amount}


AMOUNTS = st.none() | st.integers(-(10**13), 10**13)
PARTS = st.lists(
    st.builds(
        part,
        st.just(0),
        resource=st.sampled_from(["i-1", "i-2", "vol-1", None]),
        component=st.sampled_from([c.value for c in Component]),
        amounts=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS),
        day=st.sampled_from([None, DAY]),
        category=st.sampled_from(["Usage", "Credit", "Tax", "Purchase", "Adjustment"]),
        is_correction=st.booleans(),
        method=st.sampled_from(["resource_overlap", "run_tag", "attached", "support by usage"]),
        charges=st.integers(0, 50),
    ),
    max_size=8,
)
DAYS = st.lists(
    st.builds(
        whole,
        st.just(0),
        resource=st.sampled_from(["i-1", "i-2", "vol-1"]),
        component=st.sampled_from([c.value for c in Component]),
        amounts=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS),
        asked_nano=st.integers(0, 10**13),
        agreed_nano=st.integers(0, 10**13),
        credit_nano=st.integers(-(10**10), 0),
        quantity=st.none() | st.fractions(0, 100, max_denominator=60),
        unit=st.sampled_from([None, "hours", "gb", "gb-mo"]),
        paid_ns=st.none() | st.integers(0, 24 * HOUR),
    ),
    max_size=6,
)


@given(
    PARTS,
    DAYS,
    st.sampled_from(["shipped", "learnt", "stated"]),
    st.fractions(Fraction(1, 60), 30, max_denominator=60),
)
def test_whatever_the_bill_says_its_causes_sum_to_the_nano(parts, days, origin, hours):
    """Odd bills included: negative, missing, zero and contradicting amounts and quantities."""
    artifacts = (
        Artifact("checkpoint", "s3://bucket/a", GIB, Interval(START, START + HOUR), price=BUCKET),
    )
    one = receipt(hours, stamped=price(origin=origin), artifacts=artifacts)
    known = books(*days, held={("r", "i-1"): Fraction(hours) / 2})
    billed = Money(sum(p.amounts[1] or 0 for p in parts))
    items = items_of(one, parts, known)
    line = settle("r", estimated_in(one, known), billed, (item.causes for item in items))
    assert sum(amount.nano for amount in line.causes.values()) == line.variance.nano
    charges = sum(item.charged.charges for item in items if item.charged)
    assert abs(line.causes[Cause.ROUNDING].nano) <= 5 * charges + 20


def test_a_price_is_compared_with_the_rate_of_its_own_kind():
    """List with list, what the user states with the contract, what bills taught with what was paid."""
    assert basis_of(price()) is basis_of(price(origin="refreshed")) is View.LIST
    assert basis_of(price(origin="stated")) is basis_of(price(origin="override")) is View.CONTRACTED
    assert basis_of(price(sku=SKU.replace("on_demand", "spot"))) is View.CONTRACTED
    assert basis_of(price(origin="learnt")) is View.EFFECTIVE
    paid, agreed, listed = 6 * NANO, 9 * NANO, 10 * NANO
    amounts = (paid, paid, listed, agreed)
    day = whole(paid, amounts=amounts, asked_nano=listed, agreed_nano=agreed)
    parts = [part(paid, amounts=amounts)]
    found = {
        origin: causes(receipt(stamped=price(origin=origin)), parts, books(day))
        for origin in ("shipped", "stated", "learnt")
    }
    assert found == {
        "shipped": {"commitment": -4.0},
        "stated": {"price": -1.0, "commitment": -3.0},
        "learnt": {"price": -4.0},
    }


def test_a_part_of_a_day_is_measured_by_its_list_cost():
    """Commitments cover some hours and not others; list cost tells time apart from price."""
    day = whole(
        0, amounts=(None, 30 * NANO, 40 * NANO, None), asked_nano=40 * NANO, paid_ns=4 * HOUR
    )
    mine = part(0, amounts=(None, 6 * NANO, 10 * NANO, None))
    assert causes(receipt(), [mine], books(day)) == {"commitment": -4.0}


def test_promotional_credits_are_credits_even_beside_a_learnt_price():
    day = whole(8 * NANO, credit_nano=-2 * NANO)
    one = receipt(stamped=price("10", "learnt"))
    assert causes(one, [part(8 * NANO)], books(day)) == {"credit": -2.0}


def test_a_bucket_is_compared_by_gigabyte_months_and_a_disk_is_not_metered():
    """2 GB for a month of 730 hours, of which the bill has 3 at 0.02."""
    held = Interval(START, START + 730 * HOUR)
    kept = (Artifact("output", "s3://acme-models/last.pt", 2 * GIB, held, price=BUCKET),)
    one = receipt(artifacts=kept)
    bucket = "arn:aws:s3:::acme-models"
    days = [
        whole(10 * NANO),
        whole(60_000_000, bucket, "storage", quantity=Fraction(3), unit="gb-mo"),
    ]
    parts = [
        part(10 * NANO),
        part(60_000_000, bucket, "storage"),
        part(500_000_000, "vol-1", "storage", method="attached"),
    ]
    known = books(*days, months=(Interval(OCTOBER.start_ns, held.end_ns),))
    assert causes(one, parts, known) == {"price": -0.006, "quantity": 0.02, "unmetered": 0.5}
    assert causes(one, [part(10 * NANO)], known) == {"quantity": -0.046}


def test_bytes_sent_are_compared_where_their_class_was_stated():
    class_price = Price("aws/us-east-1/internet", Decimal("0.09"), "gb", origin="shipped")
    sent = Totals(net_tx_bytes=10 * GIB)
    days = [whole(10 * NANO), whole(NANO, component="network", quantity=Fraction(12), unit="gb")]
    address = part(5_000_000, "eip-1", "network", method="attached")
    parts = [part(10 * NANO), part(NANO, component="network"), address]
    known = books(*days)
    priced = receipt(totals=sent, network=class_price)
    assert causes(priced, parts, known) == {
        "price": -0.066666667,
        "quantity": 0.166666667,
        "unmetered": 0.005,
    }
    assert causes(receipt(totals=sent), parts, known) == {"unmetered": 1.005}


def test_the_parts_of_all_months_sum_to_the_whole_estimate():
    one = receipt(3, start=parse_instant("2026-10-31T22:30:00Z"))
    november = BillingPeriod(2026, 11).interval
    parts = [estimated_in(one, books(months=(month,))) for month in (OCTOBER, november)]
    assert parts == [Money.parse("15"), Money.parse("15")]
    assert Money.total(parts) == one.estimate.total


def test_a_machine_that_is_not_metered_is_quantity_and_a_common_cost_is_unmetered():
    day = whole(10 * NANO)
    parts = [
        part(10 * NANO),
        part(3 * NANO, "i-2", method="run_tag"),
        part(2 * NANO, "eks-control", method="by usage"),
        part(NANO, None, "other", method="support", category="Purchase"),
    ]
    assert causes(receipt(), parts, books(day)) == {"quantity": 3.0, "unmetered": 3.0}


def test_a_rule_that_gives_a_metered_machine_to_its_run_is_compared_like_a_claim():
    mine = part(12 * NANO, method="ours")
    assert causes(receipt(), [mine], books(whole(12 * NANO))) == {"price": 2.0}
