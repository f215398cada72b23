"""Without the analytics extra, this room says which one to install."""

import subprocess
import sys

import pyarrow as pa

from trainfare.billing.arrow import TEXT, constant, row_numbers, text_of


def test_a_missing_pyarrow_is_one_sentence():
    script = (
        "import sys\n"
        "sys.modules['pyarrow'] = None\n"
        "from trainfare.core.errors import MissingExtra\n"
        "try:\n    import trainfare.billing.bill\n"
        "except MissingExtra as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == (
        "to read bills, install the extra: pip install 'trainfare[analytics]'"
    )


def test_numbers_and_constants_have_the_length_asked():
    assert row_numbers(41, 3).to_pylist() == [41, 42, 43]
    assert constant("x", 2).to_pylist() == ["x", "x"]
    assert constant(None, 2).to_pylist() == [None, None]


def test_every_kind_of_column_becomes_text():
    columns = [
        pa.array(["a", None]),
        pa.array(["a", None]).dictionary_encode(),
        pa.array(["a", None], pa.large_string()),
        pa.array(["a", None], pa.large_string()).dictionary_encode(),
        pa.chunked_array([["a"], [None]], pa.string()),
    ]
    for column in columns:
        assert text_of(column).to_pylist() == ["a", None]
        assert text_of(column).type == TEXT
    assert text_of(pa.array([1.5, 0.1])).to_pylist() == ["1.5", "0.1"]
    assert text_of(pa.nulls(2)).to_pylist() == [None, None]


def test_a_small_part_of_a_big_column_carries_only_its_own_values():
    """Parquet hands every batch the dictionary of the whole row group."""
    whole = pa.array([str(n) for n in range(1000)]).dictionary_encode()
    part = text_of(whole.slice(10, 3))
    assert part.to_pylist() == ["10", "11", "12"]
    assert len(part.dictionary) == 3
