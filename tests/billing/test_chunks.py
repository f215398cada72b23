"""Files are read in bounded memory, row numbers are right, and damage is told in words."""

import gzip
import json
import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.bills import charges, write, write_parquet
from trainfare.billing.chunks import BLOCK, chunks_of, header_of, records_of
from trainfare.billing.problems import Problems
from trainfare.billing.source import source_file
from trainfare.core.errors import BadInput


def chunks(path, **options):
    problems = Problems()
    return list(chunks_of(source_file(path, path.name), problems, **options)), problems


def rows(path, **options):
    found, problems = chunks(path, **options)
    return [row for chunk in found for row in chunk.batch.to_pylist()], problems


def test_values_are_text_as_they_stand(tmp_path):
    path = write(tmp_path, 'a,b\n1.50,"x, ""y"""\n,"two\nlines"\n')
    assert rows(path)[0] == [{"a": "1.50", "b": 'x, "y"'}, {"a": "", "b": "two\nlines"}]


def test_a_byte_order_mark_and_spaces_are_no_part_of_the_header(tmp_path):
    path = write(tmp_path, b"\xef\xbb\xbfa, b\r\n1,2\r\n")
    assert header_of(source_file(path, "bill.csv")) == ["a", "b"]
    assert rows(path)[0] == [{"a": "1", "b": "2"}]


def test_empty_lines_are_no_rows(tmp_path):
    path = write(tmp_path, "a,b\n1,2\n\n3,4\n\n")
    assert len(rows(path)[0]) == 2


def test_another_delimiter(tmp_path):
    path = write(tmp_path, "a;b\n1,5;2\n")
    assert rows(path, delimiter=";")[0] == [{"a": "1,5", "b": "2"}]


def test_rows_of_another_width_are_problems_and_the_others_keep_their_numbers(tmp_path):
    path = write(tmp_path, "a,b\n1,1\n2\n3,3\n4,4,4\n5\n6,6\n")
    found, problems = chunks(path)
    numbered = {
        chunk.first_row + place: row["a"]
        for chunk in found
        for place, row in enumerate(chunk.batch.to_pylist())
    }
    assert numbered == {1: "1", 3: "3", 6: "6"}
    assert [(p.row, p.value) for p in problems.shown] == [(2, "2"), (4, "4,4,4"), (5, "5")]
    assert "has 1 values where the header has 2" in problems.shown[0].what


def test_a_file_that_ends_within_a_row_looks_cut_off(tmp_path):
    problems = chunks(write(tmp_path, "a,b,c\n1,1,1\n2\n3,3,3\n2"))[1]
    first, last = problems.shown
    assert (first.row, first.value) == (2, "2")
    assert str(last).endswith("row 4: looks cut off after 1 of 3 values; fetch it again")
    for whole in ("a,b,c\n1,1,1\n2\n", "a,b,c\n2\n1,1,1", "a,b,c\n1,1,1\n2,2,2,2"):
        (problem,) = chunks(write(tmp_path, whole))[1].shown
        assert "where the header has 3" in problem.what


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=30))
def test_every_row_keeps_its_number_wherever_others_are_left_out(tmp_path_factory, widths):
    lines = [",".join([str(n)] * width) for n, width in enumerate(widths, start=1)]
    path = write(tmp_path_factory.mktemp("bill"), "a,b\n" + "\n".join(lines) + "\n")
    found, problems = chunks(path)
    for chunk in found:
        first = [int(row["a"]) for row in chunk.batch.to_pylist()]
        assert first == list(range(chunk.first_row, chunk.first_row + len(chunk)))
    assert [p.row for p in problems.shown] == [n for n, w in enumerate(widths, 1) if w != 2]


def test_a_quote_that_never_ends_is_a_problem(tmp_path):
    path = write(tmp_path, 'a,b\n1,2\n3,"cut off\n4,5\n')
    _, problems = rows(path)
    assert "has a quoted value that never ends" in problems.shown[0].what
    assert problems.shown[0].row == 2


