"""The frontier: a run is on it exactly where no other is as good in everything and better in one."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.money import Money
from trainfare.reports.frontier import Ride, beaten_by, frontier_table
from trainfare.reports.gain import parse_metric

HOUR = 3600 * 10**9
size = st.integers(0, 5).map(Fraction)
clouds = st.integers(2, 3).flatmap(lambda n: st.lists(st.tuples(*[size] * n), max_size=25))


def beats(one, other):
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@given(clouds)
def test_a_point_is_beaten_exactly_where_another_beats_it(points):
    found = beaten_by(points)
    for own, beater in zip(points, found, strict=True):
        assert (beater is None) == (not any(beats(other, own) for other in points))
        if beater is not None:
            assert beats(points[beater], own)
            assert found[beater] is None


def ride(run, hours, dollars, reached=None, *, status="finished", why_not=None):
    amount = None if dollars is None else Money(dollars * 10**9)
    value = None if reached is None else Fraction(reached)
    return Ride(run, status, hours * HOUR, amount, value, why_not)


def standing(rides, metric=None, target=None):
    table = frontier_table(rides, metric, target, book="estimated", currency="USD")
    return [(row["run"], row["frontier"], row["note"]) for row in table]


def test_ties_stand_together_and_the_beaten_are_told_by_whom():
    rides = [
        ride("slow", 4, 1),
        ride("a", 2, 2),
        ride("b", 2, 2),
        ride("lost", 5, 3),
        ride("dear", 2, 9),
    ]
    assert standing(rides) == [
        ("a", "yes", "equal to another"),
        ("b", "yes", "equal to another"),
        ("slow", "yes", None),
        ("dear", "no", "beaten by a"),
        ("lost", "no", "beaten by slow"),
    ]


def test_without_a_target_a_better_result_is_never_beaten_by_a_cheaper_one():
    rides = [ride("quick", 1, 1, "0.5"), ride("good", 9, 9, "0.9"), ride("bad", 9, 9, "0.4")]
    metric = parse_metric("accuracy")
    assert [one[1] for one in standing(rides, metric)] == ["yes", "yes", "no"]
    lower = parse_metric("loss")
    assert {r: on for r, on, _ in standing(rides, lower)} == {
        "quick": "yes",
        "good": "no",
        "bad": "yes",
    }


def test_with_a_target_only_time_and_cost_to_it_count():
    rides = [ride("quick", 1, 1, "0.9"), ride("good", 9, 9, "0.99")]
    found = standing(rides, parse_metric("accuracy"), Fraction(9, 10))
    assert found[1] == ("good", "no", "beaten by quick")


def test_what_cannot_be_compared_is_listed_with_the_reason_and_beats_nobody():
    rides = [ride("free", 0, None, why_not="no price was known"), ride("a", 5, 5)]
    table = frontier_table(rides, None, None, book="estimated", currency="USD")
    assert [(row["run"], row["frontier"]) for row in table] == [("a", "yes"), ("free", "")]
    assert table.rows[1].why("estimated") == "no price was known"
    assert table.total["estimated"] == Money(5 * 10**9)
