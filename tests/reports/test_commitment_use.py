"""What commitments saved: rates by hand, the identity between them, and no rate of nothing."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trainfare.allocation.commitment_sums import CommitmentSum
from trainfare.core.money import Money
from trainfare.reports.commitment_use import commitment_uses


def sums(commitment, effective, on_demand, *, used=False, unused=False, has=None, contracted=None):
    contracted = on_demand if contracted is None else contracted
    has = 1 if has is None else has
    return CommitmentSum(
        "2026-10", "AWS", "USD", commitment, None, "Savings Plan", used, unused, 1,
        effective, on_demand, has, contracted, has,
    )  # fmt: skip


def test_a_plan_by_hand():
    """Bought 100 an hour, used 80 of it for what costs 120 on demand, and 80 beside it: of 200 on
    demand 180 was paid."""
    whole, plan = commitment_uses(
        [
            sums("sp-1", 80, 120, used=True, contracted=110),
            sums("sp-1", 20, 20, unused=True),
            sums(None, 80, 80, contracted=80),
        ]
    )
    assert (whole.commitment, plan.commitment) == (None, "sp-1")
    assert whole.commitment_utilization == plan.commitment_utilization == Fraction(80, 100)
    assert whole.on_list.coverage == Fraction(120, 200)
    assert whole.on_list.rate == Fraction(200 - 180, 200)
    assert whole.on_contracted.rate == Fraction(190 - 180, 190)
    assert (plan.on_list.rate, plan.on_list.saved) == (Fraction(20, 120), Money(20))


def test_a_commitment_that_nobody_used_has_no_rate_but_a_loss():
    whole, plan = commitment_uses([sums("ri-1", 500, 500, unused=True)])
    for one in (whole, plan):
        assert one.on_list.rate is None
        assert one.on_list.coverage is None
        assert one.on_list.saved == Money(-500)
        assert one.commitment_utilization == 0


def test_a_missing_price_leaves_the_rate_unknown_and_says_how_many():
    whole, _ = commitment_uses(
        [sums("ri-1", 50, 0, used=True, has=0), sums(None, 80, 80), sums(None, 80, 80)]
    )
    assert (whole.on_list.rate, whole.on_list.missing) == (None, 1)
    assert whole.commitment_utilization == 1


@given(st.integers(1, 99), st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_rate_is_coverage_times_discount_less_what_is_unused(discount, covered, unused, other):
    """ESR = coverage × (d − (1 − d)(1/utilization − 1)) for one discount d, whatever is bought."""
    d = Fraction(discount, 100)
    used = covered * (100 - discount)
    whole, *_ = commitment_uses(
        [
            sums("sp", used, covered * 100, used=True),
            sums("sp", unused, unused, unused=True),
            sums(None, other, other),
        ]
    )
    utilization = whole.commitment_utilization
    assert whole.on_list.rate == whole.on_list.coverage * (d - (1 - d) * (1 / utilization - 1))
    assert whole.on_list.rate <= d
