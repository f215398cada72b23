"""Google: machine types from their parts, exactly; reserved and calendar SKUs never mixed in."""

import json
from decimal import Decimal

import pytest

from prices.servers import HASTE, NOW, Reply, sample, serving
from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.prices.catalogue import find_shipped, shipped_specs
from trainfare.prices.feed import Request
from trainfare.prices.refresh_gcp import Part, deliver, last_rate, read_part

AMERICAS = ("us-central1", "us-east1")


def sku(text, price, usage="OnDemand", unit="h", regions=AMERICAS, tiers=None):
    units, _, nanos = price.partition(".")
    last = {"currencyCode": "USD", "units": units, "nanos": int(nanos.ljust(9, "0"))}
    rates = [*(tiers or []), {"startUsageAmount": len(tiers or []), "unitPrice": last}]
    return {
        "description": text,
        "category": {"resourceFamily": "Compute", "usageType": usage},
        "serviceRegions": list(regions),
        "pricingInfo": [{"pricingExpression": {"usageUnit": unit, "tieredRates": rates}}],
    }


# Prices of us-central1 that give the machine prices of the shipped catalogue.
PARTS = [
    sku("N1 Predefined Instance Core running in Americas", "0.031611"),
    sku("N1 Predefined Instance Ram running in Americas", "0.004237", unit="GiBy.h"),
    sku("G2 Instance Core running in Americas", "0.02499"),
    sku("G2 Instance Ram running in Americas", "0.002927", unit="GiBy.h"),
    sku("Nvidia L4 GPU running in Americas", "0.56004"),
    sku(
        "Spot Preemptible N1 Predefined Instance Core running in Americas", "0.00698", "Preemptible"
    ),
    sku(
        "Spot Preemptible N1 Predefined Instance Ram running in Americas",
        "0.00094",
        "Preemptible",
        "GiBy.h",
    ),
    sku("Commitment v1: Cpu in Americas for 1 Year", "0.019915", "Commit1Yr"),
    sku("Commitment v1: Ram in Americas for 1 Year", "0.002669", "Commit1Yr", "GiBy.h"),
    sku("Nvidia Tesla T4 GPU running in Americas", "0.35"),
    sku(
        "Nvidia Tesla T4 GPU attached to Spot Preemptible VMs running in Americas",
        "0.175",
        "Preemptible",
    ),
]

UNWANTED = [
    "DWS Calendar Mode N1 Predefined Instance Core running in Americas",
    "Nvidia Tesla T4 GPU attached to DWS Defined Duration VMs running in Americas",
    "Reserved Nvidia L4 GPU running in Americas",
    "N1 Predefined Instance Core running in Americas - Calendar Mode",
    "N1 Custom Instance Core running in Americas",
    "Sole Tenancy Instance Core running in Americas",
    "N2 Sole Tenancy Instance Core running in Americas",
    "Nvidia L4 Virtual Workstation GPU running in Americas",
    "DWS Flex Start N1 Predefined Instance Core running in Americas",
    "A3 Instance Core running in Americas",
    "Micro Instance with burstable CPU running in Americas",
    "Network Internet Egress from Americas to China",
]


def request(service, region="us-central1", key="KEY"):
    return Request(region, NOW, service.url, key=key, line=HASTE)


def prices_of(skus, region="us-central1"):
    with serving(lambda call: Reply({"skus": skus, "nextPageToken": ""})) as service:
        (delivery,) = deliver(request(service, region))
    return {(item.name, item.option): item.amount for item in delivery.listings}, delivery


def test_a_machine_is_the_sum_of_its_parts_to_the_last_digit():
    prices, delivery = prices_of(PARTS)
    for name in ("n1-standard-4", "n1-highmem-96", "g2-standard-4", "g2-standard-48"):
        shipped = find_shipped("gcp", "us-central1", name, "on_demand").amount
        assert abs(prices[name, "on_demand"] - shipped) < Decimal("0.0001"), name
    assert prices["n1-standard-4", "on_demand"] == Decimal("0.189999")
    assert prices["n1-standard-4", "commit_1y"] == 4 * Decimal("0.019915") + 15 * Decimal(
        "0.002669"
    )
    assert prices["n1-standard-4", "spot"] == 4 * Decimal("0.00698") + 15 * Decimal("0.00094")
    assert prices["T4", "on_demand"] == Decimal("0.35")
    assert prices["T4", "spot"] == Decimal("0.175")
    assert any("not put together" in note for note in delivery.notes)


