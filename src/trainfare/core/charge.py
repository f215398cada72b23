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
from trainfare.core.plain import shorten

VALUE_SHOWN = 40
"""Columns of a value that is wrong, where its problem is told in a sentence."""


class Component(StrEnum):
    """What a cost is for; every charge and every metered quantity has exactly one."""

    __hash__ = str.__hash__  # an Enum's own is a call in Python, and this is part of many keys

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

OWN = {
    "x_BilledNano": ("int64", "BilledCost in nano-units of BillingCurrency."),
    "x_EffectiveNano": ("int64", "EffectiveCost, likewise."),
    "x_ListNano": ("int64", "ListCost, likewise; null where the provider does not say."),
    "x_ContractedNano": ("int64", "ContractedCost, likewise."),
    "x_Component": ("string", "What the charge is for: compute, storage, data, network, other."),
    "x_UsageType": ("string", "The provider's usage type or meter."),
    "x_Operation": ("string", "The provider's operation."),
    "x_LineItemType": ("string", "The provider's kind of line."),
    "x_InstanceType": ("string", "The type of the machine."),
    "x_ParentResourceId": ("string", "The resource that this one hangs on or is a part of."),
    "x_ProviderName": ("string", "ProviderName of FOCUS until 1.3."),
    "x_PublisherName": ("string", "PublisherName of FOCUS until 1.3."),
    "x_Credits": ("json", "The credits that the billed cost already holds (Google)."),
    "x_ExchangeRate": ("decimal", "BillingCurrency per unit of PricingCurrency."),
    "x_Repairs": ("string", "Notes Column:what-was-done, ';' between; null where it came clean."),
    "x_SourceFile": ("string", "The file that the row stood in."),
    "x_SourceRow": ("int64", "Its number there, counting data rows from 1."),
}
"""Our own columns → kind, and what they hold."""

COLUMNS: dict[str, str] = {
    **dict.fromkeys(_TIMES, "timestamp"),
    **dict.fromkeys(_STRINGS, "string"),
    **dict.fromkeys(_JSON, "json"),
    **dict.fromkeys(_DECIMALS, "decimal"),
    **{name: kind for name, (kind, _) in OWN.items()},
}
"""Column name → kind: *timestamp* (UTC, microseconds), *string*, *json* (text of one JSON object
with sorted keys), *decimal* (text of an exact decimal, as the provider wrote it) or *int64*."""

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
        shown = f"{shorten(self.value, VALUE_SHOWN)!r} " if self.value is not None else ""
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
