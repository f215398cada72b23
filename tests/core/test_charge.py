"""Words of charges: a problem says where it is, a view is one of four."""

import pytest

from trainfare.core.charge import Problem, View, view_of
from trainfare.core.errors import BadInput


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ((None, None, None), "june.csv: is wrong"),
        ((7, None, None), "june.csv row 7: is wrong"),
        ((0, "BilledCost", "1,2"), "june.csv row 0, column BilledCost: '1,2' is wrong"),
        ((None, "BilledCost", ""), "june.csv, column BilledCost: '' is wrong"),
        ((None, None, "x" * 90), f"june.csv: '{'x' * 39}…' is wrong"),
    ],
)
def test_a_problem_names_what_is_known_of_its_place(place, said):
    assert str(Problem("june.csv", *place, "is wrong")) == said


def test_a_view_is_read_from_its_word():
    assert [view_of(one.value) for one in View] == list(View)
    with pytest.raises(
        BadInput, match="view 'net' is not one of billed, effective, list, contracted"
    ):
        view_of("net")
