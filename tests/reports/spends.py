"""Metered runs and allocations for tests of reports, as short as a test thinks of them."""

from fractions import Fraction

from trainfare.core.charge import Component
from trainfare.core.money import Money
from trainfare.core.work import Lap, Work
from trainfare.metering.metrics import Point
from trainfare.reports.spend import Part, Spend

HOUR = 3600 * 10**9


def part(stage, epoch, nano, *, period="", attempt=1, component="compute", weight=None):
    """A part of a run; *nano* None has no price."""
    outside = stage is None
    cost = None if nano is None else Money(nano)
    size = 0 if outside else (nano if weight is None else weight)
    return Part(period, Component(component), stage, epoch, attempt, cost, size)


def work(epochs=None, steps=None, *, samples=None, tokens=None, redone=0, laps=(), whys=None):
    return Work(
        epochs, steps, samples, tokens, redone, tuple(Lap(*lap) for lap in laps), whys or {}
    )


def spend(run, *parts, labels=None, done=None, status="finished", ending=None, **more):
    """A run of these parts."""
    series = {
        name: [Point(wall, 0, value) for wall, value in points]
        for name, points in more.pop("series", {}).items()
    }
    defaults = {
        "name": None,
        "currency": "USD",
        "is_whole": True,
        "machine_ns": HOUR,
        "gpu_ns": Fraction(0),
        "stalled": Fraction(0),
        "redone": Fraction(0),
    }
    return Spend(
        run=run,
        labels=labels or {},
        status=status,
        ending=ending or status,
        parts=parts,
        work=done or work(),
        series=series,
        **(defaults | more),
    )
