"""Price sheets: every problem by row and column, nothing stored while there is one."""

import contextlib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prices.servers import NOW_NS
from trainfare.core.errors import BadInput
from trainfare.core.machine import Machine
from trainfare.prices.age import instant_of
from trainfare.prices.book import PriceBook
from trainfare.prices.price_sheets import import_sheet, read_sheet
from trainfare.prices.refreshed import all_refreshed, all_shelves
from trainfare.prices.sheet_reading import PROBLEM_LIMIT, BadSheet, Sheet

CSV = """provider,region,name,option,amount,currency,as_of
AWS,us-east-1,p5.48xlarge,on_demand,55.04,,2026-11-01
aws,us-east-1,p5.48xlarge,spot,20.5,USD,2026-11-20
nebius,eu-north1,gpu-h100-sxm_8gpu-128vcpu-1600gb,on_demand,23.60,EUR,2026-11
"""

SKYPILOT = """InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice,AvailabilityZone
p5.48xlarge,H100,8,192,2048,55.04,us-east-1,"{'Gpus': [{'Name': 'H100'}]}",21.5,us-east-1a
p5.48xlarge,H100,8,192,2048,55.04,us-east-1,,16.95,us-east-1b
c5.large,,0,2,4,0.085,us-east-1,,,us-east-1a
,H100,8,,,33.61,us-central1,,,us-central1-a
p5e.48xlarge,H200,8,192,2048,,us-east-1,,14.03,us-east-1a
"""

KARPENTER_AWS = """package pricing

// generated at 2026-07-20T13:44:30Z for us-east-1

import ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

var InitialOnDemandPricesAWS = map[string]map[ec2types.InstanceType]float64{
\t// us-east-1
\t"us-east-1": {
\t\t// c5 family
\t\t"c5.12xlarge": 2.040000, "c5.18xlarge": 3.060000,
\t\t// p5 family
\t\t"p5.48xlarge": 55.040000,
\t},
\t"cn-north-1": {
\t\t"c5.large": 0.706000,
\t},
}
"""

KARPENTER_AZURE = """package pricing

// generated at 2026-06-18T03:43:41Z

var initialPriceUpdate, _ = time.Parse(time.RFC3339, "2026-06-18T03:43:41Z")
var initialOnDemandPrices = map[string]map[string]float64{}

func init() {
\t// eastus
\tinitialOnDemandPrices["eastus"] = map[string]float64{
\t\t"Dsv3_Type3":               6.599000,
\t\t"Standard_ND96isr_H100_v5": 98.320000,
\t}
}
"""

FOCUS = """ServiceProviderName,RegionId,PricingCategory,x_SkuTerm,PricingUnit,ListUnitPrice,ContractedUnitPrice,PricingCurrency,SkuPriceDetails,x_EffectivePeriodStart
Microsoft,eastus,Standard,,1 Hour,98.32,88.488,USD,"{""InstanceType"": ""Standard_ND96isr_H100_v5""}",2026-11-01
Amazon Web Services,us-east-1,Dynamic,,Hours,17.5,,USD,"{""InstanceType"": ""p5.48xlarge""}",2026-11-01
AWS,us-east-1,Committed,12,Hrs,35,34,USD,"{""InstanceType"": ""p5.48xlarge""}",2026-11-01
AWS,us-east-1,Committed,,Hrs,35,34,USD,"{""InstanceType"": ""p5.48xlarge""}",2026-11-01
AWS,us-east-1,Standard,,GB-Months,0.023,,USD,"{""StorageClass"": ""Standard""}",2026-11-01
AWS,us-east-1,Standard,,GB-Months,0.023,,USD,"{""InstanceType"": ""x""}",2026-11-01
"""


def sheet(tmp_path, text, form="csv", **words):
    path = tmp_path / "My prices.txt"
    path.write_text(text)
    return Sheet(path, form, **words)


def brought_in(tmp_path, text, form="csv", **words):
    _, reading = import_sheet(tmp_path / "home", sheet(tmp_path, text, form, **words), NOW_NS)
    return {item.sku: item for item in all_refreshed(tmp_path / "home")}, reading


def problems_of(tmp_path, text, form="csv", **words):
    with pytest.raises(BadSheet, match=r"nothing of .* was stored") as caught:
        import_sheet(tmp_path / "home", sheet(tmp_path, text, form, **words), NOW_NS)
    assert not (tmp_path / "home").exists()
    return [(problem.row, problem.column) for problem in caught.value.problems]


