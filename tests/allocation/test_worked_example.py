"""The example of docs/explanation/allocation.md: its tables are allocated, and give its figures."""

import csv
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from trainfare.cli.main import cli

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "allocation.md"
DAY = "2026-10-05T"
MONTH = {"BillingPeriodStart": "2026-10-01T00:00:00Z", "BillingPeriodEnd": "2026-11-01T00:00:00Z"}
RULES = """[[rule]]
name = "datasets"
match = 'ResourceId = "datasets"'
shared = "proportional"
"""


def table(first):
    """The rows of the table whose first headings are these, as dictionaries."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^\| {first}.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    lines = found[0].splitlines()
    head, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(head, row, strict=True)) for row in rows[1:]]


def charge(row):
    """A charge of the page as FOCUS has it."""
    named = re.search(r"`run_id = (\w+)`", row["what"])
    return {
        **MONTH,
        "ChargePeriodStart": f"{DAY}{row['from']}:00Z",
        "ChargePeriodEnd": f"{DAY}{row['to']}:00Z",
        "ChargeCategory": row["category"],
        "ServiceName": "Support" if row["what"] == "support" else "Machines",
        "ResourceId": row["resource"],
        "ConsumedQuantity": row["hours"],
        "ConsumedUnit": "Hours" if row["hours"] else "",
        "BilledCost": row["effective"],
        "EffectiveCost": row["effective"],
        "BillingCurrency": "USD",
        "BillingAccountId": "me",
        "CommitmentDiscountId": row["resource"] if "nobody used" in row["what"] else "",
        "CommitmentDiscountStatus": "Unused" if "nobody used" in row["what"] else "",
        "Tags": json.dumps({"run_id": named[1]}) if named else "",
    }


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def trainfare(tmp_path, monkeypatch):
    """One command of the command line on a home of its own, and its JSON where it has any."""
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()

    def run(*words):
        done = CliRunner().invoke(cli, [*map(str, words), "--format", "json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return run


def test_every_figure_of_the_worked_example_is_what_allocation_gives(trainfare, tmp_path):
    charges, claims = table(r"charge \| category"), table(r"run \| resource")
    write(tmp_path / "bill.csv", [charge(row) for row in charges])
    write(
        tmp_path / "claims.csv",
        [{"run": row["run"], "resource": row["resource"], "start": f"{DAY}{row['from']}:00Z",
          "end": f"{DAY}{row['to']}:00Z", "share": row["share"]} for row in claims],
    )  # fmt: skip
    (tmp_path / "home" / "rules.toml").write_text(RULES)
    (tmp_path / "home" / "attachments.csv").write_text("vol-1,gpu-1\n")
    [delivery] = trainfare("bill", "import", tmp_path / "bill.csv")["deliveries"]
    trainfare("claims", "import", tmp_path / "claims.csv")
    trainfare("allocate")

    *expected, total = table(r"charge \| method")
    owners = list(total)[2:]
    told = {
        number: explained(trainfare, f"{delivery['id'][:12]}/bill.csv:{number}")
        for number in {row["charge"] for row in expected} - {"5"}  # it is divided at the very end
    }
    for number, parts in told.items():
        assert parts == figures([row for row in expected if row["charge"] == number], owners)

    report = trainfare("report", "--by", "run,method")
    by_run = {(row["method"], row["run"]): Decimal(row["allocated"]) for row in report["rows"]}
    runs = [owner for owner in owners if owner in {row["run"] for row in claims}]
    assert by_run == figures(expected, runs)

    sums = {owner: sum(Decimal(row[owner] or 0) for row in expected) for owner in owners}
    assert sums == {owner: Decimal(total[owner]) for owner in owners}
    bill = sum(Decimal(row["effective"]) for row in charges)
    assert sum(sums.values()) == bill
    assert Decimal(report["total"]) == bill


def explained(trainfare, place):
    """(method, owner) → amount of the parts of one charge."""
    [told] = trainfare("explain", "--charge", place)["charges"]
    found = {}
    for part in told["parts"]:
        key = part["method"], part["owner"] or part["remainder"].replace("_", " ")
        found[key] = found.get(key, 0) + Decimal(part["amounts"]["effective"])
    return found


def figures(rows, owners):
    """(method, owner) → amount of some rows of the page."""
    found = {}
    for row in rows:
        for owner in (one for one in owners if row[one]):
            key = row["method"].strip("`"), owner
            found[key] = found.get(key, 0) + Decimal(row[owner])
    return found
