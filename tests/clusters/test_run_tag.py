"""Laws of run tags: the user's word is found however a provider has rewritten its key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.clusters.run_tag import find_run_id, parse_pairs, valid_run_id, without_run
from trainfare.core.labels import check_run_id


@pytest.mark.parametrize(
    "key",
    [
        "run_id",
        "Run_ID",
        "run-id",
        "user:run_id",
        "label_run_id",
        "trainfare",
        "TRAINFARE_RUN_ID",
        "trainfare.io/run",
        "trainfare_io_run",
        "runId",
    ],
)
def test_a_key_is_known_in_every_providers_spelling(key):
    assert find_run_id({"a": "x", key: "llama-7"}) == "llama-7"
    assert without_run({"a": "x", key: "llama-7"}) == {"a": "x"}


def test_our_own_key_wins_and_an_empty_value_names_nothing():
    assert find_run_id({"run_id": "b", "trainfare": "a"}) == "a"
    assert find_run_id({"run_id": "", "team": "nlp"}) is None
    assert find_run_id({"run_id": "  "}) is None
    assert find_run_id({"prerun_id": "x", "team": "run"}) is None


@given(st.text(min_size=1).filter(str.strip))
def test_any_value_becomes_a_valid_run_id_and_the_same_one_again(text):
    run = valid_run_id(text)
    assert check_run_id(run) == run == valid_run_id(text) == valid_run_id(run)


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z][\w./-]{0,8}", fullmatch=True).filter(str.isascii),
        st.from_regex(r"[\w.:@/+-]{1,12}", fullmatch=True),
    )
)
def test_pairs_read_back_from_free_text(pairs):
    assert parse_pairs("; ".join(f"{k}={v}" for k, v in pairs.items())) == pairs


def test_text_around_pairs_is_no_pair():
    assert parse_pairs("see ticket 12, lr=3e-4 (a=b") == {"lr": "3e-4", "a": "b"}
    assert parse_pairs("nothing here") == {}
