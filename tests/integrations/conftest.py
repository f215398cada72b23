"""Tests against the real frameworks: they run in an environment of their own, with PyTorch."""

import importlib.util

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["*.py"]


def pytest_collection_modifyitems(items):
    """What a framework warns of is its own affair; what Trainfare warns of is still an error."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("default"), append=False)
        item.add_marker(pytest.mark.filterwarnings("error:::trainfare"), append=True)