def test_our_own_csv_is_stored_by_region_and_answers(tmp_path):
    prices, _ = brought_in(tmp_path, CSV)
    assert prices["aws/us-east-1/p5.48xlarge/on_demand"].amount == Decimal("55.04")
    nebius = prices["nebius/eu-north1/gpu-h100-sxm_8gpu-128vcpu-1600gb/on_demand"]
    assert (nebius.currency, nebius.as_of) == ("EUR", "2026-11")
    assert {shelf.feed for shelf in all_shelves(tmp_path / "home")} == {"import-my-prices"}
    machine = Machine("i", "h", "aws", "us-east-1", None, "p5.48xlarge", "on_demand")
    found = PriceBook(tmp_path / "home").machine_price(machine, NOW_NS)
    assert (found.origin, found.source) == ("refreshed", "price sheet My prices.txt")


def test_the_same_file_twice_is_the_same_as_once(tmp_path):
    once, _ = brought_in(tmp_path, CSV)
    twice, _ = brought_in(tmp_path, CSV)
    assert once == twice
    log = (tmp_path / "home" / "prices" / "changes.jsonl").read_text().splitlines()
    assert len(log) == 3


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path):
    prices, _ = brought_in(tmp_path, "\ufeff" + CSV.replace("\n", "\r\n"))
    assert len(prices) == 3


def test_all_problems_are_reported_by_row_and_column(tmp_path):
    text = (
        "provider,region,name,option,amount,currency,as_of\n"
        "aws,us-east-1,a,on_demand,1,USD,2026-11-01\n"
        ",us-east-1,b,on_demand,1,USD,2026-11-01\n"
        'aws,us-east-1,c,on_demand,"1,204.50",USD,2026-11-01\n'
        "aws,us-east-1,d,On Demand,1,USD,2026-11-01\n"
        "aws,us-east-1,e,on_demand,1,dollar,2026-11-01\n"
        "aws,us-east-1,f,on_demand,1,USD,yesterday\n"
        "aws,us-east-1,g,on_demand,1,USD,\n"
        "aws,us-east-1,h,on_demand,1,USD,2026-11-01,extra\n"
        "aws,us-east-1,a,on_demand,2,USD,2026-11-01\n"
        "aws,US East (Ohio),a,on_demand,2,USD,2026-11-01\n"
        "a/ws,us-east-1,a,on_demand,2,USD,2026-11-01\n"
    )
    assert problems_of(tmp_path, text) == [
        (2, "provider"),
        (3, "amount"),
        (4, "option"),
        (5, "currency"),
        (6, "as_of"),
        (7, "as_of"),
        (8, None),
        (9, "amount"),
        (10, "region"),
        (11, "provider"),
    ]


@pytest.mark.parametrize("amount", ["0", "-1", "700"])
def test_impossible_amounts_are_problems_of_their_row(tmp_path, amount):
    text = CSV.replace("20.5", amount)
    assert problems_of(tmp_path, text) == [(2, None)]


def test_a_mixed_sku_price_is_a_problem_too(tmp_path):
    text = "provider,region,name,option,amount,as_of\ngcp,us-central1,a3-highgpu-8g,on_demand,33.61,2026-11-01\n"
    assert problems_of(tmp_path, text) == [(1, None)]


def test_a_jump_from_a_file_waits_like_any_other(tmp_path):
    outcomes, _ = import_sheet(
        tmp_path / "home", sheet(tmp_path, CSV.replace("55.04", "98.32")), NOW_NS
    )
    waiting = [item.sku for outcome in outcomes for item, _ in outcome.quarantined]
    assert waiting == ["aws/us-east-1/p5.48xlarge/on_demand"]


def test_a_skypilot_catalogue_keeps_zones_and_passes_over_parts(tmp_path):
    prices, reading = brought_in(tmp_path, SKYPILOT, "skypilot", provider="aws", as_of="2026-11-20")
    spot = prices["aws/us-east-1/p5.48xlarge/spot"]
    assert (spot.amount, spot.high) == (Decimal("16.95"), Decimal("21.5"))
    assert spot.zones["us-east-1a"] == Decimal("21.5")
    assert "aws/us-east-1/p5e.48xlarge/on_demand" not in prices, "no price is not a price of 0"
    assert prices["aws/us-east-1/c5.large/on_demand"].amount == Decimal("0.085")
    assert reading.passed_over == {"parts without an instance type": 1}
    assert not any(str(item.amount) == "33.61" for item in prices.values())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({}, "--provider"),
        ({"provider": "aws"}, "--as-of"),
        ({"provider": "aws", "as_of": "2030"}, "future"),
    ],
)
def test_a_skypilot_catalogue_says_neither_whose_nor_when(tmp_path, words, sentence):
    with pytest.raises(BadInput, match=sentence):
        read_sheet(sheet(tmp_path, SKYPILOT, "skypilot", **words), NOW_NS)


