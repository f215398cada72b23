"""What nobody owns: each line stands once, and the rule beside it moves the money of that line."""

import csv
import shutil
import tomllib
from decimal import Decimal

import pytest

from flows.bills import said, trainfare
from flows.rides import HEADER, charge
from trainfare.allocation.match import parse_match

COLUMNS = (*HEADER.split(","), "SubAccountId", "CapacityReservationStatus")
NONE = {"ResourceId": ""}
TAX = {**NONE, "ServiceName": "Tax", "ChargeCategory": "Tax"}
UNUSED = {"ChargeCategory": "Usage", "CommitmentDiscountStatus": "Unused"}

BILLS = {
    "an account alone": [charge(effective="2", **TAX)],
    "an account beside several services": [
        charge(effective="2", **TAX),
        charge(effective="3", **NONE, ServiceName="Support"),
    ],
    "an account and its resources": [
        charge(effective="2", **NONE),
        charge("i-1", effective="3"),
    ],
    "a payer and its sub-accounts": [
        charge(effective="2", **TAX),
        charge(effective="3", **TAX, SubAccountId="sub-1"),
        charge(effective="5", **TAX, SubAccountId="acct-1"),
        charge("i-1", effective="4", SubAccountId="sub-1"),
    ],
    "a resource in two regions and accounts": [
        charge("i-1", effective="2", SubAccountId="sub-1"),
        charge("i-1", 9, effective="3", SubAccountId="sub-2", RegionId="eu-west-1"),
        charge("i-2", effective="4"),
    ],
    "a resource of several services": [
        charge("i-1", effective="2"),
        charge("i-1", 9, effective="3", ServiceName="Storage"),
        charge("i-1", 10, effective="4", ServiceName=""),
    ],
    "a resource with quotes": [charge("'=a\"b\\", effective="2"), charge("'=a", effective="3")],
    "two currencies": [
        charge("i-1", effective="2"),
        charge("i-1", 9, effective="3", BillingCurrency="EUR"),
    ],
    "unused commitments": [
        charge("i-1", effective="2"),
        charge("i-1", 9, effective="3", **UNUSED),
        charge("i-1", 10, effective="4", CapacityReservationStatus="Unused"),
    ],
}
"""Bills of which no run has a part, by what they try."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(folder))
    return folder


def bill(home, rows):
    path = home.parent / "b.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    trainfare(home, "bill", "import", path)
    trainfare(home, "allocate")


def moved(home, rule):
    """Currency → what *rule*, as its report suggests it, gives to its team."""
    (home / "rules.toml").write_text(rule.replace('"…"', '"taken"').replace("team=…", "team=ops"))
    assert said(home, "rules", "check") == "Nothing is wrong.\n"
    trainfare(home, "allocate")
    first = trainfare(home, "report", "--by", "team")
    return {
        one["currency"]: row["allocated"]
        for one in (first, *first["other_currencies"])
        for row in one["rows"]
        if row["team"] == "ops"
    }


@pytest.mark.parametrize("rows", BILLS.values(), ids=BILLS)
def test_the_rule_beside_a_line_moves_the_money_of_that_line_alone(home, rows):
    bill(home, rows)
    lines = trainfare(home, "report")["untagged"]
    total = sum(Decimal(one["amount"]) for one in lines)
    unused = Decimal(7) if rows is BILLS["unused commitments"] else Decimal(0)
    assert total == sum(Decimal(row["EffectiveCost"]) for row in rows) - unused
    for number, one in enumerate(lines):
        copy = shutil.copytree(home, home.parent / f"home-{number}")
        assert moved(copy, one["rule"]) == {one["currency"]: one["amount"]}, one["rule"]


def test_a_bill_without_sub_accounts_is_matched_by_its_billing_account(home):
    bill(home, BILLS["an account beside several services"])
    rules = [one["rule"].splitlines()[2] for one in trainfare(home, "report")["untagged"]]
    assert rules == [
        """match = 'BillingAccountId = "acct-1" and ServiceName = "Support"'""",
        """match = 'BillingAccountId = "acct-1" and ServiceName = "Tax"'""",
    ]


def test_a_resource_is_one_line_per_service_and_currency(home):
    rows = [
        charge("often", at, effective="2", RegionId=f"r-{at}", SubAccountId=f"sub-{at % 2}")
        for at in range(12)
    ]
    rows += [charge("once", effective="3", SubAccountId="sub-1")]
    rows += [charge("often", 12, effective="1", ServiceName="Storage", SubAccountId="sub-1")]
    bill(home, rows)
    found = [
        (one["resource"], one["service"], one["account"], one["amount"])
        for one in trainfare(home, "report")["untagged"]
    ]
    assert found == [
        ("often", "Amazon EC2", None, "24.000000000"),
        ("once", "Amazon EC2", "sub-1", "3.000000000"),
        ("often", "Storage", "sub-1", "1.000000000"),
    ]


def test_a_report_by_what_a_bill_says_tells_where_the_rest_is_seen(home):
    bill(home, BILLS["a resource of several services"])
    (note,) = trainfare(home, "report", "--by", "service")["notes"]
    assert note.startswith("Service splits what runs own, and they own nothing of this bill;")
    assert "--where service=NAME" in note
    one = trainfare(home, "report", "--by", "service", "--where", "service=Storage")
    assert one["remainders"]["unallocated"] == "3.000000000"
    assert not any("splits" in told for told in one["notes"])
    (home / "rules.toml").write_text(
        """[[rule]]\nname = "all"\nmatch = 'ServiceName = "Storage"'\nrun = "r-1"\n"""
    )
    trainfare(home, "allocate")
    assert trainfare(home, "report", "--by", "service")["notes"] == []


def test_a_long_rule_is_broken_on_a_terminal_and_still_means_the_same(home, monkeypatch):
    name = "a service and one with a very long name and " * 2
    rows = [charge(effective="3", **NONE, ServiceName=name.strip()), charge("i-1", effective="2")]
    rows += [charge("i-2", effective="1", ServiceName=name.strip())]
    bill(home, rows)
    (first, *_) = trainfare(home, "report")["untagged"]
    monkeypatch.setenv("COLUMNS", "80")
    text = said(home, "report").partition("for example:\n\n")[2]
    broken = tomllib.loads(text)["rule"][0]["match"]
    assert broken.count("\n") > 1
    assert parse_match(broken) == parse_match(tomllib.loads(first["rule"])["rule"][0]["match"])
