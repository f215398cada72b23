"""Fields of Google's export are found in every form, and records of JSON become columns."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from billing.bills import read, write
from billing.gcp_bills import FORMS, credit, export, lines, write_nested
from trainfare.billing.bill import check
from trainfare.billing.canonical import Chunk, Desk, Draft
from trainfare.billing.components import Components
from trainfare.billing.gcp_rows import LEAVES, LISTS, Rows, chunks, combined, has
from trainfare.billing.problems import Problems
from trainfare.billing.source import found


def desk():
    return Desk(Problems(), Components(()))


def rows_of(columns):
    chunk = Chunk("export", 1, pa.RecordBatch.from_pydict(columns))
    return Rows(chunk, Draft(chunk), desk())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_answers_every_name(tmp_path, form):
    (file,) = found(FORMS[form](tmp_path, export({}, {"sku": None})))
    here = desk()
    (chunk,) = chunks(file, here)
    rows = Rows(chunk, Draft(chunk), here)
    assert rows.texts("sku.description").to_pylist() == [
        *("A2 Instance Core running in Americas", None),
    ]
    assert rows.texts("project.id").to_pylist() == ["lab", "lab"]
    assert rows.texts("cost").to_pylist() == ["1.25", "1.25"]
    assert rows.texts("consumption_model.id").to_pylist() == [None, None]
    assert rows.column("price.nothing") is None
    assert not here.problems


@pytest.mark.parametrize("form", FORMS)
def test_only_what_is_asked_for_is_read(tmp_path, form):
    (file,) = found(FORMS[form](tmp_path, export({})))
    (chunk,) = chunks(file, desk(), ["sku.description", "cost"])
    names = set(chunk.batch.schema.names)
    assert {"labels", "credits", "project", "project.id"}.isdisjoint(names)
    rows = Rows(chunk, Draft(chunk), desk())
    assert rows.texts("sku.description").null_count == 0


def test_a_flat_column_comes_before_its_group():
    rows = rows_of({"sku": ['{"id": "a"}'], "sku_id": ["b"]})
    assert rows.texts("sku.id").to_pylist() == ["b"]


def test_the_second_column_of_labels_is_the_projects():
    """BigQuery numbers columns that flatten to one name."""
    rows = rows_of({"labels": ["[]"], "labels_1": ['[{"key": "a", "value": "b"}]']})
    assert rows.texts("project.labels").to_pylist() == ['[{"key": "a", "value": "b"}]']


def test_the_first_name_that_says_something_counts():
    rows = rows_of({"resource_global_name": ["x", "", None], "resource_name": ["a", "b", "c"]})
    assert rows.texts("resource.global_name", "resource.name").to_pylist() == ["x", "b", "c"]


def test_a_group_that_is_no_object_says_nothing():
    rows = rows_of({"service": ["Compute Engine", '["a"]', '{"id": 7}']})
    assert rows.texts("service.id").to_pylist() == [None, None, "7"]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["cost"], True),
        (["service.description"], True),
        (["service_description"], True),
        (["service"], True),
        (["services"], False),
    ],
)
def test_a_header_has_a_name_in_any_form(columns, expected):
    path = "cost" if columns == ["cost"] else "service.description"
    assert has(columns, path) is expected


def test_json_is_read_in_chunks_that_keep_their_numbers(tmp_path):
    rows = export({}) * 40_000
    (file,) = found(write(tmp_path, lines(rows), "export.jsonl"))
    parts = list(chunks(file, desk(), ["cost"]))
    assert len(parts) > 1
    assert [part.first_row for part in parts] == [
        1 + sum(len(part) for part in parts[:index]) for index in range(len(parts))
    ]
    assert sum(len(part) for part in parts) == 40_000


def test_words_of_json_become_text(tmp_path):
    (file,) = found(
        write(tmp_path, '{"cost": true, "currency": {"a": 1}, "cost_type": ""}\n', "x.json")
    )
    (chunk,) = chunks(file, desk(), ["cost", "currency", "cost_type"])
    assert chunk.batch.to_pylist() == [{"cost": "true", "currency": '{"a": "1"}', "cost_type": ""}]


def test_names_are_one_value_or_a_list():
    assert set(LEAVES).isdisjoint(LISTS)
    assert len(set(LEAVES)) == len(LEAVES)


def test_combined_columns_can_be_taken_apart():
    one = pa.array(["a", None, "a", "b"]).dictionary_encode()
    two = pa.array(["x", "x", "x", None]).dictionary_encode()
    codes, places = combined([one, two])
    words = [[*texts.dictionary.to_pylist(), None] for texts in (one, two)]
    told = [tuple(words[at][place] for at, place in enumerate(each)) for each in places]
    assert [told[code] for code in codes.to_pylist()] == [
        *(("a", "x"), (None, "x"), ("a", "x"), ("b", None)),
    ]


def large(kind):
    """The same type with 64-bit offsets, as some data frames write it."""
    if pa.types.is_list(kind):
        return pa.large_list(large(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(inner.name, large(inner.type)) for inner in kind])
    return pa.large_string() if pa.types.is_string(kind) else kind


def test_large_lists_and_texts_are_read_alike(tmp_path):
    rows = export({"credits": [credit("PROMOTION", -0.5)]}, {"labels": []})
    path = write_nested(tmp_path, rows)
    table = pq.read_table(path)
    schema = pa.schema([(column.name, large(column.type)) for column in table.schema])
    pq.write_table(table.cast(schema), tmp_path / "large.parquet")
    _, before = read(path)
    _, after = read(tmp_path / "large.parquet")
    assert [{**row, "x_SourceFile": ""} for row in after] == [
        {**row, "x_SourceFile": ""} for row in before
    ]


ODD = {
    "credits": (pa.array([{"a": 1}, {"a": 2}]), "row 1, column credits: "),
    "labels": (pa.array([["a"], ["b"]]), None),
    "cost": (pa.array([[1], [2]]), "cannot be read: "),
    "service": (pa.array(["x", "y"]), "row 1, column service.description: is empty"),
    "usage_start_time": (pa.array([True, False]), "'True' is not a time"),
    "currency": (pa.array([{"a": "USD"}, None]), "is not a currency"),
}


@pytest.mark.parametrize("column", ODD)
def test_columns_of_odd_types_are_told_and_never_a_traceback(tmp_path, column):
    table = pq.read_table(write_nested(tmp_path, export({}, {})))
    values, what = ODD[column]
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, column, values), tmp_path / "odd.parquet")
    problems = "\n".join(map(str, check(tmp_path / "odd.parquet")))
    assert (what in problems) if what else not problems
