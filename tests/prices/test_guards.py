"""Guards: the historical price cut waits, the mixed SKU is refused, the placeholder never gets in."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prices.servers import NOW, NOW_NS, need_data
from trainfare.prices.catalogue import family_bands, find_spec
from trainfare.prices.guards import Witnesses, admit, disagrees, jumps
from trainfare.prices.listing import Listing


def listing(amount, option="on_demand", name="p5.48xlarge", provider="aws", as_of=NOW):
    return Listing(provider, "us-east-1", name, option, Decimal(amount), as_of)


def witnesses(last=None, others=(), provider="aws"):
    def pieces(item):
        spec = find_spec(item.provider, item.name)
        return spec.accelerator_count if spec else None

    def band(item):
        spec = find_spec(item.provider, item.name)
        return family_bands(provider).get(spec.accelerator) if spec else None

    return Witnesses(lambda item: last, lambda item: list(others), pieces, band)


def test_the_cut_of_june_2025_waits_for_a_person():
    text = (need_data() / "price_change_history.csv").read_text()
    assert "aws,us-east-1,p5.48xlarge,on_demand,2025-06-23,98.32,55.04,change" in text
    verdict = admit([listing("55.04")], witnesses(last=listing("98.32")), NOW_NS)
    assert not verdict.accepted
    ((item, why),) = verdict.quarantined
    assert item.amount == Decimal("55.04")
    assert "98.32 → 55.04 (-44.0 %)" in why


def test_of_the_observed_changes_exactly_those_over_forty_per_cent_wait():
    for line in (need_data() / "price_change_history.csv").read_text().splitlines()[1:]:
        *_, option, _, old, new, event = line.split(",")
        if event != "change" or option != "on_demand":
            continue
        change = abs(Decimal(new) / Decimal(old) - 1)
        assert jumps(Decimal(old), Decimal(new)) == (change > Decimal("0.4")), line


@given(st.decimals("0.001", "100000", places=6))
def test_forty_per_cent_itself_is_no_jump(old):
    assert not jumps(old, old * Decimal("1.4"))
    assert not jumps(old, old * Decimal("0.6"))
    assert jumps(old, old * Decimal("1.4") + Decimal("0.0000001"))
    assert jumps(old, old * Decimal("0.6") - Decimal("0.0000001"))


@pytest.mark.parametrize("amount", ["0", "-0.01", "700", "700.000"])
def test_impossible_amounts_are_rejected(amount):
    verdict = admit([listing(amount, name="tpu-v6e")], witnesses(), NOW_NS)
    assert not verdict.accepted
    assert len(verdict.rejected) == 1


@pytest.mark.parametrize(
    ("name", "mixed", "right"),
    [("a3-highgpu-8g", "33.61", "88.49"), ("a3-megagpu-8g", "35.39", "92.9375976")],
)
def test_googles_mixed_sku_is_outside_the_family_band(name, mixed, right):
    wrong = listing(mixed, name=name, provider="gcp")
    good = listing(right, name=name, provider="gcp")
    verdict = admit([wrong, good], witnesses(provider="gcp"), NOW_NS)
    assert verdict.accepted == [good]
    assert "outside" in verdict.rejected[0][1]


def test_spot_no_lower_than_on_demand_is_kept_and_flagged():
    full, spot = listing("55.04"), listing("55.04", option="spot")
    verdict = admit([full, spot], witnesses(), NOW_NS)
    assert verdict.accepted == [full, spot]
    assert [item for item, _ in verdict.flagged] == [spot]


@pytest.mark.parametrize("name", ["", " ", "a/b", "a\nb"])
def test_what_is_no_name_is_rejected(name):
    assert len(admit([listing("1", name=name)], witnesses(), NOW_NS).rejected) == 1


def test_a_stale_spot_price_is_no_yardstick_and_a_fresh_one_is():
    new = listing("40", option="spot")
    week_old = listing("16.95", option="spot", as_of="2026-11-16T12:00:00Z")
    day_old = replace(week_old, as_of="2026-11-22T12:00:00Z")
    assert admit([new], witnesses(last=week_old), NOW_NS).accepted == [new]
    assert admit([new], witnesses(last=day_old), NOW_NS).quarantined[0][0] == new


def test_a_price_that_two_sources_contradict_is_flagged():
    known = [Decimal("88.49"), Decimal("88.49")]
    verdict = admit([listing("70")], witnesses(others=known), NOW_NS)
    assert len(verdict.accepted) == len(verdict.flagged) == 1
    assert not disagrees(Decimal("84.4"), [Decimal("88.49")]), "one against one proves nothing"
    assert not disagrees(Decimal("84.4"), [Decimal("88.49"), Decimal(70)])
    assert not disagrees(Decimal("88.5"), known)
