"""Work: steps, samples and tokens of a run, and what was done again after a restart."""

from dataclasses import replace

import pytest

from core.segments import SECOND, segment
from trainfare.core.attempts import make_run
from trainfare.core.period import Interval
from trainfare.core.run import Artifact, StageMark
from trainfare.core.work import work_of


def attempt(start, steps, *, first=None, marks=(), **more):
    """Ten seconds of training; marks are (second, stage, epoch, steps so far)."""
    stages = tuple(StageMark(round(m[0] * SECOND), *m[1:]) for m in marks)
    return replace(segment(start, 10, steps=steps, first_step=first, **more), stages=stages)


def work(*segments, logged=None):
    return work_of(make_run("r", segments), logged)


def test_one_attempt_has_redone_nothing():
    done = work(attempt(0, 100))
    assert (done.steps, done.redone_steps) == (100, 0)


@pytest.mark.parametrize(
    ("firsts", "redone"),
    [((None, 80), 20), ((None, 100), 0), ((None, 0), 50), ((0, 99), 1)],
)
def test_steps_made_again_are_those_between_where_it_went_on_and_where_it_had_been(firsts, redone):
    done = work(attempt(0, 100, first=firsts[0]), attempt(20, 50, first=firsts[1]))
    assert (done.steps, done.redone_steps) == (150, redone)


def test_what_two_restarts_redo_is_counted_against_the_furthest_step():
    done = work(attempt(0, 100), attempt(20, 10, first=50), attempt(40, 80, first=40))
    assert [lap.redone_steps for lap in done.laps] == [0, 10, 60]


def test_an_attempt_that_did_not_say_where_it_went_on_leaves_it_unknown():
    done = work(attempt(0, 100), attempt(20, 50))
    assert done.redone_steps is None
    assert done.whys["redone"] == ("attempt 2 did not say where it went on: run.resume(step=…)")


def test_the_last_checkpoint_says_what_it_would_have_been():
    kept = [Artifact("checkpoint", f"/c{n}", 1, Interval(n, n), steps=n) for n in (40, 90)]
    done = work(attempt(0, 100, artifacts=tuple(kept)), attempt(20, 50))
    assert done.redone_steps is None
    assert "from its last checkpoint it would have redone 10 steps" in done.whys["redone"]


def test_going_on_beyond_what_was_made_is_unknown_not_nothing():
    done = work(attempt(0, 100), attempt(20, 50, first=400))
    assert done.redone_steps is None
    assert "goes on at step 400, but only 100 steps" in done.whys["redone"]


def test_a_logged_step_of_the_whole_training_tells_where_it_went_on():
    second = attempt(20, 50, id="second")
    assert work(attempt(0, 100), second, logged={"second": 70}).redone_steps == 30


@pytest.mark.parametrize(
    ("marks", "redone"),
    [
        (((0, "train", 3, 0), (3, "train", 4, 40), (6, "train", 5, 80)), 60),
        (((0, "train", 2, 0), (4, "train", 3, 50), (8, "finish", None, 100)), 0),
    ],
)
def test_the_epoch_it_goes_on_with_tells_as_well(marks, redone):
    second = attempt(20, 60, marks=((1, "train", 4, 0), (5, "train", 5, 40)))
    assert work(attempt(0, 100, marks=marks), second).redone_steps == redone


def test_an_attempt_without_steps_redoes_nothing_and_hides_nothing():
    done = work(attempt(0, 100), attempt(20, 0), attempt(40, 50, first=90))
    assert done.redone_steps == 10


def test_a_training_that_counts_no_steps_is_unknown():
    done = work(attempt(0, 0), attempt(20, 0))
    assert (done.steps, done.redone_steps) == (None, None)
    assert done.whys["steps"] == "the training counts no steps"


def test_laps_hold_the_steps_of_each_epoch():
    marks = ((0, "setup", None, 0), (1, "train", 0, 0), (4, "eval", 0, 30), (5, "train", 1, 30))
    done = work(attempt(0, 70, marks=marks))
    assert [(lap.epoch, lap.steps) for lap in done.laps] == [(0, 30), (1, 40)]
    assert done.epochs == 2


def test_each_process_says_what_it_took_in_and_the_run_took_in_all():
    ranks = [segment(0, 10, id=f"s-{n}", rank=n, steps=10, tokens=500) for n in range(4)]
    assert work(*ranks).tokens == 2000
    assert work(*ranks).samples is None
    assert "run.step(samples=…)" in work(*ranks).whys["samples"]


def test_an_attempt_that_says_nothing_leaves_the_whole_unknown():
    done = work(segment(0, 10, steps=5, tokens=100), segment(20, 10, steps=5))
    assert done.tokens is None
    assert done.whys["tokens"].startswith("attempt 2 does not say")


def test_where_redone_steps_are_unknown_no_lap_says_any():
    done = work(attempt(0, 100), attempt(20, 50))
    assert [(lap.steps, lap.redone_steps) for lap in done.laps] == [(100, 0), (50, 0)]


def test_an_attempt_without_steps_took_in_nothing_unless_it_is_the_only_one():
    assert work(segment(0, 10, steps=5, tokens=100), segment(20, 10)).tokens == 100
    assert work(segment(0, 10)).tokens is None


def test_of_the_processes_of_an_attempt_the_one_with_most_steps_says_where_it_went_on():
    few = segment(20, 10, id="few", rank=0, steps=40, first_step=10)
    most = segment(20, 10, id="most", rank=1, steps=50, first_step=80)
    assert work(attempt(0, 100), few, most).redone_steps == 20


def test_the_last_epoch_before_a_restart_tells_that_the_next_one_began_with_its_end():
    marks = [(3 * n, "train", n + 1, 40 * n) for n in range(3)] + [(8, "finish", None, 100)]
    second = attempt(20, 60, marks=((1, "train", 4, 0),))
    assert work(attempt(0, 100, marks=marks), second).redone_steps == 0


def test_a_first_attempt_without_steps_reached_nothing():
    done = work(attempt(0, 0), attempt(20, 50, first=1))
    assert "goes on at step 1, but only 0 steps" in done.whys["redone"]


def test_a_first_attempt_may_go_on_from_another_training():
    done = work(attempt(0, 100, first=10), attempt(20, 50, first=60))
    assert done.redone_steps == 50


def test_only_a_checkpoint_that_knows_its_step_is_gone_on_from():
    kept = (
        Artifact("checkpoint", "/c", 1, Interval(1, 1), steps=40),
        Artifact("checkpoint", "/old", 1, Interval(2, 2)),
        Artifact("model", "/m", 1, Interval(3, 3), steps=90),
    )
    done = work(attempt(0, 100, artifacts=kept), attempt(20, 50))
    assert "it would have redone 60 steps" in done.whys["redone"]


def test_steps_belong_to_the_only_epoch_that_trains_where_marks_do_not_count_them():
    done = work(attempt(0, 70, marks=((0, "train", 0, None), (5, "eval", 1, None))))
    assert [(lap.epoch, lap.steps) for lap in done.laps] == [(0, 70)]


def test_steps_that_are_counted_while_evaluating_go_to_their_epoch():
    marks = ((0, "train", 0, 0), (4, "eval", 0, 30), (6, "train", 1, 40), (9, "train", 2, 70))
    done = work(attempt(0, 70, marks=marks))
    assert [(lap.epoch, lap.steps) for lap in done.laps] == [(0, 40), (1, 30), (2, 0)]
