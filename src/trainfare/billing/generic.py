"""Bills of no known format, read by the user's mapping file (:mod:`trainfare.billing.mapping`)."""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from trainfare.billing import times
from trainfare.billing.amounts import digits_of
from trainfare.billing.arrow import constant, pa, pc, text_of
from trainfare.billing.canonical import Chunk, Desk, Draft
from trainfare.billing.chunks import chunks_of, header_of
from trainfare.billing.mapping import MONEY, FieldMap
from trainfare.billing.source import SourceFile
from trainfare.billing.texts import NULL_TEXTS
from trainfare.core.charge import COLUMNS, View
from trainfare.core.errors import BadInput
from trainfare.core.money import decimal_of

_VIEWS = dict(zip(MONEY, View, strict=True))


def read(files: Sequence[SourceFile], desk: Desk) -> Iterator[pa.RecordBatch]:
    """Canonical batches of files that the desk's mapping describes, in file order.

    Args:
        files: CSV or Parquet, all of the same layout.
        desk: collects problems and running sums, and holds the mapping.
    """
    mapping = desk.mapping
    if mapping is None:
        raise BadInput("a bill of no known format needs a mapping file (--mapping FILE.toml)")
    for file in files:
        header = header_of(file, mapping.delimiter)
        columns = {name: name for name in (*COLUMNS, *MONEY) if name in header and name[:2] != "x_"}
        columns = {**columns, **mapping.columns}
        columns = {name: at for name, at in columns.items() if name not in mapping.constants}
        if _lacks(file, header, columns, mapping, desk):
            continue
        for chunk in chunks_of(file, desk.problems, mapping.delimiter):
            yield _draft(chunk, columns, mapping, desk).finish(desk)
        desk.next_file()


def _lacks(
    file: SourceFile, header: list[str], columns: dict[str, str], mapping: FieldMap, desk: Desk
) -> bool:
    """Whether columns are missing; says which."""
    absent = sorted({at for at in (*columns.values(), *mapping.tags.values()) if at not in header})
    if absent:
        desk.problems.add(file.name, f"has no column {', '.join(absent)}, which the mapping names")
    needed = {"BilledCost", "ChargePeriodStart", "BillingCurrency", "ChargeCategory"}
    needed |= {"BillingAccountId", "ServiceName"}
    if mapping.grain is None:
        needed.add("ChargePeriodEnd")
    unsaid = sorted(needed - set(columns) - set(mapping.constants))
    if unsaid:
        desk.problems.add(
            file.name,
            f"gives no {', '.join(unsaid)}; name a column or a constant for them in the mapping",
        )
    return bool(absent or unsaid)


def _draft(chunk: Chunk, columns: dict[str, str], mapping: FieldMap, desk: Desk) -> Draft:
    draft = Draft(chunk)
    for column, text in mapping.constants.items():
        if column not in MONEY:
            draft.put(column, text)
    for column, at in columns.items():
        if column not in MONEY:
            values = _translated(chunk.column(at), mapping.values.get(column))
            draft.put(column, values, source=at, spelling=mapping.time_format)
    amounts = {
        column: constant(mapping.constants[column], len(chunk))
        if column in mapping.constants
        else chunk.column(columns[column])
        for column in MONEY
        if column in mapping.constants or column in columns
    }
    amounts.setdefault("EffectiveCost", amounts["BilledCost"])
    for column, values in amounts.items():
        source = columns.get(column, columns.get("BilledCost", column))
        plain = _respelt(draft, column, values, source, mapping, desk)
        draft.money(_VIEWS[column], plain, source=source)
    _complete_times(draft, columns, mapping)
    if mapping.tags:
        draft.put("Tags", _tags(chunk, mapping), source="tags")
    return draft


def _translated(values: pa.Array, words: Mapping[str, str] | None) -> pa.Array:
    """The words of FOCUS for those of the file; unknown words stay."""
    if not words:
        return values
    texts = text_of(values)
    told = [words.get((text or "").strip(), text) for text in texts.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(texts.indices, pa.array(told, pa.string()))


def _respelt(
    draft: Draft, column: str, values: pa.Array, source: str, mapping: FieldMap, desk: Desk
) -> pa.Array:
    """Amounts as plain decimals; what the mapping's spelling does not fit is a problem."""
    if not mapping.respells:
        return values
    texts = text_of(values)
    before = texts.dictionary.to_pylist()
    after = [_plain(text, mapping) for text in before]
    wrong = pc.fill_null(pa.array([a is None for a in after]).take(texts.indices), fill_value=False)
    if pc.any(wrong).as_py():
        draft.problem(desk, source, "is not spelt as the mapping's [numbers] say", wrong, texts)
        after = [a if a is not None else "0" for a in after]
    changed = pa.array([a != b for a, b in zip(after, before, strict=True)])
    mask = pc.fill_null(changed.take(texts.indices), fill_value=False)
    draft.note(_VIEWS[column].column, "respelt", mask)
    return pa.DictionaryArray.from_arrays(texts.indices, pa.array(after, pa.string()))


def _plain(text: str, mapping: FieldMap) -> str | None:
    """One amount as a plain decimal: "" for nothing said, None for what cannot be read."""
    if not text.strip() or text in NULL_TEXTS:
        return ""
    bare = text
    for sign in (*mapping.strip, mapping.thousands):
        bare = bare.replace(sign, "") if sign else bare
    if mapping.decimal != "." and "." in bare:
        return None
    try:
        return digits_of(decimal_of(bare.replace(mapping.decimal, ".")) * mapping.scale)
    except BadInput:
        return None


def _complete_times(draft: Draft, columns: dict[str, str], mapping: FieldMap) -> None:
    """Ends of charges by their grain, and billing periods as calendar months."""
    said = {*columns, *mapping.constants}
    at = columns.get("ChargePeriodStart", "ChargePeriodStart")
    if not {"ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd"} - said:
        return
    values = draft.chunk.column(at)
    if values is None:
        values = constant(mapping.constants["ChargePeriodStart"], draft.rows)
    starts = times.instants(values, mapping.time_format).values.dictionary_encode()
    moments = [
        None if micros is None else _EPOCH + timedelta(microseconds=micros)
        for micros in starts.dictionary.cast(pa.int64()).to_pylist()
    ]
    derived = {
        "ChargePeriodEnd": [_after(moment, mapping.grain) for moment in moments],
        "BillingPeriodStart": [_month(moment) for moment in moments],
        "BillingPeriodEnd": [_after(_month(moment), "month") for moment in moments],
    }
    for column, ends in derived.items():
        if column not in said:
            draft.put(column, pa.array(ends, times.INSTANT).take(starts.indices), source=at)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _month(moment: datetime | None) -> datetime | None:
    """The first instant of the month."""
    return moment and moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _after(moment: datetime | None, grain: str | None) -> datetime | None:
    """The end of the hour, day or month that begins at *moment*."""
    if moment is None or grain is None:
        return None
    if grain == "month":
        return moment + timedelta(days=calendar.monthrange(moment.year, moment.month)[1])
    return moment + (timedelta(hours=1) if grain == "hour" else timedelta(days=1))


def _tags(chunk: Chunk, mapping: FieldMap) -> pa.Array:
    """(n,) one JSON object of the columns that are tags, without the empty ones."""
    columns = {key: text_of(chunk.column(at)).to_pylist() for key, at in mapping.tags.items()}
    rows = zip(*columns.values(), strict=True)
    spelt = [
        json.dumps({key: text for key, text in zip(columns, row, strict=True) if text})
        for row in rows
    ]
    return pa.array(spelt, pa.string())
