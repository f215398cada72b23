"""The canonical batch has one schema, and a draft settles every column alike."""

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from billing.bills import charges, read, write
from trainfare.billing.canonical import SCHEMA, Chunk, Desk, Draft
from trainfare.billing.components import load_components
from trainfare.billing.problems import Problems
from trainfare.core.charge import COLUMNS, REQUIRED, View
from trainfare.core.errors import BadInput

FILLED = {
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargePeriodStart": "2026-10-01T00:00:00Z",
    "ChargePeriodEnd": "2026-10-01T01:00:00Z",
    "ChargeCategory": "Usage",
    "BillingAccountId": "acme",
    "ServiceName": "AmazonEC2",
}


def desk():
    return Desk(Problems(), load_components())


def draft_of(amounts, first_row=1):
    batch = pa.RecordBatch.from_pydict({"cost": pa.array(amounts)})
    draft = Draft(Chunk("bill.csv", first_row, batch))
    for column, text in FILLED.items():
        draft.put(column, text)
    for view in (View.BILLED, View.EFFECTIVE):
        draft.money(view, draft.chunk.column("cost"), source="cost")
    return draft


def test_the_schema_is_the_canonical_columns_in_their_order():
    assert SCHEMA.names == list(COLUMNS)
    assert {str(SCHEMA.field(name).type) for name, kind in COLUMNS.items() if kind == "int64"} == {
        "int64"
    }


def test_a_batch_has_the_schema_whatever_was_set():
    batch = draft_of(["1", "2"]).finish(desk())
    assert batch.schema == SCHEMA
    assert batch.num_rows == 2


def test_columns_never_set_are_null():
    batch = draft_of(["1"]).finish(desk())
    assert batch.column("x_ListNano").to_pylist() == [None]
    assert batch.column("Tags").to_pylist() == [None]


def test_row_numbers_follow_the_chunk():
    batch = draft_of(["1", "2"], first_row=41).finish(desk())
    assert batch.column("x_SourceRow").to_pylist() == [41, 42]
    assert batch.column("x_SourceFile").to_pylist() == ["bill.csv"] * 2


@pytest.mark.parametrize("column", [name for name in REQUIRED if name in FILLED])
def test_a_required_column_left_out_is_a_problem_of_every_row(column):
    draft, room = draft_of(["1", "2"]), desk()
    draft.put(column, pa.nulls(2))
    draft.finish(room)
    assert [(p.column, p.row) for p in room.problems.shown] == [(column, 1), (column, 2)]


def test_setting_a_column_again_replaces_it():
    draft = draft_of(["1"])
    draft.put("ResourceId", "a")
    draft.put("ResourceId", "b", source="id")
    assert draft.finish(desk()).column("ResourceId").to_pylist() == ["b"]


def test_texts_so_far_are_told_without_spelt_nulls():
    draft = draft_of(["1", "2", "3"])
    assert draft.texts("ResourceId") is None
    draft.put("ResourceId", pa.array(["a", "NULL", ""]))
    assert draft.texts("ResourceId").to_pylist() == ["a", None, None]


def test_a_note_without_rows_is_not_written():
    draft = draft_of(["1"])
    draft.note("Tags", "seen", pa.array([False]))
    draft.note("ResourceId", "lower-case")
    assert draft.finish(desk()).column("x_Repairs").to_pylist() == ["ResourceId:lower-case"]


def test_exact_amounts_can_be_built_before():
    """Adapters sum columns (cost + credits) exactly, then give the sum as one view."""
    draft, room = draft_of(["1", "2.5"]), desk()
    parts = draft.exact(pa.array(["-0.5", None]), room, source="credits").or_zero()
    whole = draft.exact(draft.chunk.column("cost"), room, source="cost").plus(parts)
    draft.money(View.EFFECTIVE, whole, source="cost")
    assert draft.finish(room).column("x_EffectiveNano").to_pylist() == [500_000_000, 2_500_000_000]


def test_a_wrong_amount_is_a_problem_with_the_providers_column():
    room = desk()
    draft_of(["1", "x"], first_row=7).finish(room)
    assert [(p.row, p.column, p.value) for p in room.problems.shown] == [
        (8, "cost", "x"),
        (8, "cost", "x"),
    ]


def test_a_component_that_an_adapter_knows_is_kept():
    draft = draft_of(["1"])
    draft.put("x_Component", "storage")
    assert draft.finish(desk()).column("x_Component").to_pylist() == ["storage"]


def test_totals_run_over_files_and_roundings_do_not():
    room = desk()
    first = draft_of(["0.0000000004"]).finish(room)
    room.next_file()
    second = draft_of(["0.0000000004"]).finish(room)
    assert first.column("x_BilledNano").to_pylist() == [0]
    assert second.column("x_BilledNano").to_pylist() == [0]
    assert room.totals()["USD"]["billed"] * 10**10 == 8


@pytest.mark.parametrize("column", ["BilledCost", "ResourceId", "ChargePeriodStart"])
def test_a_column_of_a_type_that_no_bill_has_is_named(tmp_path, column):
    path = write(tmp_path, charges({}))
    table = pa.csv.read_csv(path)
    place = table.column_names.index(column)
    nested = pa.array([[1]], pa.list_(pa.int64()))
    odd = tmp_path / "odd.parquet"
    pa.parquet.write_table(table.set_column(place, column, nested), odd)
    with pytest.raises(BadInput, match=rf"odd\.parquet, column {column}: cannot be read"):
        read(odd)
