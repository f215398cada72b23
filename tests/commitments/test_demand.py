"""Demand from a file: exact money, no gap filled by guess, and every wrong value with its place."""

import pytest

from trainfare.commitments.demand import read_demand
from trainfare.commitments.offer import Offer
from trainfare.core.errors import BadInput

GOOD = """hour,sku,quantity,on_demand_price
2026-10-01T00:00:00Z,p5,2,98.32
2026-10-01T02:00:00Z,p5,0.5,98.32
2026-10-01T02:00:00Z,p5,1,90
2026-10-01T02:00:00+02:00,g5,3,1.006
"""


def test_a_file_is_a_matrix():
    demand = read_demand(GOOD.splitlines(), "demand.csv")
    assert demand.hours == 3
    assert [(one.sku, one.price_nano) for one in demand.columns] == [
        ("g5", 1_006_000_000),
        ("p5", 90_000_000_000),
        ("p5", 98_320_000_000),
    ]
    assert demand.spend_nano.tolist() == [
        [3_018_000_000, 0, 196_640_000_000],
        [0, 0, 0],
        [0, 90_000_000_000, 49_160_000_000],
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("yesterday,p5,1,2", ["row 2", "column hour", "'yesterday'"]),
        ("2026-10-01T00:30:00Z,p5,1,2", ["row 2", "column hour", "beginning of an hour"]),
        ("2026-10-01T00:00:00Z,p5,many,2", ["row 2", "column quantity", "'many'"]),
        ("2026-10-01T00:00:00Z,p5,-1,2", ["row 2", "column quantity", "below 0"]),
        ("2026-10-01T00:00:00Z,p5,1,0", ["row 2", "column on_demand_price", "'0'"]),
        ("2026-10-01T00:00:00Z,p5,1,NaN", ["row 2", "column on_demand_price", "'NaN'"]),
        ("2026-10-01T00:00:00Z,,1,2", ["row 2", "column sku", "empty"]),
        ("2026-10-01T00:00:00Z,p5,1", ["row 2", "3 of 4 columns"]),
        ("2026-10-01T00:00:00Z,p5,1e18,1e8", ["p5", "2026-10-01T00:00:00Z", "more than can be held"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(line, words):
    with pytest.raises(BadInput) as caught:
        read_demand(["hour,sku,quantity,on_demand_price", line], "demand.csv")
    assert all(word in str(caught.value) for word in ["demand.csv", *words])


def test_a_file_without_a_column_or_a_row():
    with pytest.raises(BadInput, match="no column quantity"):
        read_demand(["hour,sku,on_demand_price"], "demand.csv")
    with pytest.raises(BadInput, match="no row"):
        read_demand(["hour,sku,quantity,on_demand_price"], "demand.csv")
    far = [GOOD.splitlines()[0], "1970-01-01T00:00:00Z,p5,1,2", "2026-10-01T00:00:00Z,p5,1,2"]
    with pytest.raises(BadInput, match="check the column hour"):
        read_demand(far, "demand.csv")


@pytest.mark.parametrize(
    ("kind", "term", "rates", "words"),
    [
        ("", "1y", {"a": 1}, "has a kind"),
        ("azure_savings_plan", "2y", {"a": 1}, "'2y'"),
        ("azure_savings_plan", "1y", {}, "has no rate"),
        ("azure_savings_plan", "1y", {"a": 0}, "write more than 0"),
        ("azure_reservation", "1y", {"a": 1, "b": 2}, "one SKU only"),
    ],
)
def test_offers_that_cannot_be(kind, term, rates, words):
    with pytest.raises(BadInput, match=words):
        Offer(kind, term, rates)
