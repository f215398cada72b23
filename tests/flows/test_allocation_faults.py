"""Results that were damaged, and allocations that meet: nothing older ever stands before the newer."""

import os
import shutil
import signal
import subprocess
import sys

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from flows.bills import hour, trainfare, write_bill, write_claims
from trainfare.allocation import engine_duckdb
from trainfare.core.errors import OutsideFailed
from trainfare.flows import allocation


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(folder))
    trainfare(folder, "bill", "import", write_bill(tmp_path / "bill.csv", hour("i-1", 8, "8")))
    claimed(folder, tmp_path, "0.5")
    return folder


def claimed(home, tmp_path, share):
    """One run holds so much of the machine."""
    claims = write_claims(tmp_path / "claims.csv", ("a", "i-1", 8, 9, share))
    trainfare(home, "claims", "import", claims)


def owned(home):
    """What stands where: method → amount."""
    return {
        row["method"] + (row["run"] or ""): row["allocated"]
        for row in trainfare(home, "report", "--by", "run,method")["rows"]
    }


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_damaged_result_is_made_anew(home, tmp_path, is_changed):
    trainfare(home, "allocate")
    if is_changed:
        claimed(home, tmp_path, "0.75")
    [result] = (home / "allocations" / "2026-10").glob("*.parquet")
    result.write_bytes(result.read_bytes()[:500])
    assert "run trainfare allocate" in trainfare(home, "report", code=3)
    trainfare(home, "allocate")
    assert trainfare(home, "verify")["conserved"] is True
    expected = "6.000000000" if is_changed else "4.000000000"
    assert owned(home)["resource_overlapa"] == expected


def test_a_result_that_no_more_sums_to_its_bill_is_made_anew(home):
    trainfare(home, "allocate")
    [result] = (home / "allocations" / "2026-10").glob("*.parquet")
    rows = pq.read_table(result)
    place = rows.column_names.index("billed_nano")
    less = pc.subtract(rows["billed_nano"], 1)
    pq.write_table(rows.set_column(place, "billed_nano", less), result)
    assert trainfare(home, "verify", code=1)["conserved"] is False
    trainfare(home, "allocate")
    assert trainfare(home, "verify")["conserved"] is True


@pytest.fixture
def month(home, tmp_path):
    """A home with a bill of six machines, of which one is claimed."""
    charges = [hour(f"i-{n}", 8, f"{n}") for n in range(1, 7)]
    trainfare(home, "bill", "import", write_bill(tmp_path / "bill.csv", *charges))
    trainfare(home, "allocate")
    return home


DAMAGES = ["outs", "places", "claim_marks", "claim_sums", "tags", "facts", "seal", "result"]


@pytest.mark.parametrize("which", DAMAGES)
def test_what_is_kept_of_the_last_result_is_not_believed_once_it_was_changed(
    month, tmp_path, which
):
    [kept] = (month / "bases" / "2026-10").iterdir()
    [result] = (month / "allocations" / "2026-10").glob(f"{kept.name}")
    [file] = [result] if which == "result" else kept.glob(f"{which}.*")
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)
    claimed(month, tmp_path, "0.75")
    [done] = trainfare(month, "allocate")["periods"]
    assert done["resource_days"] is None
    assert trainfare(month, "verify")["conserved"] is True
    assert owned(month)["resource_overlapa"] == "0.750000000"
    claimed(month, tmp_path, "1")
    [done] = trainfare(month, "allocate")["periods"]
    assert done["resource_days"] is not None
    assert owned(month)["resource_overlapa"] == "1.000000000"


@pytest.mark.parametrize("damage", [100, 0, None])
@pytest.mark.parametrize("step", ["allocate", "verify"])
def test_a_damaged_bill_is_named_and_imported_again(home, tmp_path, damage, step):
    trainfare(home, "allocate")
    claimed(home, tmp_path, "0.75")
    [part] = (home / "lake").glob("*/*/*/*.parquet")
    if damage is None:  # whole, and not all of it
        pq.write_table(pq.read_table(part)[:0], part)
    else:
        part.write_bytes(part.read_bytes()[:damage])
    complaint = trainfare(home, step, code=3)
    assert f"in {part.parent} " in complaint
    assert "import the bill again" in complaint
    trainfare(home, "bill", "import", tmp_path / "bill.csv")
    trainfare(home, "allocate")
    assert trainfare(home, "verify")["conserved"] is True
    assert owned(home)["resource_overlapa"] == "6.000000000"


