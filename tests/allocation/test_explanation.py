"""From any allocated number one can get down to the charge, its rule, weights and claims."""

from fractions import Fraction

import pytest

from allocation.lake import NANO, at, charge, claim, ns, numbered, write_lake
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.explanation import explain_charge, explain_run
from trainfare.allocation.match import parse_match
from trainfare.allocation.rules import Outcome, Rule, Rules
from trainfare.core.charge import Remainder
from trainfare.core.errors import NotFound

BILL = numbered(
    [
        charge(ConsumedQuantity="0.75", ConsumedUnit="Hours"),
        charge(start=at(1)),
        charge(100, resource="vol-1", tags={"run_id": "x-1"}),
        charge(7, resource=None, SubAccountId="1"),
    ]
)
EVIDENCE = Evidence(claims=[claim("a", 0, 0.5), claim("b", -1, 0.75, Fraction(1, 2))])
LABEL = Rule("accounts", parse_match('SubAccountId = "1"'), "", Outcome.LABEL, "team=nlp")


@pytest.fixture
def lake(tmp_path):
    return [write_lake(tmp_path / "part.parquet", BILL)]


def test_a_charge_shows_its_parts_claims_and_paid_time(lake):
    [found] = explain_charge(lake, EVIDENCE, source_file="bill.csv", source_row=1)
    assert [(line.run, line.remainder) for line in found.lines] == [
        ("a", None),
        ("b", None),
        (None, Remainder.IDLE),
    ]
    assert sum(line.amounts[0] for line in found.lines) == 10 * NANO
    assert found.capacity_us == 2_700_000_000
    assert [(each.run, each.share) for each in found.claims] == [("a", 1), ("b", Fraction(1, 2))]
    assert (found.claims[1].start_us, found.claims[1].end_us) == (
        ns(at(0)) // 1000,
        ns(at(0.75)) // 1000,
    )
    assert found.rule is None
    assert (found.lines[0].source_file, found.lines[0].source_row) == ("bill.csv", 1)


def test_a_charge_that_a_rule_took_shows_the_rule(lake):
    [found] = explain_charge(lake, EVIDENCE, Rules((LABEL,)), source_file="bill.csv", source_row=4)
    assert found.rule == LABEL
    assert (found.lines[0].method, found.lines[0].label) == ("accounts", "team=nlp")
    assert found.capacity_us is None
    assert found.claims == ()


def test_a_run_shows_its_charges(lake):
    assert [(line.source_row, line.method) for line in explain_run(lake, EVIDENCE, run="b")] == [
        (1, "resource_overlap")
    ]
    [tagged] = explain_run(lake, EVIDENCE, run="x-1")
    assert (tagged.source_row, tagged.method, tagged.amounts[0]) == (3, "run_tag", 100)
    assert explain_run(lake, EVIDENCE, run="nobody") == []


def test_every_part_of_every_run_is_found_from_the_run(lake):
    runs = {
        line.run
        for row in (1, 2, 3, 4)
        for each in explain_charge(lake, EVIDENCE, source_file="bill.csv", source_row=row)
        for line in each.lines
    }
    assert runs == {None, "a", "b", "x-1"}


def test_a_row_that_no_charge_came_from_is_said(lake):
    with pytest.raises(NotFound, match=r"no charge came from row 9 of 'bill\.csv'"):
        explain_charge(lake, EVIDENCE, source_file="bill.csv", source_row=9)


def test_a_name_with_quotes_is_a_name(lake):
    with pytest.raises(NotFound, match="no charge came"):
        explain_charge(lake, EVIDENCE, source_file="x' OR 1=1 --", source_row=1)
