"""Storage and network: tiers price any volume exactly; what is not listed has no price."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import HOUR
from trainfare.core.price import GIB, MONTH_HOURS, NoPrice
from trainfare.prices.age import instant_of
from trainfare.prices.book import PriceBook
from trainfare.prices.overrides import Override, set_override
from trainfare.prices.shelf import read_table
from trainfare.prices.tariffs import Tariff, Tier

AT = instant_of("2026-06-10")
AWS = PriceBook(Path("unused-home")).network_price("aws", "us-east-1", "internet", AT)


@pytest.fixture
def book(tmp_path):
    return PriceBook(tmp_path)


@pytest.mark.parametrize(
    ("gb", "dollars"),
    [
        (0, "0"),
        (100, "0"),
        (101, "0.09"),
        (10_000, "891"),  # 9,900 × 0.09
        (10_001, "891.085"),
        (200_000, "13791"),  # 891 + 40,000 × 0.085 + 100,000 × 0.07 + 50,000 × 0.05
    ],
)
def test_internet_traffic_by_hand(gb, dollars):
    assert AWS.of(gb * GIB) == Money.parse(dollars)


@given(st.lists(st.integers(0, 2**48), max_size=6))
def test_cutting_a_month_in_parts_changes_nothing(parts):
    done, total = 0, Fraction(0)
    for part in parts:
        total += AWS.exactly(part, already=done)
        done += part
    assert total == AWS.exactly(sum(parts))
    assert Money.nearest(total) == AWS.of(sum(parts))


@given(st.integers(0, 2**50), st.integers(0, 2**50))
def test_more_bytes_never_cost_less(one, two):
    assert AWS.exactly(min(one, two)) <= AWS.exactly(max(one, two))


def test_the_next_byte_has_the_price_of_its_tier():
    assert AWS.at(0).amount == 0
    assert AWS.at(100 * GIB).amount == Decimal("0.09")
    assert AWS.at(2**60).amount == Decimal("0.05")
    assert AWS.at(0).unit == "gb"


@pytest.mark.parametrize(
    "tiers",
    [
        (),
        (Tier(1, None, Decimal(1)),),
        (Tier(0, 5, Decimal(1)),),
        (Tier(0, 5, Decimal(1)), Tier(6, None, Decimal(1))),
        (Tier(0, None, Decimal(-1)),),
    ],
)
def test_tiers_with_a_gap_are_refused(tiers):
    with pytest.raises(BadInput):
        Tariff("a/b/network/c", tiers)


def test_bytes_below_zero_are_refused():
    with pytest.raises(BadInput):
        AWS.of(-1)


def test_every_shipped_tariff_is_whole(book):
    for provider, region, traffic in {tuple(row[:3]) for row in read_table("network")}:
        tariff = book.network_price(provider, region, traffic, AT)
        assert isinstance(tariff, Tariff)
        assert tariff.as_of is not None
        assert tariff.source


@pytest.mark.parametrize(
    ("place", "traffic"),
    [
        (("aws", "eu-west-1"), "internet"),
        (("aws", None), "internet"),
        (("gcp", "us-central1"), "same_zone"),
        ((None, None), "internet"),
        (("aws", "us-east-1"), "by pigeon"),
    ],
)
def test_traffic_nobody_lists_has_no_price_and_no_zero(book, place, traffic):
    nothing = book.network_price(*place, traffic, AT)
    assert isinstance(nothing, NoPrice)
    assert nothing.why


def test_within_a_zone_zero_is_stated_by_aws_and_so_is_a_price(book):
    assert book.network_price("aws", "ap-south-1", "same_zone", AT).of(10**12) == Money(0)
    assert book.network_price("aws", "ap-south-1", "inter_zone", AT).of(GIB).text() == "0.010000000"


@pytest.mark.parametrize(
    ("place", "what", "sku", "amount"),
    [
        (("aws", "us-east-1"), "s3://bucket/key", "aws/us-east-1/s3/standard", "0.023"),
        (("aws", "us-east-1"), "s3a://bucket", "aws/us-east-1/s3/standard", "0.023"),
        (("gcp", "us-central1"), "gs://bucket", "gcp/us-central1/gcs/standard", "0.02"),
        (("azure", "eastus"), "az://box", "azure/eastus/blob/hot-lrs", "0.018"),
        (("azure", "eastus"), "abfs://box", "azure/eastus/blob/hot-lrs", "0.018"),
        (("aws", "us-east-1"), "/data/ckpt", "aws/us-east-1/ebs/gp3", "0.08"),
        (("aws", "us-east-1"), "file:///data", "aws/us-east-1/ebs/gp3", "0.08"),
        (("gcp", "us-central1"), "", "gcp/us-central1/persistent-disk/balanced", "0.1"),
        (("azure", "eastus"), "./x", "azure/eastus/managed-disk/standard-ssd", "0.075"),
        (("aws", "us-east-1"), "s3/standard-ia", "aws/us-east-1/s3/standard-ia", "0.0125"),
        (("aws", "us-east-1"), "ebs", "aws/us-east-1/ebs/gp3", "0.08"),
    ],
)
def test_addresses_and_tiers_find_their_price(book, place, what, sku, amount):
    found = book.storage_price(*place, what, AT)
    assert (found.sku, found.amount, found.unit) == (sku, Decimal(amount), "gb_month")


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (("aws", "us-east-1"), "gs://bucket"),  # whose region nobody said
        (("aws", "eu-west-1"), "s3://bucket"),
        (("aws", None), "s3://bucket"),
        ((None, None), "/data"),
        (("lambda", "us-tx-1"), "/data"),
        (("aws", "us-east-1"), "hdfs://name/x"),
        (("aws", "us-east-1"), "s3/golden"),
        (("oci", "us-ashburn-1"), "block-volume/balanced?"),  # the source itself doubts it
    ],
)
def test_storage_nobody_lists_has_no_price(book, place, what):
    assert isinstance(book.storage_price(*place, what, AT), NoPrice)


def test_a_gb_kept_for_a_month_costs_the_listed_price(book):
    price = book.storage_price("aws", "us-east-1", "s3://b", AT)
    assert price.of(GIB * MONTH_HOURS * HOUR).text() == "0.023000000"


def test_the_users_word_comes_first_for_bytes_too(book):
    sku = "aws/us-east-1/s3/standard"
    override = Override("sku", sku, amount=Decimal("0.021"), unit="gb_month")
    set_override(book.home, override)
    assert book.storage_price("aws", "us-east-1", "s3://b", AT).origin == "override"
    set_override(
        book.home,
        Override("sku", "aws/eu-west-1/network/internet", amount=Decimal("0.05"), unit="gb"),
    )
    assert (
        book.network_price("aws", "eu-west-1", "internet", AT).of(2 * GIB).text() == "0.100000000"
    )
