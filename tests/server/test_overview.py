"""What the first page says of the last month."""

import pytest

from flows.bills import hour, trainfare, write_bill

pytest.importorskip("litestar")

from trainfare.server import overview  # noqa: F401 - it names the part
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
    assert PARTS["money"].make(Ask(tmp_path, None, None, {}))["period"] == shown
