"""The report path on real records and bills: one table, with and without a bill."""

import subprocess
import sys
from decimal import Decimal

import pytest

import trainfare as tf
from flows.bills import said, trainfare
from flows.rides import charge, ride, write_charges


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(folder))
    monkeypatch.setenv("COLUMNS", "80")
    return folder


def bill(home, tmp_path, *rows):
    trainfare(home, "bill", "import", write_charges(tmp_path / "b.csv", *rows))
    trainfare(home, "allocate")


def sums_to_the_bill(document):
    parts = [row["allocated"] for row in document["rows"]]
    parts += document["remainders"].values()
    parts += [document["left_out"]["allocated"]] if document["left_out"] else []
    return sum(Decimal(part) for part in parts if part) == Decimal(document["total"])


def test_before_any_bill_a_report_is_of_estimates_and_makes_no_ledger(home):
    ride(home, "r-1", 8, 10)
    ride(home, "r-2", 12, 13, resource="i-2", price=None)
    document = trainfare(home, "report", "--by", "run", "--measures", "hours,per_run")
    rows = {row["run"]: row for row in document["rows"]}
    assert rows["r-1"]["estimated"] == "20.000000000"
    assert (rows["r-1"]["allocated"], document["total"], document["remainders"]) == (None, None, {})
    assert rows["r-1"]["hours"] == "2"
    assert rows["r-2"]["estimated"] is None
    words = said(home, "report", "--by", "run")
    assert "– estimated: no price was known (1 of 2 rows)" in words
    assert "– allocated (no column): no bill is allocated yet" in words
    assert not (home / "ledger.db").exists()


def test_a_report_before_any_bill_needs_no_extra(home):
    ride(home, "r-1", 8, 10)
    code = (
        "import sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'duckdb', 'pyarrow', 'sqlalchemy', 'alembic'}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Gone())\n"
        "import trainfare\n"
        "print(trainfare.report('run').rows[0]['estimated'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("$20.00\n", "")


def test_a_month_without_a_bill_reports_its_own_part(home):
    ride(home, "r-1", 23, 25, day=31)
    october = trainfare(home, "report", "--period", "2026-10")
    november = trainfare(home, "report", "--period", "2026-11")
    assert october["total_row"]["estimated"] == november["total_row"]["estimated"] == "10.000000000"
    assert "no bill of 2026-12 is here, nor a run" in trainfare(
        home, "report", "--period", "2026-12", code=2
    )


@pytest.mark.parametrize(
    "by", ["run", "team", "stage", "component", "service,stage", "day", "status"]
)
@pytest.mark.parametrize("filters", [(), ("--where", "run=r-1"), ("--where", "component=compute")])
def test_any_grouping_and_filter_sums_to_the_bill(home, tmp_path, by, filters):
    ride(home, "r-1", 8, 10)
    ride(home, "r-2", 9, 11, share="0.5")
    bill(
        home,
        tmp_path,
        charge(at=8, effective="7.01"),
        charge(at=9, effective="9.03"),
        charge("x", 9),
    )
    document = trainfare(home, "report", "--by", by, *filters)
    assert document["total"] == "26.040000000"
    assert sums_to_the_bill(document)
    assert (document["left_out"] is None) == (not filters)


def test_a_filter_says_what_it_leaves_out(home, tmp_path):
    ride(home, "r-1", 8, 9)
    ride(home, "r-2", 9, 10)
    bill(home, tmp_path, charge(at=8, effective="7"), charge(at=9, effective="9"))
    document = trainfare(home, "report", "--by", "run", "--where", "run=r-1", "--where", "run=x")
    assert [row["run"] for row in document["rows"]] == ["r-1"]
    left = document["left_out"]
    assert (left["runs"], left["estimated"], left["allocated"]) == (
        1,
        "10.000000000",
        "9.000000000",
    )
    assert "(left out)" in said(home, "report", "--by", "run", "--where", "run=r-1")


def test_billed_unit_costs_stand_beside_the_estimated_ones(home, tmp_path):
    ride(home, "r-1", 8, 10)
    bill(home, tmp_path, charge(at=8, effective="12"), charge(at=9, effective="12"))
    table = tf.report("run", measures=["per_run", "unfinished", "lineage"])
    row = table.rows[0]
    assert (row["estimated_per_run"].text(), row["allocated_per_run"].text()) == (
        "20.000000000",
        "24.000000000",
    )
    assert row["allocated_lineage"] == row["allocated"] == table.total["allocated"]


def test_runs_outside_the_billed_months_are_counted(home, tmp_path):
    ride(home, "r-1", 8, 9)
    ride(home, "r-2", 8, 9, month="11")
    bill(home, tmp_path, charge(at=8))
    assert "1 metered run lies outside these periods." in said(home, "report", "--by", "run")


def test_frames_of_a_report_sum_to_the_bill(home, tmp_path):
    ride(home, "r-1", 8, 9, share="0.5")
    bill(home, tmp_path, charge(at=8, effective="7.01"))
    table = tf.report(["run", "component"])
    for frame in (table.to_arrow()["allocated"].to_pylist(), table.to_pandas()["allocated"]):
        assert sum(cell for cell in frame if cell is not None) == Decimal("7.01")
    assert "r-1" in table._repr_html_()


def test_a_filter_that_matches_nothing_says_so(home):
    ride(home, "r-1", 8, 9)
    words = said(home, "report", "--where", "team=nlp", "--where", "team=x", "--where", "run=r-1")
    assert "Nothing matches team=nlp or x, run=r-1." in words
    assert "(left out)" in words


def test_wrong_words_are_one_sentence(home):
    ride(home, "r-1", 8, 9)
    for words, sentence in [
        (("--measures", "per_mile"), "there is no measure 'per_mile'"),
        (("--where", "team"), "is not key=value"),
        (("--by", "run,run"), "names run twice"),
        (("--by", "a b"), "is not a letter"),
    ]:
        assert sentence in trainfare(home, "report", *words, code=2)
    with pytest.raises(tf.BadInput, match="is not one of billed"):
        tf.report("run", view="net")
    told = trainfare(home, "report", "--by", "run", "--where", "taem=nlp")
    assert told["unknown_keys"] == ["taem"]


@pytest.mark.parametrize("by", ["run", "stage"])
def test_records_that_cannot_be_read_are_named_beside_the_sum_that_lacks_them(home, by):
    ride(home, "r-1", 8, 10)
    ride(home, "r-2", 12, 13, resource="i-2")
    (record,) = (home / "runs" / "r-2").glob("*/events.jsonl")
    text = record.read_text()
    assert '"k":"end"' in text
    record.write_text(text.replace('"k":"end"', '"k":"end","steps":"4"'))
    document = trainfare(home, "report", "--by", by)
    assert document["total"] is None
    [note] = [one for one in document["notes"] if one.startswith("Not in it: 1 record cannot")]
    assert "r-2/" in note
