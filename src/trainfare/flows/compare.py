"""The comparing path: two receipts and their metrics → rows with difference and ratio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.core.charge import Component
from trainfare.core.money import NANO, Money
from trainfare.core.period import HOUR
from trainfare.metering.history import read_receipt
from trainfare.metering.metrics import Metric, read_metrics
from trainfare.metering.receipt import Receipt

SECTIONS = ("time", "money", "unit", "epoch", "activity", "metric")
"""The groups of rows, in order."""

SECONDS, SHARE, COUNT, KWH, OWN = "s", "share", "count", "kWh", "own"
"""Units beside the currencies: seconds, 0 to 1, whole things, kWh, and a metric's own."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity of one run; *value* is None where it is not known."""

    value: Decimal | None
    unit: str
    """A currency, or :data:`SECONDS`, :data:`SHARE`, :data:`COUNT`, :data:`KWH`, :data:`OWN`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity of two runs; None where a run has no such thing, as a stage it never entered."""

    section: str
    what: str
    figures: tuple[Figure | None, Figure | None]

    @property
    def difference(self) -> Decimal | None:
        """Second minus first, exactly; None where one is unknown or the currencies differ."""
        pair = self._pair()
        return None if pair is None else pair[1] - pair[0]

    @property
    def ratio(self) -> Decimal | None:
        """Second over first, to six places; None also where the first is 0."""
        pair = self._pair()
        if pair is None or not pair[0]:
            return None
        return Decimal(round(Fraction(pair[1]) / Fraction(pair[0]) * 10**6)).scaleb(-6)

    def _pair(self) -> tuple[Decimal, Decimal] | None:
        first, second = self.figures
        if first is None or second is None or first.unit != second.unit:
            return None
        if first.value is None or second.value is None:
            return None
        if not (first.value.is_finite() and second.value.is_finite()):
            return None
        return first.value, second.value

    def to_json(self) -> dict[str, Any]:
        """Decimals as text, so that no reader makes floats of money."""
        return {
            "section": self.section,
            "what": self.what,
            "units": [figure.unit if figure else None for figure in self.figures],
            "values": [_text(figure.value) if figure else None for figure in self.figures],
            "difference": _text(self.difference),
            "ratio": _text(self.ratio),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, and what differs between them."""

    receipts: tuple[Receipt, Receipt]
    rows: tuple[Row, ...]

    @property
    def differing_labels(self) -> dict[str, tuple[str | None, str | None]]:
        """Labels that are not the same in both."""
        first, second = (receipt.run.labels for receipt in self.receipts)
        keys = sorted(first.keys() | second.keys())
        return {k: (first.get(k), second.get(k)) for k in keys if first.get(k) != second.get(k)}

    def to_json(self) -> dict[str, Any]:
        """Both runs, and every row with exact decimal texts."""
        kept = ("run", "name", "labels", "status", "started_at", "currency", "prices")
        documents = [receipt.to_json() for receipt in self.receipts]
        return {
            "runs": [{key: document[key] for key in kept} for document in documents],
            "rows": [row.to_json() for row in self.rows],
        }


def compare_runs(home: Path, first: str, second: str) -> Comparison:
    """Set run *second* against run *first*."""
    receipts = read_receipt(home, first), read_receipt(home, second)
    ours = _figures(receipts[0], read_metrics(home, first))
    theirs = _figures(receipts[1], read_metrics(home, second))
    keys = sorted(dict.fromkeys([*ours, *theirs]), key=lambda key: SECTIONS.index(key[0]))
    rows = tuple(Row(*key, (ours.get(key), theirs.get(key))) for key in keys)
    return Comparison(receipts, rows)


def _figures(receipt: Receipt, metrics: Mapping[str, Metric]) -> dict[tuple[str, str], Figure]:
    """Everything of one run that can be compared, by section and name."""
    estimate = receipt.estimate
    stages, epochs = estimate.by_stage(), estimate.by_epoch()
    epoch_costs = [one.estimated_cost for one in epochs]

    def money(amount: Money | None) -> Figure:
        exact = None if amount is None else Decimal(amount.nano).scaleb(-9)
        return Figure(exact, estimate.currency)

    found = {("time", "total"): _seconds(receipt.duration_ns)}
    found |= {("time", f"stage {name}"): _seconds(ns) for name, (ns, _) in stages.items()}
    found["money", "total"] = money(estimate.total)
    found |= {("money", part.value): money(estimate.components[part]) for part in Component}
    found |= {("money", f"stage {name}"): money(amount) for name, (_, amount) in stages.items()}
    found["money", "idle"] = money(estimate.idle_cost)
    found["money", "low use"] = money(receipt.low_use_cost)
    found["unit", "per hour"] = money(_hourly(receipt.machine_cost, receipt.duration_ns))
    found["unit", "epochs"] = Figure(Decimal(len(epochs)), COUNT)
    found["unit", "per epoch"] = money(_mean(epoch_costs, estimate.currency))
    found["unit", "steps"] = Figure(Decimal(receipt.steps), COUNT)
    found["unit", "per step"] = money(receipt.cost_per_step)
    found |= {("epoch", f"epoch {one.epoch}"): money(one.estimated_cost) for one in epochs}
    permille, kwh = receipt.activity.mean_permille, receipt.activity.energy_kwh
    activity = None if permille is None else Decimal(permille).scaleb(-3)
    found["activity", "GPU activity"] = Figure(activity, SHARE)
    energy = None if kwh is None else Decimal(round(kwh * NANO)).scaleb(-9)
    found["activity", "energy"] = Figure(energy, KWH)
    # repr gives the shortest decimal that is this float and no other.
    found |= {("metric", k): Figure(Decimal(repr(m.last)), OWN) for k, m in metrics.items()}
    return found


def _seconds(nanoseconds: int) -> Figure:
    return Figure(Decimal(nanoseconds).scaleb(-9), SECONDS)


def _mean(amounts: list[Money | None], currency: str) -> Money | None:
    known = [amount for amount in amounts if amount is not None]
    if not known or len(known) < len(amounts):
        return None
    return _quotient(Money.total(known, currency), Fraction(len(known)))


def _hourly(amount: Money | None, duration_ns: int) -> Money | None:
    """*amount* an hour, to the digits that an amount in whole nano-units can tell of so short a time.

    More digits would make two runs at one price differ by how their amounts were rounded.

    >>> _hourly(Money(10_000_001, "USD"), HOUR // 360), _hourly(Money(9_999_999, "USD"), HOUR // 360)
    (Money('3.600000000', 'USD'), Money('3.600000000', 'USD'))
    """
    if amount is None or not duration_ns:
        return None
    grain = 10 ** len(str(10 * HOUR // duration_ns))
    exact = Fraction(amount.nano * HOUR, duration_ns * grain)
    return Money(round(exact) * grain, amount.currency)


def _quotient(amount: Money | None, parts: Fraction) -> Money | None:
    if amount is None or not parts:
        return None
    return Money.nearest(Fraction(amount.nano, NANO) / parts, amount.currency)


def _text(value: Decimal | None) -> str | None:
    """All digits, never an exponent; NaN and infinities by name."""
    if value is None:
        return None
    return f"{value:f}" if value.is_finite() else str(value).lower()
