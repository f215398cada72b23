"""Changes by hand: where a training's time per unit of work became another, to the point."""

import itertools

import pytest

from trainfare.budgets.change import last_change


def series(rates, sizes=None):
    """Points from (100, 7000) on, with these nanoseconds per unit in stretches of these sizes."""
    sizes = sizes or itertools.cycle([1, 3, 2])
    work, at_ns = 100.0, 7000
    points = [(work, at_ns)]
    for rate, size in zip(rates, sizes, strict=False):
        work, at_ns = work + size, at_ns + rate * size
        points.append((work, at_ns))
    return points


@pytest.mark.parametrize(
    ("rates", "place"),
    [
        ([100] * 5 + [130] * 6, 5),
        ([130] * 5 + [100] * 6, 5),
        ([100] * 3 + [130] * 3, 3),
        ([100] * 3 + [130] * 2, 0),  # two stretches are too few to speak of …
        ([100] * 2 + [130] * 3, 0),  # … on either side
        ([100] * 2 + [130] * 4, 3),
        ([100] * 1 + [130] * 5, 0),
        ([100] * 3 + [120] + [140] * 3, 3),  # half-way belongs to what comes after
        ([], 0),
    ],
)
def test_a_change_has_three_stretches_on_either_side(rates, place):
    assert last_change(series(rates)) == place


@pytest.mark.parametrize(
    ("rates", "place"),
    [
        ([300] * 6 + [100] * 5 + [130] * 4, 11),
        ([100] * 6 + [300] * 5 + [260] * 4, 11),
        ([100] * 4 + [130] * 5 + [70] * 6, 9),
        ([900] * 5 + [500] * 4 + [300] * 4 + [200] * 3, 13),
    ],
)
def test_of_several_changes_the_last_one_counts(rates, place):
    assert last_change(series(rates)) == place


@pytest.mark.parametrize(
    ("sizes", "rates", "place"),
    [
        ([0.5, 1.5] * 19 + [0.5], [100] * 19 + [130] * 20, 19),  # 40 points: each is an edge
        ([0.5, 1.5] * 20, [100] * 19 + [130] * 21, 18),  # 41: two steps are one stretch
        ([1] * 80, [100] * 41 + [130] * 39, 40),  # stretches of 2 units
        ([1] * 79 + [21], [100] * 40 + [130] * 40, 39),  # of 2.5 units, so of 3 steps
        ([41] + [1] * 79, [100] * 41 + [130] * 39, 40),  # of 3 units after a long first step
        ([1] * 80, [200, 100, 200] + [100] * 77, 6),  # the first two stretches are slow
        # Three steps a stretch; the last one takes in two steps more, that are slow as well.
        ([1] * 83, [100] * 75 + [130] * 3 + [100] * 3 + [130] * 2, 72),
    ],
)
def test_a_long_series_is_cut_only_between_fortieths_of_its_work(sizes, rates, place):
    assert last_change(series(rates, sizes)) == place


@pytest.mark.parametrize(
    ("now", "is_change"), [(108, False), (109, True), (92, False), (91, True), (100, False)]
)
def test_a_change_is_more_than_eight_percent_of_what_was(now, is_change):
    assert last_change(series([100] * 5 + [now] * 6)) == (5 if is_change else 0)


@pytest.mark.parametrize(("now", "is_change"), [(200, False), (201, True)])
def test_a_change_is_more_than_five_times_the_noise_of_a_stretch(now, is_change):
    # Off their median by 20 in ten of twelve stretches, 40 in two: 240 in all, 20 in the mean.
    before = [100, 80, 120, 60, 100, 140]
    assert sum(abs(one - 100) for one in before) == 120
    after = [now + one - 100 for one in before]
    assert last_change(series([*before, *after])) == (6 if is_change else 0)
