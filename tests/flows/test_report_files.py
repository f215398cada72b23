"""Reports and statements as files: every format says the same money, and is whole or not there."""

import csv
import io
import re
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from flows.bills import hour, said, trainfare, write_bill, write_claims


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with two runs, idle time, tax, and a bill in two currencies."""
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    bill = write_bill(
        tmp_path / "b.csv",
        hour("i-1", 8, "8.000000001"),
        hour("=HYPERLINK(1)", 9, "2.50"),
        hour("", 8, "0.5", category="Tax"),
        hour("i-1", 9, "-5.00", currency="EUR"),
    )
    claims = write_claims(tmp_path / "c.csv", ("a", "i-1", 8, 8.5, 1), ("b", "i-1", 8.5, 9, 0.5))
    trainfare(tmp_path / "home", "bill", "import", bill)
    trainfare(tmp_path / "home", "claims", "import", claims)
    trainfare(tmp_path / "home", "allocate")
    return tmp_path / "home"


def test_parquet_has_every_line_with_exact_money_and_units(home, tmp_path):
    said(home, "report", "--by", "run", "--format", "parquet", "--out", tmp_path / "r.parquet")
    table = pq.read_table(tmp_path / "r.parquet")
    field = table.schema.field("allocated")
    assert str(field.type) == "decimal128(38, 9)"
    assert field.metadata[b"unit"] == b"currency"
    sums = {"USD": Decimal(0), "EUR": Decimal(0)}
    for row in table.to_pylist():
        sums[row["currency"]] += row["allocated"]
    assert sums == {"USD": Decimal("11.000000001"), "EUR": Decimal(-5)}
    assert set(table["line"].to_pylist()) == {"group", "remainder"}


def test_parquet_of_one_currency_names_it(home, tmp_path):
    (tmp_path / "one").mkdir()
    bill = write_bill(tmp_path / "one.csv", hour("i-1", 8, "8"))
    trainfare(tmp_path / "one", "bill", "import", bill)
    trainfare(tmp_path / "one", "allocate")
    said(tmp_path / "one", "report", "--format", "parquet", "--out", tmp_path / "r.parquet")
    assert pq.read_schema(tmp_path / "r.parquet").field("allocated").metadata[b"unit"] == b"USD"


def test_csv_cells_are_safe_in_a_spreadsheet_and_numbers_stay_numbers(home, tmp_path):
    said(home, "report", "--by", "resource", "--format", "csv", "--out", tmp_path / "r.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text())))
    assert "-5.000000000" in {row["allocated"] for row in rows}
    for row in rows:
        assert row["resource"][:1] not in set("=+-@\t\r")
        assert Decimal(row["allocated"]) is not None


def test_json_in_a_file_is_the_json_on_the_screen(home, tmp_path):
    said(home, "report", "--format", "json", "--out", tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text() == said(home, "report", "--format", "json")


def test_a_page_shows_the_bill_its_remainders_and_the_proof(home, tmp_path):
    out = tmp_path / "r.html"
    said(home, "report", "--by", "team", "--format", "html", "--out", out)
    html = out.read_text()
    assert not re.search(r"https?:", html)
    for words in ("$11.00", "-€5.00", "(idle)", "resource_overlap", "=HYPERLINK(1)", "<svg"):
        assert words in html
    assert "sum to the bill: 11.000000001 USD, proven against the charges" in html
    assert html == said(home, "report", "--by", "team", "--format", "html")


def test_a_page_of_a_bill_that_was_restated_says_that_it_is_the_earlier_one(home, tmp_path):
    trainfare(home, "bill", "import", write_bill(tmp_path / "2.csv", hour("i-1", 8, "9")))
    html = said(home, "report", "--format", "html")
    assert "was restated since it was allocated, by -2.000000001 USD" in html
    assert "sum to the bill: 11.000000001 USD, proven against the charges" in html


def test_a_page_of_runs_without_a_bill_shows_estimates(tmp_path, monkeypatch):
    from trainfare import track

    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "bare"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    with track(run_id="mine", model="bert", price="3.6"):
        pass
    html = said(tmp_path / "bare", "report", "--by", "model", "--format", "html")
    assert "What runs cost" in html
    assert "bert" in html


@pytest.mark.parametrize("command", ["report", "statement"])
def test_a_pdf_is_a_pdf_of_the_same_money(home, tmp_path, command, need):
    import subprocess

    out = tmp_path / "r.pdf"
    told = said(home, command, "--format", "pdf", "--out", out)
    assert re.fullmatch(r".*r\.pdf: [\d,]+ bytes\n", told)
    text = subprocess.run(
        [need("pdftotext"), out, "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "$11.00" in text
    assert "Page 1 of" in text


@pytest.mark.parametrize("kind", ["showback", "chargeback"])
def test_a_statement_page_has_a_chapter_per_team_and_names_its_bills(home, kind):
    html = said(home, "statement", "--kind", kind, "--format", "html")
    assert f"{kind.capitalize()} statement" in html
    assert "All teams in USD" in html
    assert "nlp: $6.00" in html
    assert "aws-acct-1" in html
    assert "sum to the bill: 11.000000001 USD, proven against 4 charges" in html
    one = said(home, "statement", "--kind", kind, "--format", "html", "--team", "nlp")
    assert "All teams in USD" not in one


def test_a_table_goes_to_no_file_and_a_folder_that_is_not_there_is_said(home, tmp_path):
    wrong = said(home, "report", "--out", tmp_path / "x.txt", code=2)
    assert "--out with --format table has no meaning" in wrong
    wrong = said(home, "report", "--format", "csv", "--out", tmp_path / "no" / "x.csv", code=3)
    assert "cannot write" in wrong
    assert list(tmp_path.glob("*.partial")) == []


@pytest.mark.parametrize(
    ("missing", "form"), [("jinja2", "html"), ("altair", "html"), ("typst", "pdf")]
)
def test_what_is_not_installed_is_one_sentence(home, monkeypatch, missing, form):
    from importlib import util

    whole = util.find_spec
    for room in ("html_document", "pdf_document", "document_picture"):
        monkeypatch.setattr(
            f"trainfare.reports.{room}.find_spec",
            lambda name: None if name == missing else whole(name),
        )
    wrong = said(home, "report", "--format", form, "--out", home / f"x.{form}", code=2)
    assert "install the extra: pip install 'trainfare[reports]'" in wrong
    assert len(wrong.strip().splitlines()) == 1
