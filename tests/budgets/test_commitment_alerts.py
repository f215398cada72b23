"""Alerts on commitments: used little or less, about to end, and what would pay."""

from dataclasses import replace

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
        ("90.01", 100, 0),  # neither clearly over nor under: an open alert stays open
        (95, 100, 0),
        ("95.01", 100, None),
        ("79.99", "79.99", 1),  # low, though no less than before
        (80, 80, 0),
        ("84.99", "84.99", 0),
        (85, 85, None),
        (82, None, 0),
        (85, None, None),  # new: it cannot have fallen
        (40, 100, 1),
        ("39.99", 100, 2),
        (0, None, 2),
        (None, 100, None),  # nothing was paid: nothing is known
    ],
)
def test_what_is_used_little_or_less_is_told(now, before, level):
    found = list(find_unused([week(now, before)]))
    assert [one.level for one in found] == ([] if level is None else [level])


@pytest.mark.parametrize(("before", "was"), [(95, ", 95 % in the four weeks before"), (None, "")])
def test_it_says_how_far_and_what_was_lost(before, was):
    [one] = find_unused([week("61.257", before)])
    assert one.key == "commitment:sp-1 use"
    assert one.sentence == (
        f"the plan was used to 61 % in its last week on the bill{was}; "
        "$38.74 of it paid for nothing: trainfare commit status --runs"
    )


def test_the_smallest_payment_is_one():
    least, nothing = Money(1, "USD"), Money.zero()
    one = CommitmentWeek("sp-1", "the plan", HUNDRED, HUNDRED, least, nothing)
    assert (one.utilization, one.earlier) == (1, 0)
    other = CommitmentWeek("sp-1", "the plan", least, nothing, nothing, nothing)
    assert (other.utilization, other.earlier) == (0, None)


def test_each_commitment_is_looked_at_by_itself():
    names = ["paid nothing", "good", "low", "good again", "lower"]
    shares = [None, 97, 71, 98, 33]
    weeks = [
        replace(week(share, share), id=name) for name, share in zip(names, shares, strict=True)
    ]
    assert [(one.subject, one.level) for one in find_unused(weeks)] == [
        ("low use", 1),
        ("lower use", 2),
    ]


@pytest.mark.parametrize(
    ("days", "level"),
    [(61, None), (60, None), (59, 1), (30, 1), (29, 2), (7, 2), (6, 3), (0, 3), (-1, None)],
)
def test_an_end_is_told_again_as_it_comes_nearer(days, level):
    found = list(find_endings([Ending("sp-1", "the plan", NOW + days * DAY, HUNDRED)], NOW))
    assert [one.level for one in found] == ([] if level is None else [level])
    assert all((one.severity is Severity.CRITICAL) is (one.level == 3) for one in found)


@pytest.mark.parametrize(
    ("days", "worth", "sentence"),
    [
        (0, None, "the plan ends today, on 2026-11-27"),
        (1, "100.125", "the plan ($100.12 an hour) ends in 1 day, on 2026-11-28"),
        (19, None, "the plan ends in 19 days, on 2026-12-16"),
    ],
)
def test_an_end_names_its_day_and_what_it_costs_where_that_is_known(days, worth, sentence):
    ending = Ending("sp-1", "the plan", NOW + days * DAY + DAY // 3, worth and Money.parse(worth))
    [one] = find_endings([ending], NOW)
    assert one.key == "commitment:sp-1 end"
    assert one.sentence == (
        f"{sentence}; from then on its use is paid on demand: trainfare commit watch"
    )


def test_each_end_is_looked_at_by_itself():
    days = {"far": 300, "soon": 20, "over": -3, "near": 2}
    endings = [Ending(name, name, NOW + many * DAY, None) for name, many in days.items()]
    told = [(one.subject, one.level) for one in find_endings(endings, NOW)]
    assert told == [("soon end", 2), ("near end", 3)]


@pytest.mark.parametrize(
    ("saving", "level"), [("99.99", None), ("100", 1), ("199", 1), ("200", 2), ("4000", 6)]
)
def test_a_purchase_is_told_where_it_saves_enough_and_again_at_twice_as_much(saving, level):
    found = list(find_opportunity(Money.parse(saving), HUNDRED, "a plan"))
    assert [one.level for one in found] == ([] if level is None else [level])


def test_a_purchase_is_told_in_its_words_and_currency():
    [one] = find_opportunity(Money.parse("712.345", "EUR"), Money.parse("500", "EUR"), "a plan")
    assert one.key == "commitment:purchase EUR"
    assert one.sentence == "a plan would save €712.34 a month: trainfare commit watch"


def test_a_loss_is_no_opportunity():
    assert list(find_opportunity(Money.parse("-5"), HUNDRED, "a plan")) == []
