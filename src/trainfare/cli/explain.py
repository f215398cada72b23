"""``trainfare explain``: from any number down to file, row, rule and weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, say_json, shorten, table
from trainfare.core.charge import View
from trainfare.core.claim import share_text
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import format_instant

if TYPE_CHECKING:
    from trainfare.allocation.line import Line
    from trainfare.flows.explain import ExplainedCharge, ExplainedRun, Part, PooledPart

PARTS_SHOWN = 30


@click.command("explain")
@click.argument("run", required=False)
@click.option("--charge", metavar="ID", help="One charge: delivery/file:row.")
@click.option("--period", help="Only this billing period.")
@format_option("table", "json")
def command(run: str | None, charge: str | None, period: str | None, form: str) -> None:
    """Explain what a RUN got, charge by charge, or how one charge was divided."""
    from trainfare.flows import explain
    from trainfare.metering.home import home_folder

    if (run is None) == (charge is None):
        raise BadInput("name a RUN or a --charge, one of the two")
    if charge is not None:
        explained = explain.explain_charge(home_folder(), charge)
        if form == "json":
            say_json({"charges": [_charge_document(one) for one in explained]})
        else:
            for one in explained:
                _show_charge(one)
        return
    assert run is not None
    told = explain.explain_run(home_folder(), run, period)
    if form == "json":
        say_json(
            {
                "run": run,
                "parts": [_part_document(part) for part in told.parts],
                "pooled": [
                    {
                        "period": one.period,
                        "rule": one.rule,
                        "match": one.text,
                        "currency": one.currency,
                        "amounts": _amounts(one),
                    }
                    for one in told.pooled
                ],
                "total": {c: amount.text() for c, amount in _totals(told).items()},
            }
        )
    else:
        _show_run(run, told)


def _amounts(line: Line | PooledPart) -> dict[str, str | None]:
    return {
        view.value: None if nano is None else Money(nano, line.currency).text()
        for view, nano in zip(View, line.amounts, strict=True)
    }


def _effective(line: Line | PooledPart) -> Money | None:
    nano = line.amounts[list(View).index(View.EFFECTIVE)]
    return None if nano is None else Money(nano, line.currency)


def _owner(line: Line) -> str:
    return line.run or f"({(line.remainder or 'nobody').replace('_', ' ')})"


def _line_document(line: Line) -> dict[str, Any]:
    return {
        "owner": line.run,
        "remainder": line.remainder.value if line.remainder else None,
        "method": line.method,
        "label": line.label,
        "tag_run": line.tag_run,
        "currency": line.currency,
        "amounts": _amounts(line),
    }


def _part_document(part: Part) -> dict[str, Any]:
    line = part.line
    return {
        "charge": part.charge,
        "period": part.period,
        "resource": line.resource,
        "start": format_instant(line.start_us * 1000),
        "end": format_instant(line.end_us * 1000),
        **_line_document(line),
    }


def _charge_document(one: ExplainedCharge) -> dict[str, Any]:
    told = one.explanation
    first = told.lines[0]
    return {
        "charge": one.charge,
        "period": one.period,
        "resource": first.resource,
        "start": format_instant(first.start_us * 1000),
        "end": format_instant(first.end_us * 1000),
        "rule": told.rule.name if told.rule else None,
        "paid_seconds": None if told.capacity_us is None else told.capacity_us / 10**6,
        "held_seconds": {run: held / 10**6 for run, held in one.held_us.items()},
        "parts": [_line_document(line) for line in told.lines],
        "claims": [
            {
                "run": claim.run,
                "resource": claim.resource,
                "start": format_instant(claim.start_us * 1000),
                "end": format_instant(claim.end_us * 1000),
                "share": share_text(claim.share),
            }
            for claim in told.claims
        ],
    }


def _totals(told: ExplainedRun) -> dict[str, Money]:
    """Currency → effective cost of all parts, which is what the report says."""
    sums: dict[str, Money] = {}
    lines: list[Line | PooledPart] = [part.line for part in told.parts]
    for line in [*lines, *told.pooled]:
        amount = _effective(line)
        if amount is not None:
            zero = Money.zero(amount.currency)
            sums[amount.currency] = sums.get(amount.currency, zero) + amount
    return sums


def _show_run(run: str, told: ExplainedRun) -> None:
    total = ", ".join(amount.display(2) for amount in _totals(told).values())
    count = len(told.parts)
    click.echo(f"{run}: {count:,} part{'s' * (count != 1)} of charges, {total} effective\n")
    if told.parts:
        _show_parts(told.parts)
    if told.pooled:
        rows = [
            [f"  {one.period}", one.rule, shorten(one.text, 40), _text(_effective(one))]
            for one in told.pooled
        ]
        click.echo("\nOf what rules divide over runs:")
        click.echo(table(["  period", "rule", "match", "effective"], rows, right=[3]))


def _show_parts(parts: Sequence[Part]) -> None:
    ordered = sorted(parts, key=lambda p: -abs(p.line.amounts[1] or 0))
    rows = [
        [
            part.charge if len(part.charge) <= 44 else "…" + part.charge[-43:],
            format_instant(part.line.start_us * 1000)[:16].replace("T", " "),
            part.line.method,
            _text(_effective(part.line)),
        ]
        for part in ordered[:PARTS_SHOWN]
    ]
    click.echo(table(["charge", "from (UTC)", "method", "effective"], rows, right=[3]))
    if len(parts) > PARTS_SHOWN:
        click.echo(f"… and {len(parts) - PARTS_SHOWN:,} smaller ones; --format json has all.")
    click.echo("\nHow one was divided: trainfare explain --charge " + ordered[0].charge)


def _text(amount: Money | None) -> str:
    return "not stated" if amount is None else amount.display()


def _show_charge(one: ExplainedCharge) -> None:
    told = one.explanation
    first = told.lines[0]
    span = f"{format_instant(first.start_us * 1000)} to {format_instant(first.end_us * 1000)}"
    click.echo(f"{one.charge}\n{first.resource or '(no resource)'}, {span}")
    if told.capacity_us is not None:
        click.echo(f"paid for {told.capacity_us / 10**6:,.0f} s in this time")
    if told.rule is not None:
        click.echo(f"rule {told.rule.name!r} (line {told.rule.line}): {told.rule.text}")
    rows = [
        [
            f"  {_owner(line)}",
            line.method,
            *[value or "not stated" for value in _amounts(line).values()],
        ]
        for line in told.lines
    ]
    click.echo(table(["  goes to", "method", *[v.value for v in View]], rows, right=[2, 3, 4, 5]))
    if told.claims:
        click.echo()
        names = [claim.run for claim in told.claims]
        claims = [
            [
                f"  {claim.run}",
                format_instant(claim.start_us * 1000)[11:19],
                format_instant(claim.end_us * 1000)[11:19],
                share_text(claim.share),
                f"{float((claim.end_us - claim.start_us) * claim.share / 10**6):,.0f} s",
                _held(one, claim.run) if claim.run not in names[:number] else "",
            ]
            for number, claim in enumerate(told.claims)
        ]
        head = ["  claim of", "from", "to", "share", "weight", "held"]
        click.echo(table(head, claims, right=[3, 4, 5]))
        if one.held_us:
            click.echo("held: what a run has of the paid time after all claims shared it")
    click.echo()


def _held(one: ExplainedCharge, run: str) -> str:
    return f"{one.held_us[run] / 10**6:,.0f} s" if run in one.held_us else "–"
