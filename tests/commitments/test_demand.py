"""Demand from a file: exact money, no gap filled by guess, and every wrong value with its place."""

import pytest

from trainfare.commitments.demand import read_demand
from trainfare.commitments.offer import Offer
from trainfare.commitments.rate_file import read_offers
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
        ("2026-10-01T00:00:00Z,p5,1,2,EUR", ["row 2", "5 of 4 columns"]),
        ("\n\n2026-10-01T00:00:00Z,p5,many,2", ["row 4", "column quantity"]),
        ("2026-10-01T00:00:00Z,p5,1e18,1e8", ["p5", "2026-10-01T00:00:00Z", "more than can be held"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(line, words):
    with pytest.raises(BadInput) as caught:
        read_demand(["hour,sku,quantity,on_demand_price", *line.split("\n")], "demand.csv")
    assert all(word in str(caught.value) for word in ["demand.csv", *words])


def test_a_file_without_a_column_or_a_row():
    with pytest.raises(BadInput, match="no column quantity"):
        read_demand(["hour,sku,on_demand_price"], "demand.csv")
    with pytest.raises(BadInput, match="row 1, column 'currency' is not known"):
        read_demand(["hour,sku,quantity,on_demand_price,currency"], "demand.csv")
    with pytest.raises(BadInput, match="row 1, column sku is there twice"):
        read_demand(["hour,sku,quantity,on_demand_price,sku"], "demand.csv")
    with pytest.raises(BadInput, match="no row"):
        read_demand(["hour,sku,quantity,on_demand_price"], "demand.csv")
    far = [GOOD.splitlines()[0], "1970-01-01T00:00:00Z,p5,1,2", "2026-10-01T00:00:00Z,p5,1,2"]
    with pytest.raises(BadInput, match="check the column hour"):
        read_demand(far, "demand.csv")


@pytest.mark.parametrize(
    ("kind", "term", "rates", "words"),
    [
        ("", "1y", {"a": 1}, "has a kind"),
        ("azure_savings_plan", "2 years", {"a": 1}, "'2 years' is not known"),
        ("azure_savings_plan", "1y", {}, "has no rate"),
        ("azure_savings_plan", "1y", {"a": 0}, "write more than 0"),
        ("azure_reservation", "1y", {"a": 1, "b": 2}, "one SKU only"),
    ],
)
def test_offers_that_cannot_be(kind, term, rates, words):
    with pytest.raises(BadInput, match=words):
        Offer(kind, term, rates)


RULES = """sku,kind,term,rate,group,upfront,refund,order,sold_by
m5.large,aws_reserved_instance,1y,0.06,m5,100,,,
m5.xlarge,aws_reserved_instance,1y,0.12,m5,100,,,
p5,aws_reserved_instance,1y,30,,,,,
p4,aws_reserved_instance,1y,12,,,,,
p5,fjord_plan,18m,40,hall-2,,35%,3,machine
c6,aws_ec2_instance_savings_plan,1y,0.05,c6,,,,
r6,aws_ec2_instance_savings_plan,1y,0.08,r6,,,,
"""


def test_a_rate_file_may_say_the_rules_too():
    offers = {one.name: one for one in read_offers(RULES.splitlines(), "rates.csv")}
    assert list(offers) == [
        "aws_reserved_instance 1y m5",
        "aws_reserved_instance 1y p5",
        "aws_reserved_instance 1y p4",
        "fjord_plan 18m hall-2",
        "aws_ec2_instance_savings_plan 1y c6",
        "aws_ec2_instance_savings_plan 1y r6",
    ]
    sizes, own = offers["aws_reserved_instance 1y m5"], offers["fjord_plan 18m hall-2"]
    assert (sizes.is_count, sizes.quantum_nano, sizes.upfront_hours) == (True, 60_000_000, 8760)
    assert (own.is_count, own.rank, own.refund, own.quantum_nano) == (True, 3, 35, 40 * 10**9)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("p5,own,1y,3,,101,,,", "row 2, column upfront: '101'; write a whole number from 0 to 100"),
        ("p5,own,1y,3,,,much,,", "row 2, column refund: 'much'"),
        ("p5,own,1y,3,,,,first,", "row 2, column order: 'first'"),
        ("p5,own,1y,3,,,,,rack", "row 2, column sold_by: 'rack'; write machine or money"),
        (
            "p5,own,fortnight,3,,,,,",
            "rates.csv: row 2, column term: a term of 'fortnight' is not known",
        ),
        ("p5,own,1y,1e9,,,,,", "row 2, column rate: '1e9'"),
        ("p5,own,1y,3", "row 2 has 4 of 9 columns"),
        ("\n\np5,own,1y,0,,,,,", "row 4, column rate: '0'"),
    ],
)
def test_rules_that_cannot_be_are_said_with_their_place(line, words):
    with pytest.raises(BadInput) as caught:
        read_offers([RULES.splitlines()[0], *line.split("\n")], "rates.csv")
    assert words in str(caught.value)


def test_a_column_of_rates_that_nobody_reads_is_refused():
    with pytest.raises(BadInput, match="row 1, column 'uprfont' is not known"):
        read_offers(["sku,kind,term,rate,uprfont", "p5,own,1y,3,100"], "rates.csv")
