"""Alerts on billed spend at their borders, with figures that are not round, and in their words."""

from fractions import Fraction

import pytest

from budgets.spends import spend
from trainfare.budgets.spend_alerts import (
    Drivers,
    Unowned,
    drivers_of,
    find_spend_alerts,
    find_unattributed,
    usual_weeks,
)
from trainfare.core.charge import Component
from trainfare.core.money import NANO

COMPUTE, STORAGE = Component.COMPUTE, Component.STORAGE
LAST = 20_000
"""The last whole day of the bill."""
WEEK = range(LAST - 6, LAST + 1)
MONTH = range(LAST - 34, LAST - 6)


def told(days):
    return [(one.subject, one.level, one.sentence) for one in find_spend_alerts(days)]


def test_drivers_by_hand():
    """Four weeks beside one: what was is a quarter of it."""
    before = [
        spend(1, 130, 13, "a"),
        spend(2, 150, 22, "a"),  # together 8 each, of 8.75 a week
        spend(2, 36, 5, "gone"),
        spend(3, 18, None, "no quantity"),
        spend(4, 30, 2, "no quantity"),
        spend(4, 44, 2, "no more quantity"),
        spend(5, 4, 0, "of nothing"),
    ]
    after = [
        spend(30, 99, 11, "a"),  # 9 each
        spend(31, 5, 1, "new"),
        spend(31, 17, 3, "no quantity"),
        spend(32, 13, None, "no more quantity"),
        spend(32, 3, 1, "of nothing"),
    ]
    price = 99 - 11 * 8
    usage = 8 * (11 - Fraction(35, 4)) + (17 - 12) + (13 - 11) + (3 - 1)
    expected = Drivers(price * NANO, int(usage * NANO), (5 - 9) * NANO)
    assert drivers_of(before, after, Fraction(1, 4)) == expected
    assert expected.change == (11 + 27 - 4) * NANO


def priced(now, *, first=LAST - 34, was=1):
    """A SKU at *was* a piece up to the last week and at *now* in it, 3 a day and then 5 a day."""
    days = [spend(day, Fraction(was) * 3, 3) for day in range(first, WEEK[0])]
    return days + [spend(day, Fraction(now) * 5, 5) for day in WEEK]


@pytest.mark.parametrize(
    ("now", "level"),
    [
        ("1.0799", None),
        ("1.08", 0),
        ("1.0999", 0),
        ("1.1", 1),
    ],
)
def test_a_price_is_told_from_a_tenth_dearer_and_stays_told_to_eight_hundredths(now, level):
    found = [(subject, level) for subject, level, _ in told(priced(now))]
    assert found == ([] if level is None else [("price of sku", level)])


def test_a_dear_price_is_told_with_what_it_cost_more():
    assert told(priced("1.25", was="1.01")) == [
        (
            "price of sku",
            1,
            "the last 7 days cost $8.40 (24 %) more than the same would have in the 28 days before",
        )
    ]


@pytest.mark.parametrize(("first", "is_told"), [(LAST - 21, True), (LAST - 20, False)])
def test_a_price_is_called_dear_after_two_weeks_of_it(first, is_told):
    assert bool(told(priced(2, first=first))) is is_told


@pytest.mark.parametrize(("others", "level"), [("17328.5", 1), ("17328.51", 0)])
def test_a_dear_price_that_is_under_a_part_of_the_week_keeps_its_alert_but_opens_none(
    others, level
):
    """It is 52.5 more than usual; five weeks of 171.5 and 17,328.5 make a usual one of 3,500."""
    days = [*priced("2.5"), spend(LAST, others, None, "other")]
    assert [(subject, level) for subject, level, _ in told(days)] == [("price of sku", level)]


def test_every_sku_is_looked_at_by_itself():
    """Without a past, a quantity or a price nothing is said of a SKU, and the next one is looked at."""
    days = []
    for day in MONTH:
        days += [
            spend(day, 0, 1, "a free"),
            spend(day, 7, 0, "b of nothing"),
            spend(day, 9, 2, "d"),
        ]
        days += [spend(day, 8, 2, "e"), spend(day, 5, 1, "f")]
    days.append(spend(MONTH[0], Fraction(1, NANO), 1, "g"))
    days.append(spend(MONTH[0], Fraction(-1), 1, "h credit"))
    for day in WEEK:
        days += [
            spend(day, 6, 1, "a free"),
            spend(day, 9, 1, "b of nothing"),
            spend(day, 9, 3, "c new"),
        ]
        days += [spend(day, 18, 2, "d"), spend(day, 8, None, "e"), spend(day, 9, 1, "f")]
        days += [spend(day, 5, 1, "g"), spend(day, 5, 1, "h credit")]
    found = [(subject, level) for subject, level, _ in told(days)]
    assert found == [("price of d", 1), ("price of f", 1), ("price of g", 1)]  # fmt: skip


def test_components_and_currencies_are_looked_at_by_themselves():
    euro = [
        spend(one.day, Fraction(one.nano, NANO), one.quantity, "sku", STORAGE, "EUR")
        for one in priced(2)
    ]
    large = [spend(day, 9_000, 1, "large") for day in (*MONTH, *WEEK)]
    assert [subject for subject, *_ in told([*large, *euro])] == ["price of sku", "storage EUR"]
    assert [level for _, level, _ in told([*large, *priced(2)])] == [0]


