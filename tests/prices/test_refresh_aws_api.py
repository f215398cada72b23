"""AWS through its API: string-encoded products, spot prices by zone, and failures in one sentence."""

import builtins
import importlib
import json
from decimal import Decimal

import pytest

from prices.servers import HASTE, NOW, Reply, sample, serving
from prices.test_refresh_aws_bulk import product, rate
from trainfare.core.errors import BadInput, MissingExtra, OutsideFailed
from trainfare.prices.feed import Request
from trainfare.prices.refresh_aws_api import (
    add_spot_row,
    deliver,
    deliver_spot,
    read_product,
    spot_listings,
)

pytest.importorskip("boto3")


@pytest.fixture(autouse=True)
def credentials(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def request(url="", region="us-east-1"):
    return Request(region, NOW, url, line=HASTE)


def encoded(name, sku, amount, **changes):
    return json.dumps(
        {
            "product": product(name, sku, **changes)[1],
            "terms": {"OnDemand": rate(sku, amount)},
            "version": "20260910",
        }
    )


def test_products_come_as_strings_and_pages_are_followed():
    pages = {
        "": {
            "PriceList": [
                encoded("p5.48xlarge", "A", "55.04"),
                encoded("c5.large", "B", "0.085", operatingSystem="Windows"),
            ],
            "NextToken": "two",
        },
        "two": {"PriceList": [encoded("g5.xlarge", "C", "1.0060000000")]},
    }

    def answer(call):
        asked = json.loads(call.body)
        return Reply(pages[asked.get("NextToken", "")])

    with serving(answer) as service:
        (delivery,) = deliver(request(service.url))
        filters = json.loads(service.calls[0].body)["Filters"]
    assert {item.name: item.amount for item in delivery.listings} == {
        "p5.48xlarge": Decimal("55.04"),
        "g5.xlarge": Decimal("1.006"),
    }
    assert delivery.rows_seen == 3
    wanted = {row["Field"]: row["Value"] for row in filters}
    assert wanted["regionCode"] == "us-east-1"
    assert wanted["capacitystatus"] == "Used"
    assert wanted["preInstalledSw"] == "NA"


def test_the_sample_item_is_storage_and_so_no_machine_price():
    (item,) = json.loads(sample("aws_pricing_get_products_response.json"))["PriceList"]
    assert isinstance(item, str)
    assert read_product(item, NOW) is None


def test_the_sample_item_with_an_instance_in_it_is_read_by_its_rate_code():
    (text,) = json.loads(sample("aws_pricing_get_products_response.json"))["PriceList"]
    text = text.replace("GB-Mo", "Hrs")
    document = json.loads(text)
    document["product"] |= {"productFamily": "Compute Instance"}
    document["product"]["attributes"] = product("p3.2xlarge", "3MKHN58N7RDDVGKJ")[1]["attributes"]
    _, item = read_product(json.dumps(document), NOW)
    assert item.amount == Decimal("0.138")
    assert "20180808005701" in item.source


def test_the_sample_spot_row_is_read():
    rows = json.loads(sample("aws_describe_spot_price_history.json"))["SpotPriceHistory"]
    zones = {}
    for row in rows:
        add_spot_row(zones, row)
    (item,) = spot_listings(zones, request(region="eu-north-1"))
    assert (item.sku, item.amount) == ("aws/eu-north-1/m6idn.large/spot", Decimal("0.0376"))
    assert item.zones == {"eu-north-1b": Decimal("0.0376")}
    assert not item.is_reference


def test_the_latest_price_of_each_zone_counts():
    def row(zone, price, time, system="Linux/UNIX"):
        return {
            "InstanceType": "p5",
            "AvailabilityZone": zone,
            "SpotPrice": price,
            "Timestamp": time,
            "ProductDescription": system,
        }

    zones = {}
    add_spot_row(zones, row("a", "20", "2026-11-23T11:00:00Z"))
    add_spot_row(zones, row("a", "22", "2026-11-23T12:00:00Z"))
    add_spot_row(zones, row("a", "21", "2026-11-23T10:00:00Z"))
    add_spot_row(zones, row("b", "30.50", "2026-11-23T10:00:00Z"))
    add_spot_row(zones, row("b", "99", "2026-11-23T12:00:00Z", "Windows"))
    (item,) = spot_listings(zones, request())
    assert (item.amount, item.high) == (Decimal(22), Decimal("30.5"))
    assert item.in_zone("b") == Decimal("30.5")


SPOT = """<?xml version="1.0" encoding="UTF-8"?>
<DescribeSpotPriceHistoryResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
<requestId>1</requestId><spotPriceHistorySet><item>
<instanceType>p5.48xlarge</instanceType><productDescription>Linux/UNIX</productDescription>
<spotPrice>26.571400</spotPrice><timestamp>2026-11-23T11:00:00.000Z</timestamp>
<availabilityZone>us-east-1b</availabilityZone></item></spotPriceHistorySet><nextToken/>
</DescribeSpotPriceHistoryResponse>"""


def test_spot_prices_come_from_ec2():
    with serving(lambda call: Reply(SPOT, headers={"Content-Type": "text/xml"})) as service:
        (delivery,) = deliver_spot(request(service.url))
        body = service.calls[0].body.decode()
    assert "Action=DescribeSpotPriceHistory" in body
    assert "StartTime=2026-11-23T12%3A00%3A00Z" in body
    assert [(item.name, item.amount) for item in delivery.listings] == [
        ("p5.48xlarge", Decimal("26.5714"))
    ]


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"__type": "AccessDeniedException", "message": "no"}, 400),
        Reply({"PriceList": ["{broken"]}),
        Reply({"PriceList": ['{"product": 3}']}),
    ],
)
def test_bad_answers_are_one_sentence(reply):
    with serving(lambda call: reply) as service:
        with pytest.raises(OutsideFailed, match="GetProducts"):
            list(deliver(request(service.url)))


def test_no_credentials_point_to_the_feed_that_needs_none(monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with serving(lambda call: Reply({})) as service:
        with pytest.raises(BadInput, match="aws-bulk"):
            list(deliver(request(service.url)))


def test_without_the_sdk_the_extra_is_named(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtra, match=r"trainfare\[aws\]"):
        list(deliver(request()))
    assert builtins.__import__ is not missing
