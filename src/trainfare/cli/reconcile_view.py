"""Reconciliations for a terminal: the table of causes, what is awaited, and what surprises."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import room, say, table
from trainfare.cli.columns import fill
from trainfare.core.charge import Component
from trainfare.core.money import NANO, Money
from trainfare.core.period import format_instant, name_periods
from trainfare.core.plain import percent, plain, plural, shorten_middle, visible_len
from trainfare.prices.teaching import Verdict
from trainfare.reports.reconcile import Missing, Row, Standing
from trainfare.reports.two_books import Item
from trainfare.reports.variance import Cause, Variance

if TYPE_CHECKING:
    from trainfare.flows.reconcile import Learning, Reconciliation
    from trainfare.prices.teaching import Taught

ROWS_SHOWN = 30
SURPRISES_SHOWN = 5
"""So many runs are explained in words."""

WIDTH = 100
"""No sentence is wider, and no table as long as amounts stay below some millions."""

_WHOLE = 10_000 * NANO
"""From here on amounts are shown without places."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How the table of causes is set: spaces between columns, places, and the longest name."""

    gap: int
    places: int
    name: int


_FORMS = (_Form(2, 2, 22), _Form(1, 2, 22), _Form(1, 2, 12), _Form(2, 0, 22), _Form(1, 0, 10))
"""The first that fits is taken."""

_PAYERS = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud", "oci": "Oracle Cloud"}


def show(found: Reconciliation, *, is_single: bool) -> None:
    """Print the whole answer; of a single run, every item."""
    for whole in found.totals:
        currency = whole.billed.currency
        rows = [
            row for row in found.rows if row.variance and row.variance.billed.currency == currency
        ]
        click.echo(f"{name_periods(found.periods)}   estimated and effective cost in {currency}\n")
        _show_causes(rows, whole)
        click.echo()
    _show_errors(found)
    compared = [row for row in found.rows if row.variance is not None]
    for row in compared[: 1 if is_single else SURPRISES_SHOWN]:
        _show_words(row)
    if is_single:
        for row in compared:
            _show_items(row)
    _show_awaited([row for row in found.rows if row.status is Standing.AWAITING_BILL])
    _show_incomparable(found.rows)


def _show_causes(rows: Sequence[Row], whole: Variance) -> None:
    """One line per run and the total; a cause that played no part anywhere has no column."""
    lines = [row.variance for row in rows if row.variance is not None]
    used = [
        cause
        for cause in Cause
        if cause is not Cause.ROUNDING and any(line.causes[cause] for line in lines)
    ]
    size = max(abs(whole.billed.nano), abs(whole.estimated.nano))
    forms = [form for form in _FORMS if not form.places or size < _WHOLE]
    texts = [_cause_table(rows[:ROWS_SHOWN], whole, used, form) for form in forms]
    fitting = [text for text in texts if max(map(visible_len, text.splitlines())) <= WIDTH]
    if room() is not None:
        # A terminal's tables always fit: better in one block, but with all places.
        alike = (t for t, one in zip(texts, forms, strict=True) if one.places == forms[0].places)
        fitting = [next((text for text in alike if "\n\n" not in text), texts[0])]
    click.echo(fitting[0] if fitting else texts[-1])
    if len(rows) > ROWS_SHOWN:
        more = plural(len(rows) - ROWS_SHOWN, "more run")
        click.echo(f"… and {more}; --format json or csv has all.")
    if any(row.status is Standing.OPEN_PERIOD for row in rows):
        click.echo("* in a billing period that is still open: its bill may change.")
    if rounding := whole.causes[Cause.ROUNDING]:
        click.echo(f"Rounding makes up the rest: {rounding.text()} {rounding.currency}.")


def _cause_table(rows: Sequence[Row], whole: Variance, used: Sequence[Cause], form: _Form) -> str:
    cells = []
    for row in rows:
        assert row.variance is not None
        mark = " *" if row.status is Standing.OPEN_PERIOD else ""
        name = shorten_middle(row.run, form.name) + mark
        cells.append([name, *_amounts(row.variance, used, form.places)])
    cells.append([click.style("total", bold=True), *_amounts(whole, used, form.places)])
    heads = ["run", "estimated", "billed", "variance", *(cause.value for cause in used)]
    return table(heads, cells, right=range(1, len(heads)), gap=form.gap)


def _amounts(line: Variance, used: Sequence[Cause], places: int) -> list[str]:
    unsigned = [_bare(line.estimated, places), _bare(line.billed, places)]
    signed = [line.variance, *(line.causes[cause] for cause in used)]
    return unsigned + [_signed(amount, places) for amount in signed]


def _bare(amount: Money, places: int) -> str:
    """An amount without its currency, which the table's title names."""
    text = amount.display(places).removesuffix(f" {amount.currency}")
    return text.translate(dict.fromkeys(map(ord, "$€£¥₹₩")))


