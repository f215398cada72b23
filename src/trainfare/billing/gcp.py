"""Google's detailed billing export as canonical charges: JSON lines or array, CSV, Parquet.

Every row is one charge.

==================  ========================================================================
BilledCost          ``cost`` + the sum of ``credits``, which is what the invoice counts; the
                    credits stay beside it in ``x_Credits``, each with its type and amount
EffectiveCost       the same, plus the row's part of the fees of commitments that cover it, which
                    the fees give away (:mod:`trainfare.billing.gcp_commitments`)
ContractedCost      ``cost_at_effective_price_default``, else ``cost``: before any credit
ListCost            ``cost_at_list``
billing period      the calendar month of ``invoice.month``, whenever the usage was
ChargeCategory      fee of a commitment → Purchase; tax → Tax; adjustment, rounding_error and
                    anything with ``adjustment_info`` → Adjustment, the last a Correction
ConsumedQuantity    ``usage.amount_in_pricing_units`` (hours where usage is counted in seconds)
ResourceId          ``resource.global_name``, else ``resource.name``
Tags                labels, then resource-manager tags, then the project's labels: a key that comes
                    twice keeps the first value, the others are under ``tag:`` and ``project:``;
                    system labels keep their own prefix (``compute.googleapis.com/…``)
==================  ========================================================================

A fee whose commitment was not all used is *Unused* as a whole: its effective cost is what was not
used, and in the billed view the same row holds the fee. Days of invoices are Pacific; here a billing
month is the UTC month of that name.

Sources: Google Cloud Billing, "Structure of Detailed data export"; Google's FOCUS view for BigQuery.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from trainfare.billing import times
from trainfare.billing.amounts import Exact
from trainfare.billing.arrow import constant, pa, pc, text_of
from trainfare.billing.canonical import SCHEMA, Desk, Draft
from trainfare.billing.chunks import header_of
from trainfare.billing.gcp_commitments import Group, find_groups, shares_of
from trainfare.billing.gcp_credits import MACHINES, SPEND, Credits, credits_of
from trainfare.billing.gcp_members import is_fee
from trainfare.billing.gcp_resources import put_resource, put_tags, put_usage
from trainfare.billing.gcp_rows import Rows, chunks, has
from trainfare.billing.source import SourceFile
from trainfare.billing.texts import first_of, known, only, spread, translated
from trainfare.core.charge import View

_REQUIRED = ("billing_account_id", "cost", "currency", "usage_start_time", "usage_end_time")
_PLAIN = {
    "AvailabilityZone": ("location.zone",),
    "BillingAccountId": ("billing_account_id",),
    "BillingCurrency": ("currency",),
    "ChargeDescription": ("sku.description",),
    "RegionId": ("location.region", "location.location"),
    "ServiceName": ("service.description", "service.id"),
    "SkuId": ("sku.id",),
    "SkuMeter": ("sku.description",),
    "SubAccountId": ("project.id",),
    "SubAccountName": ("project.name",),
    "x_LineItemType": ("cost_type",),
}
"""Canonical column → the fields that say it, the first that says something counts."""


def read(files: Sequence[SourceFile], desk: Desk) -> Iterator[pa.RecordBatch]:
    """Canonical batches of an export, in file order.

    Args:
        files: JSON, CSV or Parquet of one export; a fee and what it covers may lie in different
            ones.
        desk: collects problems and running sums.
    """
    for file in files:
        header = header_of(file)
        missing = [name for name in _REQUIRED if not has(header, name)]
        if missing:
            what = f"has no column {', '.join(missing)}; export them too"
            desk.problems.add(file.name, what)
    if desk.problems:
        return
    groups = find_groups(files, desk)
    for file in files:
        for chunk in chunks(file, desk):
            yield _batch(Rows(chunk, Draft(chunk), desk), groups)
        desk.next_file()


def _batch(rows: Rows, groups: dict[str, Group]) -> pa.RecordBatch:
    """The canonical rows of one chunk."""
    draft = rows.draft
    for column, paths in _PLAIN.items():
        draft.put(column, rows.texts(*paths), source=paths[0])
    google = constant("Google Cloud", len(rows))
    for column in (
        "HostProviderName",
        "InvoiceIssuerName",
        "ServiceProviderName",
        "x_ProviderName",
    ):
        draft.put(column, google)
    draft.put("SubAccountType", constant("Project", len(rows)))
    draft.put("x_PublisherName", first_of(rows.texts("seller_name"), google))
    _put_times(rows)
    put_resource(rows)
    put_tags(rows)
    taken = credits_of(rows)
    fees = is_fee(rows, taken)
    effective = _put_costs(rows, taken, groups)
    is_usage = _put_kinds(rows, fees)
    put_usage(rows, is_usage)
    _put_commitments(rows, is_usage, fees, taken, effective)
    batch = draft.finish(rows.desk)
    place = SCHEMA.get_field_index("x_Credits")
    return batch.set_column(place, SCHEMA.field(place), taken.texts)


def _put_costs(rows: Rows, taken: Credits, groups: dict[str, Group]) -> Exact:
    """Set the amounts, and return what every row costs effectively."""
    draft, desk = rows.draft, rows.desk
    gross_cost = draft.exact(_column(rows, "cost"), desk, source="cost")
    billed = gross_cost.plus(taken.total)
    effective = billed.plus(shares_of(rows, taken, gross_cost, groups))
    draft.money(View.BILLED, billed, source="cost")
    draft.money(View.EFFECTIVE, effective, source="cost")
    default = "cost_at_effective_price_default"
    contracted = draft.exact(_column(rows, default), desk, source=default)
    draft.money(
        View.CONTRACTED, contracted.where(contracted.nano.is_valid(), gross_cost), source=default
    )
    listed = draft.exact(_column(rows, "cost_at_list"), desk, source="cost_at_list")
    draft.money(View.LIST, listed, source="cost_at_list")
    return effective


def _column(rows: Rows, path: str) -> pa.Array:
    values = rows.column(path)
    return pa.nulls(len(rows)) if values is None else values


_CATEGORIES = {
    "regular": "Usage",
    "tax": "Tax",
    "adjustment": "Adjustment",
    "rounding_error": "Adjustment",
    "roundoff": "Adjustment",
}
_FREQUENCIES = {
    "Usage": "Usage-Based",
    "Purchase": "Recurring",
    "Tax": "One-Time",
    "Adjustment": "One-Time",
}
_COMMITTED = r"\bCUDs?\b|commit"
_SPOT = r"spot|preempt"


def _put_kinds(rows: Rows, fees: pa.BooleanArray) -> pa.BooleanArray:
    """Set category, class and frequency, and return whether something ran.

    A kind of cost that nobody knows counts as usage, and is noted.
    """
    draft, kinds = rows.draft, rows.texts("cost_type")
    words = [(text or "").lower() for text in kinds.dictionary.to_pylist()]
    unknown = pa.array([word not in _CATEGORIES for word in words], pa.bool_())
    draft.note("ChargeCategory", "unknown-cost-type", spread(unknown, kinds))
    plain = translated(kinds, [_CATEGORIES.get(word, "Usage") for word in words])
    names = [f"adjustment_info.{name}" for name in ("id", "type", "description", "mode")]
    adjusted = rows.texts(*names).is_valid()
    texts = pc.fill_null(plain.dictionary_decode(), "Usage")
    texts = pc.if_else(pc.and_(adjusted, pc.not_equal(texts, "Tax")), "Adjustment", texts)
    texts = pc.if_else(fees, "Purchase", texts).dictionary_encode()
    draft.put("ChargeCategory", texts, source="cost_type")
    draft.put("ChargeClass", only(constant("Correction", len(rows)), adjusted))
    frequencies = [_FREQUENCIES[text] for text in texts.dictionary.to_pylist()]
    draft.put("ChargeFrequency", translated(texts, frequencies))
    return spread(pc.equal(texts.dictionary, "Usage"), texts)


def _put_commitments(
    rows: Rows, is_usage: pa.BooleanArray, fees: pa.BooleanArray, taken: Credits, effective: Exact
) -> None:
    """Set how a row is priced, which commitment it is of, and whether that was used.

    A fee with an unused part is *Unused* as a whole: its effective cost is that part.
    """
    draft, models = rows.draft, rows.texts("consumption_model.description")
    by_model = pc.and_(rows.said(models, _COMMITTED), is_usage)
    on_machines = pc.and_(taken.machines.is_nonzero(), is_usage)
    used = pc.or_(on_machines, pc.or_(by_model, pc.and_(taken.spend.is_nonzero(), is_usage)))
    names = rows.texts("sku.description")
    spot = pc.or_(rows.said(names, _SPOT), rows.said(models, _SPOT))
    words = pc.if_else(used, "Committed", pc.if_else(spot, "Dynamic", "Standard"))
    draft.put(
        "PricingCategory", pc.if_else(pc.or_(is_usage, fees), words, None).dictionary_encode()
    )
    of_machines = pc.or_(on_machines, pc.and_not(fees, rows.said(names, "dollar")))
    kinds = pc.if_else(of_machines, MACHINES, SPEND)
    either = pc.or_(used, fees)
    draft.put("CommitmentDiscountCategory", pc.if_else(either, kinds, None).dictionary_encode())
    draft.put("CommitmentDiscountType", only(constant("CUD", len(rows)), either))
    draft.put("CommitmentDiscountId", only(rows.texts("subscription.instance_id"), either))
    titles = first_of(
        taken.names(MACHINES, SPEND), first_of(only(models, by_model), only(names, fees))
    )
    draft.put("CommitmentDiscountName", titles)
    unused = pc.and_(fees, effective.is_nonzero())
    words = pc.if_else(used, "Used", pc.if_else(unused, "Unused", None))
    draft.put("CommitmentDiscountStatus", words.dictionary_encode())


_MONTH = re.compile(r"(\d{4})-?(0[1-9]|1[0-2])")


def _put_times(rows: Rows) -> None:
    """Set the usage window, and the billing period by the month of the invoice."""
    draft = rows.draft
    for end in ("Start", "End"):
        path = f"usage_{end.lower()}_time"
        draft.put(f"ChargePeriod{end}", _column(rows, path), source=path)
    months = rows.texts("invoice.month")
    found = [_MONTH.fullmatch(text or "") for text in months.dictionary.to_pylist()]
    wrong = spread(pa.array([each is None for each in found], pa.bool_()), months)
    if pc.any(wrong).as_py():
        what = "is not the month of an invoice; write it as 202610"
        draft.problem(rows.desk, "invoice.month", what, wrong, months)
    firsts = [each and datetime(int(each[1]), int(each[2]), 1, tzinfo=UTC) for each in found]
    start = pa.array(firsts, times.INSTANT).take(months.indices)
    if months.null_count:
        start = pc.coalesce(start, _first_of_month(_column(rows, "usage_start_time")))
        draft.note("BillingPeriodStart", "taken-from-usage", months.is_null())
    naive = start.cast(pa.timestamp("us"))
    end_of = pc.ceil_temporal(naive, unit="month", ceil_is_strictly_greater=True)
    draft.put("BillingPeriodStart", start, source="invoice.month")
    draft.put("BillingPeriodEnd", end_of.cast(times.INSTANT), source="invoice.month")


def _first_of_month(values: pa.Array) -> pa.TimestampArray:
    is_typed = pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)
    read = times.instants(values if is_typed else known(text_of(values)))
    return pc.floor_temporal(read.values.cast(pa.timestamp("us")), unit="month").cast(times.INSTANT)
