"""Commitments: what is used and what is not is what was purchased (FOCUS, EffectiveCost)."""

from collections import Counter

import pytest

from simulation.worlds import world_of
from trainfare.core.charge import Remainder
from trainfare.simulation.commitment import AZURE_RESERVATION, INSTANCE_RESERVATION, SAVINGS_PLAN
from trainfare.simulation.line import Kind

ALL = (SAVINGS_PLAN, INSTANCE_RESERVATION, AZURE_RESERVATION)


def lines_of(commitment, seed=7):
    return [line for line in world_of(seed).lines if line.commitment == commitment]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("commitment", [SAVINGS_PLAN, AZURE_RESERVATION], ids=lambda c: c.kind)
def test_effective_cost_of_used_and_unused_is_what_was_billed(commitment, seed):
    """The specification's own identity, which holds in all of its examples."""
    lines = lines_of(commitment, seed)
    assert sum(line.effective_nano for line in lines) == sum(line.billed_nano for line in lines) > 0


def test_a_reservation_paid_at_once_costs_its_part_of_the_year():
    lines = lines_of(INSTANCE_RESERVATION)
    billed = Counter()
    for line in lines:
        billed[line.kind] += line.billed_nano
    amortised = billed[Kind.UPFRONT] * 72 // 8760  # three days
    assert sum(line.effective_nano for line in lines) == billed[Kind.PURCHASE] + amortised


@pytest.mark.parametrize("commitment", ALL, ids=lambda c: c.kind)
def test_what_is_covered_costs_no_cash_and_less_than_its_price(commitment):
    used = [line for line in lines_of(commitment) if line.kind is Kind.USAGE]
    assert used
    for line in used:
        assert line.billed_nano == 0
        assert 0 < line.effective_nano < line.contracted_nano <= line.list_nano


@pytest.mark.parametrize("commitment", ALL, ids=lambda c: c.kind)
def test_what_nobody_used_has_a_remainder_of_its_own(commitment):
    unused = [line for line in lines_of(commitment) if line.kind is Kind.UNUSED]
    assert unused
    for line in unused:
        assert line.billed_nano == 0 < line.effective_nano
        assert [part.remainder for part in line.ownership.divided(1)] == [
            Remainder.UNUSED_COMMITMENT
        ]


def test_the_savings_plan_covers_no_more_than_its_commitment_in_any_hour():
    paid, used = {}, Counter()
    for line in lines_of(SAVINGS_PLAN):
        if line.kind is Kind.PURCHASE:
            paid[line.interval] = line.billed_nano
        else:
            used[line.interval] += line.effective_nano
    assert len(paid) == 72
    assert paid == used
