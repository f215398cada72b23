"""Laws of text columns: what is empty or a word for null says nothing."""

import pyarrow as pa

from trainfare.billing.arrow import text_of
from trainfare.billing.texts import first_of, known


def test_the_first_that_says_something_is_taken_row_by_row():
    one, other = (text_of(pa.array(values)) for values in (["a", None, ""], ["x", "y", "z"]))
    assert first_of(known(one), other).to_pylist() == ["a", "y", "z"]
    assert first_of(known(text_of(pa.array(["", "NULL"]))), other[:2]).to_pylist() == ["x", "y"]
