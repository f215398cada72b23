"""Which format a bill file is in, told by its header alone where that is possible."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trainfare.core.errors import BadInput

_FOCUS_SINCE = {
    "1.4": ("InvoiceDetailId", "CommitmentProgramEligibilityDetails"),
    "1.3": (
        "AllocatedMethodDetails",
        "AllocatedMethodId",
        "AllocatedResourceId",
        "AllocatedResourceName",
        "AllocatedTags",
        "ContractApplied",
        "HostProviderName",
        "ServiceProviderName",
    ),
    "1.2": (
        "BillingAccountType",
        "SubAccountType",
        "InvoiceId",
        "PricingCurrency",
        "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyEffectiveCost",
        "PricingCurrencyListUnitPrice",
    ),
    "1.1": (
        "CapacityReservationId",
        "CapacityReservationStatus",
        "CommitmentDiscountQuantity",
        "CommitmentDiscountUnit",
        "ServiceSubcategory",
        "SkuMeter",
        "SkuPriceDetails",
    ),
}
_FOCUS_CORE = (
    "BilledCost",
    "EffectiveCost",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
)

_SACCT = re.compile(r"jobid|\d[\w.+\[\]-]*\|", re.IGNORECASE)
"""How what sacct prints begins, with a header or without."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How a format shows in a header: *needs* all there; *hints* only rank the nearest format.

    ``A|B`` is a column that goes by either name.
    """

    format: str
    needs: tuple[str, ...]
    hints: tuple[str, ...] = ()


SIGNATURES = (
    Signature("azure-focus", (*_FOCUS_CORE, "x_SkuMeterId"), ("x_BilledCostInUsd",)),
    Signature("focus", _FOCUS_CORE, ("BillingCurrency", "ServiceName", "ServiceCategory")),
    Signature(
        "aws-cur-legacy",
        ("lineItem/LineItemType", "lineItem/UnblendedCost", "bill/BillingPeriodStartDate"),
        ("lineItem/UsageType", "identity/LineItemId"),
    ),
    Signature(
        "aws-cur-2.0",
        ("line_item_line_item_type", "line_item_unblended_cost", "bill_billing_period_start_date"),
        ("line_item_usage_type", "resource_tags"),
    ),
    Signature(
        "gcp-detailed",
        ("billing_account_id", "usage_start_time", "usage_end_time", "cost", "currency"),
        ("credits", "service", "sku", "project", "invoice"),
    ),
    Signature(
        "azure-ea",
        ("MeterId", "Quantity", "Cost", "Date", "SubscriptionGuid"),
        ("ConsumedService", "UnitOfMeasure"),
    ),
    Signature(
        "azure-actual",
        ("MeterId", "Quantity", "CostInBillingCurrency|Cost", "Date"),
        ("ChargeType", "PricingModel", "ConsumedService", "UnitOfMeasure"),
    ),
)
"""Every known header, the most particular first. Case does not matter."""


def detect(columns: Sequence[str], name: str, manifest: str = "") -> str:
    """The format of a file.

    One of focus-1.0 … focus-1.4, azure-focus, azure-actual, azure-amortized, azure-ea,
    aws-cur-legacy, aws-cur-2.0 and gcp-detailed. Azure's actual and amortised exports have one header; the manifest's or the file's own name
    tells them apart, and actual is taken where neither does.

    Args:
        columns: the header.
        name: the file's name.
        manifest: what its manifest calls the delivery, or nothing.

    Raises:
        BadInput: no format fits; the message names the nearest and what it lacks.
    """
    have = {column.lower() for column in columns}
    for signature in SIGNATURES:
        if all(_there(column, have) for column in signature.needs):
            return _precise(signature.format, have, f"{name} {manifest}".lower())
    if {"jobs", "meta"} <= have or (columns and _SACCT.match(columns[0])):
        raise BadInput(
            f"{name} looks like records of Slurm jobs (sacct), which are no bill; "
            "run trainfare claims import"
        )
    raise BadInput(_nearest(have, name))


def _precise(format_name: str, have: set[str], words: str) -> str:
    if format_name == "focus":
        return f"focus-{focus_version(have)}"
    if format_name in {"azure-actual", "azure-ea"} and "amorti" in words:
        return "azure-amortized"
    return format_name


def focus_version(columns: set[str]) -> str:
    """The FOCUS version whose newest columns are there.

    >>> focus_version({"billedcost", "skumeter"})
    '1.1'
    """
    lowered = {column.lower() for column in columns}
    for version, news in _FOCUS_SINCE.items():
        if any(column.lower() in lowered for column in news):
            return version
    return "1.0"


def _there(column: str, have: set[str]) -> bool:
    return any(name in have for name in column.lower().split("|"))


def _nearest(have: set[str], name: str) -> str:
    def nearness(signature: Signature) -> float:
        wanted = (*signature.needs, *signature.hints)
        return sum(_there(column, have) for column in wanted) / len(wanted)

    best = max(SIGNATURES, key=nearness)
    if nearness(best) == 0:
        return (
            f"{name}: the header is of no known bill format; is this a bill? "
            "If so, describe its columns in a mapping file (--mapping FILE.toml)"
        )
    missing = [column for column in best.needs if not _there(column, have)]
    return (
        f"{name}: the header is nearest to {best.format}, but has no column "
        f"{', '.join(missing)}; export them too, or describe the file in a mapping (--mapping)"
    )
