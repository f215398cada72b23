"""Reports with commitments as billed, pooled and without: the same bill, shared otherwise."""

from decimal import Decimal

import pytest

from flows.bills import said, trainfare
from trainfare.core.charge import Sharing
from trainfare.core.money import Money
from trainfare.flows.coverage import cover, covered_hours
from trainfare.flows.report import make_report
from trainfare.flows.utilization import make_utilization
from trainfare.simulation.commitment import SAVINGS_PLAN
from trainfare.simulation.folder import write_world
from trainfare.simulation.world import make_world


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return filled(tmp_path_factory.mktemp("home"), "focus-1.2")


def filled(home, bills):
    """A home with a simulated month, allocated."""
    world = make_world(5, runs=40, days=4, teams=3, machines=4, period="2026-09")
    places = write_world(world, home / "files", bills=bills)
    trainfare(home, "bill", "import", *(one for one in places if "rented" not in str(one)))
    trainfare(home, "claims", "import", home / "files" / "claims" / "meter.csv")
    (home / "rules.toml").write_text(world.rules)
    trainfare(home, "allocate")
    return home


def report(home, sharing, by=("run",)):
    [table] = make_report(home, by, sharing=sharing).tables
    return table


@pytest.mark.parametrize("by", ["run", "team", "component", "resource", "day", "method", "region"])
def test_pooled_rows_sum_to_the_same_bill_by_any_key(shared, by):
    billed, pooled = (report(shared, one, (by,)) for one in (Sharing.BILLED, Sharing.POOLED))
    assert pooled.total["allocated"] == billed.total["allocated"]
    keys = [[row[by] for row in one.rows] for one in (billed, pooled)]
    assert sorted(map(str, keys[0])) == sorted(map(str, keys[1]))
    if by in ("component", "region"):
        return  # every pool is within one of these
    assert {row[by]: row["allocated"] for row in billed.rows} != {
        row[by]: row["allocated"] for row in pooled.rows
    }


def test_unused_commitment_stays_apart_when_the_rest_is_pooled(shared):
    lines = [
        {row.name: row["allocated"] for row in report(shared, one).remainders}
        for one in (Sharing.BILLED, Sharing.POOLED, Sharing.NONE)
    ]
    assert lines[0]["unused_commitment"] == lines[1]["unused_commitment"] > Money.zero()
    assert lines[2].get("unused_commitment", Money.zero()) == Money.zero()


def test_without_commitments_the_bill_is_dearer_by_what_they_saved(shared):
    billed, none = (report(shared, one) for one in (Sharing.BILLED, Sharing.NONE))
    saved = [
        one.on_contracted.saved
        for one in make_utilization(shared, ("state",)).commitments
        if one.commitment is not None
    ]
    assert none.total["allocated"] - billed.total["allocated"] == Money.total(saved)
    assert none.total["run"] == "total"  # nobody was billed that
    assert "without commitments" in none.title


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    """The same as providers' own files, which have the fee of what was not used as a purchase."""
    return filled(tmp_path_factory.mktemp("home"), "native")


@pytest.mark.parametrize("form", ["shared", "native"])
def test_covered_hours_are_the_commitments_of_the_bill(form, request):
    home = request.getfixturevalue(form)
    hours = covered_hours(home)
    told = [
        one for one in make_utilization(home, ("state",)).commitments if one.commitment is not None
    ]
    assert sum(one.unused.nano for one in told) > 0
    assert sum(one.effective for one in hours if one.is_unused) == sum(
        one.unused.nano for one in told
    )
    unused = {one.commitment: one.unused for one in told}
    status = trainfare(home, "commit", "status")["commitments"]
    [plan] = [one for one in status if one["id"] == SAVINGS_PLAN.id]
    assert Money.parse(plan["unused"]) == unused[SAVINGS_PLAN.id] > Money.zero()
    assert sum(one.effective for one in hours if one.commitment is not None) == sum(
        one.used.nano + one.unused.nano for one in told
    )


def test_scripts_and_people_are_told_which_it_is(shared):
    words = ("report", "--by", "team", "--commitments")
    assert trainfare(shared, *words, "pooled")["commitments"] == "pooled"
    assert trainfare(shared, "report", "--by", "team")["commitments"] == "billed"
    assert "one mean rate" in " ".join(said(shared, *words, "pooled").split())
    assert "--view" in said(shared, *words, "pooled", "--view", "list", code=2)
    found = trainfare(shared, "commit", "status", "--runs")["alignment"]
    aws = next(one for one in found if one["provider"] == "AWS")
    assert sum(Decimal(run["used"]) for run in aws["runs"]) == Decimal(aws["used"])
    text = said(shared, "commit", "status", "--runs")
    assert "(unused)" in text
    assert "beside unused" in text


def test_it_is_made_once_for_each_allocation_and_refused_when_claims_changed(shared, tmp_path):
    [folder] = cover(shared).values()
    made = folder.stat().st_mtime_ns
    assert cover(shared) == {"2026-09": folder}
    assert folder.stat().st_mtime_ns == made
    claims = tmp_path / "more.csv"
    claims.write_text(
        "run,resource,start,end,share\nlate,i-x,2026-09-01T00:00:00Z,2026-09-01T01:00:00Z,1\n"
    )
    trainfare(shared, "claims", "import", claims)
    assert "run trainfare allocate 2026-09" in said(
        shared, "report", "--commitments", "pooled", code=2
    )
    trainfare(shared, "allocate")
    [after] = cover(shared).values()
    assert after != folder
    assert not folder.exists()
