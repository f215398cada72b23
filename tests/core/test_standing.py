"""Where a budget stands: what counts, what is carried over, and what is said of what is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.budget import make_budget
from trainfare.core.money import Money
from trainfare.core.period import DAY, HOUR, Interval, parse_instant
from trainfare.core.standing import CARRIED_MAX, Spender, earlier_windows, stand, sum_of

NOON = parse_instant("2026-10-15T12:00:00Z")


def spender(run, start_ns, end_ns, amount, **more):
    """A run that spent *amount* evenly from its start to its end."""

    def spent(window):
        if amount is None:
            return None
        inside = min(window.end_ns, end_ns) - max(window.start_ns, start_ns)
        return Money(amount.nano * max(inside, 0) // (end_ns - start_ns), amount.currency)

    return Spender(run, Interval(start_ns, end_ns), more.pop("is_running", False), spent, **more)


def dollars(text):
    return Money.parse(text)


def test_each_run_stands_alone_where_every_run_has_the_limit():
    budget = make_budget("each", "5", period="run")
    runs = [
        spender("a", NOON - HOUR, NOON, dollars("4")),
        spender("b", NOON - HOUR, NOON, dollars("6")),
        spender("c", NOON - HOUR, NOON, None),
    ]
    found = stand(budget, runs, NOON)
    assert [(one.run, one.spent, one.why) for one in found] == [
        ("a", dollars("4"), ""),
        ("b", dollars("6"), ""),
        ("c", None, "1 of 1 runs have no price"),
    ]
    assert {one.limit for one in found} == {dollars("5")}


def test_a_run_that_ended_before_the_budget_began_is_not_its():
    budget = make_budget("each", "5", period="run", starts_ns=NOON)
    before = spender("a", NOON - 2 * HOUR, NOON - HOUR, dollars("4"))
    edge = spender("b", NOON - 2 * HOUR, NOON, dollars("4"))
    assert [one.run for one in stand(budget, [before, edge], NOON + HOUR)] == ["b"]


def test_a_day_holds_what_was_spent_within_it():
    budget = make_budget("daily", "5", period="day")
    midnight = NOON - 12 * HOUR
    runs = [spender("a", midnight - HOUR, midnight + HOUR, dollars("4"))]
    [found] = stand(budget, runs, NOON)
    assert (found.spent, found.limit, found.run, found.why) == (
        dollars("2"),
        dollars("5"),
        None,
        "",
    )


def test_what_ended_runs_still_keep_is_told_apart():
    """A run of September ended; what it stored costs a dollar a day. Another one runs in October."""
    start = parse_instant("2026-10-01T00:00:00Z")
    stored = Spender(
        "old",
        Interval(start - 2 * DAY, start - DAY),
        False,
        lambda window: Money((window.end_ns - window.start_ns) * 10**9 // DAY),
        storage_until_ns=start + 31 * DAY,
    )
    new = spender("new", start, start + HOUR, dollars("3"))
    day = make_budget("day", "100", period="day")
    [found] = stand(day, [stored, new], start + HOUR)
    assert (found.spent, found.for_kept) == (dollars("4"), dollars("1"))
    [alone] = stand(day, [new], start + HOUR)
    assert (alone.spent, alone.for_kept) == (dollars("3"), dollars("0"))


def test_what_was_left_is_carried_into_the_next_period():
    budget = make_budget("daily", "5", period="day", is_carried_over=True)
    midnight = NOON - 12 * HOUR
    runs = [
        spender("a", midnight - DAY, midnight, dollars("3")),
        spender("b", midnight, NOON, dollars("1")),
    ]
    [found] = stand(budget, runs, NOON)
    assert (found.limit, found.spent) == (dollars("7"), dollars("1"))
    [found] = stand(budget, [*runs, spender("c", midnight - DAY, midnight - 1, None)], NOON)
    assert found.why == "before, 1 of 2 runs have no price"


def test_periods_before_reach_back_to_the_first_run_and_not_for_ever():
    budget = make_budget("daily", "5", period="day", is_carried_over=True)
    first = spender("a", NOON - 3 * DAY, NOON, dollars("1"))
    windows = earlier_windows(budget, [first], NOON)
    assert len(windows) == 3
    assert [b.start_ns - a.end_ns for a, b in zip(windows, windows[1:], strict=False)] == [0, 0]
    assert windows[-1].end_ns == budget.window(NOON).start_ns
    assert earlier_windows(budget, [], NOON) == []
    old = spender("a", NOON - (CARRIED_MAX + 9) * DAY, NOON, dollars("1"))
    assert len(earlier_windows(budget, [old], NOON)) == CARRIED_MAX


HOURS = Interval(NOON, NOON + HOUR)


@pytest.mark.parametrize(
    ("start", "end", "stored", "is_in"),
    [
        (HOURS.end_ns, HOURS.end_ns + 1, 0, False),
        (HOURS.end_ns - 1, HOURS.end_ns + 1, 0, True),
        (NOON - HOUR, NOON - 1, 0, False),
        (NOON - HOUR, NOON, 0, True),
        (NOON - HOUR, NOON - 1, NOON, True),
    ],
)
def test_a_run_counts_where_it_or_what_it_stored_meets_the_window(start, end, stored, is_in):
    one = spender("a", start, end, None, storage_until_ns=stored)
    spent, why = sum_of([one], HOURS, "USD")
    assert (spent is None, bool(why)) == ((True, True) if is_in else (False, False))


def test_another_currency_is_named_and_not_added():
    runs = [
        spender("a", NOON, NOON + HOUR, dollars("2")),
        spender("b", NOON, NOON + HOUR, Money.parse("7", "EUR")),
        spender("c", NOON, NOON + HOUR, None),
    ]
    assert sum_of(runs, HOURS, "USD") == (
        dollars("2"),
        "1 of 3 runs have no price; 1 of 3 runs cost another currency than USD",
    )
    assert sum_of([], HOURS, "USD") == (Money.zero(), "")


@pytest.mark.parametrize("unknown", [None, Money.parse("7", "EUR")])
def test_nothing_spent_by_one_run_makes_what_another_spent_no_zero(unknown):
    runs = [
        spender("a", NOON, NOON + HOUR, Money.zero()),
        spender("b", NOON, NOON + HOUR, unknown),
    ]
    spent, why = sum_of(runs, HOURS, "USD")
    assert (spent, why[:9]) == (None, "1 of 2 ru")
    assert sum_of(runs[:1], HOURS, "USD") == (Money.zero(), "")


def test_nothing_in_another_currency_is_nothing():
    idle = spender("a", NOON, NOON + HOUR, Money.zero("EUR"))
    assert sum_of([idle], HOURS, "USD") == (Money.zero(), "")
    paid = spender("b", NOON, NOON + HOUR, dollars("2"))
    assert sum_of([idle, paid], HOURS, "USD") == (dollars("2"), "")


def test_a_run_that_is_paid_in_two_currencies_is_one_run():
    euros, paid = Money.parse("7", "EUR"), dollars("2")
    runs = [spender("a", NOON, NOON + HOUR, one) for one in (euros, paid)]
    assert sum_of(runs, HOURS, "USD") == (paid, "1 of 1 runs cost another currency than USD")
    [found] = stand(make_budget("each", "5", period="run"), runs, NOON + HOUR)
    assert (found.run, found.spent) == ("a", paid)


def test_a_standing_of_one_run_says_when_it_ended():
    runs = [
        spender("a", NOON - HOUR, NOON, dollars("1")),
        spender("b", NOON - HOUR, NOON, dollars("1"), is_running=True),
    ]
    ended = [one.ended_ns for one in stand(make_budget("each", "5", period="run"), runs, NOON)]
    assert ended == [NOON, None]
    assert stand(make_budget("all", "5"), runs, NOON)[0].ended_ns is None


@given(st.lists(st.integers(0, 10**12), max_size=5), st.integers(1, 23))
def test_two_windows_that_meet_sum_to_the_whole(amounts, cut):
    day = Interval(NOON, NOON + DAY)
    runs = [spender(str(n), NOON, NOON + DAY, Money(24 * nano)) for n, nano in enumerate(amounts)]
    at = NOON + cut * HOUR
    parts = [sum_of(runs, one, "USD")[0] for one in (Interval(NOON, at), Interval(at, day.end_ns))]
    assert parts[0] + parts[1] == sum_of(runs, day, "USD")[0] == Money(24 * sum(amounts))


def test_a_run_in_two_currencies_lasts_until_the_later_of_them_ends():
    early = spender("a", NOON - HOUR, NOON, dollars("1"))
    late = spender("a", NOON - HOUR, NOON + HOUR, Money.parse("1", "EUR"))
    budget = make_budget("each", "5", period="run", starts_ns=NOON + 1)
    for order in ([early, late], [late, early]):
        [found] = stand(budget, order, NOON + DAY)
        assert found.ended_ns == NOON + HOUR
    running = spender("a", NOON - HOUR, NOON + HOUR, Money.parse("1", "EUR"), is_running=True)
    assert stand(budget, [early, running], NOON + DAY)[0].ended_ns is None


def test_a_budget_on_each_run_counts_the_present_instant_and_no_later_one():
    until = Spender("a", Interval(0, NOON), True, lambda window: Money(window.end_ns))
    [found] = stand(make_budget("each", "5", period="run"), [until], NOON)
    assert found.spent == Money(NOON + 1)


def test_what_a_run_spends_that_ends_with_the_period_before_is_not_only_kept():
    midnight = NOON - 12 * HOUR
    ending = Spender("a", Interval(midnight - HOUR, midnight), False, lambda _: dollars("1"))
    [found] = stand(make_budget("daily", "5", period="day"), [ending], NOON)
    assert (found.spent, found.for_kept) == (dollars("1"), dollars("0"))
