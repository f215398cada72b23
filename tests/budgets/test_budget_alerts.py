"""Alerts on budgets: thresholds on what was spent and on what is expected."""

import pytest

from trainfare.budgets.alert import Kind, Severity
from trainfare.budgets.budget_alerts import find_budget_alerts
from trainfare.core.budget import Budget, Standing, State, parse_threshold
from trainfare.core.money import Money

WARNING, CRITICAL = Severity
BUDGET = Budget("nlp", Money.parse("100"))


def found(spent, *, budget=BUDGET, **words):
    amount = None if spent is None else Money.parse(spent)
    if isinstance(words.get("forecast"), str):
        words["forecast"] = Money.parse(words["forecast"])
    one = Standing(budget, budget.limit, amount, **words)
    return [(f.kind, f.level, f.severity) for f in find_budget_alerts([one])]


@pytest.mark.parametrize(
    ("spent", "expected"),
    [
        ("78.39", []),
        ("78.4", [(Kind.BUDGET, 0, WARNING)]),
        ("80", [(Kind.BUDGET, 1, WARNING)]),
        ("99.999999999", [(Kind.BUDGET, 1, WARNING)]),
        ("100", [(Kind.BUDGET, 2, CRITICAL)]),
    ],
)
def test_each_threshold_is_a_level_and_the_limit_is_critical(spent, expected):
    assert found(spent) == expected


def test_what_is_not_known_opens_and_closes_nothing():
    assert found(None, why="2 of 2 runs have no price") == [
        (Kind.BUDGET, 0, WARNING),
        (Kind.FORECAST, 0, WARNING),
    ]


@pytest.mark.parametrize(
    ("chance", "level"), [(0.39, None), (0.4, 0), (0.5, 1), (0.89, 1), (0.9, 2)]
)
def test_a_forecast_is_told_by_its_probability_with_a_band_below(chance, level):
    expected = [] if level is None else [(Kind.FORECAST, level, WARNING)]
    assert found("10", forecast="90", breach_probability=chance) == expected


@pytest.mark.parametrize(
    ("forecast", "level"), [("97.99", None), ("98", 0), ("100", 0), ("100.01", 1)]
)
def test_without_a_probability_the_amount_decides(forecast, level):
    expected = [] if level is None else [(Kind.FORECAST, level, WARNING)]
    assert found("10", forecast=forecast) == expected


def test_a_threshold_on_the_forecast_is_a_level_of_its_own():
    budget = Budget("nlp", Money.parse("100"), thresholds=(parse_threshold("forecast:50%"),))
    assert found("10", budget=budget, forecast="60") == [(Kind.FORECAST, 1, WARNING)]


def test_a_budget_that_is_over_needs_no_forecast():
    assert found("120", forecast="150", breach_probability=1.0) == [(Kind.BUDGET, 2, CRITICAL)]


def test_a_budget_that_is_just_used_up_needs_no_forecast():
    assert found("100", forecast="150", breach_probability=1.0) == [(Kind.BUDGET, 2, CRITICAL)]


@pytest.mark.parametrize(
    ("limit", "spent", "sentence"),
    [
        ("0", "0", "$0.00 are spent, and the periods before left nothing ($0.00)"),
        ("-20.5", "3", "$3.00 are spent, and the periods before left nothing (-$20.50)"),
        ("0.000000001", "3", "$3.00 of $0.000000001 are spent (300000000000 %)"),
    ],
)
def test_a_budget_of_which_earlier_periods_left_nothing_is_over(limit, spent, sentence):
    """What was overspent is carried: the limit of a period may be nothing or less."""
    one = Standing(BUDGET, Money.parse(limit), Money.parse(spent), forecast=Money.parse("9"))
    assert one.state is State.OVER
    [told] = find_budget_alerts([one])
    assert (told.kind, told.level, told.severity) == (Kind.BUDGET, 2, CRITICAL)
    assert told.sentence == sentence


@pytest.mark.parametrize(("why", "end"), [("", ""), ("1 run has no price", "; 1 run has no price")])
def test_what_was_spent_is_told_with_what_is_missing_in_it(why, end):
    [told] = find_budget_alerts([Standing(BUDGET, BUDGET.limit, Money.parse("87.659"), why=why)])
    assert told.sentence == f"$87.66 of $100.00 are spent (87 %){end}"


def test_every_run_with_a_budget_of_its_own_is_a_subject():
    one = Standing(BUDGET, BUDGET.limit, Money.parse("90"), run="r-1")
    [told] = find_budget_alerts([one])
    assert told.key == "budget:nlp · r-1"


@pytest.mark.parametrize(
    ("chance", "said"), [(1.0, "over 99 %"), (0.991, "over 99 %"), (0.99, "99 %"), (0.62, "62 %")]
)
def test_a_forecast_is_never_told_as_certain(chance, said):
    words = {"forecast": Money.parse("130"), "breach_probability": chance}
    [told] = find_budget_alerts([Standing(BUDGET, BUDGET.limit, Money.parse("50"), **words)])
    assert told.sentence == (
        f"$130.00 of $100.00 are expected, over the limit with a probability of {said}"
    )


def test_a_threshold_on_the_forecast_is_told_with_how_likely_a_breach_is():
    budget = Budget("nlp", Money.parse("100"), thresholds=(parse_threshold("forecast:50%"),))
    words = {"forecast": Money.parse("57.5"), "breach_probability": 0.0}
    [told] = find_budget_alerts([Standing(budget, budget.limit, Money.parse("31"), **words)])
    assert told.sentence == (
        "$57.50 of $100.00 are expected, over the limit with a probability of 0 %"
    )


def test_without_a_probability_none_is_told():
    words = {"forecast": Money.parse("130")}
    [told] = find_budget_alerts([Standing(BUDGET, BUDGET.limit, Money.parse("50"), **words)])
    assert told.sentence == "$130.00 of $100.00 are expected"


def test_of_several_budgets_each_is_told_of():
    spent = ("91", None, "13", "85")
    standings = [
        Standing(Budget(f"b-{n}", BUDGET.limit), BUDGET.limit, amount and Money.parse(amount))
        for n, amount in enumerate(spent)
    ]
    told = [(one.subject, one.level) for one in find_budget_alerts(standings)]
    assert told == [("b-0", 1), ("b-1", 0), ("b-1", 0), ("b-3", 1)]
