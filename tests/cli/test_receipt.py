"""``trainfare receipt``: one answer in four forms."""

import csv
import io
from html.parser import HTMLParser

import pytest

from cli.recordings import Recorder, record_training
from trainfare.core.price import NoPrice

VOID = {"meta", "br", "hr", "img", "link", "input"}


def test_a_receipt_reads_as_agreed(home, frozen, text, golden):
    record_training(home, "r-one", name="train.py", labels={"team": "nlp", "model": "bert"}, gpus=2)
    golden("receipt", text("receipt", "r-one"))


def test_a_receipt_without_a_price_says_so_everywhere(home, frozen, text, golden):
    missing = NoPrice("aws/moon-1/p5.48xlarge/on_demand", "nobody sells it there")
    record_training(home, "r-free", price=missing)
    found = text("receipt", "r-free")
    golden("receipt-without-price", found)
    for line in ("compute", "estimated", "per step", "    0  "):
        row = next(one for one in found.splitlines() if one.startswith(line))
        assert row.endswith("no price")


def test_a_receipt_of_many_epochs_shows_the_first_and_the_last(home, frozen, text, golden):
    record_training(home, "r-long", epochs=40, seconds=10)
    golden("receipt-of-many-epochs", text("receipt", "r-long"))


def test_a_receipt_of_a_failed_run_says_why(home, frozen, text, golden):
    made = Recorder(home, "r-bad", name="train.py")
    made.ride(3)
    made.end("failed", exit_code=1, error="RuntimeError: CUDA out of memory")
    golden("receipt-of-a-failure", text("receipt", "r-bad"))


@pytest.mark.parametrize("columns", ["40", "60", "200"])
def test_no_line_is_longer_than_the_terminal(home, frozen, text, monkeypatch, columns):
    record_training(home, "r-one", name="x" * 100, labels={"team": "t" * 90}, gpus=2)
    monkeypatch.setenv("COLUMNS", columns)
    lines = text("receipt").splitlines()
    assert max(map(len, lines)) <= min(78, int(columns))


def test_csv_has_a_row_per_component_stage_and_epoch_and_the_exact_total(
    home, frozen, text, answer
):
    record_training(home, "r-one")
    rows = list(csv.DictReader(io.StringIO(text("receipt", "--format", "csv"))))
    found = answer("receipt")
    assert list(rows[0]) == ["run", "kind", "name", "seconds", "estimated", "currency"]
    by_kind = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
    assert {row["name"]: row["estimated"] for row in by_kind["component"]} == {
        name: amount or "" for name, amount in found["estimated"]["components"].items()
    }
    assert [row["estimated"] for row in by_kind["epoch"]] == [
        epoch["estimated"] for epoch in found["epochs"]
    ]
    assert by_kind["total"][0]["estimated"] == found["estimated"]["total"]
    assert len(by_kind["stage"]) == len(found["stages"])


@pytest.mark.parametrize("stage", ["=1+1", "+cmd", "-2", "@sum", "\tx"])
def test_no_cell_of_the_csv_is_a_formula(home, frozen, text, stage):
    made = Recorder(home, "r-evil")
    made.stage(stage)
    made.ride(2)
    made.end()
    rows = list(csv.reader(io.StringIO(text("receipt", "--format", "csv"))))
    cells = [cell for row in rows for cell in row]
    assert f"'{stage}" in cells
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r") and cell]


class Page(HTMLParser):
    """Checks that every element is closed in order, and collects what could load from outside."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.links, self.words = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in {"src", "href", "action", "data", "srcset"}]
        self.links += [v for k, v in attrs if v and "url(" in v]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def test_html_is_one_page_that_needs_nothing_from_outside(home, frozen, text, answer):
    record_training(home, "r-one", name="<script>alert(1)</script>", labels={"team": "a & b"})
    source = text("receipt", "--format", "html")
    page = Page()
    page.feed(source)
    page.close()
    assert source.startswith("<!doctype html>")
    assert (page.open, page.links) == ([], [])
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.words
    assert "team a & b" in page.words
    assert {"html", "head", "title", "body", "table"} <= set(page.tags)
    for epoch in answer("receipt")["epochs"]:
        assert f"${epoch['estimated'][:8]}" in page.words


def test_a_receipt_may_be_asked_for_by_name_or_by_the_beginning_of_its_id(home, frozen, answer):
    record_training(home, "r-aa1", name="first")
    record_training(home, "r-ab2", name="second", segment="later")
    assert answer("receipt", "first")["run"] == "r-aa1"
    assert answer("receipt", "r-ab")["run"] == "r-ab2"
    assert answer("receipt", "r-aa1", "--home", home)["run"] == "r-aa1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["r-a"], "2 runs begin with 'r-a': r-aa1, r-ab2; say more"),
        (["nobody"], "no run is called 'nobody'; `trainfare runs` lists those there are"),
        (["r-aa1", "r-ab2"], "got unexpected extra argument (r-ab2)"),
        (["--format", "xml"], "'xml' is not one of 'table', 'json', 'csv', 'html'"),
    ],
)
def test_wrong_words_get_one_sentence(home, frozen, say, words, said):
    for run in ("r-aa1", "r-ab2"):
        record_training(home, run)
    code, out, err = say("receipt", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_an_empty_home_says_how_to_begin(home, say):
    code, out, err = say("receipt")
    assert (code, out) == (2, "")
    assert "no run was recorded" in err
    assert "trainfare run" in err
