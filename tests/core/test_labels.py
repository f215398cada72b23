"""Labels are the user's words; run ids fit every provider's tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.core.labels import check_run_id, make_labels, parse_label


@given(st.from_regex(r"[a-z0-9-]{1,63}", fullmatch=True))
def test_a_run_id_that_every_provider_takes_is_taken(text):
    assert check_run_id(text) == text


@pytest.mark.parametrize("text", ["", "A", "a_b", "a" * 64, "a b", "é", None, 5])
def test_any_other_run_id_is_refused(text):
    with pytest.raises(BadInput, match="run id"):
        check_run_id(text)


def test_labels_are_sorted_read_only_text_without_unknowns():
    labels = make_labels({"team": "nlp", "model": None, "seed": 3})
    assert list(labels.items()) == [("seed", "3"), ("team", "nlp")]
    with pytest.raises(TypeError):
        labels["x"] = "y"


@pytest.mark.parametrize("pairs", [{"bad key": "x"}, {"": "x"}, {"1a": "x"}, {"k" * 64: "x"}])
def test_a_malformed_key_is_refused(pairs):
    with pytest.raises(BadInput, match="label key"):
        make_labels(pairs)


@pytest.mark.parametrize("value", ["", "  ", "a\nb", "x" * 257])
def test_a_malformed_value_is_refused(value):
    with pytest.raises(BadInput, match="label team"):
        make_labels({"team": value})


def test_a_label_on_the_command_line_needs_an_equals_sign():
    assert parse_label("a=b=c") == ("a", "b=c")
    with pytest.raises(BadInput, match="key=value"):
        parse_label("seed")
