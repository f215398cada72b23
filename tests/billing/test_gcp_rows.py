"""Fields of Google's export are found in every form, and records of JSON become columns."""

import pyarrow as pa
import pytest

from billing.bills import write
from billing.gcp_bills import FORMS, export, lines
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
