"""Charts of spend: what is drawn sums to what was given, and what is unknown is never a zero."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.chart_cases import GROUPS, SPENDS, day, exact, rows_of, usd
from trainfare.core.money import Money
from trainfare.reports.chart_file import spec_of
from trainfare.reports.chart_groups import GROUPS as BARS
from trainfare.reports.chart_groups import GroupSpend, spend_by_group
from trainfare.reports.chart_rank import ranked
from trainfare.reports.chart_spend import Spend, spend_over_time

nanos = st.integers(-(10**18), 10**18)
names = st.integers(0, 25).map(lambda n: f"name-{n}")
amounts = st.none() | nanos.map(Money)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 40), names, amounts), min_size=1, max_size=60))
def test_columns_sum_to_what_was_spent(given_spends):
    spends = [Spend(day(at), name, amount) for at, name, amount in given_spends]
    known = [one.amount for one in spends if one.amount is not None]
    rows = rows_of(spend_over_time(spends), "low", "high", "amount")
    assert Money.total(exact(row["amount"]) for row in rows) == (
        Money.total(known) if any(known) else Money(0)
    )
    assert len({row["name"] for row in rows}) <= 7
    for row in rows:
        length = row["high"] - row["low"]
        assert length == pytest.approx(exact(row["amount"]).nano / 1e9, rel=1e-6, abs=1e-6)


@settings(max_examples=30)
@given(st.lists(st.tuples(names, names, amounts), min_size=1, max_size=60))
def test_bars_sum_to_what_was_spent(given_spends):
    spends = [GroupSpend(group, part, amount) for group, part, amount in given_spends]
    known = [one.amount for one in spends if one.amount is not None]
    chart = spend_by_group(spends, by="team")
    whole = Money.total(known) if any(known) else Money(0)
    parts = rows_of(chart, "part", "amount")
    ends = {row["group"]: row["total"] for row in rows_of(chart, "tail")}
    assert Money.total(exact(row["amount"]) for row in parts) == whole
    assert Money.total(exact(total) for total in ends.values() if total != "not known") == whole
    assert len(ends) <= BARS + 1


@given(st.dictionaries(names, nanos, min_size=1), st.integers(1, 8))
def test_other_stands_for_all_that_have_no_place(sizes, shown):
    rank = ranked(((name, Money(nano)) for name, nano in sizes.items()), shown)
    placed = defaultdict(int)
    for name, nano in sizes.items():
        placed[rank.place(name)] += nano
    assert set(placed) == set(rank.names)
    assert sum(placed.values()) == sum(sizes.values())
    assert len(rank.names) <= shown + 1
    hidden = [name for name in sizes if name not in rank.names]
    assert len(hidden) != 1
    assert rank.rest == (f"other ({len(hidden)} more)" if hidden else "")
    kept = [abs(nano) for name, nano in sizes.items() if name in rank.names]
    assert all(abs(sizes[name]) <= min(kept) for name in hidden)


def test_credits_hang_below_zero_and_charges_stand_above():
    rows = rows_of(spend_over_time(SPENDS), "low", "high", "amount")
    assert [(r["name"], r["low"], r["high"]) for r in rows] == [
        ("compute", 0, 120.5),
        ("storage", 120.5, 123.500000001),
        ("compute", 0, 98),
        ("other", 0, -20),
    ]
    assert [r["amount"] for r in rows] == ["$120.50", "$3.000000001", "$98.00", "−$20.00"]


def test_what_is_not_known_is_striped_and_named():
    chart = spend_over_time(SPENDS)
    (striped,) = rows_of(chart, "not known")
    assert (striped["when"], striped["not known"]) == ("2026-10-03", "network")
    assert "Not known and not in the total (striped): network." in spec_of(chart)["description"]
    ends = {row["group"]: row for row in rows_of(spend_by_group(GROUPS, by="team"), "tail")}
    assert ends["speech"]["label"] == "$700.00 + not known"
    assert ends["speech"]["tail"] > ends["speech"]["end"]
    assert ends["vision"]["tail"] == ends["vision"]["end"]


def test_where_nothing_is_known_no_axis_pretends():
    chart = spend_over_time([Spend(day(0), "compute", None)])
    assert "there is no price for compute." in spec_of(chart)["description"]
    assert rows_of(chart, "low") == []


def test_the_largest_group_is_first_and_other_is_last():
    many = [GroupSpend(f"t{n}", "compute", usd(str(n + 1))) for n in range(40)]
    many.append(GroupSpend("credits", "other", usd("-500")))
    ends = rows_of(spend_by_group(many, by="team"), "tail")
    found = [row["group"] for row in ends]
    assert found[0] == "t39"
    assert found[-2:] == ["credits", "other (27 more)"]


def test_the_title_says_the_total_for_people_and_the_description_all_of_it():
    spec = spec_of(spend_over_time(SPENDS, note="Effective cost of 2026-10"))
    assert spec["title"]["subtitle"][0] == "Effective cost of 2026-10, total $201.50."
    assert "Exactly $201.500000001." in spec["description"]


def test_currencies_are_never_stacked_on_each_other():
    from trainfare.core.errors import BadInput

    mixed = [Spend(day(0), "compute", usd("1")), Spend(day(0), "data", Money.parse("1", "EUR"))]
    with pytest.raises(BadInput, match="EUR"):
        spend_over_time(mixed)
