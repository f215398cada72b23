"""Of carried bytes only what runs say they read, or read again, is claimed."""

from fractions import Fraction

import pytest

from trainfare.advice.network import (
    CROSS_REGION,
    NAT,
    Carried,
    ForeignReads,
    StoreReads,
    advise_network,
)
from trainfare.core.charge import Component
from trainfare.core.money import Money
from trainfare.core.price import GIB
from trainfare.core.recommendation import NoAdvice, resource_slot, run_slot, settle

RUN = run_slot("a", "2026-10", Component.NETWORK)
LEFT = resource_slot("nat-1", "2026-10", Component.NETWORK)
PAID = {RUN: Money.parse("30"), LEFT: Money.parse("15")}


def advised(rule, reads, gb=Fraction(1000)):
    both = (reads, ForeignReads()) if rule == NAT else (StoreReads(GIB, GIB), reads)
    [found] = advise_network([Carried(rule, "nat-1", gb, PAID)], *both)
    return found if isinstance(found, NoAdvice) else settle([found], PAID, 1)[0]


def test_what_runs_read_from_stores_would_not_have_gone_through_nat():
    one = advised(NAT, StoreReads(400 * GIB, 400 * GIB))
    assert one.saving == Money.parse("18")
    assert (one.saving_low, one.saving_high) == (Money.zero(), Money.parse("45"))
    assert {stake.slot: stake.saving for stake in one.stakes} == {
        RUN: Money.parse("12"),
        LEFT: Money.parse("6"),
    }


def test_runs_may_read_more_than_went_through_nat():
    assert advised(NAT, StoreReads(5000 * GIB, GIB)).saving == Money.parse("45")


def test_between_regions_what_was_read_before_is_saved_less_the_keeping_of_a_copy():
    """Three quarters of $45 are saved and a copy costs $5; at least it costs, at most it spares all."""
    one = advised(CROSS_REGION, ForeignReads(1000 * GIB, 250 * GIB, Money.parse("5")))
    assert float(one.saving.nano) == pytest.approx(28.75e9)
    assert float(one.saving_low.nano) == pytest.approx(-5e9)
    assert float(one.saving_high.nano) == pytest.approx(40e9)


def test_a_copy_that_costs_more_than_the_transfer_is_not_kept():
    found = advised(CROSS_REGION, ForeignReads(1000 * GIB, 500 * GIB, Money.parse("23")))
    assert isinstance(found, NoAdvice)
    assert found.why == "not worth it: keeping the copies costs $23.00, and transfer less by $22.50"


def test_where_nobody_says_what_was_read_nothing_is_claimed():
    for rule, reads, gb, why in [
        (NAT, StoreReads(), Fraction(1000), "run.dataset(uri, bytes=…)"),
        (NAT, StoreReads(GIB, GIB), None, "does not say how many bytes"),
        (CROSS_REGION, ForeignReads(GIB, GIB), Fraction(1000), "nothing of it again"),
        (CROSS_REGION, ForeignReads(), Fraction(1000), "from a bucket of another region"),
        (CROSS_REGION, ForeignReads(why="no charge says"), Fraction(1000), "no charge says"),
    ]:
        found = advised(rule, reads, gb)
        assert isinstance(found, NoAdvice)
        assert why in found.why
        assert found.evidence["paid"] == "45.000000000"
