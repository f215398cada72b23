import pytest

from budgets.receivers import Receiver


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()
