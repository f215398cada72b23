"""Kept bytes that nobody needs are found at what keeping them cost, and needed ones are left."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advice.histories import PERIOD, START
from trainfare.advice.storage import Kept, advise_storage
from trainfare.core.money import Money
from trainfare.core.period import DAY, BillingPeriod, Interval
from trainfare.core.price import GIB, Price
from trainfare.core.recommendation import NoAdvice, settle
from trainfare.flows.kept import paid_for_kept


def price(amount, tier="standard"):
    return Price(f"aws/us-east-1/s3/{tier}", Decimal(amount), "gb_month")


def of_a_day(days, gb=730):
    """What *gb* GB cost over *days* days at $0.1 a GB-month of 730 hours."""
    return Money.nearest(Fraction(gb * days * 24, 7300))


def kept(uri="s3://b/a.pt", *, days=20, role="checkpoint", gb=730, newest=False, **words):
    held = Interval(START, START + days * DAY)
    words = {"owner": "team=nlp", "run": "r", "run_end_ns": START, "price": price("0.1"), **words}
    return Kept(uri, role, bytes=gb * GIB, held=held, is_newest=newest, **words)


def advised(*data, months=1, billed=None):
    paid = paid_for_kept(data, billed)
    found = list(advise_storage(data, paid))
    advice = settle([one for one in found if not isinstance(one, NoAdvice)], paid, months)
    told = {one.recommendation.rule: one for one in advice}
    return told | {one.rule: one for one in found if isinstance(one, NoAdvice)}


def near(amount, other):
    return abs(amount.nano - other.nano) <= 5


def test_earlier_checkpoints_are_deleted_a_week_after_the_end_of_their_run():
    one = advised(kept(), kept("s3://b/last.pt", newest=True))["unread_checkpoints"]
    assert near(one.saving, of_a_day(13))
    assert near(one.saving_high, of_a_day(20))
    assert one.saving_low == Money.zero()
    assert one.recommendation.evidence["files"] == 1


@pytest.mark.parametrize("words", [{"newest": True}, {"reads": (START,)}, {"role": "output"}])
def test_what_is_newest_read_or_no_checkpoint_stays(words):
    assert advised(kept(**words)) == {}


def test_of_datasets_with_one_name_and_size_one_stays():
    first = kept("s3://one/imagenet.tar", role="dataset", days=20)
    second = kept("gs://two/imagenet.tar", role="dataset", days=5)
    one = advised(first, second)["duplicate_data"]
    assert near(one.saving, of_a_day(5))
    assert one.saving_low == Money.zero()
    assert advised(first, replace(second, bytes=second.bytes + 1)) == {}
    assert advised(first, replace(second, uri="gs://two/other.tar")) == {}


def shards(folder, *, days=10, count=4):
    return [
        kept(f"{folder}/shard_{number}.bin", role="dataset", days=days) for number in range(count)
    ]


def test_shards_of_two_datasets_are_no_copies_of_each_other():
    assert advised(*shards("s3://b/c4"), *shards("s3://b/pile")) == {}


@pytest.mark.parametrize(
    "name", ["part-00001", "train.00001-of-01024", "shard7.tar.gz", "data-00001-of-00008.bin"]
)
def test_names_that_end_in_a_number_are_shards(name):
    pair = [kept(f"s3://b/{folder}/{name}", role="dataset") for folder in ("c4", "pile")]
    assert advised(*pair) == {}


def test_copies_of_a_sharded_dataset_are_one_recommendation():
    found = advised(*shards("s3://b/c4"), *shards("gs://copy/c4", days=5))
    one = found["duplicate_data"]
    assert (one.recommendation.subject, one.recommendation.evidence["files"]) == ("c4", 4)
    assert near(one.saving, of_a_day(4 * 5))
    assert any("is not known" in word for word in one.recommendation.assumptions)


COLD = {
    "newest": True,
    "colder": price("0.05", "standard-ia"),
    "retrieval_per_gb": Fraction(1, 100),
}


@pytest.mark.parametrize(
    ("rule", "data", "days"),
    [
        ("unread_checkpoints", kept(), 13),
        ("colder_class", kept(days=90, **COLD), 30),
    ],
)
def test_on_a_small_bill_savings_shrink_as_what_was_paid_does(rule, data, days):
    """A bill of a tenth: days that would not have been paid cost a tenth as well."""
    full = paid_for_kept([data], None)
    bill = {slot._replace(owner="run:r"): Money(paid.nano // 10) for slot, paid in full.items()}
    assert near(advised(data, billed=bill)[rule].saving, of_a_day(Fraction(days, 10)))


def test_what_a_bill_does_not_have_yet_saves_nothing():
    """The bill ends with October; data that turned cold in November is not on it."""
    data = kept(days=90, **COLD)
    bill = {slot._replace(owner="run:r"): paid
            for slot, paid in paid_for_kept([data], None).items() if slot.period == PERIOD}  # fmt: skip
    assert BillingPeriod.of(START).interval.end_ns < START + 30 * DAY
    assert advised(data, billed=bill) == {}


def test_old_data_moves_to_the_infrequent_class_after_thirty_days():
    one = advised(kept(days=90, **COLD), months=1)["colder_class"]
    assert near(one.saving, Money.nearest(Fraction(of_a_day(60).nano, 2 * 10**9)))


def test_reads_and_the_least_duration_may_cost_more_than_they_save():
    """Seven reads of 730 GB are $51; ten days at half the price save $12."""
    reads = tuple(START + (31 + n) * DAY for n in range(7))
    told = advised(kept(days=40, reads=reads, **COLD))["colder_class"]
    assert isinstance(told, NoAdvice)
    assert Money.parse(told.evidence["lost"]) > Money.parse(told.evidence["saved"])


def test_reads_before_the_move_are_free_and_later_ones_are_paid():
    """Half of $144 for sixty days, less one retrieval of 730 GB."""
    late = kept(days=90, reads=(START + 25 * DAY, START + 50 * DAY), **COLD)
    assert near(advised(late)["colder_class"].saving, Money.parse("64.7"))


def test_a_file_is_advised_on_by_one_rule():
    both = kept(days=90, **{**COLD, "newest": False})
    assert list(advised(both)) == ["unread_checkpoints"]


def test_kept_data_never_costs_more_than_the_storage_on_the_bill():
    data = [kept(f"s3://b/{n}", newest=True) for n in range(3)]
    whole = sum(amount.nano for amount in paid_for_kept(data, None).values())
    [slot, *_] = paid_for_kept(data, None)
    bill = {slot._replace(owner="run:r"): Money(whole // 2)}
    assert sum(one.nano for one in paid_for_kept(data, bill).values()) <= whole // 2
    assert not any(paid_for_kept(data, {}).values())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["s3://a/x", "s3://b/x", "s3://c/y"]),
            st.sampled_from(["checkpoint", "dataset", "output"]),
            st.integers(1, 200),
            st.booleans(),
            st.lists(st.integers(0, 200), max_size=3),
        ),
        max_size=8,
    )
)
def test_no_more_is_saved_than_keeping_cost(rows):
    data = [
        kept(
            uri,
            role=role,
            days=days,
            **{**COLD, "newest": newest},
            reads=tuple(START + at * DAY for at in sorted(reads)),
        )
        for uri, role, days, newest, reads in rows
    ]
    paid = paid_for_kept(data, None)
    found = [one for one in advised(*data).values() if not isinstance(one, NoAdvice)]
    saved = sum(stake.saving.nano for one in found for stake in one.stakes)
    assert saved <= sum(amount.nano for amount in paid.values())
    assert all(one.saving_low <= one.saving <= one.saving_high for one in found)
