"""AWS's bulk list: streamed, plain Linux on-demand only, the version known is not fetched again."""

import json
from decimal import Decimal

import pytest

from prices.servers import HASTE, NOW, Reply, sample, serving
from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.prices.aws_offer import hourly_usd, instance_of
from trainfare.prices.feed import Request
from trainfare.prices.refresh_aws_bulk import deliver, deliver_savings_plans, plan_option

RATE = "JRTCKXETXF"


def product(name, sku, family="Compute Instance", **changes):
    attributes = {
        "instanceType": name,
        "regionCode": "us-east-1",
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
        **changes,
    }
    return sku, {"sku": sku, "productFamily": family, "attributes": attributes}


def rate(sku, amount, term=RATE, code="6YS6EN2CT7", unit="Hrs"):
    priced = {"unit": unit, "pricePerUnit": {"USD": amount}}
    return {f"{sku}.{term}": {"priceDimensions": {f"{sku}.{term}.{code}": priced}}}


def price_list():
    products = dict(
        [
            product("p5.48xlarge", "LINUX"),
            product("p5.48xlarge", "WINDOWS", operatingSystem="Windows"),
            product("p5.48xlarge", "SQL", preInstalledSw="SQL Web"),
            product("p5.48xlarge", "DEDICATED", tenancy="Dedicated"),
            product("p5.48xlarge", "UNUSED", capacitystatus="UnusedCapacityReservation"),
            product("p5.48xlarge", "BLOCK", marketoption="CapacityBlock"),
            product("p5.48xlarge", "OTHER", regionCode="us-east-1-lax-1"),
            product("g4dn.metal", "METAL1", "Compute Instance (bare metal)"),
            product("g4dn.metal", "METAL2", "Compute Instance (bare metal)", tenancy="Dedicated"),
            product("no.price", "NOPRICE"),
            ("DISK", {"sku": "DISK", "productFamily": "Storage", "attributes": {}}),
            ("BARE", {"sku": "BARE", "productFamily": "Compute Instance"}),
        ]
    )
    on_demand = {
        **{sku: rate(sku, "99") for sku in products if sku != "NOPRICE"},
        "LINUX": {**rate("LINUX", "7", "OTHERTERM"), **rate("LINUX", "55.0400000000")},
        "METAL1": rate("METAL1", "7.824"),
    }
    return {
        "formatVersion": "v1.0",
        "products": products,
        "terms": {"OnDemand": on_demand, "Reserved": {"LINUX": rate("LINUX", "1")}},
    }


def aws(body, version="20260910195514"):
    """A server with the sample's index and *body* as the list of us-east-1."""
    index = json.loads(sample("aws_bulk_region_index.json"))

    def answer(call):
        if call.path.endswith("region_index.json"):
            return Reply(index)
        assert call.path == f"/offers/v1.0/aws/AmazonEC2/{version}/us-east-1/index.json"
        return Reply(body)

    return serving(answer)


def request(service, region="us-east-1", **words):
    url = f"{service.url}/offers/v1.0/aws/AmazonEC2/current/region_index.json"
    return Request(region, NOW, url, line=HASTE, **words)


def test_one_plain_linux_price_per_type_is_kept():
    with aws(price_list()) as service:
        (delivery,) = deliver(request(service))
    assert {item.name: item.amount for item in delivery.listings} == {
        "p5.48xlarge": Decimal("55.04"),
        "g4dn.metal": Decimal("7.824"),
    }
    assert {item.code for item in delivery.listings} == {"LINUX", "METAL1"}
    assert delivery.version == "20260910195514"
    assert delivery.rows_seen == 12


def test_a_version_that_is_known_is_not_fetched_again():
    with aws(price_list()) as service:
        (delivery,) = deliver(request(service, version="20260910195514"))
        assert len(service.calls) == 1
    assert delivery.unchanged


def test_an_unknown_region_names_those_there_are():
    with aws(price_list()) as service:
        with pytest.raises(BadInput, match="ap-south-1, us-east-1"):
            list(deliver(request(service, "mars-1")))


@pytest.mark.parametrize("cut", [1, 60, 500, 2000, -30])
def test_a_list_cut_short_gives_nothing(cut):
    whole = json.dumps(price_list())
    # Everything after the on-demand terms is never read, so the cut must lie before.
    cut = min(cut % len(whole), whole.index('"Reserved"') - 40)
    with aws(whole[:cut]) as service:
        with pytest.raises(OutsideFailed):
            list(deliver(request(service)))


def test_a_list_without_a_linux_price_is_refused():
    with aws({"products": {}, "terms": {"OnDemand": {}}}) as service:
        with pytest.raises(OutsideFailed, match="no Linux on-demand price"):
            list(deliver(request(service)))


def test_the_reserved_terms_are_never_read():
    whole = json.dumps(price_list())
    end = whole.index('"Reserved"') + 20
    with aws(whole[:end]) as service:
        (delivery,) = deliver(request(service))
    assert len(delivery.listings) == 2


@pytest.mark.parametrize(
    "index", [{}, {"regions": 3}, {"regions": {"us-east-1": {"currentVersionUrl": "x"}}}]
)
def test_an_index_of_another_shape_is_refused(index):
    with serving(lambda call: Reply(index)) as service:
        with pytest.raises(OutsideFailed, match="region index"):
            list(deliver(request(service)))


def test_the_index_cannot_lead_to_another_server():
    entry = {"currentVersionUrl": "http://169.254.169.254/offers/v/x/index.json"}

    def answer(call):
        index = call.path.endswith("region_index.json")
        return Reply({"regions": {"us-east-1": entry}} if index else price_list())

    with serving(answer) as service:
        (delivery,) = deliver(request(service))
        assert [call.path for call in service.calls][1] == "/offers/v/x/index.json"
    assert delivery.listings


def test_rate_codes_other_than_hourly_on_demand_are_no_price():
    assert hourly_usd(rate("A", "1", code="2TG2D8R56U")) is None
    assert hourly_usd(rate("A", "1", unit="Quantity")) is None
    assert hourly_usd(rate("A", "abc")) is None
    assert hourly_usd({}) is None
    assert instance_of({"productFamily": "Compute Instance"}) is None


def plans_server(plans):
    index = {
        "regions": [
            {
                "regionCode": "us-east-1",
                "versionUrl": "/savingsPlan/v1.0/aws/x/1/us-east-1/index.json",
            }
        ]
    }
    return serving(lambda call: Reply(index if "region_index" in call.path else plans))


def test_savings_plans_are_joined_by_the_codes_of_an_earlier_refresh():
    with plans_server(sample("aws_savings_plan_region_file.json")) as service:
        wanted = request(service, known_skus={"ec2sku": "p5.48xlarge"})
        (delivery,) = deliver_savings_plans(wanted)
    (item,) = delivery.listings
    assert (item.name, item.amount) == ("p5.48xlarge", Decimal("0.088360"))
    assert item.option == "commit_3y_savings_plan_all_upfront"


def test_savings_plans_without_the_codes_say_what_to_run_first():
    with plans_server({}) as service:
        with pytest.raises(BadInput, match="--feed aws-bulk"):
            list(deliver_savings_plans(request(service)))


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("1 year No Upfront Compute Savings Plan", "commit_1y_savings_plan"),
        ("3 Year Partial Upfront Compute Savings Plan", "commit_3y_savings_plan_partial_upfront"),
        ("1 year No Upfront p5 EC2 Instance Savings Plan in us-east-1", None),
    ],
)
def test_a_plans_description_names_its_option(text, option):
    assert plan_option(text) == option
