"""Charges: the canonical row of a bill, shaped as FOCUS 1.4 with our own ``x_`` columns beside it.

A lake file holds :data:`COLUMNS` in this order. FOCUS columns keep their FOCUS meaning and name.
The four cost columns are whole nano-units of ``BillingCurrency`` (``x_BilledNano`` …), brought
there by cumulative rounding in file order, so that a file's total is exact to half a nano; null
is "the provider did not say", never 0.

Source: FinOps Open Cost and Usage Specification, versions 1.0 to 1.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trainfare.core.errors import BadInput


class Component(StrEnum):
    """What a cost is for; every charge and every metered quantity has exactly one."""

    COMPUTE = "compute"
    STORAGE = "storage"
    DATA = "data"
    NETWORK = "network"
    OTHER = "other"


class View(StrEnum):
    """Which cost column a report adds up; views are never mixed."""

    BILLED = "billed"
    EFFECTIVE = "effective"
    LIST = "list"
    CONTRACTED = "contracted"

    @property
    def column(self) -> str:
        """The lake column of this view.

        >>> View.EFFECTIVE.column
        'x_EffectiveNano'
        """
        return f"x_{self.value.capitalize()}Nano"


class Sharing(StrEnum):
    """Who has the benefit of commitments."""

    BILLED = "billed"
    """Whose hour the provider happened to cover, as the bill says."""
    POOLED = "pooled"
    """All usage that they could have covered, at one mean rate."""
    NONE = "none"
    """Nobody: as if nothing had been bought, at on-demand prices."""


class Remainder(StrEnum):
    """Where a billed amount stands that no run owns; each is shown, none is spread silently."""

    IDLE = "idle"
    SHARED = "shared"
    UNUSED_COMMITMENT = "unused_commitment"
    UNALLOCATED = "unallocated"


CHARGE_CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
"""FOCUS ChargeCategory, every allowed value."""

_STRINGS = [
    "AvailabilityZone",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedUnit",
    "InvoiceId",
    "InvoiceDetailId",
    "InvoiceIssuerName",
    "PricingCategory",
    "PricingCurrency",
    "PricingUnit",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "HostProviderName",
    "ServiceProviderName",
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
]

_JSON = [
    "Tags",
    "SkuPriceDetails",
    "AllocatedTags",
    "AllocatedMethodDetails",
    "ContractApplied",
    "CommitmentProgramEligibilityDetails",
]

_DECIMALS = [
    "ListUnitPrice",
    "ContractedUnitPrice",
    "PricingQuantity",
    "ConsumedQuantity",
    "CommitmentDiscountQuantity",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyListUnitPrice",
    "PricingCurrencyEffectiveCost",
]

_TIMES = ["BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"]

_OWN = {
    "x_BilledNano": "int64",
    "x_EffectiveNano": "int64",
    "x_ListNano": "int64",
    "x_ContractedNano": "int64",
    "x_Component": "string",
    "x_UsageType": "string",
    "x_Operation": "string",
    "x_LineItemType": "string",
    "x_InstanceType": "string",
    "x_ParentResourceId": "string",
    "x_ProviderName": "string",
    "x_PublisherName": "string",
    "x_Credits": "json",
    "x_ExchangeRate": "decimal",
    "x_Repairs": "string",
    "x_SourceFile": "string",
    "x_SourceRow": "int64",
}

COLUMNS: dict[str, str] = {
    **dict.fromkeys(_TIMES, "timestamp"),
    **dict.fromkeys(_STRINGS, "string"),
    **dict.fromkeys(_JSON, "json"),
    **dict.fromkeys(_DECIMALS, "decimal"),
    **_OWN,
}
"""Column name → kind: *timestamp* (UTC, microseconds), *string*, *json* (text of one JSON object
with sorted keys), *decimal* (text of an exact decimal, as the provider wrote it) or *int64*.
``x_Repairs`` is ``;``-joined ``Column:what-was-done`` notes, null where the row came clean.
``x_SourceRow`` counts data rows from 1 within ``x_SourceFile``. ``x_Credits`` lists the credits that
the billed cost of a row already holds (Google), ``x_ExchangeRate`` is how much of BillingCurrency
one unit of PricingCurrency was."""

REQUIRED = (
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "BillingAccountId",
    "ServiceName",
    "x_BilledNano",
    "x_EffectiveNano",
)
"""Columns that every canonical row fills; a row that cannot is a problem of its file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a source file, and where."""

    file: str
    row: int | None
    column: str | None
    value: str | None
    what: str
    """What is wrong and what to do."""

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f" row {self.row}"
        if self.column is not None:
            place += f", column {self.column}"
        shown = f"{self.value[:80]!r} " if self.value is not None else ""
        return f"{place}: {shown}{self.what}"


def view_of(text: str) -> View:
    """The view that *text* names.

    Raises:
        BadInput: it is none of billed, effective, list, contracted.
    """
    try:
        return View(text)
    except ValueError:
        raise BadInput(f"view {text!r} is not one of {', '.join(View)}") from None
