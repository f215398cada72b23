"""The ratios of published trainings: rows of a table that a measurement makes anew."""

from itertools import pairwise

import pytest

from trainfare.budgets.published import RATIOS, published_ratios


def test_each_row_is_of_a_part_of_a_run():
    assert all(0 < level < 1 for level in RATIOS)


@pytest.mark.parametrize("level", RATIOS)
def test_each_row_has_19_points_in_their_order_about_1(level):
    row = RATIOS[level]
    assert len(row) == 19
    assert list(row) == sorted(row)
    assert row[9] == pytest.approx(1, abs=0.02)
    assert row[0] > 0.5
    assert row[-1] < 2


@pytest.mark.parametrize("level", RATIOS)
def test_a_row_answers_from_its_own_progress_on(level):
    assert published_ratios(level) == RATIOS[level]
    assert published_ratios(level + 1e-9) == RATIOS[level]


def test_progress_between_two_rows_answers_from_the_lower_one():
    for low, high in pairwise(sorted(RATIOS)):
        assert published_ratios((low + high) / 2) == RATIOS[low]
        assert published_ratios(high - 1e-9) == RATIOS[low]


@pytest.mark.parametrize("progress", [0.0, 0.001, -1.0])
def test_progress_before_the_first_row_answers_from_the_first(progress):
    assert published_ratios(progress) == RATIOS[min(RATIOS)]


def test_a_finished_run_answers_from_the_last_row():
    assert published_ratios(1.0) == RATIOS[max(RATIOS)]
