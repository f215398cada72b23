"""FOCUS columns by version: name, order, type and nullability, and the ``x_`` columns beside them.

Source: FinOps Open Cost and Usage Specification, CostAndUsage, versions 1.2, 1.3 and 1.4; columns in
the order of their names, later ones after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

VERSIONS = ("1.2", "1.3", "1.4")
"""The versions that can be written."""


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    JSON = "json"
    TIME = "time"
    MONEY = "money"
    """An amount of BillingCurrency, exact to the nano-unit."""
    DECIMAL = "decimal"
    """Any other exact decimal: a quantity or a price."""


@dataclass(frozen=True, slots=True)
class FocusColumn:
    """One column of the export."""

    name: str
    kind: Kind
    is_nullable: bool = True
    unit: str | None = None
    """The column that names the unit, for money, quantities and prices."""


SUMMABLE = {
    "ConsumedQuantity": "ConsumedUnit",
    "PricingQuantity": "PricingUnit",
    "CommitmentDiscountQuantity": "CommitmentDiscountUnit",
    "PricingCurrencyEffectiveCost": "PricingCurrency",
}
"""Quantities that are divided as the costs are → the column of their unit."""

_PRICES = {
    "ContractedUnitPrice": "BillingCurrency/PricingUnit",
    "ListUnitPrice": "BillingCurrency/PricingUnit",
    "PricingCurrencyContractedUnitPrice": "PricingCurrency/PricingUnit",
    "PricingCurrencyListUnitPrice": "PricingCurrency/PricingUnit",
    "x_ExchangeRate": "BillingCurrency/PricingCurrency",
}
_MONEY = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
_TIMES = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
_JSON = (
    "SkuPriceDetails",
    "Tags",
    "AllocatedMethodDetails",
    "AllocatedTags",
    "ContractApplied",
    "CommitmentProgramEligibilityDetails",
)

_FIRST = """AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType
BillingCurrency BillingPeriodEnd BillingPeriodStart CapacityReservationId CapacityReservationStatus
ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit ConsumedQuantity ConsumedUnit
ContractedCost ContractedUnitPrice EffectiveCost InvoiceId InvoiceIssuerName ListCost ListUnitPrice
PricingCategory PricingCurrency PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost
PricingCurrencyListUnitPrice PricingQuantity PricingUnit ProviderName PublisherName RegionId RegionName
ResourceId ResourceName ResourceType ServiceCategory ServiceName ServiceSubcategory SkuId SkuMeter
SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType Tags""".split()  # noqa: SIM905 (a line per name is a page)
"""The 57 columns of 1.2."""

ALLOCATED = (
    "AllocatedMethodDetails",
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
)
"""Who has a part of a charge, and how; FOCUS has them from 1.3 on."""

_SINCE_1_3 = (*ALLOCATED, "ContractApplied", "HostProviderName", "ServiceProviderName")
_SINCE_1_4 = ("CommitmentProgramEligibilityDetails", "InvoiceDetailId")
_UNTIL_1_3 = ("ProviderName", "PublisherName")

_REQUIRED = {
    *_MONEY,
    *_TIMES,
    "BillingAccountId",
    "BillingAccountType",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeFrequency",
    "InvoiceIssuerName",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "ServiceProviderName",
}
_REQUIRED_IN_1_4 = {"PricingCurrency", "PricingCurrencyEffectiveCost"}

OWN = (
    "x_Component",
    "x_ExchangeRate",
    "x_InstanceType",
    "x_Label",
    "x_LineItemType",
    "x_Method",
    "x_Operation",
    "x_OriginAllocatedMethodId",
    "x_OriginAllocatedResourceId",
    "x_OriginCharge",
    "x_ParentResourceId",
    "x_Remainder",
    "x_UsageType",
)
"""Our own columns, in every version."""


def focus_columns(version: str) -> tuple[FocusColumn, ...]:
    """All columns of an export in order: those of FOCUS *version*, then ``x_`` columns by name.

    What other versions have and this one has not travels under its name with ``x_`` before it.

    >>> len([one for one in focus_columns("1.4") if not one.name.startswith("x_")])
    65
    """
    named = [name for name in _FIRST if version != "1.4" or name not in _UNTIL_1_3]
    named += _SINCE_1_3 if version != "1.2" else ()
    named += _SINCE_1_4 if version == "1.4" else ()
    others = {f"x_{name}" for name in (*_FIRST, *_SINCE_1_3, *_SINCE_1_4) if name not in named}
    return tuple(_column(name, version) for name in (*named, *sorted({*others, *OWN})))


def _column(name: str, version: str) -> FocusColumn:
    bare = name.removeprefix("x_") if name not in OWN else name
    if bare in _MONEY:
        kind, unit = Kind.MONEY, "BillingCurrency"
    elif bare in SUMMABLE or bare in _PRICES:
        kind, unit = Kind.DECIMAL, {**SUMMABLE, **_PRICES}[bare]
    else:
        kind, unit = Kind.TEXT, None
        kind = Kind.TIME if bare in _TIMES else Kind.JSON if bare in _JSON else kind
    is_required = name in _REQUIRED or (version == "1.4" and name in _REQUIRED_IN_1_4)
    return FocusColumn(name, kind, not is_required, unit)
