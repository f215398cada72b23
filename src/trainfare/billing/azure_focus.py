"""Azure's FOCUS export: FOCUS with gaps of Azure's own, which are filled or made visible.

* ListCost and ContractedCost are 0 for reservations and for Marketplace, where Azure does not know
  them; here they are unknown, and so are their unit prices. 0 stays where nothing was billed.
* Ids of resources are in small letters, those of commitments are not; here both are.
* ``x_SkuDetails`` (1.0) or ``SkuPriceDetails`` (1.2) tell the machine and the instance of a scale
  set; ``x_SkuMeterName`` became ``SkuMeter`` in 1.2, ``x_InvoiceId`` InvoiceId.
* Rows are of days. Keys of tags carry no provider's prefix, and nothing tells whose they are: they
  stay as they came.

Source: Microsoft FinOps toolkit, schemas of FocusCost 1.0, 1.0r2 and 1.2-preview, FOCUS conformance
report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from trainfare.billing import focus
from trainfare.billing.arrow import constant, pa, pc, text_of
from trainfare.billing.azure_resources import MACHINES, ZERO, put_instance, put_size, types_in
from trainfare.billing.azure_rows import lowered, without
from trainfare.billing.canonical import Desk, Draft
from trainfare.billing.source import SourceFile
from trainfare.billing.tags import text_of_nested
from trainfare.billing.texts import first_of, known, only, spread
from trainfare.core.charge import View

_OLDER: Mapping[str, str] = MappingProxyType(
    {
        "InvoiceId": "x_InvoiceId",
        "PricingCurrency": "x_PricingCurrency",
        "SkuMeter": "x_SkuMeterName",
        "SkuPriceDetails": "x_SkuDetails",
        "ResourceType": "x_ResourceType",
        "x_ExchangeRate": "x_BillingExchangeRate",
        "x_UsageType": "x_SkuMeterSubcategory",
    }
)
"""Canonical column → Azure's own column that says it where FOCUS's does not."""

_UNKNOWN = {View.LIST: "ListUnitPrice", View.CONTRACTED: "ContractedUnitPrice"}
"""Views whose 0 may mean that Azure does not know, and the unit price beside each."""


def read(files: Sequence[SourceFile], desk: Desk) -> Iterator[pa.RecordBatch]:
    """Canonical batches of Azure's FOCUS export, in file order.

    Args:
        files: CSV or Parquet of one or more versions.
        desk: collects problems and running sums.
    """
    return focus.read(files, desk, complete)


def complete(draft: Draft, desk: Desk) -> None:
    """Fill what Azure's export lacks, and say what it does not know."""
    for column, name in _OLDER.items():
        own = draft.chunk.column(name)
        if own is not None:
            draft.put(column, _texts(draft, column, known(text_of_nested(own))))
    _put_costs(draft, desk)
    ids, details = lowered(_texts(draft, "ResourceId")), _texts(draft, "SkuPriceDetails")
    draft.put("ResourceId", ids)
    draft.put("ResourceType", _texts(draft, "ResourceType", types_in(ids)))
    draft.put("CommitmentDiscountId", lowered(_texts(draft, "CommitmentDiscountId")))
    put_instance(draft, ids, details)
    meters = draft.chunk.column("x_SkuMeterCategory")
    if meters is not None:
        categories = known(text_of(meters))
        machine = spread(pc.equal(categories.dictionary, MACHINES), categories)
        status, kind = _texts(draft, "CommitmentDiscountStatus"), _texts(draft, "ChargeCategory")
        ran = pc.and_(spread(pc.equal(kind.dictionary, "Usage"), kind), machine)
        unused = spread(pc.equal(status.dictionary, "Unused"), status)
        put_size(draft, details, _texts(draft, "SkuMeter"), pc.and_not(ran, unused))


def _texts(
    draft: Draft, column: str, other: pa.DictionaryArray | None = None
) -> pa.DictionaryArray:
    """(n,) what *column* was set to, else what *other* says; null where neither does."""
    texts = draft.texts(column)
    if texts is None:
        return constant(None, draft.rows) if other is None else other
    return texts if other is None else first_of(texts, other)


def _put_costs(draft: Draft, desk: Desk) -> None:
    """Set the amounts; a 0 that means unknown is unknown."""
    names = {name.lower(): name for name in draft.chunk.batch.schema.names}
    exact = {}
    for view in View:
        name = names.get(f"{view}cost")
        values = None if name is None else draft.chunk.column(name)
        if values is not None:
            exact[view] = draft.exact(values, desk, source=name or "")
    charged = pc.or_(exact[View.BILLED].is_nonzero(), exact[View.EFFECTIVE].is_nonzero())
    for view, amounts in exact.items():
        source = names[f"{view}cost"]
        if view not in _UNKNOWN:
            draft.money(view, amounts, source=source)
            continue
        silent = pc.and_(amounts.is_zero(), charged)
        draft.note(source, "zero-means-unknown", silent)
        draft.money(view, without(amounts, silent), source=source)
        prices = _texts(draft, _UNKNOWN[view])
        free = spread(pc.match_substring_regex(prices.dictionary, ZERO), prices)
        draft.put(_UNKNOWN[view], only(prices, pc.invert(pc.and_(free, silent))))
