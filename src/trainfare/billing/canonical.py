"""The canonical batch: its schema, and the draft that an adapter fills column by column.

An adapter says which source column means what; :meth:`Draft.finish` does what every bill needs:
nulls spelt as text, times, exact amounts to nano-units, tags, components, required columns, the
repairs of each row, and the order of :data:`trainfare.core.charge.COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

from trainfare.billing import tags, times
from trainfare.billing.amounts import Exact, Rounding, exact_of
from trainfare.billing.arrow import TEXT, constant, pa, pc, row_numbers, text_of
from trainfare.billing.components import Components
from trainfare.billing.mapping import FieldMap
from trainfare.billing.problems import Problems
from trainfare.billing.texts import NULL_TEXTS, spread
from trainfare.core.charge import CHARGE_CATEGORIES, COLUMNS, REQUIRED, View
from trainfare.core.errors import BadInput

VERSION = 1
"""Raised when the same source file would yield other canonical rows; part of a delivery's id."""

_TYPES = {"timestamp": times.INSTANT, "int64": pa.int64()}

SCHEMA = pa.schema([(name, _TYPES.get(kind, TEXT)) for name, kind in COLUMNS.items()])
"""Arrow schema of a canonical batch: text of every kind is dictionary-encoded."""

_NOTHING = pa.array(["", " ", *NULL_TEXTS])
_ENUMERATIONS = {
    "ChargeCategory": CHARGE_CATEGORIES,
    "ChargeClass": ("Correction",),
    "ChargeFrequency": ("One-Time", "Recurring", "Usage-Based"),
    "PricingCategory": ("Standard", "Dynamic", "Committed", "Other"),
    "CommitmentDiscountCategory": ("Spend", "Usage"),
    "CommitmentDiscountStatus": ("Used", "Unused"),
    "CapacityReservationStatus": ("Used", "Unused"),
}
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a source file as they came: *first_row* is the number of the first, from 1."""

    file: str
    first_row: int
    batch: pa.RecordBatch
    share: float = 0.0
    """How much of the file is read after these rows, 0 to 1."""

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def column(self, name: str) -> pa.Array | None:
        """The source column *name* as it came, or None when the file has no such column."""
        index = self.batch.schema.get_field_index(name)
        return None if index < 0 else self.batch.column(index)


@dataclass(slots=True)
class Desk:
    """What the reading of one bill shares: problems found, running sums, the component table."""

    problems: Problems
    components: Components
    mapping: FieldMap | None = None
    """The user's mapping file, for a bill of no known format."""
    rounding: Rounding = field(default_factory=Rounding)
    """Running sums of the file now read; see :meth:`next_file`."""
    closed: list[Rounding] = field(default_factory=list)
    share: float = 0.0
    """How much of the file now read has been read."""
    notices: list[str] = field(default_factory=list)
    """What people should know about the bill, though nothing in it is wrong."""

    def next_file(self) -> None:
        """Begin a new source file: each file's totals are exact by themselves."""
        self.closed.append(self.rounding)
        self.rounding, self.share = Rounding(), 0.0

    def totals(self) -> dict[str, dict[str, Fraction]]:
        """Currency → view → the exact sum over every file read so far, in units of the currency."""
        result: dict[str, dict[str, Fraction]] = {}
        for rounding in [*self.closed, self.rounding]:
            for (currency, view), running in rounding.running.items():
                views = result.setdefault(currency, {})
                views[view] = views.get(view, Fraction(0)) + running.total
        return result


