"""Segments for tests, written as short as a test thinks of them."""

from decimal import Decimal
from fractions import Fraction

from trainfare.core.machine import Machine
from trainfare.core.price import NoPrice, Price
from trainfare.core.run import (
    PriceMark,
    Segment,
    StageMark,
    Totals,
)
from trainfare.core.stage import Status

SECOND = 10**9
HOURLY = Price("x/y/z/on_demand", Decimal("3.6"), "h")
"""$3.6 an hour is exactly $0.001 a second."""


def segment(
    start=0,
    seconds=10,
    *,
    run="r",
    id=None,
    machine="i-0",
    share="1",
    price=HOURLY,
    stages=(),
    status=Status.FINISHED,
    **more,
):
    """A segment from *start* (in seconds) for *seconds*; stages are (second, name[, epoch])."""
    marks = tuple(StageMark(round(s[0] * SECOND), *s[1:]) for s in stages)
    prices = price if isinstance(price, tuple) else (PriceMark(0, price),)
    return Segment(
        run=run,
        id=id or f"{run}-{start}-{machine}",
        name=None,
        labels={},
        machine=Machine(machine, "host"),
        share=Fraction(share),
        held_devices=more.pop("held_devices", ()),
        started_wall_ns=round(start * SECOND),
        duration_ns=round(seconds * SECOND),
        status=status,
        stages=marks,
        prices=prices,
        totals=more.pop("totals", Totals(net_tx_bytes=0)),
        **more,
    )


UNPRICED = NoPrice("i-0", "nobody said")
