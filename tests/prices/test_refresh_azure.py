"""Azure: thirteen rows of one size are four prices, and a reservation's price is for its term."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest

from prices.servers import HASTE, NOW, Reply, sample, serving
from trainfare.core.errors import OutsideFailed
from trainfare.prices.feed import Request
from trainfare.prices.refresh_azure import deliver, read_row


def thirteen_rows():
    """The rows of the sample as the API has them."""
    for line in sample("azure_13_rows_one_sku.txt").splitlines()[2:]:
        product, sku, kind, term, price, plan = (cell.strip() for cell in line.split("|"))
        yield {
            "productName": product,
            "skuName": sku,
            "meterName": sku,
            "type": kind,
            "reservationTerm": term,
            "retailPrice": Decimal(price),
            "unitOfMeasure": "1 Hour",
            "armSkuName": "Standard_B16als_v2",
            "armRegionName": "australiacentral",
            "currencyCode": "USD",
            "savingsPlan": [] if plan.startswith("-") else None,
        }


def request(url, region="australiacentral"):
    return Request(region, NOW, url, line=HASTE)


def test_thirteen_rows_are_one_linux_price_one_spot_price_and_two_reservations():
    rows = list(thirteen_rows())
    assert len(rows) == 13
    found = {item.option: item.amount for row in rows for item in read_row(row, NOW)}
    assert found.pop("on_demand") == Decimal("0.673")
    assert found.pop("spot") == Decimal("0.6057")
    assert abs(Fraction(found.pop("commit_1y")) - Fraction(3478, 8_760)) < Fraction(1, 10**27)
    assert abs(Fraction(found.pop("commit_3y")) - Fraction(6721, 26_280)) < Fraction(1, 10**27)
    assert not found


def test_the_order_of_rows_does_not_matter():
    def read(rows):
        return {(item.option, item.amount) for row in rows for item in read_row(row, NOW)}

    rows = list(thirteen_rows())
    assert read(rows) == read(rows[::-1])


def test_the_sample_answer_is_read_with_its_savings_plans():
    body = sample("azure_retail_prices.json")
    with serving(lambda call: Reply(body)) as service:
        (delivery,) = deliver(request(service.url))
        (call,) = service.calls
    assert "armRegionName eq 'australiacentral'" in call.first("$filter")
    assert "serviceName eq 'Virtual Machines'" in call.first("$filter")
    assert call.first("api-version") == "2023-01-01-preview"
    prices = {item.option: item.amount for item in delivery.listings}
    assert prices["on_demand"] == Decimal("0.673")
    assert prices["commit_1y_savings_plan"] == Decimal("0.49129")
    assert prices["commit_3y_savings_plan"] == Decimal("0.34323")
    assert round(prices["commit_1y"], 6) == Decimal("0.397032")
    assert delivery.rows_seen == 3
    assert {item.name for item in delivery.listings} == {"Standard_B16als_v2"}


def test_pages_are_followed_to_the_end_on_the_same_server():
    rows = json.loads(sample("azure_retail_prices.json"))["Items"]

    def answer(call):
        page = int(call.first("$skip") or 0)
        later = f"https://elsewhere.example/api?$skip={page + 1}" if page < 2 else None
        return Reply({"Items": [rows[page]], "NextPageLink": later})

    with serving(answer) as service:
        (delivery,) = deliver(request(service.url))
        assert len(service.calls) == 3
    assert delivery.rows_seen == 3
    assert len(delivery.listings) == 4


def test_pages_in_a_circle_end_with_a_sentence():
    with serving(
        lambda call: Reply({"Items": [], "NextPageLink": "https://x/?$skip=1"})
    ) as service:
        with pytest.raises(OutsideFailed, match="circles"):
            list(deliver(request(service.url)))


@pytest.mark.parametrize("body", [{}, {"Items": None}, {"Items": "x"}])
def test_another_shape_is_refused(body):
    with serving(lambda call: Reply(body)) as service:
        with pytest.raises(OutsideFailed, match="no Items"):
            list(deliver(request(service.url)))


@pytest.mark.parametrize(
    "changes",
    [
        {"armSkuName": ""},
        {"isPrimaryMeterRegion": False},
        {"armRegionName": None},
        {"type": "DevTestConsumption"},
        {"type": "Reservation", "reservationTerm": "7 Years"},
        {"unitOfMeasure": "1/Month"},
        {"productName": "Virtual Machines Basv2 Series Windows"},
        {"productName": "Basv2 Series Cloud Services"},
        {"meterName": "B16als v2 Low Priority"},
    ],
)
def test_rows_of_other_things_give_no_price(changes):
    good = next(
        row
        for row in thirteen_rows()
        if row["skuName"] == "B16als v2"
        and row["type"] == "Consumption"
        and row["productName"].endswith("Series")
    )
    assert len(read_row(good, NOW)) == 1
    assert read_row({**good, **changes}, NOW) == []