def stored(last_day, days=61, component=STORAGE, usual=(10, 10)):
    """Spend of a component by day, in two charges a day, and what its last day was."""
    first = LAST - days + 1
    for day in range(first, LAST):
        amount = usual[day % 2]
        yield spend(day, Fraction(amount) / 4, Fraction(amount) / 4, "s3", component)
        yield spend(day, Fraction(amount) * 3 / 4, Fraction(amount) * 3 / 4, "s3", component)
    yield spend(LAST, last_day, last_day, "s3", component)


@pytest.mark.parametrize("component", list(Component))
def test_a_jump_of_the_last_day_is_told_of_steady_components(component):
    is_steady = component in (STORAGE, Component.NETWORK, Component.OTHER)
    sentence = "$100.50 in the last 7 days is unusual: usage +$30.50"
    expected = [(f"{component} USD", 1, sentence)] if is_steady else []
    assert told([*stored("40.5", component=component)]) == expected


@pytest.mark.parametrize(("others", "is_told"), [(9_620, True), (9_621, False)])
def test_a_jump_is_told_from_a_part_of_the_usual_week_on(others, is_told):
    """It is 30 more than usual; five weeks of 380 and 9,620 make a usual one of 2,000."""
    assert bool(told([*stored(40), spend(LAST, others, None, "other")])) is is_told


@pytest.mark.parametrize(("days", "is_told"), [(28, False), (29, True)])
def test_a_jump_is_told_after_four_weeks(days, is_told):
    assert bool(told([*stored(900, days=days)])) is is_told


def test_a_fall_is_told_with_all_that_drove_it():
    days = [one for one in stored(0) if one.day < LAST - 3]
    days += [spend(LAST - 9, 3, 1, "gone", STORAGE), spend(LAST, 2, 1, "new", STORAGE)]
    days += [spend(LAST - 5, Fraction(1, NANO), 0, "s3", STORAGE)]
    drivers = "price +$0.000000001, usage -$40.00, new or gone +$1.25"
    sentence = f"$32.00 in the last 7 days is unusual: {drivers}"
    assert told(days) == [("storage USD", 1, sentence)]


def test_what_was_odd_before_the_last_week_is_over():
    days = [*stored(10), spend(LAST - 20, 450, 450, "s3", STORAGE)]
    assert told(days) == []


def test_a_day_without_a_charge_was_free():
    days = [one for one in stored(10) if one.day != LAST - 2]
    assert told(days) == [("storage USD", 1, "$60.00 in the last 7 days is unusual: usage -$10.00")]


def test_what_goes_up_and_down_each_day_may_do_so_a_little_higher():
    usual = [*stored(40, usual=(40, 60))]
    raised = [
        spend(one.day, Fraction(one.nano, NANO) * Fraction(106, 100), one.quantity, "s3", STORAGE)
        for one in usual
        if one.day in WEEK
    ]
    assert told([*(one for one in usual if one.day not in WEEK), *raised]) == []


def test_a_usual_week_is_a_fifth_of_the_last_five_in_whole_units():
    days = [spend(LAST - 35, 1_000), spend(LAST - 34, 100), spend(LAST - 17, 31), spend(LAST, 7)]
    days += [spend(LAST - 3, Fraction(19, NANO), currency="EUR")]
    assert usual_weeks(days) == {"USD": 138 * NANO // 5, "EUR": 3}
    assert usual_weeks([]) == {}


@pytest.mark.parametrize(
    ("day", "is_told"), [(LAST - 7, False), (LAST - 6, True), (LAST, True), (LAST + 1, False)]
)
def test_unowned_money_of_the_last_week_is_told(day, is_told):
    found = list(find_unattributed([Unowned(day, "i-1", "USD", 5)], LAST, {}))
    assert [(one.key, one.sentence) for one in found] == is_told * [
        (
            "unattributed:i-1",
            "$0.000000005 in 7 days, and no run is known that used it: trainfare explain",
        )
    ]


def test_unowned_money_is_told_from_a_part_of_the_usual_week_on_the_largest_first():
    """Of a week of $200 it is $3; each resource and currency by itself."""
    amounts = [
        ("i-1", "USD", 2 * NANO),
        ("i-1", "USD", NANO),
        ("i-2", "USD", 3 * NANO - 1),
        ("i-3", "EUR", 3 * NANO + 5),
        ("i-4", "CHF", 1),
        ("i-5", "CHF", 0),
        ("i-6", "CHF", -9),
        ("i-7", "USD", 7 * NANO),
        ("i-7", "EUR", 2 * NANO),
    ]
    unowned = [Unowned(LAST - n % 7, *each) for n, each in enumerate(amounts)]
    found = find_unattributed(unowned, LAST, {"USD": 200 * NANO, "EUR": 150 * NANO})
    assert [(one.subject, one.sentence.split(" in ")[0]) for one in found] == [
        ("i-7", "$7.00"), ("i-3", "€3.00"), ("i-1", "$3.00"), ("i-4", "0.000000001 CHF")
    ]  # fmt: skip


def test_twenty_unowned_resources_are_named():
    unowned = [Unowned(LAST, f"i-{n:02}", "USD", n) for n in range(1, 24)]
    found = [one.subject for one in find_unattributed(unowned, LAST, {})]
    assert found == [f"i-{n:02}" for n in range(23, 3, -1)]
