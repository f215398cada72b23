"""What the first page says of the last month."""

import pytest

from flows.bills import hour, trainfare, write_bill

pytest.importorskip("litestar")

from trainfare.core.money import Money
from trainfare.server import money_pages, overview  # noqa: F401 - they name the parts
from trainfare.server.part import PARTS, Ask


@pytest.fixture(autouse=True)
def metadata_off(monkeypatch):
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_HOME", "")  # commands set it; put back afterwards


@pytest.mark.parametrize(("correction", "shown"), [("-5", "2026-10"), ("5", "2026-11")])
def test_a_month_that_only_takes_back_is_not_the_last_one_of_the_overview(
    correction, shown, tmp_path
):
    bills = [
        write_bill(tmp_path / "october.csv", hour("i-1", 8, "10")),
        write_bill(tmp_path / "november.csv", hour("i-1", 8, correction, month="11")),
    ]
    trainfare(tmp_path, "bill", "import", *bills)
    trainfare(tmp_path, "allocate")
    ask = Ask(tmp_path, None, None, {})
    assert PARTS["money"].make(ask)["period"] == shown
    assert PARTS["seal"].make(ask)["newest"] == shown


def test_a_tax_alone_makes_no_month(tmp_path):
    bills = [
        write_bill(tmp_path / "october.csv", hour("i-1", 8, "10")),
        write_bill(tmp_path / "november.csv", hour("", 8, "3", month="11", category="Tax")),
    ]
    trainfare(tmp_path, "bill", "import", *bills)
    trainfare(tmp_path, "allocate")
    ask = Ask(tmp_path, None, None, {})
    found = PARTS["money"].make(ask)
    assert (found["period"], found["books"][0]["total"]) == ("2026-10", Money(10 * 10**9))
    assert PARTS["seal"].make(ask)["newest"] == "2026-10"
    assert PARTS["statements"].make(ask)["period"] == "2026-10"
