"""A FOCUS 1.2 bill of any size as Parquet, the same rows for the same size: what imports are timed on.

    python -m bench.focus_rows 1_000_000 bill.parquet

60 columns (AWS's FOCUS_1_2_AWS), hourly, two lines per resource-hour in time order, DECIMAL(28,10)
costs, tags as a map, 5 % of resource ids null, zstd, row groups of 122,880. Resources grow with the
size: every bill covers one month.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HOURS = 720
GROUP = 122_880
START = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp()) * 10**6
HOUR = 3600 * 10**6
MONTH = (START, START + HOURS * HOUR)

INSTANCES = ["p4d.24xlarge", "p5.48xlarge", "g5.xlarge", "m6i.4xlarge"]
PRICES = [327_726_0000, 983_200_0000, 10_060_0000, 7_680_0000]  # 10⁻⁸ of a dollar per hour
REGIONS = ["us-east-1", "us-west-2", "eu-west-1"]
TEAMS = ["nlp", "vision", "speech", "search", "platform"]

MONEY = pa.decimal128(28, 10)
TEXT = pa.string()
STAMP = pa.timestamp("us", tz="UTC")


def write_bill(rows: int, path: Path) -> None:
    """Write *rows* charges to *path*."""
    resources = max(1, rows // (2 * HOURS))
    writer = None
    for first in range(0, rows, GROUP):
        batch = group(np.arange(first, min(rows, first + GROUP)), resources)
        if writer is None:
            writer = pq.ParquetWriter(path, batch.schema, compression="zstd")
        writer.write_batch(batch, row_group_size=GROUP)
    if writer is not None:
        writer.close()


def group(index: np.ndarray, resources: int) -> pa.RecordBatch:
    """The charges of the given row numbers."""
    hour, rest = np.divmod(index // 2, resources)
    resource, line = rest, index % 2
    kind = resource % len(INSTANCES)
    noise = (index * 2_654_435_761) % 1_000_003
    billed = np.where(line == 0, np.take(PRICES, kind) * 100, 900_000 + noise * 37)
    effective = billed - np.where(line == 0, noise * 11, 0)
    start = START + hour % HOURS * HOUR
    account = resource % 40
    tags = pa.MapArray.from_arrays(
        pa.array(np.arange(0, 3 * len(index) + 1, 3), pa.int32()),
        pa.array(["experiment", "run_id", "team"] * len(index)),
        interleaved(
            texts("exp-{}", resource % 50),
            texts("r-{:06d}", resource % 20_000),
            chosen(TEAMS, resource % len(TEAMS)),
        ),
    )
    columns = {
        "AvailabilityZone": texts("az-{}", resource % 6),
        "BilledCost": money(billed),
        "BillingAccountId": same("999999999999", index),
        "BillingAccountName": same("Example Labs", index),
        "BillingAccountType": same("AWS Account", index),
        "BillingCurrency": same("USD", index),
        "BillingPeriodEnd": stamps(np.full(len(index), MONTH[1])),
        "BillingPeriodStart": stamps(np.full(len(index), MONTH[0])),
        "CapacityReservationId": nothing(index),
        "CapacityReservationStatus": nothing(index),
        "ChargeCategory": same("Usage", index),
        "ChargeClass": nothing(index),
        "ChargeDescription": chosen(
            [f"On demand {name} instance hour" for name in INSTANCES] + ["Regional data transfer"],
            np.where(line == 0, kind, len(INSTANCES)),
        ),
        "ChargeFrequency": same("Usage-Based", index),
        "ChargePeriodEnd": stamps(start + HOUR),
        "ChargePeriodStart": stamps(start),
        "CommitmentDiscountCategory": nothing(index),
        "CommitmentDiscountId": nothing(index),
        "CommitmentDiscountName": nothing(index),
        "CommitmentDiscountQuantity": nothing(index, MONEY),
        "CommitmentDiscountStatus": nothing(index),
        "CommitmentDiscountType": nothing(index),
        "CommitmentDiscountUnit": nothing(index),
        "ConsumedQuantity": money(np.where(line == 0, 10**10, noise * 10_000)),
        "ConsumedUnit": chosen(["Hours", "GB"], line),
        "ContractedCost": money(billed),
        "ContractedUnitPrice": money(np.where(line == 0, np.take(PRICES, kind) * 100, 10**8)),
        "EffectiveCost": money(effective),
        "InvoiceId": nothing(index),
        "InvoiceIssuerName": same("Amazon Web Services, Inc.", index),
        "ListCost": money(billed),
        "ListUnitPrice": money(np.where(line == 0, np.take(PRICES, kind) * 100, 10**8)),
        "PricingCategory": same("Standard", index),
        "PricingCurrency": same("USD", index),
        "PricingCurrencyContractedUnitPrice": nothing(index, MONEY),
        "PricingCurrencyEffectiveCost": money(effective),
        "PricingCurrencyListUnitPrice": nothing(index, MONEY),
        "PricingQuantity": money(np.where(line == 0, 10**10, noise * 10_000)),
        "PricingUnit": chosen(["Hours", "GB"], line),
        "ProviderName": same("AWS", index),
        "PublisherName": same("AWS", index),
        "RegionId": chosen(REGIONS, resource % 3),
        "RegionName": chosen(REGIONS, resource % 3),
        "ResourceId": texts("i-{:016x}", resource, null=noise % 20 == 0),
        "ResourceName": nothing(index),
        "ResourceType": same("instance", index),
        "ServiceCategory": chosen(["Compute", "Networking"], line),
        "ServiceName": same("Amazon Elastic Compute Cloud", index),
        "ServiceSubcategory": chosen(["Virtual Machines", "Network Connectivity"], line),
        "SkuId": texts("SKU{:05d}", kind * 2 + line),
        "SkuMeter": chosen(["BoxUsage", "DataTransfer-Regional-Bytes"], line),
        "SkuPriceDetails": nothing(index),
        "SkuPriceId": texts("SKU{:05d}.JRTCKXETXF", kind * 2 + line),
        "SubAccountId": texts("{:012d}", account),
        "SubAccountName": texts("account {}", account),
        "SubAccountType": same("AWS Account", index),
        "Tags": tags,
        "x_Discounts": nothing(index),
        "x_Operation": chosen(["RunInstances", "InterZone-In"], line),
        "x_ServiceCode": same("AmazonEC2", index),
    }
    return pa.RecordBatch.from_pydict(columns)


def money(unscaled: np.ndarray) -> pa.Array:
    """Unscaled whole numbers as DECIMAL(28,10)."""
    words = np.empty(2 * len(unscaled), np.int64)
    words[0::2], words[1::2] = unscaled, unscaled >> 63
    return pa.Array.from_buffers(MONEY, len(unscaled), [None, pa.py_buffer(words)])


def stamps(micros: np.ndarray) -> pa.Array:
    """Microseconds since the epoch as UTC timestamps."""
    return pa.array(micros, pa.int64()).cast(STAMP)


def chosen(words: list[str], codes: np.ndarray) -> pa.Array:
    """The word of each code."""
    return pa.array(words).take(pa.array(codes))


def texts(pattern: str, codes: np.ndarray, null: np.ndarray | None = None) -> pa.Array:
    """Each code in a pattern, null where asked."""
    distinct, back = np.unique(codes, return_inverse=True)
    words = pa.array([pattern.format(int(code)) for code in distinct])
    return words.take(pa.array(back, mask=null))


def same(word: str, index: np.ndarray) -> pa.Array:
    """One word in every row."""
    return pa.repeat(pa.scalar(word), len(index))


def nothing(index: np.ndarray, kind: pa.DataType = TEXT) -> pa.Array:
    """Null in every row."""
    return pa.nulls(len(index), kind)


def interleaved(*columns: pa.Array) -> pa.Array:
    """The first of each column, then the second of each, and so on."""
    rows = len(columns[0])
    joined = pa.concat_arrays(columns)
    order = np.arange(rows)[:, None] + rows * np.arange(len(columns))[None, :]
    return joined.take(pa.array(order.ravel()))


if __name__ == "__main__":
    write_bill(int(sys.argv[1]), Path(sys.argv[2]))
