"""Runs: what their segments say together, and a wrapper knows how its training ended."""

from dataclasses import replace
from fractions import Fraction

import pytest

from core.segments import SECOND, segment
from trainfare.core.attempts import make_run
from trainfare.core.period import HOUR, Interval
from trainfare.core.run import Artifact, LogOrigin, Totals, TrackerRun, sum_over_machines
from trainfare.core.stage import Status


def test_of_a_process_that_says_no_more_nothing_is_counted_or_guessed():
    bare = segment()
    assert (bare.rank, bare.is_wrapper, bare.steps, Totals().samples) == (0, False, 0, 0)
    log = LogOrigin("slurm", "out.log", 9, "5f")
    assert (log.timer_start_ns, log.timer_end_ns) == (0, 0)


def test_bytes_are_paid_for_as_long_as_they_are_held_or_as_this_run_pays_for_them():
    held = Artifact("dataset", "s3://b/x", 3, Interval(HOUR, 3 * HOUR))
    assert held.is_kept
    assert held.byte_ns == 6 * HOUR
    assert replace(held, paid_ns=Fraction(HOUR, 2)).byte_ns == Fraction(3 * HOUR, 2)
    assert replace(held, paid_ns=Fraction(0)).byte_ns == 0
    assert replace(held, bytes=0).byte_ns == 0
    assert replace(held, bytes=None).byte_ns is None


