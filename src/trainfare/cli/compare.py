"""``trainfare compare``: two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import format_option, say_json, table, width
from trainfare.cli.argument import run_argument
from trainfare.core.plain import percent, shorten

if TYPE_CHECKING:
    from trainfare.flows.compare import Comparison, Figure, Row

EPOCHS_SHOWN = 8
"""More epochs than that are left to --format json; their mean stands in the table."""


@click.command("compare")
@run_argument("first", default=None)
@run_argument("second", default=None)
@format_option("table", "json")
def command(first: str, second: str, form: str) -> None:
    """Set one RUN beside another: time, money, unit costs, activity, last metrics.

    Each RUN is an id, the beginning of one, a name, or "last". Differences are second minus first,
    ratios second over first.
    """
    from trainfare.flows.compare import compare_runs
    from trainfare.metering.history import close_dead, find_run_id
    from trainfare.metering.home import home_folder

    home = home_folder()
    close_dead(home)
    found = compare_runs(home, find_run_id(home, first), find_run_id(home, second))
    if form == "json":
        say_json(found.to_json())
    else:
        click.echo(_side_by_side(found, width()))


def _side_by_side(found: Comparison, columns: int) -> str:
    runs = [receipt.run for receipt in found.receipts]
    room = max(18, (columns - 50) // 2)
    heads = [shorten(run.name or run.id, room) for run in runs]
    rows: list[list[str]] = [["run", runs[0].id, runs[1].id, "", ""]]
    rows.append(["status", *(run.status.value.replace("_", " ") for run in runs), "", ""])
    for key, pair in found.differing_labels.items():
        rows.append([shorten(key, 18), *(shorten(text or "—", room) for text in pair), "", ""])
    places = _places(found)
    for section in dict.fromkeys(row.section for row in found.rows):
        lines = list(_section(found, section, places))
        rows += [[""] * 5, *lines] if lines else []
    return table(["", *heads, "difference", "ratio"], rows, right=[1, 2, 3, 4])


def _places(found: Comparison) -> int:
    """As many places as the smaller total needs, so that both columns line up."""
    from trainfare.metering.receipt_view import places_for

    totals = [receipt.estimate.total for receipt in found.receipts]
    return max((places_for(total) for total in totals if total), default=9)


def _section(found: Comparison, section: str, places: int) -> Iterator[list[str]]:
    shown = [row for row in found.rows if row.section == section and _says_something(row)]
    if section == "epoch" and len(shown) > EPOCHS_SHOWN:
        return
    for row in shown:
        first, second = row.figures
        unit = first.unit if first else second.unit if second else ""
        of_row = {"per step": 9, "per hour": min(4, places)}.get(row.what, places)
        difference, ratio = row.difference, row.ratio
        signed = "" if difference is None else _figure(difference, unit, of_row, signed=True)
        yield [
            shorten(_NAMES.get((section, row.what), row.what), 18),
            *(
                "none" if _is_none(found, row, n) else _shown(row.figures[n], of_row)
                for n in (0, 1)
            ),
            signed,
            "" if ratio is None else f"{ratio:.3f}" if ratio < 100 else f"{ratio:,.0f}",
        ]


_NAMES = {("time", "total"): "time", ("money", "total"): "estimated"}
"""Rows that need another name where no section stands beside them."""


def _says_something(row: Row) -> bool:
    """Whether it is a total, or either run has more to show than an unknown or a known nothing."""
    has_value = any(figure is not None and figure.value for figure in row.figures)
    return has_value or row.what == "total"


def _is_none(found: Comparison, row: Row, place: int) -> bool:
    """Whether that run had nothing of it: no such cost, no epoch or no step, as its receipt says."""
    figure = row.figures[place]
    if figure is None:
        return False
    if row.section == "money":
        return row.what in ("storage", "data", "network", "other") and figure.value == 0
    counted = {"per epoch": "epochs", "per step": "steps"}.get(row.what)
    counts = [one.figures[place] for one in found.rows if one.what == counted]
    return any(one is not None and one.value == 0 for one in counts)


def _shown(figure: Figure | None, places: int) -> str:
    if figure is None:
        return "—"
    return "unknown" if figure.value is None else _figure(figure.value, figure.unit, places)


def _figure(value: Decimal, unit: str, places: int, *, signed: bool = False) -> str:
    """A value with its unit, rounded for the eye.

    >>> _figure(Decimal("-0.5"), "USD", 2, signed=True), _figure(Decimal("75"), "s", 2)
    ('-$0.50', '1 min 15 s')
    >>> _figure(Decimal("0.748"), "share", 2), _figure(Decimal("-0.154"), "share", 2, signed=True)
    ('74.8 %', '-15.4 points')
    """
    from trainfare.core.money import Money
    from trainfare.flows.compare import COUNT, KWH, OWN, SECONDS, SHARE
    from trainfare.metering.receipt_view import amount_text, duration_text

    sign = "-" if value < 0 else "+" if signed and value > 0 else ""
    size = abs(value)
    if unit == SECONDS:
        return f"{sign}{duration_text(int(size.scaleb(9)))}"
    if unit == SHARE:
        return f"{sign}{size * 100:.1f} points" if signed else percent(size)
    if unit == COUNT:
        return f"{sign}{size:,}"
    if unit in {OWN, KWH}:
        ending = " kWh" if unit == KWH else ""
        return f"{sign}{float(size):.6g}{ending}"
    text = amount_text(Money(int(size.scaleb(9)), unit), places)
    return text if text.startswith("<") else f"{sign}{text}"
