"""Expected time under preemption: the closed form, its optimum, and trials that agree with both."""

import math
import random
import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.advice.preemption import (
    Saving,
    break_even_rate,
    daly_interval,
    expected_hours,
    hours_variance,
    optimal_interval,
    paid,
    trial_hours,
    trials,
    young_interval,
)
from trainfare.advice.preemption_rate import chance_gamma_above, find_rate, quantile
from trainfare.core.errors import BadInput

SETTINGS = [
    (48, 0.05, 0.1, 0.1, 0.96),
    (20, 0.1, 0.5, 1.0, 0.4),
    (100, 0.02, 0.2, 0.01, 2.0),
    (10, 0.5, 1, 0.05, 5),
]


def lambert(x):
    """W₀ of -1/e < x < 0 by bisection on w·e^w: another way than the code under test goes."""
    low, high = -1.0, 0.0
    for _ in range(200):
        w = (low + high) / 2
        low, high = (w, high) if w * math.exp(w) < x else (low, w)
    return w


@pytest.mark.parametrize(("work", "c", "restart", "rate", "interval"), SETTINGS)
def test_trials_agree_with_the_closed_form_in_mean_and_variance(work, c, restart, rate, interval):
    saving = Saving(interval, c, restart)
    pieces = round(work / interval)
    work = pieces * interval
    drawn = trials(work, rate, saving, count=3000, seed=7)
    mean, sd = statistics.mean(drawn), statistics.stdev(drawn)
    assert abs(mean - expected_hours(work, rate, saving)) <= 3.5 * sd / math.sqrt(len(drawn))
    assert sd**2 == pytest.approx(hours_variance(work, rate, saving), rel=0.15)
    assert drawn == tuple(sorted(drawn)) == trials(work, rate, saving, count=3000, seed=7)


def test_the_published_settings_give_their_figures():
    """48 h of work, 3 min a checkpoint, 6 min a restart, one loss in ten hours; and a harder one."""
    easy = Saving(48 / 50, 0.05, 0.1)
    assert expected_hours(48, 0.1, easy) == pytest.approx(53.672, abs=0.001)
    hard = Saving(20 / 52, 0.1, 0.5)
    assert expected_hours(20, 1.0, hard) == pytest.approx(53.46, abs=0.01)


@pytest.mark.parametrize("rate", [1e-4, 0.01, 0.1, 1.0, 5.0])
@pytest.mark.parametrize("c", [0.001, 0.05, 0.5])
def test_the_best_interval_is_lamberts_and_that_of_a_grid(c, rate):
    best = optimal_interval(c, rate)
    if rate * c > 1e-6:
        assert best == pytest.approx((1 + lambert(-math.exp(-rate * c - 1))) / rate, rel=1e-5)
    at = [expected_hours(100, rate, Saving(best * k, c, 0.1)) for k in (0.98, 1.0, 1.02)]
    assert at[1] <= at[0]
    assert at[1] <= at[2]
    daly = expected_hours(100, rate, Saving(daly_interval(c, rate), c, 0.1))
    assert daly == pytest.approx(at[1], rel=0.002 if rate * c < 0.5 else 0.2)


def test_youngs_first_order_costs_little_more_and_is_met_where_losses_are_rare():
    c, rate = 0.05, 0.1
    best = expected_hours(48, rate, Saving(optimal_interval(c, rate), c, 0.1))
    young = expected_hours(48, rate, Saving(young_interval(c, rate), c, 0.1))
    assert best <= young <= 1.0047 * best
    assert optimal_interval(1e-3, 1e-6) == pytest.approx(young_interval(1e-3, 1e-6), rel=1e-4)


@given(
    work=st.floats(0.1, 500), interval=st.floats(0.05, 20), c=st.floats(0, 1), restart=st.floats(0, 1),
    rate=st.floats(1e-6, 0.5),
)  # fmt: skip
def test_more_losses_never_take_less_time_and_none_leave_work_and_checkpoints(
    work, interval, c, restart, rate
):
    saving = Saving(interval, c, restart)
    least = expected_hours(work, 0, saving)
    assert least == pytest.approx(work * (1 + c / interval))
    assert expected_hours(work, 1e-12, saving) == pytest.approx(least)
    assert least <= expected_hours(work, rate, saving) * (1 + 1e-9)
    assert expected_hours(work, rate, saving) <= expected_hours(work, 2 * rate, saving)
    assert hours_variance(work, rate, saving) >= 0


@given(
    rate=st.floats(0.001, 1), c=st.floats(0.001, 0.5), a=st.floats(0.05, 5), b=st.floats(0.05, 5)
)
def test_expected_time_is_convex_in_the_interval(rate, c, a, b):
    at = [expected_hours(10, rate, Saving(x, c, 0.1)) for x in (a, (a + b) / 2, b)]
    assert at[1] <= (at[0] + at[2]) / 2 * (1 + 1e-9)


def test_work_that_never_ends_is_infinite_and_not_tried():
    assert expected_hours(10, 5, Saving(1000, 0.1, 0.1)) == math.inf
    assert trials(10, 50, Saving(1, 0.1, 0.1), count=3, seed=1) == (math.inf,) * 3


def test_break_even_is_where_spot_costs_what_on_demand_does():
    saving = Saving(1, 0.05, 0.1)
    rate = break_even_rate(48, 50.4, 0.4, saving)
    assert expected_hours(48, rate, saving) * 0.4 == pytest.approx(50.4)
    assert break_even_rate(48, 48, 0.99, saving) is None  # its checkpoints alone cost more


def test_a_run_without_losses_takes_its_work_and_checkpoints():
    assert trial_hours(2.5, 0, Saving(1, 0.1, 9), random.Random(1)) == pytest.approx(2.8)


def test_hours_become_money_once():
    assert paid(1 / 3, Fraction(9), "USD").text() == "3.000000000"
    with pytest.raises(BadInput, match="above 0"):
        Saving(0, 1, 1)


def test_own_history_soon_outweighs_what_the_provider_says():
    said = find_rate(0, 0, "5-10%")
    assert said.mean == pytest.approx(-math.log(1 - 0.075) / 730)
    assert said.low < said.mean < said.high
    both = find_rate(10, 100, "5-10%")
    assert both.mean == pytest.approx(11 / (said.hours + 100))
    assert find_rate(10, 10_000, "<5%").mean < both.mean
    watched = find_rate(0, 0, "<5%", watched=(200, 1000.0))
    assert watched.mean == pytest.approx(200.5 / 1000)
    assert find_rate(50, 5000, watched=(200, 1000.0)).mean == pytest.approx(
        60 / (5000 + 10 / 0.2005)
    )
    assert find_rate(0, 0) is None
    assert find_rate(0, 0, "sometimes") is None
    assert find_rate(0, 50).mean == pytest.approx(0.01)


@given(shape=st.floats(0.5, 200), part=st.floats(0.01, 0.99))
def test_a_quantile_leaves_its_part_below(shape, part):
    assert 1 - chance_gamma_above(shape, quantile(shape, part)) == pytest.approx(part, abs=1e-9)


def test_quantiles_are_those_of_tables():
    """χ² with 2k degrees of freedom is 2·Gamma(k): 5 % points of printed tables."""
    assert 2 * quantile(5, 0.95) == pytest.approx(18.307, abs=5e-4)
    assert 2 * quantile(0.5, 0.95) == pytest.approx(3.841, abs=5e-4)
    assert 2 * quantile(15, 0.05) == pytest.approx(18.493, abs=5e-4)
