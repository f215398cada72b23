"""Real bills: exported as FOCUS and imported anew, the money and the owners are the same."""

import pytest

from billing.bills import sample
from flows.bills import said, trainfare

SAMPLES = [
    "focus/focus_1.0_sample_1000.csv",
    "aws/cur1_anonymous.csv",
    "azure/ea_anonymous.csv",
    "nise/aws/aws_p4d_savingsplan_static.csv",
]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_real_bill_goes_out_and_comes_back_the_same(name, form, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "one"))
    one, two, out = tmp_path / "one", tmp_path / "two", tmp_path / f"out.{form}"
    trainfare(one, "bill", "import", sample(name))
    trainfare(one, "allocate")
    said(one, "report", "--format", "focus", "--out", out)
    trainfare(two, "bill", "import", out)
    trainfare(two, "allocate")
    assert balances(two) == balances(one)


def balances(home):
    """What verify says, view by view."""
    answer = trainfare(home, "verify")
    assert answer["conserved"] is True
    return sorted(map(repr, answer["periods"]))
