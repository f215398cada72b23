"""Split cost allocation data: the parts of instances that pods and tasks used, counted once.

A report with split cost allocation keeps the instance's row and adds rows (operation ``EKSPod-EC2``
or ``ECSTask-EC2``) that say how much of it each pod or task used; adding all up would count that
twice. Here, as FOCUS 1.3 has it, the parts take their share out of the instance: a part's cost is
its split cost, the instance's row keeps the rest, and both name the instance as ResourceId, so that
a resource's total and the bill's total are those without the split.

- A part has the pod or task as AllocatedResourceId, its tags as AllocatedTags, the instance also as
  x_ParentResourceId. The row of unused capacity, and the instance's own row, have none: the idle rest.
- Parts are amortised costs. In the billed view they move too where the instance runs on demand or
  spot, where cash and amortised cost are one; where a commitment covers it, its cash stays with it.
- A part of an instance that the report does not hold costs nothing.

Where each part belongs is only known when all rows have been seen, so a report with such columns is
read twice. Memory grows with instance-hours, and parts, some 60 bytes each.

Source: AWS Data Exports user guide, "Understanding split cost allocation data".
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainfare.billing.amounts import Exact, exact_of
from trainfare.billing.arrow import pa, pc, row_numbers, text_of
from trainfare.billing.aws_amortised import USAGE
from trainfare.billing.aws_rows import Header, Rows, column_of, texts_of
from trainfare.billing.canonical import Chunk
from trainfare.billing.chunks import chunks_of
from trainfare.billing.problems import Problems
from trainfare.billing.source import SourceFile
from trainfare.billing.texts import first_of, known, only, spread
from trainfare.core.charge import View

METHOD = "aws-split-cost-allocation"
"""AllocatedMethodId of parts and of the rest."""

PARENT = "split_line_item_parent_resource_id"
SPLIT_COST = "split_line_item_split_cost"
PUBLIC_COST = "split_line_item_public_on_demand_split_cost"

_OPERATIONS = pa.array(["EKSPod-EC2", "ECSTask-EC2"])
_UNUSED = r"(?i)(^|[/:])unused$"
_INSTANCE = r"(BoxUsage|SpotUsage|DedicatedUsage|HostUsage)"
_OF_ITSELF = (
    *("ResourceName", "ResourceType", "ConsumedQuantity", "ConsumedUnit"),
    *("PricingQuantity", "PricingUnit"),
)
"""What a part's row says about the pod or task, which is no longer its ResourceId."""
_WHEN = ("identity_time_interval", "line_item_usage_start_date")
"""What an instance's row and its parts have in common; in a daily report starts differ."""
_STARTS = 2**24
"""More distinct hours than any report has."""


@dataclass(frozen=True, slots=True)
class Origins:
    """What the first reading found; a *place* is a row of the delivery (:func:`place_of`)."""

    rests: pa.Int64Array
    """Places of the instances' rows, ascending."""
    moved: Mapping[str, Exact]
    """(rests,) what parts take out, by column; all on the first row of an instance-hour."""
    moved_cash: Exact
    """(rests,) the same for billed cost."""
    orphans: pa.Int64Array
    """Places of parts whose instance is not there, ascending."""
    committed: pa.Int64Array
    """Places of parts whose instance a commitment covers, ascending."""
    lost: int = 0
    """How many of the orphans have a cost."""


_NO_PLACES = pa.array([], pa.int64())
_NONE = Exact(_NO_PLACES)
NO_ORIGINS = Origins(
    _NO_PLACES, {SPLIT_COST: _NONE, PUBLIC_COST: _NONE}, _NONE, _NO_PLACES, _NO_PLACES
)


def place_of(file: int, row: int) -> int:
    """One number for row *row* of file number *file*; ascending in the order of reading."""
    return (file << 40) + row


def is_part(header: Header, chunk: Chunk) -> pa.BooleanArray:
    """(n,) whether a row is a part of an instance that another row bills."""
    operation = texts_of(header, chunk, "line_item_operation")
    named = spread(pc.is_in(operation.dictionary, _OPERATIONS), operation)
    return pc.or_(named, texts_of(header, chunk, PARENT).is_valid())