def test_a_machine_with_a_part_missing_has_no_price():
    prices, _ = prices_of([part for part in PARTS if "L4" not in part["description"]])
    assert not any(name.startswith("g2") for name, _ in prices)
    assert ("g2-standard-4", "spot") not in prices_of(PARTS)[0], "no spot price of its cores"


@pytest.mark.parametrize("text", UNWANTED)
def test_skus_of_other_sales_are_never_a_part(text):
    assert read_part(sku(text, "0.001")) is None
    before, _ = prices_of(PARTS)
    after, _ = prices_of([sku(text, "0.001"), *PARTS])
    assert before == after


def test_two_prices_of_one_part_are_left_out_and_said():
    other = sku("Nvidia L4 GPU running in Iowa", "0.30", regions=("us-central1",))
    prices, delivery = prices_of([*PARTS, other])
    assert not any(name.startswith("g2") for name, _ in prices)
    assert any("two SKUs of different prices" in note for note in delivery.notes)


def test_bundled_machines_are_never_put_together():
    rich = [
        *PARTS,
        sku("A2 Instance Core running in Americas", "0.03"),
        sku("A2 Instance Ram running in Americas", "0.004", unit="GiBy.h"),
        sku("Nvidia Tesla A100 GPU running in Americas", "2.9"),
        sku("Nvidia Tesla A100 80GB GPU running in Americas", "3.9"),
    ]
    names = {name for name, _ in prices_of(rich)[0]}
    assert "a2-highgpu-8g" in names
    assert not any(name.startswith(("a2-ultra", "a3-", "g4-")) for name in names)
    assert any(spec.name.startswith("a2-ultra") for spec in shipped_specs("gcp"))


def test_the_last_tier_is_the_price_and_the_free_one_is_not():
    free = {"startUsageAmount": 0, "unitPrice": {"currencyCode": "USD", "units": "0", "nanos": 0}}
    tiered = sku("N2 Instance Core running in Americas", "0.031611", tiers=[free])
    assert last_rate(tiered) == Decimal("0.031611")


def test_the_sample_is_network_priced_by_volume_and_so_no_part():
    (row,) = json.loads(sample("gcp_cloudbilling_v1_skus.json"))["skus"]
    assert read_part(row) is None
    assert last_rate(row) is None, "per GiB, not per hour"
    row["pricingInfo"][0]["pricingExpression"]["usageUnit"] = "h"
    assert last_rate(row) == Decimal("0.08"), "the last of three tiers"


def test_committed_parts_are_named_otherwise():
    text = "Commitment v1: N2D AMD Cpu in Americas for 3 Years"
    assert read_part(sku(text, "1", "Commit3Yr")) == Part("core", "n2d", "commit_3y")
    assert read_part(sku("Compute optimized Ram running in Americas", "1")) == Part(
        "ram", "c2", "on_demand"
    )


def test_pages_are_followed_with_the_key_in_a_header_only():
    pages = {"": ("two", PARTS[:4]), "two": ("", PARTS[4:])}

    def answer(call):
        assert call.headers["x-goog-api-key"] == "KEY"
        token, rows = pages[call.first("pageToken")]
        return Reply({"skus": rows, "nextPageToken": token})

    with serving(answer) as service:
        deliveries = list(deliver(request(service, "*")))
        assert "KEY" not in "".join(call.path + str(call.query) for call in service.calls)
    assert [delivery.region for delivery in deliveries] == ["us-central1", "us-east1"]
    assert len(deliveries[0].listings) == len(deliveries[1].listings) > 20


def test_no_key_says_how_to_give_one():
    with serving(lambda call: Reply({})) as service:
        with pytest.raises(BadInput, match="API key"):
            list(deliver(request(service, key="")))


@pytest.mark.parametrize(
    "body", [{}, {"skus": {}}, {"skus": []}, {"skus": [{}]}, {"skus": [], "nextPageToken": "again"}]
)
def test_another_shape_or_an_empty_list_is_refused(body):
    with serving(lambda call: Reply(body)) as service:
        with pytest.raises(OutsideFailed):
            list(deliver(request(service)))
