"""Laws of training logs: steps are counted as they are paid for, stages cover what is known."""

from hypothesis import given
from hypothesis import strategies as st

from trainfare.logs.progress import make_progress
from trainfare.logs.training_log import (
    Clock,
    Entry,
    TrainingLog,
    epoch_numbers,
    mark_stages,
    merge_entries,
    steps_made,
)

steps = st.lists(st.none() | st.integers(0, 500), max_size=20)
times = st.lists(st.integers(0, 1000), min_size=1, max_size=20).map(sorted)


def entries(found, at=None, epochs=None):
    at = at or range(len(found))
    epochs = epochs or [None] * len(found)
    return [Entry(a, s, e, {}) for s, a, e in zip(found, at, epochs, strict=False)]


@given(steps, st.sampled_from(Clock))
def test_steps_made_never_fall_and_count_every_rise(found, clock):
    made = steps_made(entries(found), clock)
    assert made == sorted(made)
    known = [step for step in found if step is not None]
    rises = sum(max(0, b - a) for a, b in zip(known, known[1:], strict=False))
    assert (made[-1] if made else 0) >= rises


@given(st.integers(0, 50), st.integers(1, 9), st.integers(2, 9))
def test_a_timer_counts_the_steps_before_its_first_line_and_a_wall_clock_does_not(first, gap, n):
    rows = entries([first + gap * k for k in range(n)])
    between = gap * (n - 1)
    assert steps_made(rows, Clock.WALL)[-1] == between
    assert steps_made(rows, Clock.TIMER)[-1] == between + min(first, gap)


@given(times, st.lists(st.integers(0, 5), min_size=20, max_size=20).map(sorted), st.integers(0, 9))
def test_stages_begin_at_the_first_moment_and_follow_in_time(at, epochs, lead):
    rows = entries([None] * len(at), at=[a + lead for a in at], epochs=epochs)
    marks = mark_stages(rows, Clock.WALL, 0, rows[-1].at_ns)
    assert marks[0].at_ns == 0
    assert [mark.at_ns for mark in marks] == sorted(mark.at_ns for mark in marks)
    named = [mark.epoch for mark in marks if mark.epoch is not None]
    assert named == sorted(set(epoch_numbers(rows)))


def test_epochs_without_times_are_not_placed():
    rows = [Entry(None, 1, 1.0, {}), Entry(90, 2, 2.0, {})]
    assert [(m.at_ns, m.epoch) for m in mark_stages(rows, Clock.TIMER, 0, 90)] == [(0, None)]


@given(st.lists(st.floats(0.01, 20).map(lambda x: round(x, 2)), min_size=1, max_size=9))
def test_epochs_that_are_counted_in_fractions_number_from_zero(done):
    for value, number in zip(
        done, epoch_numbers(entries([1] * len(done), epochs=done)), strict=True
    ):
        if any(x != int(x) for x in done):
            assert number < value <= number + 1
        else:
            assert number == value


def test_values_of_one_step_become_one_line_and_a_second_value_begins_another():
    a, b = Entry(1, 5, None, {"loss": 1.0}), Entry(2, 5, 1.0, {"lr": 0.1})
    (one,) = merge_entries([a, b])
    assert one == Entry(1, 5, 1.0, {"loss": 1.0, "lr": 0.1})
    assert len(merge_entries([a, a])) == 2


@given(times, st.lists(st.integers(0, 30), min_size=20, max_size=20))
def test_progress_rises_in_work_and_time(at, found):
    log = TrainingLog("csv", Clock.TIMER, 0, at[-1], tuple(entries(found[: len(at)], at=at)))
    progress = make_progress(log)
    if progress is not None:
        assert len(progress.points) > 1
        for (work, when), (more, later) in zip(progress.points, progress.points[1:], strict=False):
            assert work < more
            assert when < later
