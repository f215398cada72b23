"""Scaling laws: fitted where runs tell enough, refused where not; fronts; what an hour is worth."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.advice.scaling import Scaling, best_count, fit_scaling, nnls, pareto

coefficient = st.floats(0, 100).map(lambda x: 0.0 if x < 1e-2 else x)


@given(a=coefficient, b=st.floats(0.1, 100), c=coefficient)
def test_a_law_is_found_again(a, b, c):
    true = Scaling(a, b, c, (), 0)
    fitted = fit_scaling([(n, true.hours(n)) for n in (1, 2, 4, 8, 16)])
    for n in (1, 3, 8, 16):
        assert fitted.hours(n) == pytest.approx(true.hours(n), rel=1e-6)
    assert fitted.error < 1e-6


@pytest.mark.parametrize("counts", [(), (4,), (2, 2, 2, 4), (8, 1)])
def test_fewer_than_three_numbers_are_refused(counts):
    assert "a fit needs 3" in fit_scaling([(n, 10 / n) for n in counts])


def test_three_numbers_fit_no_communication():
    assert fit_scaling([(1, 11), (2, 7), (4, 6)]).communication == 0


@given(
    rows=st.lists(st.tuples(*[st.floats(-5, 5)] * 2), min_size=2, max_size=6),
    data=st.data(),
)
def test_no_point_of_a_grid_is_nearer_than_the_solution(rows, data):
    target = data.draw(st.lists(st.floats(-5, 5), min_size=len(rows), max_size=len(rows)))
    found = nnls(rows, target)

    def miss(x):
        return sum(
            (sum(r * v for r, v in zip(row, x, strict=True)) - t) ** 2
            for row, t in zip(rows, target, strict=True)
        )

    assert min(found) >= 0
    grid = itertools.product([0, 0.3, 1, 3], repeat=2)
    assert miss(found) <= min(miss(x) for x in grid) + 1e-6


@given(a=st.floats(0.1, 10), b=st.floats(1, 100), ratio=st.floats(0.1, 50))
def test_the_best_number_is_the_closed_form(a, b, ratio):
    """n* = √(v·b/(p·a)): no whole number next to it may do better than what is chosen."""
    law = Scaling(a, b, 0, (), 0)
    exact = math.sqrt(ratio * b / a)
    best = best_count(law, ratio, range(1, 400))
    assert abs(best - min(max(exact, 1), 399)) <= 1


def test_without_a_worth_of_time_the_fewest_are_cheapest():
    assert best_count(Scaling(1, 5, 0.1, (), 0), 0, (1, 2, 4, 8)) == 1


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_a_front_is_what_nothing_beats(points):
    front = pareto(points)
    for place, (time, money) in enumerate(points):
        beaten = any(t <= time and m <= money and (t, m) != (time, money) for t, m in points)
        if place in front:
            assert not beaten
        elif not beaten:
            assert (time, money) in [points[other] for other in front]
