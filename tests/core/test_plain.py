"""Plain text: names are cut so that no two read the same, and columns are what a terminal shows."""

from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.plain import cut_apart, visible_len

names = st.lists(st.text("ab:/", min_size=1, max_size=24), max_size=8)


@given(names, st.integers(3, 20))
def test_no_two_names_read_the_same_and_what_fits_stays(texts, limit):
    cuts = cut_apart(texts, limit)
    assert len(set(cuts.values())) == len(set(texts)) == len(cuts)
    if max(map(len, texts), default=0) <= limit:
        assert cuts == {text: text for text in texts}


def test_names_that_differ_near_their_end_show_their_end():
    same = "x" * 12
    assert cut_apart([f"{same}Ayyy", f"{same}Byyy"], 7) == {
        f"{same}Ayyy": "…xxAyyy", f"{same}Byyy": "…xxByyy"
    }  # fmt: skip


def test_a_place_is_shown_from_the_beginning_of_its_word():
    cuts = cut_apart(["/aAzzzzzzzz", "/aBzzzzzzzz", "another one"], 5)
    assert list(cuts.values()) == ["…aA…z", "…aB…z", "an…ne"]


def test_colours_take_no_columns():
    assert visible_len("\x1b[1mbold\x1b[0m") == 4
