"""The time held encloses the log, and no log is given a time that nobody said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.samples import SECOND, ZERO
from trainfare.core.errors import BadInput
from trainfare.core.period import Interval
from trainfare.logs.holding import held_for
from trainfare.logs.training_log import Clock, TrainingLog

moments = st.none() | st.integers(ZERO - 100, ZERO + 100)


def log(clock, start_ns=ZERO, duration_ns=60):
    return TrainingLog("csv", clock, start_ns if clock is Clock.WALL else 0, duration_ns, ())


@given(st.sampled_from(Clock), moments, moments, st.integers(0, 100))
def test_the_time_held_has_room_for_the_log_and_keeps_the_user_s_words(clock, start, end, length):
    own = log(clock, duration_ns=0 if clock is Clock.NONE else length)
    try:
        held = held_for("a.log", own, start, end)
    except BadInput:
        return
    assert held.duration_ns >= max(1, own.duration_ns)
    assert start in (None, held.start_ns)
    assert end in (None, held.end_ns)
    if clock is Clock.WALL:
        assert held.start_ns <= own.start_ns
        assert own.end_ns <= held.end_ns


def test_each_clock_needs_what_it_lacks():
    assert held_for("a", log(Clock.WALL), None, None) == Interval(ZERO, ZERO + 60)
    assert held_for("a", log(Clock.TIMER), ZERO, None) == Interval(ZERO, ZERO + 60)
    assert held_for("a", log(Clock.TIMER), None, ZERO) == Interval(ZERO - 60, ZERO)
    assert held_for("a", log(Clock.NONE, duration_ns=0), ZERO, ZERO + 9) == Interval(ZERO, ZERO + 9)


@pytest.mark.parametrize(
    ("own", "start", "end", "words"),
    [
        (log(Clock.TIMER), None, None, "has no wall clock"),
        (log(Clock.NONE, duration_ns=0), ZERO, None, "has no times: add --start and --end"),
        (log(Clock.WALL), ZERO + 1, None, "must enclose them"),
        (log(Clock.WALL), None, ZERO + 59, "must enclose them"),
        (log(Clock.WALL), ZERO + 99, ZERO - 99, "must enclose them"),
        (log(Clock.WALL, duration_ns=0), None, None, "tells of one moment only"),
        (log(Clock.TIMER, duration_ns=60 * SECOND), ZERO, ZERO + SECOND, "counts 60.000 s, more"),
        (log(Clock.NONE, duration_ns=0), ZERO + 1, ZERO, "before its start"),
    ],
)
def test_what_does_not_fit_is_said_in_words(own, start, end, words):
    with pytest.raises(BadInput, match=words):
        held_for("a.log", own, start, end)
