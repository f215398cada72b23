"""Refreshing: whole answers pass the guards and are kept; a failing provider loses nothing."""

import json
import logging
from decimal import Decimal

import pytest

from prices.servers import HASTE, NOW, NOW_NS, Reply, sample, serving
from trainfare.core.errors import BadInput
from trainfare.prices.age import DAY
from trainfare.prices.listing import Listing
from trainfare.prices.refresh import FEEDS, Order, refresh
from trainfare.prices.refreshed import (
    Shelf,
    all_shelves,
    confirm,
    find_refreshed,
    read_shelf,
    shelf_path,
    write_shelf,
)

P5 = ("azure", "eastus", "Standard_ND96isr_H100_v5")


def row(amount, name=P5[2], **words):
    return {
        "productName": "Virtual Machines NDsr H100 v5 Series",
        "skuName": "x",
        "meterName": "x",
        "type": "Consumption",
        "retailPrice": amount,
        "unitOfMeasure": "1 Hour",
        "armSkuName": name,
        "armRegionName": "eastus",
        "currencyCode": "USD",
        **words,
    }


def azure(*rows):
    return serving(lambda call: Reply({"Items": list(rows), "NextPageLink": None}))


def order(service, at_ns=NOW_NS, **words):
    return Order(at_ns, url=service.url, line=HASTE, **words)


def refreshed(home, *rows, at_ns=NOW_NS, **words):
    with azure(*rows) as service:
        (outcome,) = refresh(home, "azure-retail", ["eastus"], order(service, at_ns, **words))
    return outcome


def known(home, option="on_demand"):
    found = find_refreshed(home, *P5, option)
    return found.amount if found else None


def test_a_whole_answer_is_kept_with_its_date_and_counts(tmp_path):
    outcome = refreshed(
        tmp_path, row(98.32), row(0.5, "Standard_D8s_v5"), row(1, productName="x Windows")
    )
    assert (outcome.status, outcome.rows_seen, outcome.kept, outcome.changed) == (
        "updated",
        3,
        2,
        2,
    )
    assert known(tmp_path) == Decimal("98.32")
    document = json.loads(shelf_path(tmp_path, "azure", "eastus", "azure-retail").read_text())
    assert document["fetched_at"] == NOW
    assert (document["rows_seen"], document["rows_kept"]) == (3, 2)


def test_only_accelerators_leaves_the_rest_out(tmp_path):
    rows = (row(98.32), row(0.5, "Standard_D8s_v5"))
    outcome = refreshed(tmp_path, *rows, only_accelerators=True)
    assert outcome.kept == 1


def test_a_jump_waits_and_the_last_price_stays_in_force(tmp_path):
    refreshed(tmp_path, row(98.32))
    outcome = refreshed(tmp_path, row(55.04), at_ns=NOW_NS + DAY)
    ((item, why),) = outcome.quarantined
    assert item.amount == Decimal("55.04")
    assert "-44.0 %" in why
    assert known(tmp_path) == Decimal("98.32")
    again = refreshed(tmp_path, row(55.04), at_ns=NOW_NS + 2 * DAY)
    assert len(again.quarantined) == 1, "it waits until somebody confirms it"
    assert known(tmp_path) == Decimal("98.32")
    confirm(tmp_path, [item.sku])
    assert known(tmp_path) == Decimal("55.04")
    later = refreshed(tmp_path, row(55.04), at_ns=NOW_NS + 3 * DAY)
    assert not later.quarantined, "the confirmed price is the last known one now"


def test_the_shipped_price_is_a_yardstick_for_the_first_refresh(tmp_path):
    outcome = refreshed(tmp_path, row(58))
    assert len(outcome.quarantined) == 1
    assert known(tmp_path) is None


def test_impossible_prices_are_rejected_and_named(tmp_path):
    outcome = refreshed(
        tmp_path, row(98.32), row(0, "Standard_ND96isr_H200_v5"), row(700, "Standard_NC6s_v3")
    )
    assert len(outcome.rejected) == 2
    assert outcome.kept == 1
    outcome = refreshed(tmp_path, row(12.0), row(98.32, "Standard_NC40ads_H100_v5"))
    assert {why.split(" is ")[1][:7] for _, why in outcome.rejected} == {"outside"}


def test_a_price_that_cannot_be_one_leaves_the_last_in_force(tmp_path):
    refreshed(tmp_path, row(98.32), row(6.98, "Standard_NC40ads_H100_v5"))
    outcome = refreshed(tmp_path, row(0), row(7, "Standard_NC40ads_H100_v5"))
    assert len(outcome.rejected) == 1
    assert known(tmp_path) == Decimal("98.32")
    place = ("azure", "eastus", "Standard_NC40ads_H100_v5", "on_demand")
    assert find_refreshed(tmp_path, *place).amount == 7


