"""The shipped catalogue: every anchor price resolves, with its date; nothing in it is a known bug."""

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from trainfare.prices import shelf
from trainfare.prices.accelerators import models
from trainfare.prices.catalogue import (
    all_shipped,
    family_bands,
    find_shipped,
    find_spec,
    shipped_of_name,
    sources,
)

AWS = "2026-07-20"
AZURE = "2026-06-18"
GCP = "2026-07-30"

ANCHORS = [
    ("aws/us-east-1/p5.48xlarge", "55.04", AWS),
    ("aws/us-east-1/p5en.48xlarge", "63.296", AWS),
    ("aws/us-east-1/p4d.24xlarge", "21.957642", AWS),
    ("aws/us-east-1/p4de.24xlarge", "27.44705", AWS),
    ("aws/us-east-1/p6-b200.48xlarge", "113.9328", AWS),
    ("aws/us-east-1/trn1.32xlarge", "21.5", AWS),
    ("aws/us-east-1/inf2.48xlarge", "12.98127", AWS),
    ("aws/us-east-1/g5.xlarge", "1.006", AWS),
    ("aws/us-east-1/g6.xlarge", "0.8048", AWS),
    ("aws/us-east-1/g6e.xlarge", "1.861", AWS),
    ("aws/us-east-1/g4dn.xlarge", "0.526", AWS),
    ("gcp/us-central1/a3-highgpu-8g", "88.49", GCP),
    ("gcp/us-central1/a2-highgpu-8g", "29.38708", GCP),
    ("gcp/us-central1/g2-standard-4", "0.706832", GCP),
    ("gcp/us-central1/a2-ultragpu-1g", "5.068798", GCP),
    ("gcp/us-central1/tpu-v5litepod", "1.2", "2026"),
    ("gcp/us-central1/tpu-v6e", "2.7", "2026"),
    ("gcp/us-central1/tpu-v5p", "4.2", "2026"),
    ("gcp/us-central2/tpu-v4", "3.22", "2026"),
    ("azure/eastus/Standard_ND96isr_H100_v5", "98.32", AZURE),
    ("azure/westus3/Standard_ND96isr_H200_v5", "84.8", AZURE),
    ("azure/eastus/Standard_NC24ads_A100_v4", "3.673", AZURE),
    ("azure/eastus/Standard_NC40ads_H100_v5", "6.98", AZURE),
    ("nebius/eu-north1/gpu-h100-sxm_1gpu-16vcpu-200gb", "2.95", "2026"),
    ("aws/us-east-1/p6-b300.48xlarge", "142.416", AWS),
    ("nebius/eu-north1/gpu-h200-sxm_1gpu-16vcpu-200gb", "3.5", "2026"),
    ("runpod/*/1x_A100-80GB_SECURE", "1.39", "2026"),
    ("lambda/*/gpu_8x_h100_sxm5", "31.92", "2026"),
    ("lambda/*/gpu_8x_b200_sxm6", "53.52", "2026"),
    ("crusoe/*/H100", "3.9", "2025-12"),
    ("oci/us-ashburn-1/BM.GPU.H100.8", "80", "2026-09-06"),
]


@pytest.mark.parametrize(("sku", "amount", "as_of"), ANCHORS)
def test_anchor_prices_resolve_to_the_stated_number_and_date(sku, amount, as_of):
    listing = find_shipped(*sku.split("/"), "on_demand")
    assert listing is not None
    assert (listing.amount, listing.as_of) == (Decimal(amount), as_of)
    assert listing.source
    assert listing.confidence in ("list_api", "vendor_repo", "third_party", "inferred")


@pytest.mark.parametrize(
    ("name", "amount"),
    [("Standard_ND96isr_MI300X_v5", "48"), ("Standard_ND128isr_NDR_GB200_v6", "108.16")],
)
def test_azure_anchors_of_any_region_resolve(name, amount):
    assert Decimal(amount) in {listing.amount for listing in shipped_of_name(name, "azure")}