def test_karpenters_tables_carry_their_date(tmp_path):
    prices, _ = brought_in(tmp_path, KARPENTER_AWS, "karpenter")
    assert prices["aws/us-east-1/p5.48xlarge/on_demand"].amount == Decimal("55.04")
    assert prices["aws/us-east-1/c5.18xlarge/on_demand"].as_of == "2026-07-20"
    assert prices["aws/cn-north-1/c5.large/on_demand"].currency == "CNY"
    assert len(prices) == 4


def test_karpenters_azure_table_is_told_apart(tmp_path):
    prices, reading = brought_in(tmp_path, KARPENTER_AZURE, "karpenter")
    assert list(prices) == ["azure/eastus/Standard_ND96isr_H100_v5/on_demand"]
    assert reading.passed_over == {"dedicated hosts": 1}


def test_a_broken_number_in_a_go_table_is_named(tmp_path):
    text = KARPENTER_AWS.replace("3.060000", "3.06x")
    assert problems_of(tmp_path, text, "karpenter") == [(11, "c5.18xlarge")]


def test_a_focus_price_sheet_gives_the_contracted_price(tmp_path):
    prices, reading = brought_in(tmp_path, FOCUS, "focus-pricesheet")
    assert {sku: item.amount for sku, item in prices.items()} == {
        "azure/eastus/Standard_ND96isr_H100_v5/on_demand": Decimal("88.488"),
        "aws/us-east-1/p5.48xlarge/spot": Decimal("17.5"),
        "aws/us-east-1/p5.48xlarge/commit_1y": Decimal(34),
    }
    assert reading.passed_over == {
        "Committed prices without a term": 1,
        "prices of other things than instances": 1,
        "prices per GB-Months": 1,
    }


def test_details_that_are_no_json_are_a_problem(tmp_path):
    text = FOCUS.replace('"{""StorageClass"": ""Standard""}"', '"{"')
    assert problems_of(tmp_path, text, "focus-pricesheet") == [(5, "SkuPriceDetails")]


@pytest.mark.parametrize("form", ["csv", "skypilot", "karpenter", "focus-pricesheet"])
@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "<html></html>", "provider\n", "\x00", '"'])
def test_some_other_file_is_refused_with_a_sentence(tmp_path, form, text):
    words = {"provider": "aws", "as_of": "2026-11-01"}
    with pytest.raises(BadInput, match="My prices"):
        import_sheet(tmp_path / "home", sheet(tmp_path, text, form, **words), NOW_NS)
    assert not (tmp_path / "home").exists()


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(BadInput, match="there is no file"):
        read_sheet(Sheet(tmp_path / "none", "csv"), NOW_NS)
    with pytest.raises(BadInput, match="cannot be read"):
        read_sheet(Sheet(tmp_path, "csv"), NOW_NS)
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8"):
        read_sheet(Sheet(tmp_path / "latin", "csv"), NOW_NS)
    with pytest.raises(BadInput, match="not one of csv, skypilot"):
        read_sheet(Sheet(tmp_path / "latin", "excel"), NOW_NS)


def test_a_file_of_nothing_but_problems_is_not_read_to_its_end(tmp_path):
    text = "provider,region,name,option,amount,as_of\n" + ",,,,,\n" * (PROBLEM_LIMIT * 3)
    assert len(problems_of(tmp_path, text)) <= PROBLEM_LIMIT


@given(st.text(max_size=60), st.sampled_from(["csv", "skypilot", "karpenter", "focus-pricesheet"]))
def test_no_text_breaks_a_reader(tmp_path_factory, text, form):
    path = Path(tmp_path_factory.getbasetemp()) / "any.csv"
    path.write_text("provider,region,name,option,amount,InstanceType,Price,Region\n" + text)
    with contextlib.suppress(BadInput):
        reading = read_sheet(Sheet(path, form, "aws", "2026-11-01"), instant_of("2026-11-23"))
        assert reading.listings or reading.problems