def _signed(amount: Money, places: int = 2) -> str:
    """A bare amount with its sign; a dot where it is nothing."""
    text = _bare(Money(abs(amount.nano), amount.currency), places)
    if not any(digit in text for digit in "123456789"):
        return "·"
    return f"{'-' if amount.nano < 0 else '+'}{text}"


def _show_errors(found: Reconciliation) -> None:
    if found.errors:
        said = [f"{e.period} {_percent(e.median)} ({plural(e.runs, 'run')})" for e in found.errors]
        say(f"Median absolute error: {', then '.join(said)}")


def _percent(share: Fraction | None) -> str:
    return "unknown" if share is None else percent(share)


def _show_words(row: Row) -> None:
    """What made a run's bill differ, a sentence per cause that matters, the largest first."""
    line = row.variance
    assert line is not None
    least = max(abs(line.billed.nano), abs(line.estimated.nano)) // 50
    causes = [
        c for c in line.causes if abs(line.causes[c].nano) > least and c is not Cause.ROUNDING
    ]
    if not causes:
        return
    click.echo(f"\n{row.run}: {_apart(line)}")
    for cause in sorted(causes, key=lambda c: -abs(line.causes[c].nano)):
        sentence = plain(_sentence(cause, row.items, line.billed.currency))
        words = f"{cause.value} {_signed(line.causes[cause])}: {sentence}"
        click.echo(fill(words, min(WIDTH, room() or WIDTH), "  ", "    "))


def _apart(line: Variance) -> str:
    if not line.estimated:
        return f"billed {line.billed.display()}, nothing was estimated"
    part = Fraction(line.variance.nano, line.estimated.nano)
    word = "above" if part >= 0 else "below"
    return f"billed {_percent(abs(part))} {word} its estimate"


def _sentence(cause: Cause, items: Sequence[Item], currency: str) -> str:
    """One true sentence on the item in which *cause* is largest."""
    touched = [item for item in items if item.causes.get(cause)]
    item = max(touched, key=lambda one: abs(one.causes[cause]))
    others = f", and {plural(len(touched) - 1, 'more')}".removesuffix("s") if touched[1:] else ""
    if cause is Cause.UNMETERED:
        return _by_component(touched, currency)
    if cause is Cause.CREDIT:
        return f"credits and corrections of {plural(len(touched), 'resource')}"
    if cause is Cause.PRICE:
        return _price_words(item, currency) + others
    if cause is Cause.DURATION:
        return _duration_words(item) + others
    if cause is Cause.QUANTITY:
        return _quantity_words(item) + others
    asked = item.charged.asked_nano if item.charged else Fraction(0)
    off = _percent(-item.causes[cause] / asked) if asked else "something"
    return f"discounts and commitments took {off} off what {item.name} asks{others}"


def _by_component(items: Sequence[Item], currency: str) -> str:
    sums: dict[Component, Fraction] = {}
    for item in items:
        part = item.causes[Cause.UNMETERED]
        sums[item.component] = sums.get(item.component, Fraction(0)) + part
    said = [
        f"{component.value} {Money(round(nano), currency).display(2)}"
        for component, nano in sorted(sums.items(), key=lambda pair: -abs(pair[1]))
    ]
    return f"nobody meters {', '.join(said)}"


def _price_words(item: Item, currency: str) -> str:
    charged, metered = item.charged, item.metered
    assert charged is not None
    assert metered is not None
    quantity = charged.quantity or metered.held
    unit = "an hour" if item.price is not None else "a GB"
    billed = _rate(charged.asked_nano, quantity, currency)
    assumed = _rate(metered.nano, metered.quantity, currency)
    said = ""
    if item.price is not None:
        day = f", {item.price.as_of.isoformat()}" if item.price.as_of else ""
        said = f" ({item.price.origin}{day})"
    return f"{item.name} asks {billed} {unit}, {assumed} was assumed{said}"


def _rate(nano: Fraction, quantity: Fraction, currency: str) -> str:
    return Money(round(nano / quantity), currency).display() if quantity else "nothing"


def _duration_words(item: Item) -> str:
    charged, metered = item.charged, item.metered
    assert charged is not None
    assert metered is not None
    assert charged.quantity is not None
    apart = charged.quantity - metered.held
    if apart < 0:
        return f"{item.name} was paid {_hours(-apart)} less than was measured"
    words = f"{item.name} was paid {_hours(apart)} longer than was measured"
    if 2 * item.tagged >= apart:
        words += "; its tag gives this run the time in which nobody was measured (boot, end, gap)"
    return words


def _quantity_words(item: Item) -> str:
    if item.charged is None:
        return f"{item.name} is on no line of this bill"
    if item.metered is None:
        return f"{item.name} was billed to this run and not metered"
    held, quantity = item.metered.held, item.metered.quantity
    if item.price is None:
        return f"{float(held):.4g} GB of {item.name} were billed, {float(quantity):.4g} metered"
    return f"beside other runs it held {_hours(held)} of {item.name}, not {_hours(quantity)}"


