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
        ("(" * 51 + "a=b" + ")" * 51, "nested over 50 deep"),
        ("not " * 51 + "a=b", "nested over 50 deep"),
        ("team==", "a value should stand where '=' is"),
        ("team", "should stand where its end is"),
        ("team=and", "a value should stand where 'and' is"),
        ("team=nlp)", "the end, or and, or or should stand where ')' is"),
        ("ok=1 " + '"' + "y" * 30, "'" + '"' + "y" * 19 + "'"),
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


def test_a_selection_may_be_nested_fifty_deep():
    assert select_runs("(" * 50 + "team=nlp" + ")" * 50).holds("r-1", NLP)
    assert select_runs("not " * 50 + "team=nlp").holds("r-1", NLP)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("", ""),
        (" team = nlp ", "team=nlp"),
        ("( team=nlp  or team != cv )and not a=b", "(team=nlp or team!=cv) and not a=b"),
        ("not ( a=b )", "not (a=b)"),
        ('"team"="nlp"', "team=nlp"),
        ('"cost center"="and"', '"cost center"="and"'),
        (r'a="b\"c"', r'a="b\"c"'),
    ],
)
def test_a_selection_is_spelled_with_the_blanks_it_needs(text, spelled):
    read = select_runs(text)
    assert read.text == spelled
    assert str(read) == (spelled or "everything")
    assert hash(read) == hash(select_runs(spelled))
    assert read != spelled


def test_what_a_run_is_called_is_no_label_of_its_own():
    labels = {"run": "other", "name": "other"}
    assert select_runs("run=r-1 and name=sweep").holds("r-1", labels, "sweep")
    assert select_runs("name=other").holds("r-1", labels)  # a run without a name
    assert not select_runs("name=sweep").holds("r-1", {})


@pytest.mark.parametrize(
    ("text", "is_within"),
    [
        ("team=nlp", True),
        ("a=b and team=nlp", True),
        ("a=b and (c=d or (e=f)) and team=nlp", True),
        ("", False),
        ("team!=nlp", False),
        ("not team=nlp", False),
        ("a=b and not team=nlp", False),
        ("a=team and c=nlp", False),
        ("(team=nlp)", False),  # true, but not said plainly
        ("team=nlp or a=b", False),
        ("team=nlp and (a=b or c=d)", True),
        ("team=cv", False),
    ],
)
def test_only_what_says_so_plainly_is_within_a_label(text, is_within):
    assert select_runs(text).is_within("team", "nlp") is is_within


@pytest.mark.parametrize("value", ["n*", "nl?"])
def test_a_pattern_is_within_no_single_value(value):
    assert not select_runs(f"team={value}").is_within("team", value)