def test_charges_that_sum_to_another_amount_are_not_laid_on_the_allocation(home, tmp_path):
    [part] = (home / "lake").glob("*/*/*/*.parquet")
    rows = pq.read_table(part)
    place = rows.column_names.index("x_BilledNano")
    more = pc.add(rows["x_BilledNano"], 1).cast(rows.schema.field(place).type)
    pq.write_table(rows.set_column(place, "x_BilledNano", more), part)
    assert "sum to other than when they were imported" in trainfare(home, "allocate", code=3)
    trainfare(home, "bill", "import", tmp_path / "bill.csv")
    trainfare(home, "allocate")
    assert trainfare(home, "verify")["conserved"] is True


KILLED_AT_RENAME = (
    "import os, signal, sys\n"
    "from pathlib import Path\n"
    "Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    "from trainfare.cli.main import main\n"
    "main(['allocate', '--home', sys.argv[1]])\n"
)


def test_an_allocation_of_changes_that_was_killed_leaves_nothing_for_good(month, tmp_path):
    claimed(month, tmp_path, "0.75")
    words = [sys.executable, "-c", KILLED_AT_RENAME, str(month)]
    died = subprocess.run(words, capture_output=True, timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL
    assert owned(month)["resource_overlapa"] == "0.500000000"
    assert trainfare(month, "verify")["conserved"] is True
    results = month / "allocations" / "2026-10"
    [left] = results.glob(".*")
    os.utime(left, (0, 0))
    trainfare(month, "allocate")
    assert not list(results.glob(".*"))
    assert owned(month)["resource_overlapa"] == "0.750000000"


def test_results_that_never_became_current_go_after_a_day(month, tmp_path):
    results = month / "allocations" / "2026-10"
    before = set(results.iterdir())
    for name in ("young", "old", "old-renewed"):
        place = results / name
        place.mkdir() if "-" in name else place.touch()
    for path in before | {results / "old", results / "old-renewed"}:
        os.utime(path, (0, 0))
    claimed(month, tmp_path, "0.75")
    trainfare(month, "allocate")
    assert before < set(results.iterdir())
    assert {
        path.name for path in results.iterdir() if path.name in {"young", "old", "old-renewed"}
    } == {"young"}


@pytest.mark.parametrize("place", ["allocations", "bases", "surveys"])
def test_a_home_that_cannot_be_written_is_told_with_what_was_to_be_written(home, place):
    shutil.rmtree(home / place, ignore_errors=True)
    (home / place).touch()
    complaint = trainfare(home, "allocate", code=3)
    assert f"cannot write the allocation of 2026-10 in {home}: " in complaint
    (home / place).unlink()
    trainfare(home, "allocate")
    assert trainfare(home, "verify")["conserved"] is True


def test_one_that_was_overtaken_does_not_become_current(home, tmp_path, monkeypatch):
    slow = allocation.write_allocation

    def overtaken(*words, **more):
        work = slow(*words, **more)
        monkeypatch.setattr(allocation, "write_allocation", slow)
        claimed(home, tmp_path, "0.75")
        allocation.allocate_periods(home)
        return work

    monkeypatch.setattr(allocation, "write_allocation", overtaken)
    with pytest.raises(OutsideFailed, match="became current while this one was made"):
        allocation.allocate_periods(home)
    assert owned(home)["resource_overlapa"] == "6.000000000"


def test_two_of_the_same_at_once_both_end_well(home, monkeypatch):
    summarise, both = engine_duckdb.summarise, []

    def meet(*words):
        monkeypatch.setattr(engine_duckdb, "summarise", summarise)
        both.extend(allocation.allocate_periods(home))
        return summarise(*words)

    monkeypatch.setattr(engine_duckdb, "summarise", meet)
    both.extend(allocation.allocate_periods(home))
    assert len(both) == 2
    assert both[0].summary == both[1].summary
    assert owned(home)["resource_overlapa"] == "4.000000000"
