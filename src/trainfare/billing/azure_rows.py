"""Rows of Azure's cost exports under one set of names, whichever agreement they come from.

Enterprise agreements write ``CostInBillingCurrency``, ``ResourceGroup`` and ``BillingCurrencyCode``
where customer agreements write ``costInBillingCurrency``, ``resourceGroupName`` and
``billingCurrency``; case never tells two columns apart. Newer versions of the schemas say ``Cost``.

Source: Microsoft Cost Management, "Understand usage details fields".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from trainfare.billing.amounts import Exact
from trainfare.billing.arrow import constant, pa, pc
from trainfare.billing.canonical import Chunk, Desk, Draft
from trainfare.billing.tags import text_of_nested
from trainfare.billing.texts import first_of, known, spread

ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cost": ("CostInBillingCurrency", "Cost"),
        "currency": ("BillingCurrencyCode", "BillingCurrency", "Currency"),
        "date": ("Date", "UsageDate", "UsageDateTime"),
        "period_start": ("BillingPeriodStartDate",),
        "period_end": ("BillingPeriodEndDate",),
        "profile": ("BillingProfileId",),
        "profile_name": ("BillingProfileName",),
        "account": ("BillingAccountId",),
        "account_name": ("BillingAccountName",),
        "subscription": ("SubscriptionId", "SubscriptionGuid"),
        "subscription_name": ("SubscriptionName",),
        "charge": ("ChargeType",),
        "pricing": ("PricingModel",),
        "frequency": ("Frequency",),
        "benefit": ("BenefitId",),
        "benefit_name": ("BenefitName",),
        "reservation": ("ReservationId",),
        "reservation_name": ("ReservationName",),
        "order": ("ProductOrderId",),
        "order_name": ("ProductOrderName",),
        "product": ("ProductName", "Product"),
        "sku": ("ProductId", "PartNumber"),
        "meter_id": ("MeterId",),
        "meter": ("MeterName",),
        "meter_category": ("MeterCategory",),
        "meter_subcategory": ("MeterSubCategory",),
        "measure": ("UnitOfMeasure",),
        "quantity": ("Quantity", "UsageQuantity"),
        "unit_price": ("UnitPrice",),
        "list_price": ("PayGPrice",),
        "list_cost": ("PaygCostInBillingCurrency",),
        "pricing_currency": ("PricingCurrency", "PricingCurrencyCode"),
        "pricing_cost": ("CostInPricingCurrency",),
        "rate": ("ExchangeRatePricingToBilling", "ExchangeRate"),
        "consumed_service": ("ConsumedService",),
        "resource": ("ResourceId", "InstanceId", "InstanceName"),
        "resource_name": ("ResourceName",),
        "place": ("ResourceLocation", "Location"),
        "zone": ("AvailabilityZone",),
        "details": ("AdditionalInfo",),
        "tags": ("Tags",),
        "publisher": ("PublisherName",),
        "partner": ("PartnerName",),
        "invoice": ("InvoiceId",),
    }
)
"""Our word for a column → the names that it has had, the first that is there counts."""


class Header:
    """The columns of one export, found by our words."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Sort the columns of a file."""
        lowered = {name.strip().lower(): name for name in reversed(columns)}
        self._found = {
            word: [lowered[name.lower()] for name in names if name.lower() in lowered]
            for word, names in ALIASES.items()
        }

    @property
    def wanted(self) -> list[str]:
        """The columns that are read."""
        return list(dict.fromkeys(name for names in self._found.values() for name in names))

    def found(self, word: str) -> list[str]:
        """What the file calls *word*, the best first; a file may have two such columns."""
        return self._found[word]

    def told(self, word: str) -> str:
        """What to call *word* in a message.

        >>> Header(["cost"]).told("cost"), Header([]).told("cost")
        ('cost', 'CostInBillingCurrency')
        """
        return (self._found[word] or list(ALIASES[word]))[0]


@dataclass(slots=True)
class Rows:
    """The rows of one chunk; every answer is one value per row."""

    header: Header
    chunk: Chunk
    draft: Draft
    desk: Desk

    def __len__(self) -> int:
        return len(self.chunk)

    def column(self, word: str) -> pa.Array | None:
        """(n,) values of a column as they came, or None."""
        for name in self.header.found(word):
            return self.chunk.column(name)
        return None

    def texts(self, *words: str) -> pa.DictionaryArray:
        """(n,) text of the first of *words* that says something in a row; null where none does."""
        result = None
        for word in words:
            for name in self.header.found(word):
                values = self.chunk.column(name)
                if values is None:
                    continue
                texts = known(text_of_nested(values))
                result = texts if result is None else first_of(result, texts)
                if result.null_count == 0:
                    return result
        return constant(None, len(self)) if result is None else result

    def said(self, texts: pa.DictionaryArray, *words: str) -> pa.BooleanArray:
        """(n,) whether a text is one of *words*, without regard to case and spaces."""
        plain = [plain_word(text) for text in texts.dictionary.to_pylist()]
        return spread(pa.array([text in words for text in plain], pa.bool_()), texts)

    def amounts(self, word: str) -> Exact:
        """(n,) exact amounts of a column; null where nothing is said."""
        values = self.column(word)
        if values is None:
            return Exact(pa.nulls(len(self), pa.int64()))
        return self.draft.exact(values, self.desk, source=self.header.told(word))


def plain_word(text: str | None) -> str:
    """A word of Azure's without case and spaces: "Savings Plan" and "SavingsPlan" are one.

    >>> plain_word("Savings Plan")
    'savingsplan'
    """
    return (text or "").replace(" ", "").lower()


def without(exact: Exact, where: pa.BooleanArray) -> Exact:
    """The same amounts, unknown where *where* is true."""
    return Exact(pa.nulls(len(exact.nano), pa.int64())).where(where, exact)


def chosen(
    where: pa.BooleanArray, first: pa.BooleanArray, one: str, other: str
) -> pa.DictionaryArray:
    """(n,) *one* where *first* is true, else *other*; null where *where* is false."""
    code = pc.if_else(first, pa.scalar(0, pa.int32()), pa.scalar(1, pa.int32()))
    codes = pc.if_else(where, code, pa.scalar(None, pa.int32()))
    return pa.DictionaryArray.from_arrays(codes, pa.array([one, other]))


def lowered(texts: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same texts in small letters, each of them once."""
    distinct = pc.utf8_lower(texts.dictionary).dictionary_encode()
    return pa.DictionaryArray.from_arrays(distinct.indices.take(texts.indices), distinct.dictionary)
