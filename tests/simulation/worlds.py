"""What the tests of simulated worlds share: small worlds, and sums made by other code than theirs."""

from __future__ import annotations

import csv
import gzip
import io
from decimal import Decimal, localcontext
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from trainfare.core.charge import View
from trainfare.simulation.fault import NO_FAULTS
from trainfare.simulation.line import Provider
from trainfare.simulation.world import make_world

SIZES = {
    "runs": st.integers(1, 25),
    "days": st.integers(1, 3),
    "teams": st.integers(1, 9),
    "machines": st.integers(1, 4),
}
"""Sizes of worlds that take a tenth of a second."""


@cache
def world_of(seed=7, faults=NO_FAULTS, *, runs=40, days=3, machines=3):
    """A small world; the same arguments give the same object."""
    return make_world(seed, runs=runs, days=days, machines=machines, faults=faults)


def delivery_of(provider=Provider.AWS, world=None):
    """The first final delivery of a provider."""
    return next(each for each in (world or world_of()).final if each.provider is provider)


def nano(text):
    """A decimal text in nano-units, read by Python's own decimal module; nothing may be finer."""
    with localcontext() as context:
        context.prec = 60
        scaled = Decimal(text) * 10**9
        assert scaled == scaled.to_integral_value()
        return int(scaled)


def rows_in(path: Path, delimiter=","):
    """The rows of a CSV file, packed or not."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def column_sum(rows, column):
    """The exact sum of a column in nano-units."""
    return sum(nano(row[column]) for row in rows if row[column])


def totals(delivery):
    """View → total of a delivery in nano-units."""
    return {view: delivery.total(view) for view in View}
