"""Of carried bytes only what runs say they read, or read again, is claimed."""

from fractions import Fraction

from trainfare.advice.network import CROSS_REGION, NAT, Carried, StoreReads, advise_network
from trainfare.core.charge import Component
from trainfare.core.money import Money
from trainfare.core.price import GIB
from trainfare.core.recommendation import NoAdvice, resource_slot, run_slot, settle

RUN = run_slot("a", "2026-10", Component.NETWORK)
LEFT = resource_slot("nat-1", "2026-10", Component.NETWORK)
PAID = {RUN: Money.parse("30"), LEFT: Money.parse("15")}


def advised(rule, reads, gb=Fraction(1000)):
    [found] = advise_network([Carried(rule, "nat-1", gb, PAID)], reads)
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


def test_between_regions_what_was_read_before_is_saved():
    one = advised(CROSS_REGION, StoreReads(1000 * GIB, 250 * GIB))
    assert one.saving == Money.nearest(Fraction(45 * 3, 4))


def test_where_nobody_says_what_was_read_nothing_is_claimed():
    for rule, reads, gb in [
        (NAT, StoreReads(), Fraction(1000)),
        (NAT, StoreReads(GIB, GIB), None),
        (CROSS_REGION, StoreReads(GIB, GIB), Fraction(1000)),
    ]:
        found = advised(rule, reads, gb)
        assert isinstance(found, NoAdvice)
        assert found.evidence["paid"] == "45.000000000"