def test_commitments_of_google_are_shipped_and_those_of_aws_are_not():
    committed = {item.provider for item in all_shipped() if item.option.startswith("commit")}
    assert committed == {"gcp"}
    one, three = (
        find_shipped("gcp", "us-central1", "a3-highgpu-8g", f"commit_{term}")
        for term in ("1y", "3y")
    )
    assert round(one.amount, 2) == Decimal("61.38")
    assert round(three.amount, 2) == Decimal("38.86")


def test_spot_is_reference_only_and_carries_its_range():
    spot = find_shipped("aws", "us-east-1", "p5.48xlarge", "spot")
    assert spot.is_reference
    assert (spot.amount, spot.high) == (Decimal("16.9508"), Decimal("55.04"))
    assert all(item.is_reference == (item.option == "spot") for item in all_shipped())


def test_the_newer_of_two_spot_prices_is_shipped():
    spot = find_shipped("aws", "us-east-2", "p5en.48xlarge", "spot")
    assert (spot.amount, spot.as_of) == (Decimal("26.5714"), "2026-08-06")


def test_no_shipped_price_is_a_known_catalogue_bug():
    seen = set()
    for item in all_shipped():
        assert item.amount > 0
        assert item.amount != 700
        assert "?" not in item.region
        assert item.sku not in seen
        seen.add(item.sku)
        if item.option == "spot":
            full = find_shipped(item.provider, item.region, item.name, "on_demand")
            assert full is None or item.amount < full.amount
    assert len(seen) == 5_559


def test_prices_from_before_the_cuts_of_2025_are_not_shipped():
    for name, old in [("p5.48xlarge", "98.32"), ("p4d.24xlarge", "32.7726")]:
        assert all(item.amount < Decimal(old) for item in shipped_of_name(name, "aws"))


def test_what_is_sold_has_a_specification():
    for item in all_shipped():
        assert find_spec(item.provider, item.name) is not None, item.sku


def test_none_of_a_thing_is_told_from_not_knowing():
    assert find_spec("aws", "c5.large").accelerator_count == 0
    assert find_spec("aws", "dl1.24xlarge").accelerator_count is None
    assert find_spec("aws", "p5.48xlarge").accelerator == "H100"
    assert find_spec("azure", "Standard_NC24ads_A100_v4").accelerator == "A100-80GB"
    assert find_spec("azure", "Standard_NC40ads_H100_v5").accelerator == "H100-NVL"
    assert find_spec("gcp", "T4").sold == "attached"
    assert find_spec("crusoe", "H100").sold == "piece"


def test_a_mixed_sku_value_of_google_is_outside_the_family_band():
    low, high = family_bands("gcp")["H100"]
    assert not low <= Decimal("33.61") / 8 <= high
    assert low <= Decimal("88.49") / 8 <= high


def test_a_name_that_is_part_of_another_is_not_taken_for_it():
    names = {item.name for item in shipped_of_name("p5.4xlarge")}
    assert names == {"p5.4xlarge"}
    assert find_shipped("aws", "us-east-1", "p5.4", "on_demand") is None


def test_a_name_with_a_separator_finds_nothing():
    assert find_shipped("aws", "us-east-1", "p5.48xlarge,on_demand", "55.04") is None
    assert find_shipped("aws", "us-east-1\naws", "p5.48xlarge", "on_demand") is None


def test_all_sources_and_models_are_known():
    assert {item.source for item in all_shipped()} <= {each.title for each in sources().values()}
    specs = {find_spec(item.provider, item.name) for item in all_shipped()}
    assert {spec.accelerator for spec in specs if spec.accelerator} <= models().keys()


def test_the_shipped_files_are_small_and_reproducible():
    folder = Path(shelf.__file__).with_name("data")
    files = sorted(folder.glob("*"))
    assert {file.name for file in files} == {f"{table}.csv.gz" for table in shelf.TABLES}
    assert sum(file.stat().st_size for file in files) <= 150_000
    for file in files:
        packed = file.read_bytes()
        assert packed[4:8] == bytes(4), "no time of packing in the file"
        header, *rows = gzip.decompress(packed).decode().splitlines()
        assert header == shelf.TABLES[file.name.removesuffix(".csv.gz")]
        assert rows == sorted(rows, key=lambda row: row.split(","))
        assert {row.count(",") for row in rows} == {header.count(",")}