class Draft:
    """One batch on its way from a provider's words to the canonical row.

    Columns never set stay null. Values may be any Arrow array of the chunk's length, or one text
    for all rows. Each source row is one canonical row.
    """

    def __init__(self, chunk: Chunk) -> None:
        """Begin a batch for the rows of *chunk*."""
        self.chunk = chunk
        self.rows = len(chunk)
        self._columns: dict[str, pa.Array] = {}
        self._sources: dict[str, str] = {}
        self._spellings: dict[str, str | None] = {}
        self._amounts: dict[View, tuple[pa.Array | Exact, str]] = {}
        self._notes: list[tuple[str, pa.BooleanArray | None]] = []

    def put(
        self,
        column: str,
        values: pa.Array | str | None,
        *,
        source: str | None = None,
        spelling: str | None = None,
    ) -> None:
        """Set one canonical column, except the four amounts (see :meth:`money`).

        Args:
            column: a name of :data:`trainfare.core.charge.COLUMNS`.
            values: (n,) values, one text for every row, or None for nothing known.
            source: the provider's column, named in problems; the canonical name when left out.
            spelling: of a time column, see :func:`trainfare.billing.times.instants`.
        """
        if values is None:
            return
        filled = constant(values, self.rows) if isinstance(values, str) else values
        self._sources[column] = source or column
        if filled.null_count == self.rows:
            self._columns.pop(column, None)
            return
        self._columns[column] = filled
        self._spellings[column] = spelling

    def texts(self, column: str) -> pa.DictionaryArray | None:
        """What *column* was set to so far, as text without nulls spelt out; None when unset."""
        values = self._columns.get(column)
        return None if values is None else _without_null_texts(text_of(values))[0]

    def money(self, view: View, values: pa.Array | Exact | None, *, source: str) -> None:
        """Set the amounts of one view: as the provider wrote them, or already exact.

        Args:
            view: which cost column.
            values: (n,) amounts in units of the currency; None when the provider has none.
            source: the provider's column, named in problems.
        """
        if values is not None:
            self._amounts[view] = (values, source)

    def exact(self, values: pa.Array, desk: Desk, *, source: str) -> Exact:
        """Read one column of amounts exactly; what is wrong goes to the problems."""
        with self._named(source):
            if _is_text(values):
                values = _without_null_texts(text_of(values))[0]
            exact, bad, what = exact_of(values)
        if bad is not None:
            self.problem(desk, source, what, bad, values)
        return exact

    @contextmanager
    def _named(self, source: str) -> Iterator[None]:
        """Name the column whose type no bill has.

        Raises:
            BadInput: PyArrow cannot read the values.
        """
        try:
            yield
        except pa.ArrowException as error:
            why = " ".join(str(error).split())
            raise BadInput(f"{self.chunk.file}, column {source}: cannot be read: {why}") from None

    def note(self, column: str, what: str, mask: pa.BooleanArray | None = None) -> None:
        """Record a repair: on the rows where *mask* is true, or on all of them."""
        if mask is None or pc.any(mask).as_py():
            self._notes.append((f"{column}:{what}", mask))

    def problem(
        self, desk: Desk, column: str, what: str, mask: pa.BooleanArray, values: pa.Array | None
    ) -> None:
        """Record what is wrong in the rows where *mask* is true."""
        desk.problems.add_rows(
            self.chunk.file,
            what,
            first_row=self.chunk.first_row,
            mask=mask,
            column=column,
            values=values,
        )

    def finish(self, desk: Desk) -> pa.RecordBatch:
        """The canonical batch; everything wrong has gone to the desk's problems."""
        desk.share = self.chunk.share
        done: dict[str, pa.Array] = {}
        for column, values in self._columns.items():
            with self._named(self._sources[column]):
                done[column] = self._settle(column, values, desk)
        self._check_currency(done, desk)
        currency = done.get("BillingCurrency", constant(None, self.rows))
        for view, (values, source) in self._amounts.items():
            exact = values if isinstance(values, Exact) else self.exact(values, desk, source=source)
            if exact.nano.null_count < self.rows:  # a view that nobody told has no total, not 0
                done[view.column] = desk.rounding.round(view, exact, currency)
            self._sources[view.column] = source
        self._check_periods(done, desk)
        self._check_required(done, desk)
        if "x_Component" not in done:
            done["x_Component"] = desk.components.of(done, self.rows)
        done["x_SourceFile"] = constant(self.chunk.file, self.rows)
        done["x_SourceRow"] = row_numbers(self.chunk.first_row, self.rows)
        done["x_Repairs"] = self._repairs()
        return pa.RecordBatch.from_arrays(
            [
                done[column.name] if column.name in done else pa.nulls(self.rows, column.type)
                for column in SCHEMA
            ],
            schema=SCHEMA,
        )

    def _settle(self, column: str, values: pa.Array, desk: Desk) -> pa.Array:
        """Bring one column to its canonical type, noting what was repaired."""
        kind = COLUMNS[column]
        if kind == "timestamp":
            if _is_text(values):
                values = _without_null_texts(text_of(values))[0]
            read = times.instants(values, self._spellings[column])
            if read.bad is not None:
                self.problem(desk, self._sources[column], times.NOT_A_TIME, read.bad, values)
            for what, mask in read.repairs:
                self.note(column, what, mask)
            return read.values
        if kind == "int64":
            return values.cast(pa.int64())
        if kind == "json" and not pa.types.is_dictionary(values.type):
            values = tags.text_of_nested(values)
        texts, nulled = _without_null_texts(text_of(values))
        if nulled is not None:
            self.note(column, "null-text", nulled)
        if kind == "json":
            texts, changed = tags.canonical(texts, is_tags=column in tags.COLUMNS)
            for what, mask in changed:
                self.note(column, what, mask)
        elif kind == "decimal":
            is_exact = pa.types.is_decimal(values.type) or pa.types.is_integer(values.type)
            texts = texts if is_exact else self._numbers(column, texts)
        elif column in _ENUMERATIONS:
            texts = self._enumerated(column, texts, desk)
        return texts

    def _numbers(self, column: str, texts: pa.DictionaryArray) -> pa.DictionaryArray:
        """Keep numbers as they were written; anything else becomes null and is noted."""
        trimmed = pc.utf8_trim_whitespace(texts.dictionary)
        fine = pc.match_substring_regex(trimmed, _NUMBER)
        if not pc.all(fine).as_py():
            wrong = spread(pc.invert(fine), texts)
            self.note(column, "not-a-number", wrong)
            texts = _nulled(texts, wrong)
        return pa.DictionaryArray.from_arrays(texts.indices, trimmed)

    def _enumerated(self, column: str, texts: pa.DictionaryArray, desk: Desk) -> pa.DictionaryArray:
        """Bring values to the case that FOCUS writes; a charge category must be one of FOCUS's."""
        words = {word.lower(): word for word in _ENUMERATIONS[column]}
        before = texts.dictionary.to_pylist()
        after = [words.get(word.strip().lower(), word) for word in before]
        if after != before:
            changed = pa.array([a != b for a, b in zip(after, before, strict=True)])
            self.note(column, "case", spread(changed, texts))
        if column == "ChargeCategory" and not set(after) <= set(CHARGE_CATEGORIES):
            unknown = pa.array([word not in CHARGE_CATEGORIES for word in after])
            what = f"is not a charge category ({', '.join(CHARGE_CATEGORIES)})"
            self.problem(desk, self._sources[column], what, spread(unknown, texts), texts)
        return pa.DictionaryArray.from_arrays(texts.indices, pa.array(after, pa.string()))

    def _check_currency(self, done: dict[str, pa.Array], desk: Desk) -> None:
        texts = done.get("BillingCurrency")
        if texts is None:
            return
        before = texts.dictionary.to_pylist()
        after = [word.strip().upper() for word in before]
        if after != before:
            changed = pa.array([a != b for a, b in zip(after, before, strict=True)])
            self.note("BillingCurrency", "case", spread(changed, texts))
        wrong = pa.array([not (len(w) == 3 and w.isascii() and w.isalpha()) for w in after])
        if pc.any(wrong).as_py():
            what = "is not a currency; write three letters such as USD (ISO 4217)"
            self.problem(desk, self._sources["BillingCurrency"], what, spread(wrong, texts), texts)
        fixed = pa.DictionaryArray.from_arrays(texts.indices, pa.array(after, pa.string()))
        done["BillingCurrency"] = fixed if len(set(after)) == len(after) else _recoded(fixed)

    def _check_periods(self, done: dict[str, pa.Array], desk: Desk) -> None:
        for name in ("BillingPeriod", "ChargePeriod"):
            start, end = done.get(f"{name}Start"), done.get(f"{name}End")
            if start is None or end is None:
                continue
            backwards = pc.fill_null(pc.less(end, start), fill_value=False)
            if pc.any(backwards).as_py():
                what = f"is before {self._sources[f'{name}Start']}; check the time zone"
                self.problem(desk, self._sources[f"{name}End"], what, backwards, end)

    def _check_required(self, done: dict[str, pa.Array], desk: Desk) -> None:
        for column in REQUIRED:
            values = done.get(column)
            if values is None:
                absent = pa.repeat(pa.scalar(value=True), self.rows)
            elif values.null_count == 0:
                continue
            else:
                absent = values.is_null()
            if column in self._columns and COLUMNS[column] == "timestamp":
                raw = text_of(self._columns[column])
                absent = pc.and_(absent, _without_null_texts(raw)[0].indices.is_null())
            source = self._sources.get(column, column)
            self.problem(desk, source, "is empty, and every charge needs it", absent, None)

    def _repairs(self) -> pa.Array:
        """(n,) the notes of each row, joined by ``;`` in the order of their columns; null for none."""
        if not self._notes:
            return pa.nulls(self.rows, TEXT)
        order = {name: index for index, name in enumerate(COLUMNS)}
        notes = sorted(
            self._notes, key=lambda note: (order.get(note[0].split(":")[0], 999), note[0])
        )
        joined = constant("", self.rows)
        for start in range(0, len(notes), 62):
            joined = self._joined(joined, notes[start : start + 62])
        codes = joined.dictionary.to_pylist()
        clean = pa.array([text == "" for text in codes])
        return _nulled(joined, spread(clean, joined)) if "" in codes else joined

    def _joined(
        self, so_far: pa.DictionaryArray, notes: list[tuple[str, pa.BooleanArray | None]]
    ) -> pa.DictionaryArray:
        """Append up to 62 notes to the texts so far, working on the distinct combinations."""
        combined = pc.cast(so_far.indices, pa.int64())
        for _, mask in notes:
            bit = 1 if mask is None else mask.cast(pa.int64())
            combined = pc.add(pc.multiply(combined, 2), bit)
        distinct = combined.dictionary_encode()
        before = so_far.dictionary.to_pylist()
        texts = []
        for code in distinct.dictionary.to_pylist():
            here = [
                text
                for index, (text, _) in enumerate(notes)
                if code >> (len(notes) - 1 - index) & 1
            ]
            texts.append(";".join([part for part in [before[code >> len(notes)], *here] if part]))
        return pa.DictionaryArray.from_arrays(
            distinct.indices.cast(pa.int32()), pa.array(texts, pa.string())
        )


def _is_text(values: pa.Array) -> bool:
    return bool(pa.types.is_dictionary(values.type) or pa.types.is_string(values.type))


def _nulled(texts: pa.DictionaryArray, mask: pa.BooleanArray) -> pa.DictionaryArray:
    """The same texts, null where *mask* is true."""
    none = pa.scalar(None, pa.int32())
    return pa.DictionaryArray.from_arrays(pc.if_else(mask, none, texts.indices), texts.dictionary)


def _recoded(texts: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same texts with each distinct value once in the dictionary."""
    return text_of(texts.dictionary_decode())


def _without_null_texts(
    texts: pa.DictionaryArray,
) -> tuple[pa.DictionaryArray, pa.BooleanArray | None]:
    """Null for empty text and for words that mean null; the second says where such a word stood."""
    nothing = pc.is_in(texts.dictionary, _NOTHING)
    if texts.dictionary.null_count:
        nothing = pc.or_(nothing, texts.dictionary.is_null())
    if not pc.any(nothing).as_py():
        return texts, None
    words = pc.is_in(texts.dictionary, pa.array(NULL_TEXTS))
    gone = _nulled(texts, spread(nothing, texts))
    return gone, spread(words, texts) if pc.any(words).as_py() else None
