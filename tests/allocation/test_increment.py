"""What changed is allocated anew, and the result is as if the whole bill had been."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation import small_worlds
from allocation.lake import NANO, at, charge, claim, ns, numbered, write_lake
from trainfare.allocation import increment
from trainfare.allocation.engine_duckdb import allocate
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.increment import reallocate
from trainfare.allocation.kept_result import NotReusable
from trainfare.allocation.match import parse_match
from trainfare.allocation.rules import NO_RULES, Outcome, Rule, Rules
from trainfare.core.charge import View
from trainfare.core.period import Interval

slowly = settings(
    deadline=None,
    max_examples=6,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
bills = st.lists(small_worlds.charges(), min_size=1, max_size=10)


@pytest.fixture(autouse=True)
def _any_part_may_change(monkeypatch):
    monkeypatch.setattr(increment, "TOUCHED_MAX", 99)
    monkeypatch.setattr(increment, "RENEWED_MAX", 99)


class Home:
    """A folder with one bill, its results and what is kept of them."""

    def __init__(self, folder, bill, rules=NO_RULES):
        self.folder = Path(folder)
        self.rules = rules
        self.last = None
        self.results = self.deliveries = 0
        self.deliver(bill)

    def deliver(self, *parts):
        """Take a new delivery of the bill, each part a file of its own."""
        self.deliveries += 1
        self.charges = [
            write_lake(self.folder / f"part-{self.deliveries}-{number}.parquet", numbered(part))
            for number, part in enumerate(parts)
        ]

    def whole(self, evidence):
        """Allocate all of it, keeping nothing."""
        done = allocate(
            self.charges, evidence, self.rules, out=self.folder / "whole.parquet", threads=1
        )
        return rows_of(done.out), told(done)

    def first(self, evidence):
        """Allocate all of it, keeping what the next one goes on from."""
        self.last = self.folder / "first.parquet"
        kept = {"keep": self.folder / "survey", "base": self.folder / "base"}
        allocate(self.charges, evidence, self.rules, out=self.last, threads=1, **kept)

    def next(self, evidence):
        """Allocate what changed since the last."""
        self.results += 1
        out = self.folder / f"next-{self.results}"
        kept = {"keep": self.folder / "survey", "base": self.folder / "base"}
        done = reallocate(
            self.charges, evidence, self.rules, last=self.last, out=out, threads=1, **kept
        )
        self.last = out
        return done


def rows_of(result):
    """Rows of a result in a fixed order, without the numbers that name faces."""
    if result.is_dir():
        gone = set(pq.read_table(result / "gone.parquet")["row"].to_pylist())
        base = pq.read_table(result / "base.parquet").to_pylist()
        rows = [row for number, row in enumerate(base) if number not in gone]
        rows += pq.read_table(result / "fresh.parquet").to_pylist()
    else:
        rows = pq.read_table(result).to_pylist()
    return sorted(
        [tuple(value for name, value in sorted(row.items()) if name != "face") for row in rows],
        key=repr,
    )


def told(summary):
    """All that a summary says but where the result is."""
    return {name: getattr(summary, name) for name in summary.__slots__ if name != "out"}


def changed(draw, evidence):
    """Evidence like *evidence*: claims added, moved, removed, with other shares; other attachments."""
    kept = [each for each in evidence.claims if draw(st.integers(0, 3))]
    more = draw(st.lists(small_worlds.claims(), max_size=2))
    other = draw(small_worlds.evidence())
    return Evidence(
        claims=[*kept, *more],
        jobs=draw(st.sampled_from([evidence.jobs, evidence.jobs, other.jobs])),
        attachments=draw(st.sampled_from([evidence.attachments] * 2 + [other.attachments])),
        lives=evidence.lives,
        run_bytes=evidence.run_bytes,
    )


COLUMNS = {
    "what it is for": ["ResourceId", "Tags"],
    "when": ["ChargePeriodStart", "ChargePeriodEnd"],
    "amounts": [view.column for view in View],
    "paid time": ["ConsumedQuantity", "ConsumedUnit", "SkuId"],
    "kind": ["ChargeCategory", "ChargeClass", "AllocatedResourceId", "x_ParentResourceId"],
}


def restated(draw, bill):
    """A bill like *bill*: charges added, removed, said otherwise, and amounts swapped."""
    rows = [dict(row) for row in bill if draw(st.integers(0, 5))]
    for row in rows:
        other = draw(small_worlds.charges())
        for column in COLUMNS.get(draw(st.sampled_from(["", "", *COLUMNS])), ()):
            row[column] = other.get(column)
        if row["ChargePeriodEnd"] < row["ChargePeriodStart"]:
            row["ChargePeriodEnd"] = row["ChargePeriodStart"]
    if len(rows) > 1 and draw(st.booleans()):
        one, other = draw(st.permutations(rows))[:2]
        for column in COLUMNS["amounts"]:
            one[column], other[column] = other[column], one[column]
    rows += draw(st.lists(small_worlds.charges(), min_size=not rows, max_size=3))
    return draw(st.permutations(rows))


def holds_the_law(data, bill, evidence, rules):
    with TemporaryDirectory() as folder:
        home = Home(folder, bill, rules)
        home.first(evidence)
        for _ in range(2):
            what = data.draw(st.sampled_from(["claims", "bill", "bill", "both"]))
            if what != "bill":
                evidence = changed(data.draw, evidence)
            if what != "claims":
                bill = restated(data.draw, bill)
                cut = data.draw(st.integers(0, len(bill) - 1))
                home.deliver(*(part for part in (bill[:cut], bill[cut:]) if part))
            rows, summary = home.whole(evidence)
            done = home.next(evidence)
            assert rows_of(done.summary.out) == rows
            assert told(done.summary) == summary


def no_pools(rules):
    return all(rule.outcome != "shared" or rule.value == "apart" for rule in rules.rules)


@slowly
@given(st.data(), bills, small_worlds.evidence(), small_worlds.rule_sets().filter(no_pools))
def test_a_change_allocated_is_the_whole_bill_allocated(data, bill, evidence, rules):
    holds_the_law(data, bill, evidence, rules)


@pytest.mark.long
@settings(slowly, max_examples=600)
@given(st.data(), bills, small_worlds.evidence(), small_worlds.rule_sets().filter(no_pools))
def test_many_changes_allocated_are_the_whole_bill_allocated(data, bill, evidence, rules):
    holds_the_law(data, bill, evidence, rules)


def goes_on(home, evidence, *parts):
    """Deliver *parts* and allocate what changed: how many resource-days; the rows are those of all."""
    home.deliver(*parts)
    rows, summary = home.whole(evidence)
    done = home.next(evidence)
    assert rows_of(done.summary.out) == rows
    assert told(done.summary) == summary
    return done.touched


def a_home(tmp_path, evidence, *bill, rules=NO_RULES):
    home = Home(tmp_path, bill, rules)
    home.first(evidence)
    return home


TWO_DAYS = [
    charge(start=at(hour, day), resource=f"i-{number}")
    for number in (1, 2, 3)
    for day in (1, 2)
    for hour in (8, 9)
]
"""Three machines' charges for two hours of two days each."""

