"""An automatic stop is replayed on every gap: what it would have saved is known by hand."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from advice.histories import Fleet, hours, settled
from trainfare.advice.idle_machines import advise_idle_machines, gaps_of
from trainfare.core.money import Money
from trainfare.core.recommendation import Confidence, NoAdvice


def test_a_machine_left_on_after_its_last_run_would_have_been_stopped_after_a_quarter_of_an_hour():
    fleet = Fleet(price=8).machine("i-1", hours(0, 20), [("a", hours(0, 4))])
    one = settled(fleet.history(), advise_idle_machines)["left_on", "p4d.24xlarge"]
    assert one.saving == Money.parse("126")  # 15.75 h of 16 h, $8/h
    assert one.saving_low == Money.parse("120")
    assert one.saving_high == Money.parse("128")
    assert one.share == Fraction(126, 160)
    assert one.recommendation.evidence["stops"] == 1
    by_hour = one.recommendation.evidence["idle_hours_by_hour_of_day"]
    assert by_hour == [0] * 4 + [1] * 16 + [0] * 4


def test_between_runs_a_restart_is_paid_too_and_short_gaps_save_nothing():
    held = [("a", hours(0, 2)), ("b", hours(2.25, 4)), ("c", hours(6, 8))]
    fleet = Fleet(price=60).machine("i-1", hours(0, 8), held)
    found = settled(fleet.history(), advise_idle_machines)
    one = found["kept_warm", "p4d.24xlarge"]
    assert one.saving == Money.parse("95")  # 2 h − 15 min − 10 min at $60/h
    assert one.recommendation.evidence["gaps"] == 2
    assert one.recommendation.evidence["stops"] == 1
    assert ("left_on", "p4d.24xlarge") not in found


def test_a_gap_over_midnight_is_one_gap():
    fleet = Fleet(price=1).machine("i-1", hours(20, 30), [("a", hours(20, 22))])
    one = settled(fleet.history(), advise_idle_machines)["left_on", "p4d.24xlarge"]
    assert one.saving == Money.parse("7.75")


def test_a_boot_before_the_first_run_is_no_waste():
    fleet = Fleet(price=1).machine("i-1", hours(0, 5), [("a", hours(3, 5))])
    assert settled(fleet.history(), advise_idle_machines) == {}


def test_a_machine_that_no_known_run_held_is_unknown_and_never_idle():
    fleet = Fleet(price=1).machine("i-1", hours(0, 5))
    [one] = advise_idle_machines(fleet.history())
    assert isinstance(one, NoAdvice)
    assert one.subject == "i-1"
    assert one.evidence["paid"] == "5.000000000"


def test_a_fleet_without_gaps_has_nothing_to_save():
    held = [("a", hours(0, 5)), ("b", hours(5, 10))]
    assert settled(Fleet().machine("i-1", hours(0, 10), held).history(), advise_idle_machines) == {}


def test_machines_of_one_type_are_advised_together_with_the_dearest_named():
    fleet = Fleet(price=8)
    fleet.machine("i-1", hours(0, 20), [("a", hours(0, 4))])
    fleet.machine("i-2", hours(0, 10), [("b", hours(0, 4))])
    [one] = settled(fleet.history(), advise_idle_machines).values()
    assert [d["resource"] for d in one.recommendation.evidence["dearest"]] == ["i-1", "i-2"]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=6), st.integers(1, 80))
def test_gaps_and_holdings_never_overlap_and_nothing_is_saved_beyond_what_was_idle(spans, length):
    held = [(f"r{n}", hours(start, start + long)) for n, (start, long) in enumerate(spans)]
    paid = hours(0, length)
    inside = [(run, one.clip(paid)) for run, one in held if one.clip(paid)]
    merged, until = [], paid.start_ns
    for run, one in sorted(inside, key=lambda pair: pair[1]):
        if one.start_ns >= until:  # one run at a time: what is idle is then plain
            merged.append((run, one))
            until = one.end_ns
    fleet = Fleet(price=7).machine("i-1", paid, merged)
    gaps = gaps_of(fleet.machines[0])
    assert all(gap.interval.overlap_ns(one) == 0 for gap in gaps for _, one in merged)
    advice = settled(fleet.history(), advise_idle_machines)
    idle = sum(part.amount.nano for part in fleet.parts if part.state == "idle")
    assert sum(one.saving.nano for one in advice.values()) <= idle
    assert all(a.saving_low <= a.saving <= a.saving_high for a in advice.values())


def test_a_machine_left_on_in_months_without_a_run_is_idle_there_too():
    """A bill calls its time unallocated there, for nobody held it in the whole month."""
    made = Fleet(price=20).machine("i-1", hours(0, 20 * 24), [("a", hours(0, 10))])
    parts = [
        replace(p, state="unallocated") if p.day > made.parts[0].day + 5 else p for p in made.parts
    ]
    history = replace(made.history(), parts=parts)
    [one] = settled(history, advise_idle_machines).values()
    assert one.saving == Money.parse("9395")  # 470 h less a quarter, at $20
    assert one.recommendation.confidence is Confidence.MEDIUM


def test_a_machine_that_was_started_again_for_no_run_is_left_on():
    fleet = Fleet(price=20).machine("i-1", hours(0, 10), [("a", hours(0, 10))])
    fleet.machine("i-1", hours(24, 34))
    [first, again] = fleet.machines
    machine = replace(first, paid=(*first.paid, *again.paid))
    parts = [replace(part, state="idle") if part.run is None else part for part in fleet.parts]
    history = replace(fleet.history(), machines=[machine], parts=parts)
    [one] = settled(history, advise_idle_machines).values()
    assert one.saving == Money.parse("195")  # 9.75 h