def test_a_stage_lasts_to_the_next_mark_and_the_last_to_the_end():
    def spans(*stages):
        found = segment(5, 10, stages=[(at, "train") for at in stages]).stage_spans
        return [(mark.at_ns // SECOND, end_ns // SECOND) for mark, end_ns in found]

    assert spans(1, 4, 4, 7) == [(1, 4), (4, 4), (4, 7), (7, 10)]
    assert spans(1, 12) == [(1, 12), (12, 12)]  # marked after the last heartbeat: no time is lost
    assert spans(4, 1) == [(4, 4), (1, 10)]
    assert spans() == []


def test_a_segment_claims_its_share_of_its_machine_while_it_lasts():
    claim = segment(5, 10, share="1/4").claim(2)
    assert (claim.run, claim.attempt, claim.resource_id) == ("r", 2, "i-0")
    assert (claim.interval, claim.share) == (Interval(5 * SECOND, 15 * SECOND), Fraction(1, 4))


def test_an_attempt_lasts_from_the_first_start_to_the_last_end():
    run = make_run("r", [segment(3, 9, id="a"), segment(5, 2, id="b"), segment(20, 1, id="c")])
    assert [a.interval for a in run.attempts] == [
        Interval(3 * SECOND, 12 * SECOND),
        Interval(20 * SECOND, 21 * SECOND),
    ]
    assert [(c.attempt, c.interval.start_ns // SECOND) for c in run.claims()] == [
        (1, 3),
        (1, 5),
        (2, 20),
    ]


def test_the_word_of_a_finished_wrapper_counts_for_a_killed_child():
    child = segment(0, 5, id="c", status=Status.KILLED)
    wrapper = segment(0, 6, id="w", is_wrapper=True, status=Status.FAILED)
    assert make_run("r", [child, wrapper]).status is Status.FAILED


def test_a_run_is_running_while_its_wrapper_is():
    child = segment(0, 5, id="c", status=Status.FINISHED)
    wrapper = segment(0, 6, id="w", is_wrapper=True, status=Status.RUNNING)
    assert make_run("r", [child, wrapper]).status is Status.RUNNING


@pytest.mark.parametrize(
    ("ranks", "status"),
    [
        ((Status.FINISHED, Status.FAILED), Status.FAILED),
        ((Status.FAILED, Status.KILLED), Status.KILLED),
        ((Status.KILLED, Status.STOPPED_BY_BUDGET), Status.STOPPED_BY_BUDGET),
        ((Status.STOPPED_BY_BUDGET, Status.RUNNING), Status.RUNNING),
    ],
)
def test_the_worst_rank_decides_without_a_wrapper(ranks, status):
    both = [segment(0, 5, id=str(n), rank=n, status=one) for n, one in enumerate(ranks)]
    assert make_run("r", both).status is status


def test_a_budget_stop_is_never_hidden_by_the_exit_code():
    child = segment(0, 5, id="c", status=Status.STOPPED_BY_BUDGET)
    wrapper = segment(0, 6, id="w", is_wrapper=True, status=Status.FAILED)
    assert make_run("r", [child, wrapper]).status is Status.STOPPED_BY_BUDGET


def test_what_a_killed_wrapper_wrapped_speaks_for_it():
    """`kill -9` of the wrapper alone leaves the training running, and it may yet finish."""
    wrapper = segment(0, 6, id="w", is_wrapper=True, status=Status.KILLED)
    for status in (Status.RUNNING, Status.FINISHED):
        child = segment(0, 9, id="c", status=status)
        assert make_run("r", [child, wrapper]).status is status
    assert make_run("r", [wrapper]).status is Status.KILLED
    saw = replace(wrapper, exit_code=0)  # it saw the end before it was killed itself
    finished = segment(0, 9, id="c", status=Status.FINISHED)
    assert make_run("r", [finished, saw]).status is Status.KILLED


def test_a_killed_wrapper_is_not_spoken_for_by_another_machine():
    wrapper = segment(0, 6, id="w", is_wrapper=True, status=Status.KILLED)
    other = segment(0, 9, id="c", machine="i-1", status=Status.FINISHED)
    assert make_run("r", [other, wrapper]).status is Status.KILLED


def test_how_a_run_stands_is_how_its_last_attempt_does():
    killed = segment(0, 5, id="a", status=Status.KILLED)
    assert make_run("r", [killed, segment(9, 5, id="b")]).status is Status.FINISHED


def test_a_run_is_what_its_segments_say_and_the_first_word_stands():
    mine = TrackerRun("mlflow", "7", "./a")
    moved = replace(mine, place="./b")
    first = segment(0, 5, id="a", command="train.py", parents=("p",), trackers=(mine,))
    later = segment(9, 5, id="b", parents=("q", "p"), trackers=(moved, TrackerRun("wandb", "7")))
    first = replace(first, labels={"team": "nlp"})
    later = replace(later, labels={"team": "cv", "model": "gpt"}, name="sweep")
    run = make_run("r", [later, first])
    assert run.segments == (first, later)
    assert run.name == "sweep"
    assert make_run("r", [first]).name == "train.py"
    assert make_run("r", [segment()]).name is None
    assert run.labels == {"team": "nlp", "model": "gpt"}
    assert run.parents == ("p", "q")
    assert run.trackers == (moved, TrackerRun("wandb", "7"))


def test_a_run_prepares_data_where_a_segment_began_with_it():
    whole = segment(0, 5, id="a", stages=[(0, "data/clean")])
    midway = segment(0, 5, id="b", stages=[(0, "setup"), (1, "data")])
    assert make_run("r", [whole, midway]).is_data
    assert not make_run("r", [midway, segment(0, 5, id="c")]).is_data


def test_a_counter_is_the_largest_of_a_machine_and_the_sum_of_machines_and_attempts():
    def on(start, machine, counted):
        totals = Totals(net_tx_bytes=counted)
        return segment(start, 5, id=f"{start}{machine}{counted}", machine=machine, totals=totals)

    one = [on(0, "i-0", 7), on(0, "i-0", 3), on(0, "i-0", None), on(0, "i-1", 5)]
    again = on(9, "i-0", 2)
    assert sum_over_machines(make_run("r", one), "net_tx_bytes") == 12
    assert sum_over_machines(make_run("r", [*one, again]), "net_tx_bytes") == 14
    assert sum_over_machines(make_run("r", [on(0, "i-0", 0)]), "net_tx_bytes") == 0
    assert sum_over_machines(make_run("r", [on(0, "i-0", None)]), "net_tx_bytes") is None