EVIDENCE = Evidence(claims=[claim("a", 8, 8.5, resource="i-1"), claim("b", 8, 10, resource="i-2")])


def test_only_days_with_other_charges_are_allocated_anew(tmp_path):
    home = a_home(tmp_path, EVIDENCE, *TWO_DAYS)
    assert goes_on(home, EVIDENCE, TWO_DAYS) == 0, "the same charges in another file"
    first, *rest = TWO_DAYS
    assert goes_on(home, EVIDENCE, [first | {"x_EffectiveNano": 3}], rest) == 1
    assert goes_on(home, EVIDENCE, rest) == 1, "a charge is gone"
    later = [charge(start=at(8, 3), resource="i-2"), charge(start=at(8, 3), resource="i-4")]
    assert goes_on(home, EVIDENCE, later, rest) == 2, "a day more, and a machine"
    assert goes_on(home, EVIDENCE, TWO_DAYS) == 3, "back to the first bill"


def test_amounts_that_charges_of_a_day_swap_are_a_change(tmp_path):
    """The day sums to the same, yet what a run claims of it does not."""
    bill = [charge(nano, start=at(hour)) for hour, nano in ((0, 10 * NANO), (1, 20 * NANO))]
    evidence = Evidence(claims=[claim("a", 0, 1)])
    home = a_home(tmp_path, evidence, *bill)
    swapped = [{**one, "x_EffectiveNano": 30 * NANO - one["x_EffectiveNano"]} for one in bill]
    assert goes_on(home, evidence, swapped) == 1


def test_a_sku_tells_how_long_a_machine_was_paid_for(tmp_path):
    half = {"ConsumedQuantity": "0.5", "ConsumedUnit": "Hours"}
    bill = [charge(SkuId=sku, **half) for sku in ("one", "one")]
    evidence = Evidence(claims=[claim("a", 0, 0.5)])
    home = a_home(tmp_path, evidence, *bill)
    assert goes_on(home, evidence, [bill[0], bill[1] | {"SkuId": "other"}]) == 1


def test_a_quantity_of_time_on_one_day_ends_what_lives_say_on_another(tmp_path):
    life = Interval(ns(at(0)), ns(at(0.5)))
    evidence = Evidence(claims=[claim("a", 0, 0.25)], lives=[("i-0", life)])
    other = charge(start=at(5, day=2))
    home = a_home(tmp_path, evidence, charge(), other)
    timed = other | {"ConsumedQuantity": "1", "ConsumedUnit": "Hours"}
    assert goes_on(home, evidence, [charge(), timed]) == 2
    assert goes_on(home, evidence, [charge(), other]) == 2


def test_a_months_fee_is_given_anew_where_an_hour_of_its_machine_changed(tmp_path):
    fee = charge(hours=31 * 24, tags={"kind": "fee"})
    hour = charge(start=at(0, 2), ConsumedQuantity="1", ConsumedUnit="Hours")
    evidence = Evidence(claims=[claim("a", 0, 1, day=2), claim("b", 0, 5, day=3)])
    home = a_home(tmp_path, evidence, fee, hour)
    assert goes_on(home, evidence, [fee, hour | {"ConsumedQuantity": "0.5"}]) == 2


def test_descriptions_keep_their_numbers_while_the_survey_before_is_there(tmp_path):
    home = a_home(tmp_path, EVIDENCE, *TWO_DAYS)
    more = [charge(resource=f"i-{number}") for number in range(20, 30)]
    assert goes_on(home, EVIDENCE, more, TWO_DAYS) == 10
    shutil.rmtree(tmp_path / "survey")
    home.deliver(TWO_DAYS[-1:], more, TWO_DAYS)
    with pytest.raises(NotReusable, match="the survey of the one before is gone"):
        home.next(EVIDENCE)


def test_a_bill_that_had_what_rules_divide_is_allocated_as_a_whole(tmp_path):
    match = 'ResourceId = "data"'
    rules = Rules((Rule("data", parse_match(match), match, Outcome.SHARED, "even", 700),))
    home = a_home(tmp_path, EVIDENCE, *TWO_DAYS, charge(resource="data"), rules=rules)
    home.deliver(TWO_DAYS)
    with pytest.raises(NotReusable, match="rules divide"):
        home.next(EVIDENCE)
