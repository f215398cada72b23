"""Forecasts replay: regular work is forecast exactly, time scales, and an unknown end stays so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.budgets.change import last_change
from trainfare.budgets.course import Pause, make_course
from trainfare.budgets.forecast import project, rate_of
from trainfare.core.forecast import Method

SECOND = 10**9


def regular(done, planned, each_ns, pauses=(), **more):
    points = [(step, step * each_ns) for step in range(done + 1)]
    return make_course("steps", points, planned, pauses, **more)


@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 10**12))
def test_a_perfectly_regular_run_is_forecast_exactly(done, left, each_ns):
    found = project(regular(done, done + left, each_ns))
    assert found.remaining_ns == pytest.approx(left * each_ns, rel=1e-9, abs=1)


@given(
    st.lists(st.integers(1, 10**9), min_size=2, max_size=60),
    st.integers(1, 100),
    st.integers(2, 1000),
)
def test_scaling_time_scales_the_forecast(gaps, left, factor):
    points = [(0, 0)]
    for gap in gaps:
        points.append((points[-1][0] + 1, points[-1][1] + gap))
    planned = len(gaps) + left
    once = project(make_course("steps", points, planned))
    scaled = [(work, at_ns * factor) for work, at_ns in points]
    many = project(make_course("steps", scaled, planned))
    assert many.method is once.method
    assert many.remaining_ns == pytest.approx(once.remaining_ns * factor, rel=1e-6, abs=factor)


def test_an_unknown_end_gives_no_total():
    assert project(regular(50, None, SECOND)) is None


def test_before_any_work_nothing_is_forecast():
    assert project(make_course("steps", [(0, 0)], 100)) is None
    assert project(make_course("steps", [(0, 0)], 0), [profile([3] * 10)]) is None


UNEVEN = [(100, 1000), (101.8, 1500), (104, 2300), (107, 3500), (126, 8000), (131, 11500),
          (134, 12700), (140, 14700)]  # fmt: skip
"""A run that began at 100; its warm-up ends at 102, its last quarter begins at 131."""


@pytest.mark.parametrize(
    ("planned", "method", "rate"),
    [
        (275, Method.LAST_QUARTER, (14700 - 11500) / (140 - 131)),
        (280, Method.LAST_QUARTER, (14700 - 11500) / (140 - 131)),  # exactly half of it is done
        (281, Method.AFTER_WARM_UP, (14700 - 2300) / (140 - 104)),
    ],
)
def test_the_last_quarter_speaks_once_half_is_done_and_all_but_the_warm_up_before(
    planned, method, rate
):
    found = project(make_course("steps", UNEVEN, planned))
    assert found.method is method
    assert found.remaining_ns == round(rate * (planned - 140))


def test_without_a_plan_all_but_the_warm_up_speaks():
    found = rate_of(make_course("steps", UNEVEN, None))
    assert found == (pytest.approx(12400 / 36), Method.AFTER_WARM_UP)


@pytest.mark.parametrize(
    ("points", "rate"),
    [
        ([(5, 7), (6, 1007), (9, 1307)], 100),  # the first unit is warm-up
        ([(5, 7), (5.9, 1007), (9, 1407), (10, 1507)], 100),  # up to a point a unit later
        ([(5, 7), (9, 1407)], 350),  # two points are needed
        ([(5, 7), (5.25, 1007), (7.25, 1407)], 200),
        ([(5, 7), (5.25, 107), (5.75, 207)], 200 / 0.75),  # not even one unit is done
    ],
)
def test_the_first_unit_of_work_is_warm_up_where_two_points_are_left(points, rate):
    assert rate_of(make_course("epochs", points, None))[0] == pytest.approx(rate)


def test_the_last_quarter_has_at_least_two_points():
    points = [(5, 7), (6, 1007), (9, 1307), (19, 2307)]
    assert project(make_course("epochs", points, 25)).remaining_ns == 600


def test_a_slow_first_step_is_not_multiplied():
    points = [(0, 0), *((step, 600 * SECOND + step * SECOND) for step in range(1, 11))]
    assert project(make_course("steps", points, 100)).remaining_ns == 90 * SECOND


def test_a_step_in_the_making_is_taken_off_what_is_left():
    half_way = regular(10, 20, SECOND, now_ns=10 * SECOND + SECOND // 2)
    assert project(half_way).remaining_ns == 9 * SECOND + SECOND // 2


def test_a_step_that_hangs_never_makes_the_rest_negative():
    assert project(regular(10, 11, SECOND, now_ns=3600 * SECOND)).remaining_ns == 0


def test_pauses_come_back_as_often_as_they_did():
    pauses = [Pause(10, 7 * SECOND), Pause(20, 7 * SECOND)]
    assert project(regular(25, 50, SECOND, pauses)).remaining_ns == (25 + 3 * 7) * SECOND


def test_each_kind_of_pause_keeps_its_own_rhythm():
    pauses = [Pause(10, 2 * SECOND), Pause(20, 2 * SECOND), Pause(20, SECOND, "checkpoint")]
    left = project(regular(25, 60, SECOND, pauses)).remaining_ns
    assert left == (35 + 4 * 2 + 2 * 1) * SECOND


def test_pauses_have_a_rhythm_from_where_the_run_began():
    # At 100 it began with two; from there 9, then 7 steps lay between two, so 8 in the middle.
    # Of 36 steps from the last one at 116 to 152 four fit in; the middle of 40, 30, 35 is 35.
    pauses = [
        Pause(100, 500, "checkpoint"),
        Pause(100, 40), Pause(109, 30), Pause(116, 35),
    ]  # fmt: skip
    points = [(100, 10_037), (105, 10_537), (120, 12_037)]
    found = project(make_course("steps", points, 152, pauses, now_ns=12_041, paused_ns=3))
    assert found.remaining_ns == 32 * 100 - 4 + 4 * 35 - 3


def test_an_evaluation_in_parts_is_one_pause():
    parts = [Pause(work, ns * SECOND) for work in (10, 20) for ns in (1, 2, 4)]
    assert project(regular(25, 50, SECOND, parts)).remaining_ns == (25 + 3 * 7) * SECOND


def test_a_pause_that_goes_on_counts_only_for_its_rest():
    pauses = [Pause(10, 7 * SECOND)]
    found = project(regular(20, 30, SECOND, pauses, paused_ns=3 * SECOND))
    assert found.remaining_ns == (10 + 2 * 7 - 3) * SECOND


def test_after_a_change_only_what_came_after_speaks():
    points = [(step, step * SECOND) for step in range(41)]
    points += [(40 + step, (40 + 2 * step) * SECOND) for step in range(1, 41)]
    found = project(make_course("steps", points, 200))
    assert found.method is Method.SINCE_CHANGE
    assert found.remaining_ns == pytest.approx(120 * 2 * SECOND, rel=0.02)


@given(st.lists(st.floats(0.97, 1.03), min_size=12, max_size=200))
def test_noise_of_three_percent_is_no_change(noise):
    at, points = 0.0, [(0.0, 0)]
    for number, one in enumerate(noise, start=1):
        at += one * SECOND
        points.append((float(number), round(at)))
    assert last_change(points) == 0


def profile(gaps):
    points, at = [(0, 0)], 0
    for number, gap in enumerate(gaps, start=1):
        at += gap * SECOND
        points.append((number, at))
    return make_course("steps", points, len(gaps))


@given(
    st.lists(st.integers(1, 100), min_size=20, max_size=60), st.integers(5, 19), st.integers(1, 50)
)
def test_a_run_that_repeats_its_profile_at_any_speed_is_forecast_exactly(gaps, done, factor):
    before = profile(gaps)
    now = profile([gap * factor for gap in gaps])
    found = project(now.cut(done), [before])
    assert found.method is Method.PROFILE
    rest = sum(gaps[done:]) * factor * SECOND
    assert found.remaining_ns == pytest.approx(rest, rel=1e-9, abs=2)


LONG = make_course("steps", [(0, 0), (40, 1000), (100, 1900), (200, 3900)], 200, [Pause(60, 500)])
SHORT = make_course("steps", [(0, 0), (20, 300), (50, 1200)], 50, [Pause(14, 90), Pause(40, 10)])
"""Between a tenth and three tenths they needed 800 and 240; after that 3100 and 985."""


@pytest.mark.parametrize(
    ("own", "remaining_ns"),
    [
        ([(0, 0), (10, 900), (30, 1940)], 2 * 2042.5),
        ([(0, 0), (30, 1000)], 2042.5 * 1000 / ((1300 + 315) / 2)),  # its warm-up is all there is
        ([(0, 0)], (4400 + 1300) / 2),  # nothing says how fast it is
        ([], (4400 + 1300) / 2),
    ],
)
def test_profiles_say_what_is_left_and_the_run_how_fast_it_is(own, remaining_ns):
    now = make_course("steps", own, 100)
    assert project(now, [LONG, SHORT]).remaining_ns == round(remaining_ns)


def test_what_passed_since_the_last_step_is_off_what_profiles_say():
    own = [(0, 0), (10, 900), (30, 1940)]
    now = make_course("steps", own, 100, now_ns=1940 + 165, paused_ns=20)
    assert project(now, [LONG, SHORT]).remaining_ns == 4085 - 165 - 20
    assert project(make_course("steps", [], 100, now_ns=165), [LONG]).remaining_ns == 4400 - 165


def test_a_profile_that_took_no_time_here_says_nothing_of_the_speed():
    late = make_course("steps", [(50, 0), (100, 700)], 100)
    now = make_course("steps", [(0, 0), (10, 900), (30, 1940)], 100)
    assert project(now, [late]).remaining_ns == 700


def test_the_least_time_that_there_is_gives_a_speed():
    now = make_course("steps", [(0, 0), (1, 3), (2, 6)], 4)
    before = make_course("steps", [(0, 0), (1, 1), (2, 2), (4, 9)], 4)
    assert project(now, [before]).remaining_ns == 3 * 7


def test_a_profile_speaks_before_the_first_step():
    now = make_course("steps", [(0, 0)], 10)
    assert project(now, [profile([3] * 10)]).remaining_ns == 30 * SECOND


def test_a_slower_compilation_does_not_slow_the_forecast():
    before = profile([100, *[10] * 49])
    now = profile([400, *[10] * 9])
    assert project(make_course("steps", now.points, 50), [before]).remaining_ns == 400 * SECOND
