"""The export path: our own FOCUS export, imported anew, has the same money and the same owners."""

import os
import re
import shutil
import subprocess
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows.bills import hour, said, trainfare, write_bill, write_claims
from trainfare.core.errors import NotConserved
from trainfare.flows.focus_export import export_focus
from trainfare.simulation.claim_file import write_claims as write_world_claims
from trainfare.simulation.focus_file import write_focus
from trainfare.simulation.world import make_world

RULES = """
[[rule]]
name = "company tax"
match = 'ChargeCategory = "Tax"'
shared = "even"

[[rule]]
name = "vision"
match = 'ResourceId = "i-9"'
label = "team=vision"
"""

versions = pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
forms = pytest.mark.parametrize("form", ["csv", "parquet"])


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with a bill of everything: runs, idle time, a stale tag, a pool, a label, credits, tax."""
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    home = tmp_path / "home"
    home.mkdir()
    (home / "rules.toml").write_text(RULES)
    bill = write_bill(
        tmp_path / "b.csv",
        hour("i-1", 8, "8.000000001", tags='{"run_id":"old-run","env":"prod"}'),
        hour("i-1", 9, "7.77", tags='{"run_id":"old-run"}'),
        hour("i-1", 10, "-0.000000003"),
        hour("i-2", 8, "3.1"),
        hour("i-9", 8, "2"),
        hour("", 8, "1.000000007", category="Tax"),
        hour("", 9, "-4", category="Credit"),
        hour("=cmd", 11, "0.5"),
        hour("i-1", 11, "5.00", currency="EUR"),
    )
    claims = write_claims(
        tmp_path / "c.csv",
        ("a", "i-1", 8, 8.5, "1"),
        ("b", "i-1", 8.5, 9.1, "0.333"),
        ("-c", "i-1", 10, 11.7, "1"),
    )
    trainfare(home, "bill", "import", bill)
    trainfare(home, "claims", "import", claims)
    trainfare(home, "allocate")
    return home


def owned(home):
    """(view, currency, run or remainder) → amount: what reports and verify say of a home."""
    found = {}
    for view in ("billed", "effective", "list", "contracted"):
        report = trainfare(home, "report", "--by", "run", "--view", view)
        for one in (report, *report["other_currencies"]):
            rows = {row["run"]: row["allocated"] for row in one["rows"]}
            for owner, amount in {**rows, **one["remainders"]}.items():
                found[view, one["currency"], owner] = amount
    return {owner: amount for owner, amount in found.items() if Decimal(amount)}


@versions
@forms
def test_an_export_imported_anew_has_the_same_money_and_owners(home, tmp_path, version, form):
    """Nothing but the file is known in the second home: no claims, no rules, no labels."""
    out, second = tmp_path / f"export.{form}", tmp_path / "second"
    told = said(home, "report", "--format", "focus", "--focus-version", version, "--out", out)
    assert "they sum to the bill" in told
    first = owned(home)
    assert {owner for _, _, owner in first} >= {"a", "b", "-c", "idle", "shared", "unallocated"}
    trainfare(second, "bill", "import", out)
    trainfare(second, "allocate")
    assert owned(second) == first
    report = trainfare(second, "report", "--by", "method")
    assert {row["method"] for row in report["rows"]} == {"split_row"}
    resources = trainfare(second, "report", "--by", "resource")
    names = [one["resource"] for one in resources["untagged"]]
    assert "=cmd" in names
    assert "'=cmd" not in names


@forms
def test_an_export_of_an_export_is_the_export_again(home, tmp_path, form):
    out, second, again = tmp_path / f"one.{form}", tmp_path / "second", tmp_path / f"two.{form}"
    said(home, "report", "--format", "focus", "--out", out)
    trainfare(second, "bill", "import", out)
    trainfare(second, "allocate")
    said(second, "report", "--format", "focus", "--out", again)
    trainfare(tmp_path / "third", "bill", "import", again)
    trainfare(tmp_path / "third", "allocate")
    assert owned(tmp_path / "third") == owned(home)


def test_the_sums_of_every_cost_column_are_the_bills(home, tmp_path):
    said(home, "report", "--format", "focus", "--out", tmp_path / "o.parquet")
    table = pq.read_table(tmp_path / "o.parquet")
    sums = Counter()
    for currency, amount in zip(
        table["BillingCurrency"].to_pylist(), table["EffectiveCost"].to_pylist(), strict=True
    ):
        sums[currency] += amount
    (bill,) = trainfare(home, "bill", "list")["deliveries"]
    assert {currency: f"{amount:f}" for currency, amount in sums.items()} == {
        currency: views["effective"] for currency, views in bill["totals"].items()
    }


def test_without_a_file_the_export_is_csv_on_standard_output(home):
    text = said(home, "report", "--format", "focus")
    assert text.startswith("AvailabilityZone,BilledCost,")
    assert text.count("\n") > 10


def test_what_would_be_less_than_the_bill_is_refused(home, tmp_path):
    wrong = said(home, "report", "--format", "focus", "--by", "team", code=2)
    assert "leave out --by" in wrong
    wrong = said(home, "report", "--format", "focus", "--out", tmp_path / "x.xlsx", code=2)
    assert "ends neither in .csv nor in .parquet" in wrong
    wrong = said(home, "report", "--format", "focus", "--period", "2026-09", code=2)
    assert "nothing of 2026-09 is allocated" in wrong


def test_claims_that_came_after_the_allocation_ask_for_a_new_one(home, tmp_path):
    more = write_claims(tmp_path / "more.csv", ("late", "i-2", 8, 9, "1"))
    trainfare(home, "claims", "import", more)
    wrong = said(home, "report", "--format", "focus", "--out", tmp_path / "x.csv", code=2)
    assert "run trainfare allocate 2026-10, then export again" in wrong
    assert not (tmp_path / "x.csv").exists()


def test_rows_that_do_not_sum_to_the_allocation_become_no_file(home, tmp_path, monkeypatch):
    """The law is checked on the file itself: a part that is lost on the way is noticed."""
    import trainfare.allocation.parts as room

    whole = room.stream_parts

    def lossy(*given, **more):
        for batch in whole(*given, **more):
            yield batch.slice(1)

    monkeypatch.setattr(room, "stream_parts", lossy)
    with pytest.raises(NotConserved, match="no file was written"):
        export_focus(home, tmp_path / "x.csv", version="1.4")
    assert list(tmp_path.glob("*x.csv*")) == []


@pytest.fixture
def validator():
    """The FOCUS validator: its failed rules of a file; the test is skipped where it is not."""
    named = os.environ.get("TRAINFARE_FOCUS_VALIDATOR") or shutil.which("focus-validator")
    if not named:
        pytest.skip(
            "focus-validator is not here; in a Python 3.12: pip install focus-validator==2.2.1 "
            "pyarrow==20.0.0, then set TRAINFARE_FOCUS_VALIDATOR to its path"
        )
    # It reads a table of its own by a path that is relative to where it is installed.
    (packages,) = Path(named).parents[1].glob("lib/python3.*/site-packages")

    def failures(path):
        words = [named, "--data-file", path, "--validate-version", "1.2", "--block-download"]
        done = subprocess.run(words, cwd=packages, capture_output=True, text=True, check=True)
        assert re.search(r"Total: \d+ ", done.stdout), done.stdout[-2000:]
        return set(re.findall(r"([\w-]+): FAIL", done.stdout))

    return failures


@pytest.mark.long
def test_the_export_breaks_no_rule_of_focus_that_its_bills_keep(validator, tmp_path, monkeypatch):
    """What the validator finds in the export, it finds in the bills that it was made from."""
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    home, world = tmp_path / "home", make_world(7, runs=30, days=2)
    found = set()
    for delivery in world.final:
        bill = write_focus(delivery, tmp_path / delivery.name, version="1.2", form="parquet")
        trainfare(home, "bill", "import", bill, "--source", delivery.provider)
        files = [bill] if bill.is_file() else list(bill.rglob("*.parquet"))
        found = found.union(*map(validator, files))
    trainfare(home, "claims", "import", write_world_claims(world, tmp_path / "claims.csv"))
    trainfare(home, "allocate")
    out = tmp_path / "export.parquet"
    said(home, "report", "--format", "focus", "--focus-version", "1.2", "--out", out)
    assert validator(out) <= found
