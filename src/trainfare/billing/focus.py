"""FOCUS 1.0 to 1.4, as any provider exports it: CSV, CSV.gz or Parquet.

Tolerant of what real exports get wrong (billing.md 3.2): nulls spelt as text, times without a zone,
column names in other case, foreign columns, a byte order mark. Each repair is noted on its row.
Columns of ours that a provider ships under its own ``x_`` name (AWS: ``x_Operation``) are kept.
In an export of our own, columns that its version lacks stand under their name with ``x_`` before it,
and texts that a spreadsheet would take for a formula have an apostrophe before them.

Source: FinOps Open Cost and Usage Specification 1.0, 1.1, 1.2, 1.3, 1.4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from trainfare.billing.arrow import constant, pa, pc, text_of
from trainfare.billing.canonical import Chunk, Desk, Draft
from trainfare.billing.chunks import chunks_of, header_of
from trainfare.billing.source import SourceFile
from trainfare.billing.tags import text_of_nested
from trainfare.billing.times import MONTH_FIRST
from trainfare.core.charge import COLUMNS, View

_MONEY = {
    View.BILLED: "BilledCost",
    View.EFFECTIVE: "EffectiveCost",
    View.LIST: "ListCost",
    View.CONTRACTED: "ContractedCost",
}
_TIMES = tuple(name for name, kind in COLUMNS.items() if kind == "timestamp")
_REQUIRED = (
    "BillingCurrency",
    *_TIMES,
    "ChargeCategory",
    "BillingAccountId",
    "ServiceName",
    "BilledCost",
    "EffectiveCost",
)
_RENAMED = {"x_ProviderName": "ProviderName", "x_PublisherName": "PublisherName"}
_OWN = "x_OriginCharge"
"""Only exports of our own have this column."""
_GUARDED = r"^'([=+\-@\t\r])"
_SLASH_DATE = r"^\s*[0-9]{1,2}/1/([0-9]{4}|[0-9]{2})\b"


def read(
    files: Sequence[SourceFile],
    desk: Desk,
    complete: Callable[[Draft, Desk], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Canonical batches of FOCUS files, in file order.

    Args:
        files: all of FOCUS, of one or more versions.
        desk: collects problems and running sums.
        complete: fills what one provider's exports lack, once a draft says what FOCUS says.
    """
    for file in files:
        columns = _columns(header_of(file))
        missing = [name for name in _REQUIRED if name not in columns]
        if missing:
            desk.problems.add(
                file.name,
                f"has no column {', '.join(missing)}, which FOCUS requires; export them, or name "
                "constants for them in a mapping file (--mapping FILE.toml)",
            )
            continue
        for chunk in chunks_of(file, desk.problems):
            draft = draft_of(chunk, columns)
            if complete is not None:
                complete(draft, desk)
            yield draft.finish(desk)
        desk.next_file()


def _columns(header: Sequence[str]) -> dict[str, str]:
    """Canonical name → the name in the header, exact names before names in other case."""
    lowered = {name.lower(): name for name in reversed(header)}
    wanted = {**{name: name for name in (*COLUMNS, *_MONEY.values())}, **_RENAMED}
    if _OWN in header:
        wanted |= {name: f"x_{name}" for name in COLUMNS if f"x_{name}" in header}
    found = {
        column: name if name in header else lowered[name.lower()]
        for column, name in wanted.items()
        if name.lower() in lowered
    }
    for ours in ("x_Component", "x_Repairs", "x_SourceFile", "x_SourceRow"):
        found.pop(ours, None)  # written by us; a FOCUS file that has them was exported by us
    return {column: name for column, name in found.items() if not column.endswith("Nano")}


def draft_of(chunk: Chunk, columns: Mapping[str, str]) -> Draft:
    """The draft of one chunk of FOCUS rows.

    Args:
        chunk: rows as they came.
        columns: canonical name → name in the file.
    """
    draft = Draft(chunk)
    spelling = _spelling(chunk, columns)
    is_own = chunk.column(_OWN) is not None
    for column, name in columns.items():
        if column in COLUMNS:
            is_time = column in _TIMES
            values = chunk.column(name)
            if is_own and COLUMNS[column] == "string":
                values = _unguarded(values)
            draft.put(column, values, source=name, spelling=spelling if is_time else None)
            if name != column and name.lower() == column.lower():
                draft.note(column, f"named-{name}")
    for view, column in _MONEY.items():
        if column in columns:
            draft.money(view, chunk.column(columns[column]), source=columns[column])
    _name_provider(draft, chunk, columns)
    _name_service(draft)
    _name_instance(draft, chunk, columns)
    return draft


def _unguarded(values: pa.Array | None) -> pa.Array | None:
    """Texts as they were before our export made them safe for spreadsheets."""
    if values is None:
        return None
    texts = text_of(values)
    plain = pc.replace_substring_regex(texts.dictionary, _GUARDED, r"\1")
    return pa.DictionaryArray.from_arrays(texts.indices, plain)


def _name_provider(draft: Draft, chunk: Chunk, columns: Mapping[str, str]) -> None:
    """FOCUS 1.3 renamed ProviderName to ServiceProviderName; older files get the new column."""
    provider = chunk.column(columns["x_ProviderName"]) if "x_ProviderName" in columns else None
    if provider is not None and "ServiceProviderName" not in columns:
        draft.put("ServiceProviderName", provider, source=columns["x_ProviderName"])


def _name_service(draft: Draft) -> None:
    """A charge without a service (purchases of SaaS credits) takes its provider's name."""
    services, providers = draft.texts("ServiceName"), draft.texts("ServiceProviderName")
    if services is None:
        services = constant(None, draft.rows)
    if providers is None or services.null_count == 0:
        return
    nameless = services.is_null()
    named = pc.if_else(nameless, providers.dictionary_decode(), services.dictionary_decode())
    draft.put("ServiceName", named.dictionary_encode())
    draft.note("ServiceName", "taken-from-provider", pc.and_(nameless, providers.is_valid()))


def _name_instance(draft: Draft, chunk: Chunk, columns: Mapping[str, str]) -> None:
    """The instance type that SkuPriceDetails tells, by the key that FOCUS 1.1 gave it."""
    if "SkuPriceDetails" not in columns or "x_InstanceType" in columns:
        return
    texts = text_of_nested(chunk.column(columns["SkuPriceDetails"]))
    types = [_instance_type(text or "") for text in texts.dictionary.to_pylist()]
    draft.put("x_InstanceType", pa.array(types, pa.string()).take(texts.indices))


def _instance_type(details: str) -> str | None:
    try:
        told = json.loads(details)
    except (ValueError, RecursionError):
        return None
    found = told.get("InstanceType") if isinstance(told, dict) else None
    return found if isinstance(found, str) else None


def _spelling(chunk: Chunk, columns: Mapping[str, str]) -> str | None:
    """Month-first for slash dates, but only where billing periods prove it by starting on day 1.

    ``4/1/25`` read day-first would begin a billing period on the 4th of January; a file whose
    periods would not begin on the first of a month stays unread and is a problem.
    """
    starts = chunk.column(columns["BillingPeriodStart"])
    if starts is None or not (
        pa.types.is_dictionary(starts.type) or pa.types.is_string(starts.type)
    ):
        return None
    texts = text_of(starts).dictionary
    proven = pc.all(pc.match_substring_regex(texts, _SLASH_DATE)).as_py()
    return MONTH_FIRST if proven else None