def test_a_single_quote_sign_inside_a_value_is_none(tmp_path):
    _, problems = rows(write(tmp_path, 'a,b\n1,disk of 3.5" size\n2,x\n'))
    assert not problems


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\x00\x01\x02\xff" * 100, "is binary, not CSV"),
        ("a,b\n1,2\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        (b"\xff\xfe\xfa\n1\n", "UTF-16"),
        (b"a,\xe9\n1,2\n", "does not begin with a CSV header in UTF-8"),
        (b"a,b\n1,2\n3,\xe9\n", "line 3: holds bytes that are not UTF-8"),
        (b"a,a\n1,2\n", "columns named twice in the header: a"),
    ],
)
def test_what_is_no_csv_is_explained(tmp_path, content, said):
    with pytest.raises(BadInput, match=said):
        rows(write(tmp_path, content))


def test_a_header_without_rows_has_none(tmp_path):
    assert rows(write(tmp_path, "a,b\n"))[0] == []


def test_an_endless_line_is_refused_in_bounded_memory(tmp_path):
    """A gigabyte without a line end must cost neither memory nor a traceback."""
    path = tmp_path / "bill.csv"
    with path.open("wb") as stream:
        stream.write(b"a,b\n1," + b"x" * 2**21)
        stream.truncate(2**30)  # the rest of the line is a sparse gigabyte
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from trainfare.billing.chunks import chunks_of\n"
        "from trainfare.billing.problems import Problems\n"
        "from trainfare.billing.source import source_file\n"
        "from trainfare.core.errors import BadInput\n"
        "path = Path(sys.argv[1])\n"
        "try:\n    list(chunks_of(source_file(path, 'bill.csv'), Problems()))\n"
        "except BadInput as error:\n    print(error)\n"
        # its own high-water mark; ru_maxrss also has that of the process it was forked from
        "status = open('/proc/self/status').read()\n"
        "print(int(status.partition('VmHWM:')[2].split()[0]) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    message, megabytes = done.stdout.strip().rsplit("\n", 1)
    assert "line 2: has no end within 8 MiB" in message
    assert int(megabytes) < 400


@pytest.mark.parametrize("place", [0, 3])
def test_a_line_longer_than_a_block_is_refused(tmp_path, place):
    lines = ["1,2"] * place + ["1," + "x" * (2 * BLOCK + 10)]
    with pytest.raises(BadInput, match=f"line {place + 2}: has no end within 8 MiB"):
        rows(write(tmp_path, "a,b\n" + "\n".join(lines) + "\n"))


def test_parquet_keeps_types_and_counts_rows(tmp_path):
    path = write_parquet(tmp_path, {"n": list(range(100_000)), "t": ["x"] * 100_000})
    found, _ = chunks(path)
    assert [chunk.first_row for chunk in found] == [1, 40_961, 81_921]
    assert sum(len(chunk) for chunk in found) == 100_000
    assert found[0].batch.schema.field("n").type == pa.int64()
    assert found[-1].share == 1.0


def test_parquet_texts_inside_maps_and_lists_are_read(tmp_path):
    kind = pa.map_(pa.string(), pa.string())
    labels = [[{"key": "a", "value": "1"}], [], None]
    path = write_parquet(
        tmp_path, {"m": pa.array([[("k", "v")], None, []], kind), "l": pa.array(labels)}
    )
    found = rows(path)[0]
    assert [row["m"] for row in found] == [[("k", "v")], None, []]
    assert [row["l"] for row in found] == labels


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_cut_off_parquet_is_explained(tmp_path, keep):
    path = write_parquet(tmp_path, {"n": list(range(50_000))})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(BadInput, match="is not a whole Parquet file"):
        rows(path)


def test_a_parquet_with_a_damaged_page_is_explained(tmp_path):
    path = write_parquet(tmp_path, {"t": [f"{n:09d}" * 5 for n in range(50_000)]})
    content = bytearray(path.read_bytes())
    content[1000:9000] = b"\xff" * 8000
    path.write_bytes(content)
    with pytest.raises(BadInput, match="is damaged after row"):
        rows(path)


def test_a_packed_text_with_junk_behind_it_is_explained(tmp_path):
    packed = gzip.compress(b"a,b\n1,2\n")
    path = write(tmp_path, packed + b"\0" * 40, "bill.csv.gz")
    with pytest.raises(BadInput, match=r"bill\.csv\.gz is damaged after row \d+: .*fetch it again"):
        rows(path)


def test_junk_that_calls_itself_parquet_is_explained(tmp_path):
    with pytest.raises(BadInput, match="is not a whole Parquet file"):
        rows(write(tmp_path, b"PAR1" + b"junk" * 100 + b"PAR1", "bill.parquet"))


