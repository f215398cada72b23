"""Attempts: they come from overlap in time, on the clock that both were recorded by."""

from dataclasses import replace

from core.segments import segment
from trainfare.core.attempts import make_run
from trainfare.core.stage import Status


def test_segments_that_touch_in_time_are_one_attempt():
    run = make_run("r", [segment(0, 10, id="a"), segment(5, 10, id="b"), segment(20, 1, id="c")])
    assert [[s.id for s in a.segments] for a in run.attempts] == [["a", "b"], ["c"]]


def test_a_restart_at_the_instant_of_the_end_is_a_new_attempt():
    run = make_run("r", [segment(0, 10, id="a"), segment(10, 10, id="b")])
    assert len(run.attempts) == 2


def on_boot(start, mono, seconds=10, *, id, boot="boot:1", status=Status.FINISHED):
    one = segment(start, seconds, id=id, status=status, started_mono_ns=mono * 10**9)
    return replace(one, machine=replace(one.machine, facts={"boot": boot}))


def attempts(*segments):
    return [[s.id for s in a.segments] for a in make_run("r", segments).attempts]


def test_a_clock_set_back_between_two_attempts_does_not_swap_them():
    killed = on_boot(5000, 100, id="killed", status=Status.KILLED)
    again = on_boot(2200, 120, id="again")
    assert attempts(killed, again) == [["killed"], ["again"]]
    assert make_run("r", [again, killed]).status is Status.FINISHED
    whole = make_run("r", [killed, again]).interval
    assert (whole.start_ns, whole.end_ns) == (2200 * 10**9, 5010 * 10**9)
    within = on_boot(4995, 120, id="within")
    assert attempts(killed, within) == [["killed"], ["within"]]
    beside = on_boot(2200, 105, id="beside")
    assert attempts(killed, beside) == [["killed", "beside"]]


def test_the_wall_clock_tells_across_boots_and_where_no_other_is_known():
    first = on_boot(100, 900, id="first")
    rebooted = on_boot(110, 3, id="rebooted", boot="boot:2")
    assert attempts(rebooted, first) == [["first"], ["rebooted"]]
    assert attempts(first, on_boot(109, 3, id="beside", boot="boot:2")) == [["first", "beside"]]
    assert attempts(first, segment(110, 1, id="old")) == [["first"], ["old"]]
    assert attempts(first, segment(105, 1, id="old")) == [["first", "old"]]


def test_of_several_machines_the_one_that_ends_last_says_when_an_attempt_is_over():
    long, short = on_boot(100, 9, 50, id="long"), on_boot(101, 9, 2, id="short", boot="boot:2")
    third = on_boot(120, 9, id="third", boot="boot:3")
    assert attempts(long, short, third) == [["long", "short", "third"]]
    assert attempts(long, short, on_boot(150, 9, id="next", boot="boot:3"))[1:] == [["next"]]


def test_a_rank_that_never_learnt_the_instance_id_is_still_on_that_machine():
    def on(name, id):
        facts = {"host": "host:5f", "boot": "b1"}
        one = segment(0, 5, id=id, machine=name)
        return replace(one, machine=replace(one.machine, facts=facts))

    run = make_run("r", [on("host:5f", "0"), on("i-0abc", "1"), on("host:5f", "2")])
    assert [(s.id, s.machine.resource_id) for s in run.segments] == [(id, "i-0abc") for id in "012"]
    apart = make_run("r", [segment(machine="host:1", id="a"), segment(machine="i-0", id="b")])
    assert {s.machine.resource_id for s in apart.segments} == {"host:1", "i-0"}
