"""AWS cost and usage reports: legacy CUR and CUR 2.0, CSV or Parquet, as canonical charges.

Every line item is one charge. Billed is its unblended cost (cash, never blended); effective is the
amortised cost (:mod:`trainfare.billing.aws_amortised`); list is the public on-demand cost. Contracted
is the unblended cost where no commitment changes it, and unknown elsewhere. A negation row takes
back what covered usage lists and costs without its plan, so it lists nothing.

Split cost allocation rows take their part out of their instance, and nothing is counted twice
(:mod:`trainfare.billing.aws_split`). ``identity/LineItemId`` is not read: it changes between
deliveries. A line item's own times count, not its TimeInterval: in a daily report tax spans the
month.

Source: AWS CUR and Data Exports user guides; the mapping is that of FOCUS Converters where the two
agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trainfare.billing.amounts import Exact
from trainfare.billing.arrow import constant, pa, pc
from trainfare.billing.aws_amortised import (
    NEGATION,
    RECURRING,
    UPFRONT,
    Coverage,
    amortised,
    put_commitments,
    put_kinds,
)
from trainfare.billing.aws_resources import put_reservation, put_resource, put_service, put_usage
from trainfare.billing.aws_rows import Header, Rows, tags_of, texts_of
from trainfare.billing.aws_split import NO_ORIGINS, PARENT, Origins, find_origins, put_split
from trainfare.billing.canonical import Chunk, Desk, Draft
from trainfare.billing.chunks import chunks_of, header_of
from trainfare.billing.source import SourceFile
from trainfare.core.charge import View

_REQUIRED = (
    "bill_billing_period_start_date",
    "bill_billing_period_end_date",
    "bill_payer_account_id",
    "line_item_currency_code",
    "line_item_line_item_type",
    "line_item_product_code",
    "line_item_unblended_cost",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
)
_PLAIN = {
    "BillingAccountId": "bill_payer_account_id",
    "BillingAccountName": "bill_payer_account_name",
    "BillingCurrency": "line_item_currency_code",
    "BillingPeriodStart": "bill_billing_period_start_date",
    "BillingPeriodEnd": "bill_billing_period_end_date",
    "ChargeDescription": "line_item_line_item_description",
    "ChargePeriodStart": "line_item_usage_start_date",
    "ChargePeriodEnd": "line_item_usage_end_date",
    "InvoiceId": "bill_invoice_id",
    "InvoiceIssuerName": "bill_invoicing_entity",
    "SubAccountId": "line_item_usage_account_id",
    "SubAccountName": "line_item_usage_account_name",
    "x_LineItemType": "line_item_line_item_type",
    "x_Operation": "line_item_operation",
    "x_PublisherName": "line_item_legal_entity",
    "x_UsageType": "line_item_usage_type",
}
"""Canonical column → the CUR 2.0 column that it is, as it came."""

_COMMITTED = ("DiscountedUsage", RECURRING, UPFRONT, "RIFee")


def read(files: Sequence[SourceFile], desk: Desk) -> Iterator[pa.RecordBatch]:
    """Canonical batches of the files of one report, in file order.

    Args:
        files: CSV or Parquet of legacy CUR or CUR 2.0; an instance and its parts may lie in
            different files.
        desk: collects problems, running sums and notices.
    """
    headers = [Header(header_of(file)) for file in files]
    for file, header in zip(files, headers, strict=True):
        missing = [header.told(name) for name in _REQUIRED if header.find(name) is None]
        if missing:
            what = f"has no column {', '.join(missing)}; export them too"
            desk.problems.add(file.name, what)
    if desk.problems:
        return
    has_split = any(header.find(PARENT) for header in headers)
    origins = find_origins(files, headers) if has_split else NO_ORIGINS
    coverage = Coverage()
    for number, (file, header) in enumerate(zip(files, headers, strict=True)):
        for chunk in chunks_of(file, desk.problems, wanted=header.wanted):
            rows = _rows(header, chunk, desk)
            _put_all(rows, origins, number, coverage)
            yield rows.draft.finish(desk)
        desk.next_file()
    desk.notices.extend(coverage.notices())
    if origins.lost:
        desk.notices.append(
            f"{origins.lost:,} split cost rows are parts of instances that the report does not "
            "hold; they cost nothing here; is the export whole?"
        )


def _rows(header: Header, chunk: Chunk, desk: Desk) -> Rows:
    types = texts_of(header, chunk, "line_item_line_item_type")
    return Rows(header, chunk, Draft(chunk), desk, types)


def _put_all(rows: Rows, origins: Origins, file: int, coverage: Coverage) -> None:
    """Fill the draft of one chunk."""
    draft = rows.draft
    for column, name in _PLAIN.items():
        values = rows.column(name)
        draft.put(column, values, source=rows.header.told(name))
    draft.put("ServiceProviderName", constant("AWS", len(rows)))
    draft.put("x_ProviderName", constant("AWS", len(rows)))
    put_kinds(rows)
    put_service(rows)
    put_resource(rows)
    put_usage(rows)
    put_reservation(rows)
    draft.put("Tags", tags_of(rows), source="resource_tags")
    everywhere = pa.repeat(pa.scalar(value=True), len(rows))
    unblended = rows.needed("line_item_unblended_cost", everywhere, "every charge")
    effective = amortised(rows, unblended)
    put_commitments(rows, effective)
    coverage.add(rows, unblended)
    costs = {
        View.BILLED: unblended,
        View.EFFECTIVE: effective,
        View.LIST: _without_negation(rows, rows.amounts("pricing_public_on_demand_cost")),
        View.CONTRACTED: _contracted(rows, unblended),
    }
    put_split(rows, origins, file, costs)
    for view, exact in costs.items():
        is_list = view is View.LIST
        name = "pricing_public_on_demand_cost" if is_list else "line_item_unblended_cost"
        draft.money(view, exact, source=rows.header.told(name))


def _contracted(rows: Rows, unblended: Exact) -> Exact:
    """(n,) what a row would cost without commitments, where the report says."""
    unknown = rows.of_type(*_COMMITTED)
    of_reservation = rows.texts("reservation_reservation_a_r_n").is_valid()
    unknown = pc.or_(unknown, pc.and_(rows.of_type("Fee"), of_reservation))
    nothing = Exact(pa.nulls(len(rows), pa.int64()))
    return _without_negation(rows, nothing.where(unknown, unblended))


def _without_negation(rows: Rows, amounts: Exact) -> Exact:
    if not rows.has_type(NEGATION):
        return amounts
    return Exact.zero(len(rows)).where(rows.of_type(NEGATION), amounts)