@pytest.mark.parametrize(
    "text",
    ['{"a": 1.10}\n{"a": 2}\n', '{\n "a": 1.10\n}\n{"a": 2}', '[{"a": 1.10},\n{"a": 2}]',
     '\ufeff{"a": 1.10}{"a": 2}'],
)  # fmt: skip
def test_json_lines_objects_and_arrays_are_the_same_records(tmp_path, text):
    file = source_file(write(tmp_path, text, "bill.json"), "bill.json")
    assert list(records_of(file)) == [(1, {"a": "1.10"}), (2, {"a": "2"})]
    assert header_of(file) == ["a"]


def test_many_records_across_reads(tmp_path):
    records = [{"n": str(n), "pad": "x" * 300} for n in range(20_000)]
    text = "\n".join(json.dumps(record) for record in records)
    file = source_file(write(tmp_path, text, "bill.jsonl"), "bill.jsonl")
    assert [record for _, record in records_of(file)] == records


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1}\n{"a": ', "is not JSON after record 1"),
        (b"junk", "is not JSON after record 0: 'junk'"),
        (b"7\n", "row 1: is not a JSON object"),
        (b'{"a": "\xe9"}', "is not UTF-8 after record 0"),
        (b"[" * 100_000, "holds no record"),
        (b'{"a":' * 100_000, "is not JSON"),
        (b"", "holds no record"),
    ],
)
def test_what_is_no_json_is_explained(tmp_path, content, said):
    file = source_file(write(tmp_path, content, "bill.json"), "bill.json")
    with pytest.raises(BadInput, match=said):
        header_of(file)
        list(records_of(file))


def test_json_is_no_form_of_a_table(tmp_path):
    with pytest.raises(BadInput, match="is JSON, which is not a form"):
        rows(write(tmp_path, '{"a": 1}', "bill.json"))


def test_how_much_was_read_grows_to_the_end(tmp_path):
    found, _ = chunks(write(tmp_path, charges(*[{}] * 100)))
    assert found[-1].share == 1.0


def test_a_parquet_that_claims_endless_rows_is_refused(tmp_path):
    path = write_parquet(tmp_path, {"n": pa.nulls(50_000_000)})
    with pytest.raises(BadInput, match="claims 50,000,000 rows in"):
        rows(path)


def test_maps_are_read_across_row_groups_of_any_size(tmp_path):
    kind = pa.map_(pa.string(), pa.string())
    tags = [None if n % 50 == 0 else [(f"k{j}", f"v{n}") for j in range(n % 4)] for n in range(999)]
    path = write_parquet(tmp_path, {"m": pa.array(tags, kind)}, row_group_size=70)
    assert [row["m"] for row in rows(path)[0]] == tags


def test_a_parquet_whose_texts_are_no_utf8_is_damaged(tmp_path):
    names = [f"i-{number:04}" for number in range(50)]
    path = write_parquet(tmp_path, {"a": names}, compression="none", write_statistics=False)
    path.write_bytes(path.read_bytes().replace(b"i-0007", b"i-\xff007"))
    with pytest.raises(BadInput, match=r"bill\.parquet is damaged after row 0: .*UTF8"):
        rows(path)


def test_a_parquet_whose_names_are_no_utf8_is_damaged(tmp_path):
    path = write_parquet(tmp_path, {"BilledCost": [1]})
    path.write_bytes(path.read_bytes().replace(b"BilledCost", b"Billed\xffost"))
    with pytest.raises(BadInput, match=r"bill\.parquet is not a whole Parquet file: .*utf-8"):
        rows(path)


@pytest.mark.parametrize("text", ['{"a":1}\n{"b":"\\ud800"}', '[{"a":1},{"c":{"\\udfff":[]}}]'])
def test_half_a_character_is_told_with_its_row(tmp_path, text):
    path = write(tmp_path, text, "export.json")
    with pytest.raises(BadInput, match=r"export\.json row 2: holds half of a character"):
        list(records_of(source_file(path, path.name)))


def test_both_halves_of_a_character_are_text(tmp_path):
    path = write(tmp_path, '{"a":"\\ud83d\\ude80"}', "export.json")
    assert list(records_of(source_file(path, path.name))) == [(1, {"a": "\U0001f680"})]