def _hours(hours: Fraction) -> str:
    return f"{float(hours):,.1f} h" if hours >= 1 else f"{float(hours * 60):,.1f} min"


def _show_items(row: Row) -> None:
    """Every item of one run, with its quantities."""
    rows = [
        [
            f"  {plain(item.name)}",
            item.component.value,
            _quantity(item.metered.quantity if item.metered else None),
            _quantity(item.charged.quantity if item.charged else None),
            _signed(
                Money(round(sum(item.causes.values(), Fraction(0))), row.variance.billed.currency)
            )
            if row.variance
            else "",
        ]
        for item in row.items
    ]
    if rows:
        heads = ["  item", "component", "metered", "billed", "variance"]
        click.echo("\n" + table(heads, rows, right=[2, 3, 4]))
        click.echo("  quantities in hours of the whole machine, or in GB")


def _quantity(value: Fraction | None) -> str:
    return "–" if value is None else f"{float(value):,.4g}"


def _show_awaited(rows: Sequence[Row]) -> None:
    if not rows:
        return
    click.echo(f"\nAwaiting the bill of {plural(len(rows), 'run')}:")
    cells = [
        [
            f"  {plain(row.run)}" if not number else "",
            (row.estimated.display() if row.estimated else "no price") if not number else "",
            plain(_waits_for(missing)),
            format_instant(missing.expected_ns)[:10] if missing.expected_ns else "–",
        ]
        for row in rows[:ROWS_SHOWN]
        for number, missing in enumerate(row.missing[:3])
    ]
    click.echo(table(["  run", "estimated", "waits for", "expected"], cells, right=[1]))
    if len(rows) > ROWS_SHOWN:
        click.echo(f"  … and {plural(len(rows) - ROWS_SHOWN, 'more run')}; --format json has all.")
    now_ns = time.time_ns()
    if any(one.expected_ns and one.expected_ns <= now_ns for row in rows for one in row.missing):
        click.echo("  Bills that are due can be imported: trainfare bill import FILE.")


def _waits_for(missing: Missing) -> str:
    if missing.expected_ns is None or missing.provider is None:
        return f"{missing.resource}: nobody is known to bill it"
    payer = _PAYERS.get(missing.provider, missing.provider)
    if missing.is_unnamed:
        return f"{payer} {missing.period} is here, without {missing.resource}"
    reach = f" (reaches {format_instant(missing.reach_ns)[:16]})" if missing.reach_ns else ""
    return f"{payer} {missing.period}{reach}, {missing.resource}"


def _show_incomparable(rows: Sequence[Row]) -> None:
    """Runs that have a bill and cannot be compared, and why."""
    left = [r for r in rows if r.variance is None and r.status is not Standing.AWAITING_BILL]
    groups = {
        "not metered here": [row for row in left if not row.is_metered],
        "without a price": [row for row in left if row.is_metered and row.estimated is None],
        "billed in another currency than estimated in": [
            row for row in left if row.is_metered and row.estimated is not None
        ],
    }
    for words, group in groups.items():
        if group:
            amounts = [
                amount for row in group for amount in (row.billed, *row.also_billed) if amount
            ]
            sums = [
                Money.total((a for a in amounts if a.currency == currency), currency).display(2)
                for currency in sorted({amount.currency for amount in amounts})
            ]
            click.echo()
            say(f"Not compared: {plural(len(group), 'run')} {words}; {', '.join(sums)} billed.")


def show_learning(learning: Learning) -> None:
    """Print what was learnt, what it replaces, what waits and what teaches nothing."""
    if learning.taught:
        click.echo("\nPrices that the bill teaches, per hour of the whole machine:")
        rows = [
            [
                f"  {one.price.sku}",
                _per_hour(one),
                f"{one.price.start} to {one.price.end - timedelta(days=1)}",
                _replaced(one),
                click.style(one.verdict.value, fg=_COLOURS[one.verdict]),
            ]
            for one in learning.taught
        ]
        click.echo(table(["  SKU", "learnt", "days", "instead of", ""], rows, right=[1]))
    if any(one.verdict is Verdict.WAITING for one in learning.taught):
        say("Waiting: more than 40 % away; believe it with --learn --confirm SKU (or all).", "  ")
    for lesson in learning.refused:
        say(f"{lesson.sku} teaches nothing in {lesson.period}: {lesson.why_not}", "  ", "    ")
    if not learning.taught and not learning.refused:
        click.echo("\nThese bills teach no price: no metered run used a machine on them.")


_COLOURS = {Verdict.LEARNT: "green", Verdict.UNCHANGED: "white", Verdict.WAITING: "yellow"}


def _per_hour(one: Taught) -> str:
    return Money.nearest(one.price.amount, one.price.currency).display()


def _replaced(one: Taught) -> str:
    before = one.replaces
    if before is None:
        return "no price"
    money = Money.nearest(before.amount, before.currency).display()
    change = "" if one.change is None else f", {'+' * (one.change >= 0)}{percent(one.change)}"
    return f"{money} ({before.origin}, {before.as_of[:10]}{change})"
