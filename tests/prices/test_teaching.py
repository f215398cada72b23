"""Teaching: a bill's price is stored where look-ups find it, unless it jumps and nobody confirms."""

from datetime import date
from decimal import Decimal

import pytest

from trainfare.prices.age import instant_of
from trainfare.prices.learnt import LearntPrice, read_learnt
from trainfare.prices.market import list_price
from trainfare.prices.teaching import ALL, Verdict, teach

SKU = "aws/us-east-1/p5.48xlarge/on_demand"
LISTED = Decimal("55.04")


def taught(amount, sku=SKU, currency="USD"):
    days = (date(2026, 9, 1), date(2026, 10, 1))
    return LearntPrice(sku, Decimal(amount), *days, "bill aws 2026-09", currency)


def price_now(home, sku=SKU):
    provider, region, name, option = sku.split("/")
    return list_price(home, (provider, region), name, option, instant_of("2026-10-05"))


@pytest.mark.parametrize(
    ("amount", "verdict"),
    [("55", "learnt"), ("33.024", "learnt"), ("33.02", "waiting"), ("77.06", "waiting")],
)
def test_a_change_of_more_than_forty_percent_waits(tmp_path, amount, verdict):
    [one] = teach(tmp_path, [taught(amount)])
    assert (one.verdict, one.replaces.amount) == (Verdict(verdict), LISTED)
    expected = Decimal(amount) if verdict == "learnt" else LISTED
    assert price_now(tmp_path).amount == expected
    assert one.change == Decimal(amount) / LISTED - 1


@pytest.mark.parametrize("word", [SKU, ALL])
def test_what_waits_can_be_confirmed_and_then_is_the_yardstick(tmp_path, word):
    assert teach(tmp_path, [taught("90")], [word])[0].verdict is Verdict.LEARNT
    assert price_now(tmp_path).amount == 90
    assert teach(tmp_path, [taught("90")])[0].verdict is Verdict.UNCHANGED
    assert teach(tmp_path, [taught("50")])[0].verdict is Verdict.WAITING
    assert teach(tmp_path, [taught("80")])[0].replaces.origin == "learnt"
    assert len(read_learnt(tmp_path)) == 1


def test_confirming_one_price_confirms_no_other(tmp_path):
    other = "aws/us-east-1/p4d.24xlarge/on_demand"
    found = teach(tmp_path, [taught("90"), taught("90", other)], [other])
    assert [one.verdict for one in found] == [Verdict.WAITING, Verdict.LEARNT]


def test_what_nobody_lists_is_learnt_at_once(tmp_path):
    sku = "fjordgpu/no-1/gpu-8x/on_demand"
    [one] = teach(tmp_path, [taught("22.32", sku, "EUR")])
    assert (one.verdict, one.replaces, one.change) == (Verdict.LEARNT, None, None)
    assert price_now(tmp_path, sku).currency == "EUR"


def test_a_stale_spot_price_and_one_in_another_currency_are_no_yardstick(tmp_path):
    spot = SKU.replace("on_demand", "spot")
    assert teach(tmp_path, [taught("1", spot)])[0].verdict is Verdict.LEARNT
    assert teach(tmp_path, [taught("9", SKU, "EUR")])[0].verdict is Verdict.LEARNT


def test_another_region_stays_as_it_was(tmp_path):
    elsewhere = SKU.replace("us-east-1", "eu-west-1")
    before = price_now(tmp_path, elsewhere)
    teach(tmp_path, [taught("50")])
    assert price_now(tmp_path, elsewhere) == before
