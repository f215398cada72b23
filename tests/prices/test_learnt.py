"""Learnt prices: kept by SKU and days, the nearest in time answers, none are forgotten."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.prices.learnt import LearntPrice, add_learnt, find_learnt, read_learnt

SKU = "aws/us-east-1/p5.48xlarge/on_demand"


def learnt(amount, start, end, sku=SKU):
    days = (date.fromisoformat(start), date.fromisoformat(end))
    return LearntPrice(sku, Decimal(amount), *days, source="bill 2026-10")


def test_the_price_that_covers_the_day_answers_else_the_nearest(tmp_path):
    add_learnt(tmp_path, [learnt("50", "2026-08-01", "2026-09-01")])
    add_learnt(tmp_path, [learnt("48", "2026-10-01", "2026-11-01")])
    days = {
        "2026-07-01": "50",
        "2026-08-31": "50",
        "2026-09-01": "50",
        "2026-09-15": "50",
        "2026-09-17": "48",
        "2026-10-20": "48",
        "2027-03-01": "48",
    }
    for day, amount in days.items():
        found = find_learnt(tmp_path, SKU, date.fromisoformat(day))
        assert found.amount == Decimal(amount), day
        assert found.origin == "learnt"
    assert find_learnt(tmp_path, SKU + "x", date(2026, 10, 1)) is None


def test_the_later_one_answers_on_a_tie(tmp_path):
    add_learnt(tmp_path, [learnt("1", "2026-01-01", "2026-01-11")])
    add_learnt(tmp_path, [learnt("2", "2026-01-13", "2026-01-20")])
    # The 11th and the 12th are unbilled: one day from the first, two from the second, and so on.
    assert find_learnt(tmp_path, SKU, date(2026, 1, 11)).amount == 1
    assert find_learnt(tmp_path, SKU, date(2026, 1, 12)).amount == 2


def test_the_same_days_again_replace_the_old_price(tmp_path):
    assert add_learnt(tmp_path, [learnt("50", "2026-08-01", "2026-09-01")]) == 1
    assert add_learnt(tmp_path, [learnt("49", "2026-08-01", "2026-09-01")]) == 1
    assert [price.amount for price in read_learnt(tmp_path)] == [Decimal(49)]


@given(
    st.lists(
        st.tuples(
            st.decimals("0.000000001", "100", places=9),
            st.dates(date(2026, 1, 1), date(2026, 12, 1)),
            st.integers(1, 31),
        ),
        max_size=5,
    )
)
def test_what_is_learnt_is_read_back_exactly(tmp_path_factory, entries):
    home = tmp_path_factory.mktemp("home")
    prices = [
        LearntPrice(SKU, amount, start, start + timedelta(days=length), "bill")
        for amount, start, length in entries
    ]
    add_learnt(home, prices)
    assert set(read_learnt(home)) <= set(prices)
    assert {(p.start, p.end) for p in read_learnt(home)} == {(p.start, p.end) for p in prices}


@pytest.mark.parametrize(
    "words",
    [
        {"sku": "aws/p5"},
        {"amount": Decimal(0)},
        {"amount": Decimal("NaN")},
        {"unit": "day"},
        {"end": date(2026, 1, 1)},
    ],
)
def test_what_teaches_no_price_is_refused(words):
    good = {
        "sku": SKU,
        "amount": Decimal(1),
        "start": date(2026, 1, 1),
        "end": date(2026, 2, 1),
        "source": "bill",
    }
    with pytest.raises(BadInput):
        LearntPrice(**{**good, **words})


def test_a_damaged_file_names_itself(tmp_path):
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "learnt.json").write_text('{"learnt": [{"sku": "x"}]}')
    with pytest.raises(BadInput, match=r"learnt\.json is damaged"):
        read_learnt(tmp_path)