def find_origins(files: Sequence[SourceFile], headers: Sequence[Header]) -> Origins:
    """Read all rows once and find what each part takes out of which row.

    Problems are left for the second reading to tell.
    """
    survey = _Survey()
    for number, (file, header) in enumerate(zip(files, headers, strict=True)):
        for chunk in chunks_of(file, Problems(), wanted=header.found(_NAMES)):
            survey.add(header, chunk, place_of(number, chunk.first_row))
    return survey.origins()


_NAMES = (
    PARENT,
    SPLIT_COST,
    PUBLIC_COST,
    "line_item_operation",
    "line_item_resource_id",
    *_WHEN,
    "line_item_usage_type",
    "line_item_line_item_type",
)


@dataclass(slots=True)
class _Survey:
    """Parts and instances' rows, gathered chunk by chunk."""

    names: dict[str, int] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    parts: list[pa.Table] = field(default_factory=list)
    costs: dict[str, list[Exact]] = field(default_factory=lambda: {SPLIT_COST: [], PUBLIC_COST: []})
    rests: list[pa.Table] = field(default_factory=list)

    def add(self, header: Header, chunk: Chunk, first: int) -> None:
        """Take what one chunk says; *first* is the place of its first row."""
        places = row_numbers(first, len(chunk))
        starts = texts_of(header, chunk, *_WHEN)
        part = is_part(header, chunk)
        if pc.any(part).as_py():
            keys = self._keys(texts_of(header, chunk, PARENT), starts, part)
            self.parts.append(pa.table({"key": keys, "place": places.filter(part)}))
            for name, parts in self.costs.items():
                values = column_of(header, chunk, name)
                parts.append(_exact(values, part))
        usage_type = texts_of(header, chunk, "line_item_usage_type")
        types = texts_of(header, chunk, "line_item_line_item_type")
        rest = pc.and_(
            spread(pc.match_substring_regex(usage_type.dictionary, _INSTANCE), usage_type),
            spread(pc.is_in(types.dictionary, pa.array(USAGE)), types),
        )
        if pc.any(rest).as_py():
            keys = self._keys(texts_of(header, chunk, "line_item_resource_id"), starts, rest)
            cash = spread(pc.equal(types.dictionary, "Usage"), types).filter(rest)
            table = {"key": keys, "place": places.filter(rest), "cash": cash.cast(pa.int8())}
            self.rests.append(pa.table(table))

    def _keys(
        self, names: pa.DictionaryArray, starts: pa.DictionaryArray, where: pa.BooleanArray
    ) -> pa.Int64Array:
        """One number for each instance and hour among the rows of *where*."""
        ids = text_of(names.filter(where).dictionary_decode())
        instances = _codes(ids, self.names)
        hours = _codes(starts.filter(where), self.starts)
        return pc.add(pc.multiply(instances, _STARTS), hours)

    def origins(self) -> Origins:
        """What all of it means."""
        if not self.parts:
            return NO_ORIGINS
        parts = pa.concat_tables(self.parts)
        costs = {name: _concatenated(found) for name, found in self.costs.items()}
        if not self.rests:
            places, lost = parts["place"].combine_chunks(), _count(costs[SPLIT_COST])
            return Origins(_NO_PLACES, NO_ORIGINS.moved, _NONE, places, _NO_PLACES, lost)
        rests = pa.concat_tables(self.rests)
        firsts = rests.group_by("key").aggregate([("place", "min"), ("cash", "min")])
        owner = pc.index_in(parts["key"], value_set=firsts["key"]).combine_chunks()
        has_cash = pc.equal(firsts["cash_min"].combine_chunks(), 1)
        places = parts["place"].combine_chunks()
        committed = pc.fill_null(pc.invert(has_cash.take(owner)), fill_value=False)
        sums, keys = _summed(parts["key"].combine_chunks(), costs)
        which = pc.index_in(rests["key"], value_set=keys).combine_chunks()
        split = which.is_valid()
        rows = rests["place"].combine_chunks().filter(split)
        first = firsts.take(pc.index_in(rests["key"], value_set=firsts["key"])).filter(split)
        is_first = pc.equal(first["place_min"].combine_chunks(), rows)
        nothing = Exact.zero(len(rows))
        moved = {
            name: exact.take(which.filter(split)).or_zero().where(is_first, nothing)
            for name, exact in sums.items()
        }
        with_cash = pc.equal(first["cash_min"].combine_chunks(), 1)
        moved_cash = moved[SPLIT_COST].where(with_cash, nothing)
        alone = owner.is_null()
        return Origins(
            rests=rows,
            moved=moved,
            moved_cash=moved_cash,
            orphans=places.filter(alone),
            committed=places.filter(committed),
            lost=_count(costs[SPLIT_COST].take(pc.indices_nonzero(alone))),
        )


