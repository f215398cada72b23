"""Chart of idle GPUs: paid time × claims → the GPUs that nobody held, hour by hour."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.period import HOUR, BillingPeriod
from trainfare.flows.chart_question import Question
from trainfare.flows.gpu_book import GpuBook, open_book
from trainfare.reports.chart_idle import idle_heat_map
from trainfare.reports.idle_hours import PaidSlot, claimed_slots, idle_hours

if TYPE_CHECKING:
    import altair as alt

    from trainfare.reports.chart_theme import Look


def draw_idle(home: Path, question: Question, look: Look | None) -> alt.LayerChart:
    """Idle GPUs of one billing period or all, by type of machine."""
    period = None if question.period is None else BillingPeriod.parse(question.period)
    book = open_book(home, period)
    hours = idle_hours(_slots(book), book.claims)
    note = f"{', '.join(book.periods)}, machines that are on the bill"
    if book.name == "estimated":
        note = f"{', '.join(book.periods)}, machines while any run was on them"
    return idle_heat_map(hours, note=note, look=look)


def _slots(book: GpuBook) -> Iterator[PaidSlot]:
    gpus = {one.place: one.gpus for one in book.days}
    if book.places is None:
        for place, count in gpus.items():
            group = book.types.get(place, place)
            yield from claimed_slots(place, group, count, book.claims.get(place, ()))
        return
    from trainfare.allocation.machine_time import read_machine_time

    for one in read_machine_time(book.charges, grain_ns=HOUR):
        place = book.places.of(one.resource)
        if place in gpus:
            count = gpus[place]
            paid_ns = int(count * one.paid_ns) if one.gpu_ns is None else one.gpu_ns
            group = book.types.get(place, one.resource)
            yield PaidSlot(place, group, one.interval, count, paid_ns)
