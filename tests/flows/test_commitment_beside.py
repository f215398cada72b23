"""Beside the status of commitments: other currencies, and commitments that the bill gives no cost."""

import pytest

from billing.bills import sample
from flows.bills import HEADER, hour, said, trainfare

PLAN = "arn:aws:savingsplans::1:savingsplan/0f1e"


def committed(charge, *, effective, status="Used", id_=PLAN):
    """A charge that a commitment paid for."""
    cells = charge.split(",")
    cells[0], cells[1] = "0", effective
    return ",".join([*cells, id_, status, "Savings Plan"])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("beside")
    head = f"{HEADER},CommitmentDiscountId,CommitmentDiscountStatus,CommitmentDiscountType"
    charges = [
        *(f"{hour('i-1', at, 10)},,," for at in range(4)),
        committed(hour("i-2", 1, 3), effective="0"),
        committed(hour("i-2", 2, 3), effective="0"),
        committed(hour("i-3", 1, 3, currency="EUR"), effective="2", id_="in-euro"),
        committed(hour("i-3", 2, 0, currency="EUR"), effective="1", status="Unused", id_="in-euro"),
    ]
    (folder / "bill.csv").write_text("\n".join([head, *charges]) + "\n")
    trainfare(folder, "bill", "import", folder / "bill.csv")
    return folder


def test_a_commitment_without_a_cost_is_listed_with_what_is_known(home):
    [one] = trainfare(home, "commit", "status")["unmeasured"]
    assert (one["id"], one["kind"], one["charges"]) == (PLAN, "Savings Plan", 2)
    assert (one["list"], one["commitment_per_hour"]) == ("6.000000000", None)
    text = said(home, "commit", "status")
    assert "Nothing is held" not in text
    assert "On the bills, and the bill does not say what was paid for it:" in text
    assert "$6.0000" in text


def test_other_currencies_are_said_to_be_left_out(home):
    [euro] = trainfare(home, "commit", "status")["other_currencies"]
    assert euro == {
        "currency": "EUR", "commitments": 1, "used": "2.000000000", "unused": "1.000000000"
    }  # fmt: skip
    text = said(home, "commit", "status")
    assert "Not in it: what is billed in EUR, with 1 commitment (€2.00 used, €1.00 unused)" in text


def test_what_was_recorded_of_them_is_not_said_to_be_on_no_bill(home):
    for one in ("0f1e", "in-euro"):
        trainfare(home, "commit", "record", one, "own:1y=1", "--start", "2026-01-01")
    found = trainfare(home, "commit", "status")
    assert found["not_on_bill"] == []
    assert found["unmeasured"][0]["ends"] == "2027-01-01T00:00:00Z"


def test_a_real_bill_whose_plans_cost_nothing_on_it(tmp_path):
    trainfare(tmp_path, "bill", "import", sample("focus/focus_1.0_sample_1000.csv"))
    found = trainfare(tmp_path, "commit", "status")
    assert [one["charges"] for one in found["unmeasured"]] == [3, 1]
    assert "Nothing is held" not in said(tmp_path, "commit", "status")