def test_a_disk_that_is_full_fails_its_region_only(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    refreshed(tmp_path, row(98.32))
    monkeypatch.setattr("os.fsync", full)
    outcome = refreshed(tmp_path, row(97))
    monkeypatch.undo()
    assert "No space left" in str(outcome.error)
    assert known(tmp_path) == Decimal("98.32")


def test_a_currency_that_is_none_is_rejected(tmp_path):
    outcome = refreshed(tmp_path, row(7, "Standard_NC6s_v3", currencyCode="dollars"), row(98.32))
    assert outcome.kept == 1
    assert "dollars" in outcome.rejected[0][1]


def test_spot_above_on_demand_is_kept_and_flagged(tmp_path):
    outcome = refreshed(tmp_path, row(98.32), row(98.32, skuName="x Spot"))
    assert outcome.kept == 2
    assert [item.option for item, _ in outcome.flagged] == ["spot"]


MALFORMED = [
    Reply(b'{"Items": [{"retailPri'),
    Reply(b"<html><body>maintenance</body></html>"),
    Reply("busy", 500),
    Reply("no", 404),
    Reply(b"x" * (HASTE.limit + 1)),
    Reply(b'{"Items": []}', headers={"Content-Length": "1000"}),
    Reply({"Items": "none"}),
    Reply({"Items": [], "NextPageLink": None}),
    Reply(
        {
            "Items": [
                {
                    "armSkuName": "a",
                    "armRegionName": "eastus",
                    "type": "Consumption",
                    "retailPrice": "abc",
                }
            ]
        }
    ),
    Reply({"Items": [7]}),
    Reply({"Items": [row(98.32)], "NextPageLink": "https://x/?$skip=1"}),
    Reply({"Items": [row(98.32, savingsPlan=3)]}),
    Reply({"Items": [row(98.32, savingsPlan=[{"term": "1 Year"}])]}),
    Reply({"Items": [row("NaN")]}),
    Reply(b"[" * 100_000),
]


@pytest.mark.parametrize("reply", MALFORMED, ids=lambda reply: repr(reply.body)[:30])
def test_no_malformed_answer_loses_the_last_prices(tmp_path, reply):
    refreshed(tmp_path, row(98.32), row(40, skuName="x Spot"))
    path = shelf_path(tmp_path, "azure", "eastus", "azure-retail")
    before = path.read_bytes()
    with serving(lambda call: reply) as service:
        (outcome,) = refresh(tmp_path, "azure-retail", ["eastus"], order(service))
    assert outcome.status == "failed"
    assert outcome.error.exit_code == 3
    assert path.read_bytes() == before
    assert known(tmp_path) == Decimal("98.32")


def test_one_region_that_fails_does_not_stop_the_others(tmp_path):
    def answer(call):
        if "'westus'" in call.first("$filter"):
            return Reply("no", 404)
        region = call.first("$filter").split("armRegionName eq '")[1].split("'")[0]
        return Reply({"Items": [row(98.32, armRegionName=region)]})

    with serving(answer) as service:
        outcomes = refresh(
            tmp_path, "azure-retail", ["eastus", "westus", "uksouth"], order(service)
        )
    assert [(item.region, item.status) for item in outcomes] == [
        ("eastus", "updated"),
        ("westus", "failed"),
        ("uksouth", "updated"),
    ]
    assert {shelf.region for shelf in all_shelves(tmp_path)} == {"eastus", "uksouth"}


def test_an_unchanged_version_makes_the_same_prices_fresh_again(tmp_path):
    index = json.loads(sample("aws_bulk_region_index.json"))
    item = Listing(
        "aws", "us-east-1", "p5.48xlarge", "on_demand", Decimal("55.04"), "2026-09-11T00:00:00Z"
    )
    old = Shelf("aws", "us-east-1", "aws-bulk", item.as_of, [item], version="20260910195514")
    write_shelf(tmp_path, old)
    with serving(lambda call: Reply(index)) as service:
        (outcome,) = refresh(tmp_path, "aws-bulk", ["us-east-1"], order(service))
    assert outcome.status == "unchanged"
    kept = read_shelf(shelf_path(tmp_path, "aws", "us-east-1", "aws-bulk"))
    assert [listing.as_of for listing in kept.listings] == [NOW]
    log = (tmp_path / "prices" / "changes.jsonl").read_text().splitlines()
    assert len(log) == 1, "the same amount again is no change"


def test_a_damaged_cache_is_replaced_by_a_good_answer(tmp_path, caplog):
    path = shelf_path(tmp_path, "azure", "eastus", "azure-retail")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with caplog.at_level(logging.ERROR, "trainfare"):
        assert refreshed(tmp_path, row(98.32)).status == "updated"
    assert known(tmp_path) == Decimal("98.32")


def test_wrong_words_are_refused_before_anybody_is_asked(tmp_path):
    with pytest.raises(BadInput, match="feeds are azure-retail"):
        refresh(tmp_path, "azure", ["eastus"], Order(NOW_NS))
    with pytest.raises(BadInput, match="give --region"):
        refresh(tmp_path, "azure-retail", [], Order(NOW_NS))
    (outcome,) = refresh(tmp_path, "azure-retail", ["../etc"], Order(NOW_NS))
    assert outcome.status == "failed"
    assert outcome.error.exit_code == 2


def test_every_feed_belongs_to_a_provider_and_says_what_it_is():
    for name, feed in FEEDS.items():
        assert name == feed.name
        assert name.startswith(feed.provider)
        assert feed.about
        assert feed.url.startswith("https://") or feed.deliver.__module__.endswith("aws_api")
