"""Laws of source files: items come out one by one as they went in, and junk is named, not crashed on."""

import gzip
import json
import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.readers import write
from trainfare.core import source_file
from trainfare.core.errors import BadInput, NotFound, OutsideFailed
from trainfare.core.source_file import csv_rows, head, is_json, json_items, text_lines

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def items(path, *lists):
    return [item for _, item in json_items(path, set(lists))]


@given(st.lists(json_values, max_size=8), st.sampled_from([None, 2]), st.integers(1, 40))
def test_items_of_a_list_come_out_as_they_went_in(tmp_path_factory, values, indent, chunk):
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(json.dumps({"meta": {"jobs": 1}, "jobs": values, "errors": []}, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_file, "_CHUNK", chunk)
        assert items(path, "jobs") == values


@given(st.lists(st.dictionaries(st.text(), st.integers()), min_size=1, max_size=6))
def test_json_lines_and_a_plain_list_give_the_same_items(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("json")
    lines = write(folder, "\n".join(json.dumps(v) for v in values), "lines.json")
    plain = write(folder, json.dumps(values), "list.json")
    assert items(lines) == items(plain) == values


def test_a_list_one_level_down_is_found_and_a_lone_object_is_one_item(tmp_path):
    nested = write(tmp_path, '{"data": {"resultType": "matrix", "result": [1, 2]}}')
    assert items(nested, "data", "result") == [1, 2]
    assert items(write(tmp_path, '{"name": "x", "n": 1.50}')) == [
        {"name": "x", "n": Decimal("1.50")}
    ]
    assert items(write(tmp_path, '{"jobs": []}'), "jobs") == []


def test_a_large_list_is_read_in_small_memory(tmp_path):
    path = write(
        tmp_path, json.dumps({"jobs": [{"id": n, "pad": "x" * 900} for n in range(10_000)]})
    )
    tracemalloc.start()
    count = sum(1 for _ in json_items(path, {"jobs"}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 10_000
    assert peak < 2_000_000 < path.stat().st_size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        '{"jobs": [1, 2',
        '{"a" 1}',
        "[1 2]",
        "{",
        '["a]',
        '{"n": NaN}',
        "[" * 100_000,
        "{1: 2}",
    ],
)
def test_text_that_is_no_json_is_refused_with_the_file(tmp_path, text):
    path = write(tmp_path, text, "bad.json")
    with pytest.raises(BadInput, match=r"bad\.json"):
        items(path, "jobs")


def test_gzip_is_read_as_what_it_packs_and_a_cut_one_is_refused(tmp_path):
    path = tmp_path / "a.csv.gz"
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 5000)
    path.write_bytes(packed)
    assert sum(1 for _ in csv_rows(path)) == 5001
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(BadInput, match="cut short or damaged"):
        list(csv_rows(path))


def test_a_line_without_end_is_refused_before_it_fills_memory(tmp_path):
    path = tmp_path / "long.txt"
    path.write_bytes(b"x" * (3 << 20))
    with pytest.raises(BadInput, match="line 1 is longer than 1048576 bytes"):
        list(text_lines(path))


def test_a_line_may_be_a_mebibyte_long_with_its_end(tmp_path):
    path = tmp_path / "long.txt"
    path.write_bytes(b"x" * (2**20 - 1) + b"\nok\n")
    assert [len(line) for line in text_lines(path)] == [2**20 - 1, 2]
    path.write_bytes(b"ok\n" + b"x" * 2**20 + b"\n")
    with pytest.raises(BadInput, match="line 2 is longer than"):
        list(text_lines(path))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"ok\nr\xe9sum\xe9 of 2026\n", r"line 2: b'\\xe9sum\\xe9 of' is not UTF-8"),
        (b"a\0b\n", "line 1 holds NUL"),
        (b"a\n\0b\n", "line 2 holds NUL"),
        (b"\x7fELF\x00\x00", "NUL"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path, content, what):
    path = tmp_path / "junk"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=what):
        list(text_lines(path))


def test_a_byte_order_mark_and_windows_line_ends_are_no_content(tmp_path):
    path = tmp_path / "windows.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n\r\n1,2\r\n")
    assert list(csv_rows(path)) == [(0, ["a", "b"]), (1, ["1", "2"])]
    assert head(path).startswith("a,b")


