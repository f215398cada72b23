"""Tags of every provider reach one canonical spelling, and what changed is told."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.billing.arrow import text_of
from trainfare.billing.tags import canonical, text_of_nested

keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
tag_sets = st.dictionaries(keys, st.one_of(keys, st.none()), max_size=4)
MAP = pa.map_(pa.string(), pa.string())


def one(text, **options):
    texts, repairs = canonical(text_of(pa.array([text], pa.string())), **options)
    return texts.to_pylist()[0], [what for what, _ in repairs]


@pytest.mark.parametrize(
    ("text", "spelt", "repairs"),
    [
        ('{"b": "2", "a": "1"}', '{"a":"1","b":"2"}', []),
        ('"tagA": "valueA","tagB": "valueB"', '{"tagA":"valueA","tagB":"valueB"}', ["braces-added"]),
        ('{"user:team": "nlp", "aws:createdBy": "x"}', '{"aws:createdBy":"x","team":"nlp"}',
         ["user-prefix-removed"]),
        ('[{"key": "env", "value": "dev"}]', '{"env":"dev"}', []),
        ('[{"key": "env", "value": ""}]', '{"env":true}', []),
        ("[{'key': 'foo', 'value': 'bar'}]", '{"foo":"bar"}', ["python-literal"]),
        ('{"a": true}', '{"a":true}', []),
        ('{"a": 1, "a": 2}', '{"a":2}', ["key-twice"]),
        ("{}", None, []),
        ("[]", None, []),
        ("team=nlp", '{"x_text":"team=nlp"}', ["not-json"]),
        ('{"a": "1"', '{"x_text":"{\\"a\\": \\"1\\""}', ["not-json"]),
        ('{"ü": "é"}', '{"ü":"é"}', []),
        ('{"b": 0.1234567890123456789, "a": 1.10, "c": 1E3}', '{"a":1.10,"b":0.1234567890123456789,"c":1E3}', []),
        ('{"a": NaN}', '{"x_text":"{\\"a\\": NaN}"}', ["not-json"]),
        ('{"a": "\\ud800"}', '{"a":"\\ud800"}', []),
        ("7", '{"x_text":"7"}', ["not-json"]),
        ("it's", '{"x_text":"it\'s"}', ["not-json"]),
        ("[1, 2]", '{"x_text":"[1, 2]"}', ["not-json"]),
    ],
)  # fmt: skip
def test_spellings_of_tags(text, spelt, repairs):
    assert one(text) == (spelt, repairs)


def test_a_user_key_keeps_its_prefix_where_the_bare_key_is_taken():
    spelt, _ = one('{"user:team": "a", "team": "b"}')
    assert json.loads(spelt) == {"user:team": "a", "team": "b"}


def test_json_that_is_no_tags_keeps_lists_and_prefixes():
    assert one('[{"b": 1, "a": "user:x"}]', is_tags=False) == ('[{"a":"user:x","b":1}]', [])


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "('" * 50_000, "\ue000", "1" * 6000]
)
def test_hostile_texts_are_kept_as_text(text):
    spelt, repairs = one(text)
    assert json.loads(spelt) == {"x_text": text}
    assert repairs == ["not-json"]


@pytest.mark.parametrize("text", ['{"a":"\\ue000","b":1.5}', '{"a":"\ue000","b":1.5}'])
def test_the_mark_of_numbers_can_be_a_value(text):
    assert json.loads(one(text)[0]) == {"a": "\ue000", "b": 1.5}


def test_a_value_that_is_no_object_is_kept_as_text_in_other_columns_too():
    assert one("7", is_tags=False) == ('{"x_text":"7"}', ["not-json"])


def test_repairs_name_only_their_rows_and_nulls_stay():
    texts = text_of(pa.array(['"a": "1"', None, '{"a": "1"}', "{}"]))
    spelt, repairs = canonical(texts)
    assert spelt.to_pylist() == ['{"a":"1"}', None, '{"a":"1"}', None]
    assert [(what, mask.to_pylist()) for what, mask in repairs] == [
        ("braces-added", [True, False, False, False])
    ]


@given(tag_sets)
def test_a_canonical_text_stays_as_it_is(tags):
    spelt, _ = one(json.dumps(tags))
    assert spelt is None or one(spelt) == (spelt, [])


@given(st.lists(st.one_of(st.none(), tag_sets), min_size=1, max_size=8), st.integers(0, 3))
def test_maps_of_parquet_say_what_their_pairs_say(rows, skipped):
    column = pa.array([None if row is None else list(row.items()) for row in rows], MAP)[skipped:]
    expected = [None if row is None else {k: True if v is None else v for k, v in row.items()}
                for row in rows[skipped:]]  # fmt: skip
    texts = text_of_nested(column).to_pylist()
    assert [None if text is None else json.loads(text) for text in texts] == expected


def test_maps_of_one_width_and_of_many_are_spelt_alike():
    """Rows of equal width take a faster way; it must not show."""
    alike = pa.array([[("a", "1"), ("b", None)], [("a", "2"), ("b", "x")]], MAP)
    mixed = pa.concat_arrays([alike, pa.array([[]], MAP)])
    assert text_of_nested(mixed).to_pylist()[:2] == text_of_nested(alike).to_pylist()


def test_structs_and_lists_become_json():
    rows = [{"CoreCount": 8, "InstanceType": "p5"}, None]
    spelt = text_of_nested(pa.array(rows)).to_pylist()
    assert [None if text is None else json.loads(text) for text in spelt] == rows
