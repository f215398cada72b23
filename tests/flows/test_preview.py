"""A preview stands beside the bill: shown with it, never in it."""

import pytest

pytest.importorskip("duckdb")

from billing.stores import served
from billing.test_aws_preview import explorer, result
from flows.bills import hour, trainfare, write_bill
from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.core.period import parse_instant
from trainfare.flows.preview import find_preview, preview_document, refresh_preview

AT_NS = parse_instant("2026-10-03T05:00:00Z")
PAGE = [
    result(1, 2, ("Amazon EC2", "30", "25"), ("Amazon S3", "1.5", "1.5")),
    result(2, 3, ("Amazon EC2", "32", "27")),
]


@pytest.fixture
def explored(aws_here, monkeypatch):
    """AWS with Cost Explorer as PAGE has it; what it is asked."""
    handler, asked = explorer(PAGE)
    with served(handler) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COST_EXPLORER", address)
        yield asked


def test_it_shows_services_and_the_bill_beside_and_changes_no_bill(explored, tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(home))
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00")))
    trainfare(home, "allocate")
    before = trainfare(home, "verify")
    asked = refresh_preview(home, "aws", at_ns=AT_NS)
    kept = find_preview(home)
    assert kept == asked
    document = preview_document(home, kept)
    assert document["totals"] == [
        {
            "currency": "USD",
            "billed": "63.500000000",
            "effective": "53.500000000",
            "bill": "8.000000000",
        }
    ]
    assert [(one["service"], one["effective"]) for one in document["services"]] == [
        ("Amazon EC2", "52.000000000"),
        ("Amazon S3", "1.500000000"),
    ]
    assert document["kind"] == "preview"
    assert trainfare(home, "verify") == before
    assert trainfare(home, "bill", "preview")["preview"]["period"] == "2026-10"


def test_on_the_first_day_of_a_month_it_is_of_the_month_before(explored, tmp_path):
    found = refresh_preview(tmp_path, "aws", at_ns=parse_instant("2026-11-01T05:00:00Z"))
    assert found.period == "2026-10"
    assert explored[0]["TimePeriod"] == {"Start": "2026-10-01", "End": "2026-11-01"}


def test_a_failure_leaves_what_was_known(explored, tmp_path, monkeypatch):
    refresh_preview(tmp_path, "aws", at_ns=AT_NS)
    before = find_preview(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL_COST_EXPLORER", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(OutsideFailed):
        refresh_preview(tmp_path, "aws", at_ns=AT_NS)
    assert find_preview(tmp_path) == before


def test_there_is_none_until_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path))
    assert find_preview(tmp_path) is None
    assert trainfare(tmp_path, "bill", "preview") == {"preview": None}


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / "preview.json").write_text('{"days": 3}')
    with pytest.raises(BadInput, match="is damaged"):
        find_preview(tmp_path)