def _count(exact: Exact) -> int:
    """How many amounts are known and not 0."""
    return pc.sum(pc.not_equal(exact.nano, 0)).as_py() or 0


def _codes(texts: pa.DictionaryArray, seen: dict[str, int]) -> pa.Int64Array:
    """(n,) the number of each text, the same in every chunk; of an ARN its last part counts."""
    numbers = [
        seen.setdefault(text.rpartition("/")[2], len(seen) + 1)
        for text in texts.dictionary.to_pylist()
    ]
    return pc.fill_null(pa.array(numbers, pa.int64()).take(texts.indices), 0)


def _exact(values: pa.Array | None, where: pa.BooleanArray) -> Exact:
    """The amounts in the rows of *where*."""
    if values is None:
        return Exact(pa.nulls(pc.sum(where).as_py() or 0, pa.int64()))
    return exact_of(known(text_of(values)).filter(where).dictionary_decode())[0]


def _concatenated(parts: Sequence[Exact]) -> Exact:
    """All of *parts*, one after another."""
    most = max(len(part.limbs) for part in parts)
    limbs = (
        [
            part.limbs[place] if place < len(part.limbs) else Exact.zero(len(part.nano)).nano
            for part in parts
        ]
        for place in range(most)
    )
    nano = pa.concat_arrays([part.nano for part in parts])
    return Exact(nano, tuple(pa.concat_arrays(limb) for limb in limbs))


def _summed(
    keys: pa.Int64Array, costs: Mapping[str, Exact]
) -> tuple[dict[str, Exact], pa.Int64Array]:
    """Exact sums of each key, and the keys in the same order."""
    result, distinct = {}, _NO_PLACES
    for name, exact in costs.items():
        columns = [keys, exact.nano, *exact.limbs]
        names = ["key", *map(str, range(len(columns) - 1))]
        table = pa.table(columns, names)
        sums = table.group_by("key", use_threads=False).aggregate([(n, "sum") for n in names[1:]])
        nano, *limbs = (sums[f"{n}_sum"].combine_chunks() for n in names[1:])
        result[name] = Exact(nano, tuple(limbs))
        distinct = sums["key"].combine_chunks()
    return result, distinct


def within(places: pa.Int64Array, first: int, rows: int) -> slice:
    """Where the places of *rows* rows from *first* on stand in ascending *places*."""
    start, stop = (
        bisect.bisect_left(range(len(places)), place, key=lambda index: places[index].as_py())
        for place in (first, first + rows)
    )
    return slice(start, stop)


