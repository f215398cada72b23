"""Laws of host lists: what Slurm folds, we unfold to the same names."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.clusters.hostlist import expand_hostlist
from trainfare.core.errors import BadInput


def fold(prefix, width, numbers, suffix):
    """A host list as Slurm writes it: sorted numbers of one width as ranges in brackets."""
    ranges = []
    for _, run in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0]):
        group = [number for _, number in run]
        low, high = str(group[0]).zfill(width), str(group[-1]).zfill(width)
        ranges.append(low if low == high else f"{low}-{high}")
    return f"{prefix}[{','.join(ranges)}]{suffix}"


names = st.from_regex(r"[a-z]{1,4}-?", fullmatch=True)
families = st.tuples(
    names,
    st.integers(1, 5),
    st.sets(st.integers(0, 400), min_size=1, max_size=12),
    st.sampled_from(["", "-ib0", ".example.org"]),
)


@given(st.lists(families, min_size=1, max_size=4))
def test_unfolding_undoes_folding(groups):
    expected = [
        f"{prefix}{str(n).zfill(width)}{suffix}"
        for prefix, width, numbers, suffix in groups
        for n in sorted(numbers)
    ]
    assert expand_hostlist(",".join(fold(*group) for group in groups)) == expected


@given(
    st.sets(st.integers(0, 30), min_size=1, max_size=5),
    st.sets(st.integers(0, 99), min_size=1, max_size=5),
)
def test_two_brackets_multiply_and_the_last_varies_fastest(racks, nodes):
    text = fold("r", 1, racks, "") + fold("n", 2, nodes, "")
    expected = [f"r{r}n{n:02d}" for r in sorted(racks) for n in sorted(nodes)]
    assert expand_hostlist(text) == expected


def test_padding_is_kept_where_numbers_outgrow_it():
    assert expand_hostlist("n[8-11]") == ["n8", "n9", "n10", "n11"]
    assert expand_hostlist("n[098-101]") == ["n098", "n099", "n100", "n101"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("n[1-", "unpaired bracket"),
        ("n1]", "unpaired bracket"),
        ("n[5-2]", "runs backwards"),
        ("n[a-b]", "not a number or a range"),
        ("n[]", "not a number or a range"),
        ("a,,b", "empty name"),
        ("n[1-99999999999999]", "more than 100000 hosts"),
        ("a[1-999]b[1-999]", "more than 100000 hosts"),
    ],
)
def test_a_list_that_is_none_is_refused_with_its_text(text, what):
    with pytest.raises(BadInput, match=what):
        expand_hostlist(text)
