"""Lineage: every run of a line once, in diamonds too; circles are refused and walked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.core.lineage import check_parents, lineage


@st.composite
def families(draw):
    """Runs that name only earlier runs as parents: no circle is possible."""
    count = draw(st.integers(1, 12))
    names = [f"r-{n}" for n in range(count)]
    parents = {
        names[n]: draw(st.lists(st.sampled_from(names[:n]), unique=True) if n else st.just([]))
        for n in range(count)
    }
    return names, parents


@given(families(), st.data())
def test_a_line_holds_every_ancestor_once_and_parents_come_first(family, data):
    names, parents = family
    begun = data.draw(st.lists(st.sampled_from(names), min_size=1))
    line = lineage(begun, parents)
    expected, left = set(), list(begun)
    while left:
        one = left.pop()
        expected.add(one)
        left += parents[one]
    assert len(line) == len(set(line))
    assert set(line) == expected
    assert all(line.index(p) < line.index(run) for run in line for p in parents[run])


def test_a_long_line_is_no_recursion():
    parents = {f"r-{n}": [f"r-{n - 1}"] for n in range(1, 20_000)}
    assert len(lineage(["r-19999"], parents)) == 20_000


@pytest.mark.parametrize("begun", ["a", "b", "c"])
def test_a_circle_is_refused_and_walked(begun):
    with pytest.raises(BadInput, match=r"in a circle: (a → b → c → a|b → c → a → b|c → a → b → c)"):
        lineage([begun], {"a": ["b"], "b": ["c"], "c": ["a"]})


def test_a_parent_that_is_not_recorded_here_stands_at_the_beginning():
    assert lineage(["b"], {"b": ["elsewhere"]}) == ("elsewhere", "b")


def test_a_run_is_not_its_own_parent():
    check_parents("r-1", ["r-0"])
    with pytest.raises(BadInput, match="names itself"):
        check_parents("r-1", ["r-1"])
    with pytest.raises(BadInput, match="is not 1 to 63"):
        check_parents("r-1", ["No Id"])
