"""Budgets, their periods and thresholds."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.budget import (
    STOP_AT,
    Action,
    Budget,
    BudgetPeriod,
    BudgetView,
    Measure,
    Standing,
    State,
    Threshold,
    carried_limit,
    make_budget,
    parse_limit,
    parse_threshold,
    period_window,
)
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import DAY, Interval, parse_instant
from trainfare.core.selection import select_runs

TEN = Money.parse("10")
instants = st.integers(0, parse_instant("2200-01-01T00:00:00Z"))


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("80%", Threshold(Fraction(4, 5))),
        ("100%:stop", STOP_AT),
        (
            "actual:99.5%:checkpoint",
            Threshold(Fraction(199, 200), Measure.ACTUAL, Action.CHECKPOINT),
        ),
        ("forecast:120%", Threshold(Fraction(6, 5), Measure.FORECAST)),
    ],
)
def test_thresholds_read_and_say_the_same(text, threshold):
    assert parse_threshold(text) == threshold
    assert parse_threshold(str(threshold)) == threshold


@pytest.mark.parametrize(
    "text",
    ["", "80", "%", "80%:explode", "1/0%", "80%x", "forecast:90%:stop", "0%", "-5%", "a:b:c:d"],
)
def test_what_is_no_threshold_is_refused(text):
    with pytest.raises(BadInput, match=r"threshold|forecast"):
        parse_threshold(text)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("day", "2026-11-27", "2026-11-28"),
        ("week", "2026-11-23", "2026-11-30"),
        ("month", "2026-11-01", "2026-12-01"),
        ("quarter", "2026-10-01", "2027-01-01"),
    ],
)
def test_a_period_holds_its_instant(period, start, end):
    window = period_window(BudgetPeriod(period), parse_instant("2026-11-27T08:30:00Z"))
    assert window.start_ns == parse_instant(f"{start}T00:00:00Z")
    assert window.end_ns == parse_instant(f"{end}T00:00:00Z")


@given(st.sampled_from(BudgetPeriod), instants)
def test_periods_follow_each_other_without_a_gap(period, at_ns):
    window = period_window(period, at_ns)
    assert window.start_ns <= at_ns < window.end_ns
    if period not in (BudgetPeriod.RUN, BudgetPeriod.TOTAL):
        following = period_window(period, window.end_ns)
        assert following.start_ns == window.end_ns
        assert period_window(period, window.end_ns - 1) == window
        assert window.duration_ns % DAY == 0


@given(st.sampled_from(BudgetPeriod), instants, instants)
def test_nothing_counts_before_a_budget_starts(period, at_ns, starts_ns):
    window = period_window(period, at_ns, starts_ns)
    assert window.start_ns <= at_ns < window.end_ns
    if starts_ns <= at_ns:
        assert window.start_ns >= starts_ns


@given(st.lists(st.integers(0, 10**12)))
def test_what_is_spent_and_what_is_left_are_all_the_limits(spent):
    left = carried_limit(TEN, [Money(nano) for nano in spent])
    assert left.nano + sum(spent) == TEN.nano * (len(spent) + 1)


@pytest.mark.parametrize(
    ("spent", "forecast", "state", "reached"),
    [
        ("7.9", None, State.OK, 0),
        ("8", None, State.WARN, 1),
        ("1", "10", State.OK, 0),
        ("1", "10.1", State.WARN, 0),
        ("10", None, State.OVER, 2),
        (None, None, State.UNKNOWN, 0),
    ],
)
def test_where_a_budget_stands(spent, forecast, state, reached):
    amounts = [None if text is None else Money.parse(text) for text in (spent, forecast)]
    standing = Standing(Budget("b", TEN), TEN, *amounts)
    assert standing.state is state
    assert len(standing.reached) == reached


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"limit": Money(0)}, "nothing to spend"),
        ({"grace_seconds": -1}, "in the past"),
        ({"is_carried_over": True}, "no next period"),
        ({"thresholds": (Threshold(Fraction(1), action=Action.CANCEL),)}, "--cancel-command"),
    ],
)
def test_a_budget_that_cannot_be_held_is_refused(fields, message):
    with pytest.raises(BadInput, match=message):
        Budget(**{"id": "b", "limit": TEN, **fields})


def test_a_budget_covers_the_runs_of_its_scope():
    budget = Budget("b", TEN, select_runs("team=nlp and not run=r-2"))
    assert budget.covers("r-1", {"team": "nlp"})
    assert not budget.covers("r-2", {"team": "nlp"})


@pytest.mark.parametrize(
    ("spent", "percent"), [("9.999", 99), ("10", 100), ("10.06", 100), ("10.1", 101), ("0", 0)]
)
def test_percent_is_rounded_down(spent, percent):
    budget = Budget("b", TEN)
    assert Standing(budget, TEN, Money.parse(spent)).percent_spent == percent
    assert Standing(budget, TEN, None).percent_spent is None


def test_a_budget_at_its_limits_is_taken_and_does_nothing_that_was_not_asked():
    bare = Budget("b", Money(1))
    assert (bare.grace_seconds, bare.starts_ns) == (30, 0)
    assert not bare.is_armed
    assert not bare.is_carried_over
    assert [str(one) for one in bare.thresholds] == ["actual:80%:notify", "actual:100%:notify"]
    assert Budget("b", TEN, grace_seconds=0).grace_seconds == 0
    cancel = (Threshold(Fraction(1, 100), action=Action.CANCEL), Threshold(Fraction(2)))
    assert Budget("b", TEN, thresholds=cancel, cancel_command=("scancel",)).thresholds == cancel
    with pytest.raises(BadInput, match="--cancel-command"):
        Budget("b", TEN, thresholds=cancel)
    for period in (BudgetPeriod.DAY, BudgetPeriod.QUARTER):
        assert Budget("b", TEN, period=period, is_carried_over=True).is_carried_over
    with pytest.raises(BadInput, match="a run budget has no next period"):
        Budget("b", TEN, period=BudgetPeriod.RUN, is_carried_over=True)


def test_a_total_lasts_from_its_start_for_ever_and_a_period_is_cut_there():
    at_ns, starts_ns = (parse_instant(f"2026-11-27T{hour}:00:00Z") for hour in ("08", "06"))
    assert period_window(BudgetPeriod.TOTAL, at_ns) == Interval(0, 2**63 - 1)
    for period in BudgetPeriod:
        window = Budget("b", TEN, period=period, starts_ns=starts_ns).window(at_ns)
        assert window.start_ns == starts_ns
        whole = period_window(period, at_ns)
        assert window.end_ns == whole.end_ns
        assert Budget("b", TEN, period=period, starts_ns=at_ns + 9).window(at_ns).start_ns == at_ns
    assert period_window(BudgetPeriod.DAY, parse_instant("2026-11-27T23:59:59Z")).duration_ns == DAY


@pytest.mark.parametrize(("month", "first"), [(1, 1), (3, 1), (4, 4), (6, 4), (9, 7), (12, 10)])
def test_a_quarter_begins_with_its_first_month(month, first):
    window = period_window(BudgetPeriod.QUARTER, parse_instant(f"2026-{month:02}-15T00:00:00Z"))
    assert window.start_ns == parse_instant(f"2026-{first:02}-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("5000", Money.parse("5000")),
        (" $0.5 ", Money.parse("0.5")),
        ("7EUR", Money.parse("7", "EUR")),
        ("7 EUR", Money.parse("7", "EUR")),
    ],
)
def test_limits_are_read(text, limit):
    assert parse_limit(text) == limit
    assert make_budget("b", text).limit == make_budget("b", limit).limit == limit


@pytest.mark.parametrize("text", ["", "EUR", "-5", "5 euros", "1,000"])
def test_what_is_no_limit_is_refused(text):
    with pytest.raises(BadInput, match="is not an amount"):
        parse_limit(text)


def test_a_budget_is_made_of_words():
    made = make_budget(
        "nlp", "5", scope="team=nlp", period="week", view="billed", is_armed=True,
        thresholds=["100%:stop", "50%"], grace_seconds=9,
    )  # fmt: skip
    assert (made.id, made.scope.text, made.period) == ("nlp", "team=nlp", BudgetPeriod.WEEK)
    assert (made.view, made.is_armed, made.grace_seconds) == (BudgetView.BILLED, True, 9)
    assert made.thresholds == (Threshold(Fraction(1, 2)), STOP_AT)
    bare = make_budget("a" * 63, "5")
    assert bare == Budget("a" * 63, Money.parse("5"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"name": "a" * 64}, "budget name 'a+' is not 1 to 63"),
        ({"name": "NLP"}, "is not 1 to 63"),
        ({"period": "year"}, "period 'year' is not one of run, day"),
        ({"view": "list"}, "view 'list' is not one of estimated, billed"),
        ({"limit": 5.0}, "floats lose digits"),
    ],
)
def test_words_that_make_no_budget_are_refused(words, message):
    with pytest.raises(BadInput, match=message):
        make_budget(**{"name": "b", "limit": "5", **words})


def test_thresholds_are_reached_exactly_at_their_share_and_told_lowest_first():
    half = Threshold(Fraction(1, 2), Measure.FORECAST)
    budget = Budget("b", TEN, thresholds=(Threshold(Fraction(1)), half, Threshold(Fraction(1, 4))))
    reached = Standing(budget, TEN, Money.parse("2.5"), Money.parse("5")).reached
    assert reached == (Threshold(Fraction(1, 4)), half)
    below = Standing(budget, TEN, Money(TEN.nano // 4 - 1), Money(TEN.nano // 2 - 1))
    assert below.reached == ()
    assert below.state is State.OK
    carried = Standing(budget, TEN * 2, Money.parse("5"), None)  # of the limit with what was left
    assert carried.reached == (Threshold(Fraction(1, 4)),)


def test_where_carried_overspending_leaves_nothing_there_is_no_percent():
    used_up = Standing(Budget("b", TEN), Money(0), Money(0))
    assert used_up.percent_spent is None
    assert used_up.state is State.OVER
    assert Standing(Budget("b", TEN), Money(1), Money(1)).percent_spent == 100
