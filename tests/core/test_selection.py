"""Which runs a selection means."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.core.selection import select_runs

NLP = {"team": "nlp", "model": "bert-base", "cost center": "4711"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("team=nlp", True),
        ("team = nlp", True),
        ("team!=nlp", False),
        ("project=x", False),
        ("project!=x", True),
        ("model=bert-*", True),
        ("model=bert", False),
        ("model=bert-bas?", True),
        ("team=[nm]lp", False),
        ('"cost center"=4711', True),
        ("run=r-1", True),
        ("name=sweep*", True),
        ("not team=nlp", False),
        ("team=cv or team=nlp and model=bert-*", True),
        ("(team=cv or team=nlp) and model=gpt", False),
        ("not (team=cv or team=asr)", True),
    ],
)
def test_a_selection_means_these_runs(text, holds):
    assert select_runs(text).holds("r-1", NLP, "sweep 3") is holds


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("team", "= or !="),
        ("team=", "a value"),
        ("=nlp", "a label"),
        ("team=nlp and", "a label"),
        ("(team=nlp", "a closing parenthesis"),
        ("team=nlp team=cv", "the end"),
        ('team="nlp', "not understood"),
        ("(" * 60 + "a=b" + ")" * 60, "nested"),
    ],
)
def test_what_is_no_selection_is_refused_with_what_should_stand_there(text, wanted):
    with pytest.raises(BadInput, match=r"is no selection") as refused:
        select_runs(text)
    assert wanted in str(refused.value)


words = st.text('abz-*?[]= "\\()!é', min_size=1, max_size=5).filter(str.strip)
terms = st.tuples(words, st.sampled_from(["=", "!="]), words).map(
    lambda term: "".join(
        part
        if part in ("=", "!=") and at == 1
        else '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for at, part in enumerate(term)
    )
)
selections = st.recursive(
    terms,
    lambda inner: st.one_of(
        inner.map("not {}".format),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})"),
    ),
    max_leaves=6,
)


@example('"="="  )"', {})
@given(selections, st.dictionaries(words, words, max_size=3))
def test_the_text_of_a_selection_means_the_same_runs(text, labels):
    read = select_runs(text)
    again = select_runs(read.text)
    assert again == read
    assert again.holds("r-1", labels) is read.holds("r-1", labels)


@given(st.text(max_size=40))
def test_any_text_is_a_selection_or_a_clear_refusal(text):
    with contextlib.suppress(BadInput):
        assert select_runs(text).holds("r-1", NLP) in (True, False)
