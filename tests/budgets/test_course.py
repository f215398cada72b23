"""Courses by hand: a run of unequal steps that began at 100 and paused three times."""

import math

import pytest

from trainfare.budgets.course import Pause, make_course

POINTS = [(100, 1000), (103, 1600), (110, 3000), (118, 7000)]
PAUSES = [Pause(100, 30), Pause(103, 700, "checkpoint"), Pause(110, 50)]
COURSE = make_course("steps", POINTS, 160, PAUSES, now_ns=7777, paused_ns=11)


@pytest.mark.parametrize(
    ("work", "whole_ns"),
    [
        (0, 1000),  # before it began it stands at its first point
        (100, 1000),  # the pause at 100 begins after that
        (101, 1000 + 200 + 30),
        (103, 1600 + 30),
        (106, 1600 + 600 + 30 + 700),
        (110, 3000 + 30 + 700),
        (112, 3000 + 1000 + 30 + 700 + 50),
        (118, 7000 + 30 + 700 + 50),
        (math.inf, 7000 + 30 + 700 + 50),
    ],
)
def test_time_between_two_points_is_in_proportion_and_has_the_pauses_before(work, whole_ns):
    assert COURSE.whole_ns(work) == pytest.approx(whole_ns, rel=1e-12)


@pytest.mark.parametrize(
    ("work", "points", "pauses"),
    [(99, 0, 0), (100, 1, 0), (102.9, 1, 0), (103, 2, 1), (117, 3, 2), (118, 4, 3), (200, 4, 3)],
)
def test_a_course_is_cut_at_its_last_point_with_the_pauses_before_that(work, points, pauses):
    then = COURSE.cut(work)
    assert then.points == COURSE.points[:points]
    assert then.pauses == COURSE.pauses[:pauses]
    assert then.now_ns == (POINTS[points - 1][1] if points else 0)
    assert then.paused_ns == 0
    assert (then.unit, then.planned) == ("steps", 160)


def test_before_its_first_point_a_course_has_not_even_a_pause_near_its_start():
    early = make_course("epochs", [(1, 10), (2, 20)], 3, [Pause(0.5, 5)])
    assert early.cut(0.9).pauses == ()


@pytest.mark.parametrize(
    ("points", "planned", "progress"),
    [
        (POINTS, 160, 118 / 160),
        (POINTS, 118, 1),
        (POINTS, 90, 1),  # more than was planned
        (POINTS, None, None),
        (POINTS, 0, None),
        ([], 160, 0),
    ],
)
def test_progress_is_a_share_of_the_plan_and_unknown_without_one(points, planned, progress):
    assert make_course("steps", points, planned).progress == progress


def test_work_at_a_share_of_the_plan_is_nothing_without_one():
    assert COURSE.work_at(0.25) == 40
    assert make_course("steps", POINTS, None).work_at(0.25) == 0


def test_a_course_without_points_did_nothing_in_no_time():
    empty = make_course("steps", [], 10)
    assert (empty.done, empty.now_ns, empty.paused_ns, empty.pauses) == (0, 0, 0, ())
    assert empty.whole_ns(5) == 0


def test_points_at_which_work_or_time_stood_still_or_went_back_are_left_out():
    marks = [(100, 50), (100, 60), (105, 60), (107, 60), (104, 80), (109, 55), (111, 70)]
    assert make_course("steps", marks, 200).points == ((100, 50), (105, 60), (111, 70))


@pytest.mark.parametrize(("said", "now_ns"), [(6999, 7000), (7000, 7000), (7001, 7001)])
def test_now_is_not_before_the_last_point(said, now_ns):
    assert make_course("steps", POINTS, 160, now_ns=said).now_ns == now_ns


@pytest.mark.parametrize("count", [399, 400])
def test_four_hundred_points_stay_as_they_are(count):
    points = [(100 + n * n, 3 * n) for n in range(count)]
    assert make_course("steps", points, None).points == tuple(points)


@pytest.mark.parametrize("count", [401, 798, 5000])
def test_more_points_are_thinned_evenly_and_the_first_and_the_last_stay(count):
    points = [(100 + n, 3 * n) for n in range(count)]
    kept = make_course("steps", points, None).points
    assert len(kept) == 400
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    gaps = {after[0] - before[0] for before, after in zip(kept, kept[1:], strict=False)}
    assert gaps <= {(count - 1) // 399, (count - 1) // 399 + 1}
