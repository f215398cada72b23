"""Chart: what each epoch of a run cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import altair as alt

from trainfare.core.money import Money
from trainfare.core.period import SECOND
from trainfare.metering.receipt_view import duration_text
from trainfare.reports.chart_frame import (
    amount_x,
    amount_y,
    empty,
    framed,
    layer,
    readable,
    striped,
    tooltip,
)
from trainfare.reports.chart_rank import all_unknown, total_notes
from trainfare.reports.chart_text import (
    drawn,
    exact_text,
    listed,
    money_ticks,
    short_text,
    whole_ticks,
)
from trainfare.reports.chart_theme import Look

_COLUMNS = 240
"""A chart has at most so many columns; more epochs are added up by twos, fives, tens …"""

NO_EPOCHS = "This run named no epochs; iterate with run.epochs(…), and each has its cost."
"""Why a chart of epochs is empty."""


@dataclass(frozen=True, slots=True)
class EpochSpend:
    """The train stage of one epoch: how long it took, and what it cost (None: not known)."""

    epoch: int
    seconds: Fraction
    amount: Money | None


def spend_per_epoch(
    epochs: Sequence[EpochSpend],
    *,
    title: str = "Cost per epoch",
    note: str = "",
    why_empty: str = NO_EPOCHS,
    look: Look | None = None,
) -> alt.LayerChart:
    """One column an epoch and a line at their median; epochs of unknown cost are striped.

    Args:
        epochs: of one run, each once.
        title: what the chart answers.
        note: what is drawn, as "Train stage of bert-base, estimated".
        why_empty: the sentence that stands for a chart without anything to draw.
        look: palette and width.
    """
    look = look or Look()
    amounts = [one.amount for one in epochs if one.amount is not None]
    unknown = [f"epoch {one.epoch}" for one in epochs if one.amount is None]
    if not epochs:
        return empty(title, why_empty, look)
    if not amounts:
        return empty(title, all_unknown(["these epochs"]), look)
    currency = amounts[0].currency
    first, last = min(one.epoch for one in epochs), max(one.epoch for one in epochs)
    size = next(s for s in _sizes() if (last - first) // s < _COLUMNS)
    rows, missing, sums = _columns(epochs, first, size)
    ticks = money_ticks(sums, currency)
    # Few columns stand apart instead of filling the chart.
    margin = max(0.6 * size, (6 - (last - first)) / 2)
    edges = (first - margin, last + margin)
    x = amount_x("start", whole_ticks(first, last, look.width // 64), "epoch", edges, grid=False)
    y = amount_y("low", ticks, f"{currency} per {'epoch' if size == 1 else f'{size} epochs'}")
    layers = [striped(missing, x, look)] if missing else []
    columns = layer(rows).mark_rect(fill=look.theme.series[0])
    shown = tooltip("name:epoch", "amount", "time:time in training")
    layers.append(columns.encode(x=x, x2="end", y=y, y2="high", tooltip=shown))
    if len(sums) > 2:
        layers += _middle(sums, y, look)
    notes, exact = total_notes(note, amounts, unknown)
    return framed(layers, title=title, notes=notes, look=look, height=260, exact=exact)


def _columns(
    epochs: Sequence[EpochSpend], first: int, size: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Money]]:
    """What is drawn, where something is not known, and the sums of the columns."""
    groups: dict[int, list[EpochSpend]] = defaultdict(list)
    for one in epochs:
        groups[(one.epoch - first) // size].append(one)
    rows: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    sums: list[Money] = []
    half = 0.42 if size == 1 else 0.5 * size
    for number in sorted(groups):
        group = groups[number]
        numbers = sorted(one.epoch for one in group)
        middle = first + number * size + (size - 1) / 2
        name = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
        row = {"start": middle - half, "end": middle + half, "name": name}
        amounts = [one.amount for one in group if one.amount is not None]
        lost = [str(one.epoch) for one in group if one.amount is None]
        if lost:
            missing.append({**row, "when": f"epoch {name}", "not known": listed(lost, 6)})
        if amounts:
            total = Money.total(amounts, amounts[0].currency)
            seconds = sum((one.seconds for one in group), Fraction(0))
            rows.append(
                {
                    **row,
                    "low": 0,
                    "high": drawn(total),
                    "amount": exact_text(total),
                    "time": duration_text(round(seconds * SECOND)),
                }
            )
            sums.append(total)
    return rows, missing, sums


def _middle(sums: Sequence[Money], y: alt.Y, look: Look) -> list[alt.Chart]:
    """A line at the median, with its amount."""
    middle = sorted(sums, key=lambda amount: amount.nano)[(len(sums) - 1) // 2]
    row = {"low": drawn(middle), "label": f"median {short_text(middle)}"}
    line = layer([row]).mark_rule(color=look.theme.text, strokeDash=[4, 3])
    words = readable([row], look, align="right", baseline="bottom", dy=-3, fontWeight=600)
    return [line.encode(y=y), *(text.encode(x=alt.value("width"), y=y) for text in words)]


def _sizes() -> list[int]:
    return [digit * 10**power for power in range(18) for digit in (1, 2, 5)]
