"""Laws of columns: as wide as a terminal, figures whole, and no two names that read the same."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.cli.answer import command_text, table
from trainfare.cli.columns import LEAST, Column, fill, table_lines
from trainfare.core.plain import cut_apart


@pytest.fixture
def columns(monkeypatch):
    """So wide is the terminal."""
    return lambda count: monkeypatch.setenv("COLUMNS", str(count))


NAME = st.text("abcdefgh:/-", min_size=1, max_size=90)
SENTENCE = st.lists(st.text("abcdefgh", min_size=1, max_size=14), max_size=12).map(" ".join)


@given(
    st.lists(st.tuples(NAME, SENTENCE, NAME), min_size=1, max_size=6, unique_by=lambda r: r[0]),
    st.integers(60, 130),
)
def test_a_table_is_as_wide_as_the_terminal_and_rows_stay_apart(rows, limit):
    cells = [[a, b, c, f"{len(a):,}"] for a, b, c in rows]
    titles = ["name", "what it is about", "another name", "how many of them"]
    made = [
        Column(title, tuple(row[number] for row in cells), number == 3)
        for number, title in enumerate(titles)
    ]
    lines = [click.unstyle(line) for line in table_lines(made, 2, limit)]
    assert max(map(len, lines)) <= limit
    for line in made[0].lines(LEAST):
        assert max(map(len, line)) <= LEAST
    assert len({tuple(line) for line in made[0].lines(LEAST)}) == len(rows)


@given(st.lists(NAME, unique=True), st.integers(3, 40))
def test_cut_names_stay_apart_and_keep_their_ends(names, limit):
    cuts = cut_apart(names, limit)
    assert list(cuts) == names
    assert len(set(cuts.values())) == len(names)
    for name, cut in cuts.items():
        end = cut.rpartition("…")[2]
        assert end
        assert name.endswith(end)


def test_what_fits_is_as_it_was(columns):
    columns(40)
    text = click.unstyle(table(["run", "USD"], [["a", "1.00"], ["bb", "10.00"]], right=[1]))
    assert text == "run    USD\na     1.00\nbb   10.00"


def test_long_ids_are_cut_in_the_middle_so_that_what_differs_is_seen(columns):
    columns(40)
    ids = [f"arn:aws:ec2:us-west-{n}:479359765317:snapshot/snap-47935976" for n in (1, 2)]
    text = click.unstyle(table(["resource", "amount"], [[one, "$1.00"] for one in ids], right=[1]))
    assert text.splitlines() == [
        "resource                          amount",
        "…us-west-1:4793597653…p-47935976   $1.00",
        "…us-west-2:4793597653…p-47935976   $1.00",
    ]


def test_where_nobody_looks_nothing_is_cut(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    long = "a" * 300
    assert long in table(["name"], [[long]])
    assert command_text(f"trainfare show {long}") == f"trainfare show {long}"


def test_figures_that_do_not_fit_go_on_under_the_same_names(columns):
    columns(30)
    rows = [["nlp", "$1,234,567.00", "$2,345,678.00", "$3,456,789.00"]]
    text = click.unstyle(table(["team", "bill", "runs", "idle"], rows, right=[1, 2, 3]))
    assert text.splitlines() == [
        "team           bill",
        "nlp   $1,234,567.00",
        "",
        "team           runs",
        "nlp   $2,345,678.00",
        "",
        "team           idle",
        "nlp   $3,456,789.00",
    ]


def test_words_stay_whole_in_sentences():
    place = "/a/very/long/path/" + "x" * 60
    lines = fill(f"it is written to {place} and read there", 40, "· ", "  ").splitlines()
    assert lines == ["· it is written to", f"  {place}", "  and read there"]