def put_split(rows: Rows, origins: Origins, file: int, costs: dict[View, Exact]) -> None:
    """Move the cost of parts out of their instances, and say what each row is a part of.

    Args:
        rows: the line items of one chunk.
        origins: what the first reading of the whole delivery found.
        file: number of the file within the delivery.
        costs: view → (n,) amounts as the rows say; changed in place.
    """
    first = place_of(file, rows.chunk.first_row)
    places = row_numbers(first, len(rows))
    part = is_part(rows.header, rows.chunk)
    span = within(origins.rests, first, len(rows))
    rest = pc.index_in(places, value_set=origins.rests[span])
    if rest.null_count < len(rows):
        _take_out(origins, span, rest, costs)
    has_parts = pc.any(part).as_py()
    if has_parts:
        repeats = pc.and_(part, pc.not_equal(pc.fill_null(costs[View.BILLED].nano, 0), 0))
        rows.draft.note("x_BilledNano", "repeats-its-instance", repeats)
        _put_costs(rows, origins, first, part, costs)
        _put_names(rows, part)
    if has_parts or rest.null_count < len(rows):
        method = pc.if_else(pc.or_(part, rest.is_valid()), METHOD, None)
        rows.draft.put("AllocatedMethodId", method.dictionary_encode())


def _take_out(origins: Origins, span: slice, rest: pa.Int32Array, costs: dict[View, Exact]) -> None:
    """Leave to the instances' rows what no part took."""

    def taken(amounts: Exact) -> Exact:
        inside = Exact(amounts.nano[span], tuple(limb[span] for limb in amounts.limbs))
        return inside.take(rest).or_zero().negative()

    cash, public = taken(origins.moved_cash), taken(origins.moved[PUBLIC_COST])
    costs[View.BILLED] = costs[View.BILLED].plus(cash)
    costs[View.EFFECTIVE] = costs[View.EFFECTIVE].plus(taken(origins.moved[SPLIT_COST]))
    costs[View.CONTRACTED] = costs[View.CONTRACTED].plus(cash)
    costs[View.LIST] = costs[View.LIST].plus(public)


def _put_costs(
    rows: Rows,
    origins: Origins,
    first: int,
    part: pa.BooleanArray,
    costs: dict[View, Exact],
) -> None:
    places = row_numbers(first, len(rows))
    nothing = Exact.zero(len(rows))
    orphans, committed = (
        pc.is_in(places, value_set=found[within(found, first, len(rows))])
        for found in (origins.orphans, origins.committed)
    )
    split = nothing.where(orphans, rows.amounts(SPLIT_COST, part).or_zero())
    public = nothing.where(orphans, rows.amounts(PUBLIC_COST, part))
    cash = nothing.where(committed, split)
    costs[View.BILLED] = cash.where(part, costs[View.BILLED])
    costs[View.EFFECTIVE] = split.where(part, costs[View.EFFECTIVE])
    costs[View.CONTRACTED] = cash.where(part, costs[View.CONTRACTED])
    costs[View.LIST] = public.where(part, costs[View.LIST])


def _put_names(rows: Rows, part: pa.BooleanArray) -> None:
    draft = rows.draft
    own, parent = rows.texts("line_item_resource_id"), rows.texts(PARENT)
    unused = spread(pc.match_substring_regex(own.dictionary, _UNUSED), own)
    named = pc.and_(part, pc.invert(unused))
    draft.put("x_ParentResourceId", only(parent, part))
    draft.put("AllocatedResourceId", only(own, named))
    for column, source in (("AllocatedResourceName", "ResourceName"), ("AllocatedTags", "Tags")):
        texts = draft.texts(source)
        if texts is not None:
            draft.put(column, only(texts, named))
    draft.put("ResourceId", first_of(only(parent, part), own))
    for column in _OF_ITSELF:
        texts = draft.texts(column)
        if texts is not None:
            draft.put(column, only(texts, pc.invert(part)))
    unit = rows.texts("pricing_unit").dictionary_decode()
    usage = rows.texts("split_line_item_split_usage").dictionary_decode()
    ratio = rows.texts("split_line_item_split_usage_ratio").dictionary_decode()
    words = ['{"Elements":[{"AllocatedRatio":', ratio, ',"UsageQuantity":', usage]
    details = pc.binary_join_element_wise(*words, ',"UsageUnit":"', unit, '"}]}', "")
    draft.put("AllocatedMethodDetails", pc.if_else(named, details, None).dictionary_encode())
