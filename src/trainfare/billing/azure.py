"""Azure's actual and amortised cost exports, apart or together, as canonical charges.

The actual export is what is invoiced: a reservation is one purchase, and what it covers costs 0. The
amortised export spreads that purchase over the usage it covers and over what was not used. Both of
one period make one FOCUS bill:

==================  ========================================================================
rows                all of the amortised export; of the actual one only purchases and refunds
                    of reservations and savings plans
BilledCost          0 for usage (used or not) of a reservation or savings plan, else the cost
EffectiveCost       0 for purchases and refunds of them, else the cost
ChargeCategory      Unused… → Usage; Refund → Purchase; RoundingAdjustment → Adjustment
ChargeClass         Refund → Correction
PricingCategory     OnDemand → Standard, Spot → Dynamic, Reservation and SavingsPlan → Committed
periods             Azure's last days are inclusive, so ends are one day later
PricingQuantity     Quantity / block size ("100 Hours"); ConsumedQuantity is Quantity itself
==================  ========================================================================

One export alone says what it can: without the amortised one, effective is billed; without the actual
one, purchases are missing from billed. Both are told in a notice and on the rows concerned.

Azure's ids ignore case and are written in any; here they are in small letters, as Azure's own FOCUS
export writes them, so that one resource has one id. An instance of a scale set is named below it by
its ``VMName``, since Azure bills each but gives them one id. Tags stay as Azure writes them: nothing
tells a provider's key from a user's.

ContractedCost is in no such export, ListCost only in those of customer agreements
(``PaygCostInBillingCurrency``). Source: Microsoft FinOps toolkit, "Convert Cost Management data to
FOCUS".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trainfare.billing import times
from trainfare.billing.amounts import Exact
from trainfare.billing.arrow import constant, pa, pc, text_of
from trainfare.billing.azure_charges import Kinds, put_commitments, put_kinds
from trainfare.billing.azure_resources import put_resource, put_service, put_usage
from trainfare.billing.azure_rows import Header, Rows, without
from trainfare.billing.canonical import Desk, Draft
from trainfare.billing.chunks import chunks_of, header_of
from trainfare.billing.source import SourceFile
from trainfare.billing.texts import first_of, known, translated
from trainfare.core.charge import View

_REQUIRED = ("cost", "currency", "date")
_DAY = pa.scalar(86_400_000_000, pa.duration("us"))
_NAIVE = pa.timestamp("us")

_NOT_HERE = (
    "stands only in an amortised export, and this file counts as an actual one; write 'amortized' "
    "into its name, or import the folder with its manifest"
)


def read(files: Sequence[SourceFile], desk: Desk) -> Iterator[pa.RecordBatch]:
    """Canonical batches of Azure's exports: actual, amortised or both, the amortised first.

    Args:
        files: CSV or Parquet of enterprise or customer agreements, of one or more periods.
        desk: collects problems, running sums and notices.
    """
    headers = {file.name: Header(header_of(file)) for file in files}
    for file in files:
        missing = [
            headers[file.name].told(word)
            for word in _REQUIRED
            if not headers[file.name].found(word)
        ]
        if missing:
            what = f"has no column {', '.join(missing)}; export them too"
            desk.problems.add(file.name, what)
    if desk.problems:
        return
    amortised = [file for file in files if file.format == "azure-amortized"]
    actual = [file for file in files if file not in amortised]
    delivery = _Delivery(has_actual=bool(actual), has_amortised=bool(amortised))
    for file in [*amortised, *actual]:
        for chunk in chunks_of(file, desk.problems, wanted=headers[file.name].wanted):
            rows = Rows(headers[file.name], chunk, Draft(chunk), desk)
            yield delivery.batch(rows, is_amortised=file in amortised)
        desk.next_file()
    delivery.finish(files, desk)


@dataclass(slots=True)
class _Delivery:
    """What is known of a delivery while its files are read."""

    has_actual: bool
    has_amortised: bool
    seen: dict[bool, set[tuple[str | None, str | None]]] = field(
        default_factory=lambda: {False: set(), True: set()}
    )
    """Is it amortised → the (account, billing period) pairs of those files."""
    committed: int = 0
    """Rows of reservations and savings plans, where one of the two exports is missing."""

    def batch(self, rows: Rows, *, is_amortised: bool) -> pa.RecordBatch:
        """The canonical rows of one chunk."""
        _put_account(rows)
        _put_times(rows)
        kinds = put_kinds(rows)
        put_commitments(rows, kinds)
        put_service(rows)
        put_resource(rows, kinds)
        put_usage(rows, kinds)
        rows.draft.put("Tags", _tags(rows), source="Tags")
        kept = self._kept(rows, kinds, is_amortised=is_amortised)
        self._put_costs(rows, kinds, kept, is_amortised=is_amortised)
        batch = rows.draft.finish(rows.desk)
        pairs = pa.table(
            [batch.column(name) for name in ("BillingAccountId", "BillingPeriodStart")], ["a", "p"]
        )
        for pair in pairs.group_by(["a", "p"]).aggregate([]).to_pylist():
            self.seen[is_amortised].add((pair["a"], pair["p"] and f"{pair['p']:%Y-%m-%d}"))
        return batch if kept is None else batch.filter(kept)

    def _kept(self, rows: Rows, kinds: Kinds, *, is_amortised: bool) -> pa.BooleanArray | None:
        """Which rows belong to the bill; None for all of them."""
        if is_amortised:
            return None
        if pc.any(kinds.is_unused).as_py():
            source = rows.header.told("charge")
            rows.draft.problem(rows.desk, source, _NOT_HERE, kinds.is_unused, rows.texts("charge"))
        return pc.and_(kinds.is_purchase, kinds.is_committed) if self.has_amortised else None

    def _put_costs(
        self, rows: Rows, kinds: Kinds, kept: pa.BooleanArray | None, *, is_amortised: bool
    ) -> None:
        """Set the amounts; rows that are not kept count 0."""
        draft, zero = rows.draft, Exact.zero(len(rows))
        told_cost, listed = rows.amounts("cost"), rows.amounts("list_cost")
        silent = pc.and_(listed.is_zero(), told_cost.is_nonzero())
        draft.note("ListCost", "zero-means-unknown", silent)
        bought = pc.and_(kinds.is_purchase, kinds.is_committed)
        covered = pc.and_(pc.or_(kinds.is_usage, kinds.is_unused), kinds.is_committed)
        amounts = {
            View.BILLED: told_cost,
            View.EFFECTIVE: told_cost,
            View.LIST: without(listed, silent),
        }
        if is_amortised or self.has_amortised:
            amounts[View.BILLED] = zero.where(covered, told_cost)
            amounts[View.EFFECTIVE] = zero.where(bought, told_cost)
        if is_amortised and not self.has_actual:
            draft.note("BilledCost", "purchase-not-in-export", covered)
        elif not is_amortised and not self.has_amortised:
            draft.note("EffectiveCost", "not-amortised", kinds.is_committed)
        self.committed += pc.sum(kinds.is_committed).as_py() or 0
        for view, exact in amounts.items():
            source = rows.header.told("list_cost" if view is View.LIST else "cost")
            draft.money(view, exact if kept is None else exact.where(kept, zero), source=source)

    def finish(self, files: Sequence[SourceFile], desk: Desk) -> None:
        """Check that both exports are of the same periods; tell what a missing one would say."""
        if self.has_actual and self.has_amortised:
            for is_amortised in (False, True):
                here, other = self.seen[is_amortised], self.seen[not is_amortised]
                word, lacking = ("amortised", "actual") if is_amortised else ("actual", "amortised")
                for account, period in sorted(here - other, key=str):
                    desk.problems.add(
                        files[0].name,
                        f"the {word} export has the billing period of {account} that begins on "
                        f"{period}, the {lacking} one does not; export both for the same periods, "
                        "or import them one by one",
                    )
        elif self.committed and self.has_amortised:
            desk.notices.append(
                "only the amortised export is here: purchases of reservations and savings plans "
                f"are not in it, so billed cost lacks what paid for {self.committed:,} rows; put "
                "the actual export of the same period beside it"
            )
        elif self.committed:
            desk.notices.append(
                "only the actual export is here: reservations and savings plans are not spread over "
                f"what they cover, so effective cost is billed cost on {self.committed:,} rows; put "
                "the amortised export of the same period beside it"
            )


def _put_account(rows: Rows) -> None:
    """Set who pays, in which currency, through whom."""
    draft = rows.draft
    accounts = rows.texts("profile", "account")
    if accounts.null_count:
        subscriptions = rows.texts("subscription")
        draft.note("BillingAccountId", "taken-from-subscription", accounts.is_null())
        accounts = text_of(
            pc.coalesce(accounts.dictionary_decode(), subscriptions.dictionary_decode())
        )
    draft.put("BillingAccountId", accounts, source=rows.header.told("account"))
    draft.put("BillingAccountName", rows.texts("profile_name", "account_name"))
    draft.put("BillingCurrency", rows.texts("currency"), source=rows.header.told("currency"))
    draft.put("SubAccountId", rows.texts("subscription"))
    draft.put("SubAccountName", rows.texts("subscription_name"))
    draft.put("SubAccountType", constant("Subscription", len(rows)))
    draft.put("InvoiceId", rows.texts("invoice"))
    microsoft = constant("Microsoft", len(rows))
    draft.put("InvoiceIssuerName", first_of(rows.texts("partner"), microsoft))
    for column in ("ServiceProviderName", "HostProviderName", "x_ProviderName"):
        draft.put(column, microsoft)
    draft.put("x_PublisherName", rows.texts("publisher"))


def _put_times(rows: Rows) -> None:
    """Set the day of each charge and its billing period; Azure names the last day of both."""
    draft = rows.draft
    day = _instants(rows, "date")
    draft.put("ChargePeriodStart", day, source=rows.header.told("date"))
    draft.put("ChargePeriodEnd", pc.add(day, _DAY), source=rows.header.told("date"))
    if rows.header.found("period_start"):
        start = _instants(rows, "period_start")
    else:
        start = pc.floor_temporal(day.cast(_NAIVE), unit="month").cast(times.INSTANT)
        draft.note("BillingPeriodStart", "taken-from-date")
    if rows.header.found("period_end"):
        end = pc.add(_instants(rows, "period_end"), _DAY)
    else:
        month = pc.ceil_temporal(start.cast(_NAIVE), unit="month", ceil_is_strictly_greater=True)
        end = month.cast(times.INSTANT)
        draft.note("BillingPeriodEnd", "taken-from-start")
    draft.put("BillingPeriodStart", start, source=rows.header.told("period_start"))
    draft.put("BillingPeriodEnd", end, source=rows.header.told("period_end"))


def _instants(rows: Rows, word: str) -> pa.TimestampArray:
    """(n,) the times of a column: month first, as Azure writes them, or ISO 8601."""
    values = rows.column(word)
    if values is None:
        return pa.nulls(len(rows), times.INSTANT)
    is_text = pa.types.is_dictionary(values.type) or pa.types.is_string(values.type)
    read = times.instants(known(text_of(values)) if is_text else values, times.MONTH_FIRST)
    if read.bad is None:
        return read.values
    source = rows.header.told(word)
    rows.draft.problem(rows.desk, source, times.NOT_A_TIME, read.bad, values)
    return pc.if_else(read.bad, pa.scalar(0).cast(times.INSTANT), read.values)


def _tags(rows: Rows) -> pa.DictionaryArray:
    """(n,) tags as they came; an empty text in quotes is none."""
    found = rows.texts("tags")
    return translated(
        found, [None if text == '""' else text for text in found.dictionary.to_pylist()]
    )
