"""Names of one resource find each other, names of different resources never do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.allocation.names import last_part, places

ARN = "arn:aws:ec2:us-east-1:111111111111:instance/i-0abc"


def test_a_bare_id_and_an_arn_are_one_resource():
    found = places([ARN, "i-0abc"])
    assert found[ARN.lower()] == found["i-0abc"]


def test_case_does_not_matter():
    """Azure writes resource ids in small letters in some columns and not in others."""
    found = places(["/subscriptions/A/vm/Node1", "/subscriptions/a/vm/node1"])
    assert len(found) == 1


def test_two_machines_of_one_last_name_stay_apart_and_a_bare_name_is_neither():
    """An Azure VM name is unique in its resource group only; a guess would bill the wrong run."""
    found = places(["/groups/a/vm1", "/groups/b/vm1", "vm1"])
    assert len(set(found.values())) == 3


def test_a_cluster_is_never_a_resource_of_the_same_name():
    found = places(["cluster:prod", "prod"])
    assert found["cluster:prod"] != found["prod"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/b:c", "c"), ("c", "c"), ("a/", "a/"), ("cluster:a/b", "cluster:a/b"), ("", "")],
)
def test_the_last_part_is_behind_the_last_sign(name, expected):
    assert last_part(name) == expected


names = st.lists(st.text("ab/:", min_size=1, max_size=5), max_size=8)


@given(names, st.randoms())
def test_the_order_of_names_does_not_matter(found, random):
    mixed = list(found)
    random.shuffle(mixed)
    assert places(found) == places(mixed)


@given(names)
def test_two_longer_names_are_never_one_resource(found):
    result = places(found)
    longer = [name for name in result if name != last_part(name)]
    assert len({result[name] for name in longer}) == len(longer)
