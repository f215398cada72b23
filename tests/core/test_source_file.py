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
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.source_file import csv_rows, head, json_items, text_lines

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
    with pytest.raises(BadInput, match="line 1 is longer than"):
        list(text_lines(path))


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"ok\nr\xe9sum\xe9\n", "line 2.*not UTF-8"), (b"a\0b\n", "NUL"), (b"\x7fELF\x00\x00", "NUL")],
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
