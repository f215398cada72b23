"""Alerts on commitments: used little or less, about to end, and what would pay."""

import pytest

from trainfare.budgets.alert import Severity
from trainfare.budgets.commitment_alerts import (
    CommitmentWeek,
    Ending,
    find_endings,
    find_opportunity,
    find_unused,
)
from trainfare.core.money import Money
from trainfare.core.period import DAY, parse_instant

NOW = parse_instant("2026-11-27T12:00:00Z")
HUNDRED = Money.parse("100")


def week(now, before):
    """Utilization in per cent of the last week, and of the weeks before; None paid nothing."""

    def amounts(share):
        paid = Money.zero() if share is None else HUNDRED
        return paid, Money.parse(str(share or 0))

    return CommitmentWeek("sp-1", "the plan", *amounts(now), *amounts(before))


@pytest.mark.parametrize(
    ("now", "before", "level"),
    [
        (100, 100, None),
        (90, 100, 1),  # ten points less
        (91, 100, 0),  # neither clearly over nor under: an open alert stays open
        (96, 100, None),
        (79, 79, 1),  # low, though no less than before
        (80, 80, 0),
        (85, 85, None),
        (39, 100, 2),
        (0, None, 2),
        (None, 100, None),  # nothing was paid: nothing is known
    ],
)
def test_what_is_used_little_or_less_is_told(now, before, level):
    found = list(find_unused([week(now, before)]))
    assert [one.level for one in found] == ([] if level is None else [level])


def test_it_says_how_far_and_what_was_lost():
    [one] = find_unused([week(61, 95)])
    assert one.key == "commitment:sp-1 use"
    assert "used to 61%" in one.sentence
    assert "95% in the four weeks before" in one.sentence
    assert "$39.00" in one.sentence


@pytest.mark.parametrize(
    ("days", "level"), [(61, None), (59, 1), (31, 1), (29, 2), (7, 2), (6, 3), (0, 3), (-1, None)]
)
def test_an_end_is_told_again_as_it_comes_nearer(days, level):
    found = list(find_endings([Ending("sp-1", "the plan", NOW + days * DAY, HUNDRED)], NOW))
    assert [one.level for one in found] == ([] if level is None else [level])
    assert all((one.severity is Severity.CRITICAL) is (one.level == 3) for one in found)


def test_an_end_names_its_day_and_what_it_costs_where_that_is_known():
    one, other = find_endings(
        [Ending("a", "first", NOW + DAY, HUNDRED), Ending("b", "second", NOW, None)], NOW
    )
    assert "first ($100.00 an hour) ends in 1 day, on 2026-11-28" in one.sentence
    assert "second ends today, on 2026-11-27" in other.sentence


@pytest.mark.parametrize(
    ("saving", "level"), [("99.99", None), ("100", 1), ("199", 1), ("200", 2), ("4000", 6)]
)
def test_a_purchase_is_told_where_it_saves_enough_and_again_at_twice_as_much(saving, level):
    found = list(find_opportunity(Money.parse(saving), HUNDRED, "a plan"))
    assert [one.level for one in found] == ([] if level is None else [level])


def test_a_loss_is_no_opportunity():
    assert list(find_opportunity(Money.parse("-5"), HUNDRED, "a plan")) == []
