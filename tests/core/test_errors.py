"""Errors: one tree, whose exit codes scripts rely on."""

import pytest

from trainfare.core.caller import NotAllowed
from trainfare.core.errors import (
    BadInput,
    BudgetExceeded,
    MissingExtra,
    NotConserved,
    NotFound,
    OutsideFailed,
    TrainfareError,
)


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (BudgetExceeded, 1),
        (NotConserved, 1),
        (BadInput, 2),
        (MissingExtra, 2),
        (NotFound, 2),
        (NotAllowed, 2),
        (OutsideFailed, 3),
        (TrainfareError, 3),
    ],
)
def test_the_exit_code_says_whose_turn_it_is(error, exit_code):
    assert issubclass(error, TrainfareError)
    assert error.exit_code == exit_code


def test_a_missing_extra_is_known_by_its_name():
    missing = MissingExtra("charts", "draw")
    assert missing.extra == "charts"
    assert str(missing) == "to draw, install the extra: pip install 'trainfare[charts]'"