def test_a_quote_that_never_closes_is_refused(tmp_path):
    with pytest.raises(BadInput, match="is not CSV"):
        list(csv_rows(write(tmp_path, 'a,b\n1,"x"y\n')))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFound, match="there is no file"):
        head(tmp_path / "none.txt")
    with pytest.raises(BadInput, match="is a folder"):
        head(tmp_path)


def test_bytes_that_are_no_text_may_be_replaced(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"r\xe9sum\xe9\r\nlast \xef\xbb\xbf")
    assert list(text_lines(path, errors="replace")) == ["r\ufffdsum\ufffd", "last \ufeff"]


def test_a_look_takes_64_kib_of_text_and_no_more(tmp_path):
    assert head(write(tmp_path, "x" * 65_537)) == "x" * 65_536
    assert head(write(tmp_path, "  a\n")) == "  a\n"
    for text in ("", " \n"):
        with pytest.raises(BadInput, match="is empty"):
            head(write(tmp_path, text))
    with pytest.raises(BadInput, match="holds NUL bytes"):
        head(write(tmp_path, "a\0"))
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(b"a,b\n" * 9)[:-9])
    with pytest.raises(BadInput, match="cut short or damaged"):
        head(cut)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("\n[1]", True), ('{"a": 1}', True), ("up 1", False), ("", False), ("{__name__=", False)],
)
def test_json_is_told_by_how_it_begins(text, is_one):
    assert is_json(text) is is_one


def test_a_file_that_cannot_be_opened_is_a_failure_outside(tmp_path):
    path = tmp_path / ("x" * 300)
    with pytest.raises(OutsideFailed, match="cannot be read: File name too long"):
        head(path)


def test_blank_rows_are_not_counted_and_fields_are_cut_at_the_delimiter(tmp_path):
    path = write(tmp_path, 'a;b\n\n1;"2;\n3"\n;\n;4\n')
    assert list(csv_rows(path, ";")) == [(0, ["a", "b"]), (1, ["1", "2;\n3"]), (2, ["", "4"])]
    with pytest.raises(BadInput, match="line 3 is not CSV"):
        list(csv_rows(write(tmp_path, 'a,b\n1,2\n1,"x"y\n')))


def test_items_are_numbered_from_one_and_lists_are_looked_for_under_their_keys_alone(tmp_path):
    both = write(tmp_path, '{"jobs": [7, 8], "old": [9], "more": {"jobs": [1]}, "jobs": [3]}')
    assert list(json_items(both, {"jobs"})) == [(1, 7), (2, 8), (3, 3)]
    assert items(both, "old", "jobs", "more") == [7, 8, 9, 1, 3]
    assert items(write(tmp_path, '{"jobs": 5}'), "jobs") == [{"jobs": 5}]
    assert items(write(tmp_path, "[]")) == []
    assert items(write(tmp_path, "{}")) == [{}]
    assert items(write(tmp_path, "[1, 2,]\n{}")) == [1, 2, {}]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"jobs": [1, 2', "character 14: not JSON, expected ']', found ''"),
        ('{"a" 1}', "character 5: not JSON, expected ':', found '1'"),
        ("[1 2]", "character 3: not JSON, expected ']', found '2'"),
        ("{1: 2}", "character 2: not JSON, a key in quotes is missing"),
        ('{"n": NaN}', "NaN is not a JSON number"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_where_json_ends_to_be_json_is_told(tmp_path, text, what):
    path = write(tmp_path, text)
    for chunk in (1, 1 << 16):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(BadInput) as refused:
            patch.setattr(source_file, "_CHUNK", chunk)
            items(path, "jobs")
        assert what in str(refused.value)


def test_an_item_is_held_up_to_the_limit_and_no_further(tmp_path, monkeypatch):
    assert source_file.ITEM_MAX == 268_435_456
    monkeypatch.setattr(source_file, "ITEM_MAX", 64)
    monkeypatch.setattr(source_file, "_CHUNK", 8)
    assert items(write(tmp_path, json.dumps(["x" * 62] * 3))) == ["x" * 62] * 3
    with pytest.raises(BadInput, match="one item is larger than 64 characters"):
        items(write(tmp_path, json.dumps(["x" * 200])))
