"""``trainfare report``: money by model, team, stage … with every remainder and unit cost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import (
    filters_of,
    format_option,
    only_team,
    room,
    say_table,
    table,
    width,
)
from trainfare.cli.columns import fill
from trainfare.cli.report_file import (
    FOCUS_VERSIONS,
    json_text,
    out_option,
    refuse_file,
    write_bytes,
    write_document,
    write_focus,
    write_text,
)
from trainfare.core.carry import CarryRule
from trainfare.core.charge import Sharing, View
from trainfare.core.money import Money
from trainfare.core.plain import percent, plain

if TYPE_CHECKING:
    from trainfare.flows.report import Report
    from trainfare.reports.table import Table


@click.command("report")
@click.option(
    "--by",
    default="model",
    show_default=True,
    help="Keys: labels, run, status, ending, component, stage, epoch, step; of bills: resource, service, account, region, day, method.",
)
@click.option(
    "--measures",
    default="",
    metavar="M,…",
    help="Columns beside the money: hours, gpu_hours, epochs, steps, samples, tokens, per_run, per_epoch, per_step, per_1k_samples, per_1m_tokens, per_gpu_hour, stall, redone, unfinished, lineage, per:METRIC.",
)
@click.option(
    "--where",
    "filters",
    multiple=True,
    metavar="K=V",
    help="Only what matches; the rest stands as left out. Repeat it: the same key is or, another is and.",
)
@click.option("--period", help="One billing period (2026-10).  [default: all]")
@click.option(
    "--view",
    type=click.Choice([v.value for v in View]),
    default="effective",
    show_default=True,
    help="Which cost column.",
)
@click.option("--as-of", help="As it stood then (RFC 3339).")
@click.option(
    "--carry",
    type=click.Choice([rule.value for rule in CarryRule]),
    help="Carry the cost of data runs to the runs that read what they made: by what.",
)
@click.option(
    "--commitments",
    "sharing",
    type=click.Choice([one.value for one in Sharing]),
    default="billed",
    show_default=True,
    help="Who has their benefit: as billed, pooled at one mean rate, or none, as if nothing was bought.",
)
@format_option("table", "json", "csv", "parquet", "html", "pdf", "focus")
@out_option
@click.option(
    "--focus-version",
    type=click.Choice(FOCUS_VERSIONS),
    default=FOCUS_VERSIONS[-1],
    show_default=True,
    help="With --format focus.",
)
def command(
    by: str,
    measures: str,
    filters: tuple[str, ...],
    period: str | None,
    view: str,
    as_of: str | None,
    carry: str | None,
    sharing: str,
    form: str,
    out: Path | None,
    focus_version: str,
) -> None:
    """Report money by any keys; rows, remainders and what is left out sum to the bill.

    Where no bill is allocated yet, it reports what runs were estimated at.
    With --format focus it writes every charge once per owner; html and pdf are made to be sent.
    """
    from trainfare.core.period import parse_instant
    from trainfare.flows.report import make_report
    from trainfare.flows.report_json import report_csv, report_json
    from trainfare.metering.home import home_folder

    if form == "focus":
        write_focus(out, focus_version, period)
        return
    as_of_ns = parse_instant(as_of) if as_of else None
    report = make_report(
        home_folder(),
        _names(by),
        measures=_names(measures),
        where=filters_of(filters),
        period=period,
        view=View(view),
        as_of_ns=as_of_ns,
        carry=CarryRule(carry) if carry else None,
        sharing=Sharing(sharing),
    )
    if only_team():
        from trainfare.flows.own import own_report

        report = own_report(report)
    if form in ("html", "pdf"):
        from trainfare.flows.report_document import report_document

        page = report_document(home_folder(), report, view=View(view), as_of_ns=as_of_ns)
        write_document(page, form, out)
    elif form == "parquet":
        from trainfare.reports.table_file import parquet_of

        write_bytes(lambda: parquet_of(report.tables), form, out)
    elif form == "json":
        write_text(json_text(report_json(report)), out)
    elif form == "csv":
        write_text(report_csv(report), out)
    else:
        refuse_file(form, out)
        _show(report)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _show(report: Report) -> None:
    for number, one in enumerate(report.tables):
        click.echo("\n" * bool(number), nl=False)
        say_table(one)
        _show_coverage(report, one)
    _show_untagged(report)


def _share(part: Money, whole: Money) -> str:
    return percent(part.nano / whole.nano) if whole.nano else "–"


def _show_coverage(report: Report, one: Table) -> None:
    methods = report.coverage.get(one.currency, {})
    whole = one.total["allocated"]
    if not methods or not isinstance(whole, Money):
        return
    listed = sorted(methods.items(), key=lambda pair: -abs(pair[1].nano))
    words = ", ".join(f"{name} {_share(amount, whole)}" for name, amount in listed)
    owned = Money.total(methods.values(), one.currency)
    line = f"Runs own {_share(owned, whole)} of the bill, by {words}."
    labelled = _allocated(one) - owned
    if labelled:
        line += (
            f" The rows hold {labelled.display(2)} more, shared costs that a rule gives to a label; "
            "`trainfare verify` counts them as shared."
        )
    click.echo("\n" + fill(line, width()))


def _allocated(one: Table) -> Money:
    """What groups, and what was left out, have of the bill."""
    rows = [*one.rows, *([one.left_out] if one.left_out else [])]
    amounts = [row["allocated"] for row in rows]
    return Money.total((each for each in amounts if isinstance(each, Money)), one.currency)


def _show_untagged(report: Report) -> None:
    if not report.untagged:
        return
    click.echo("\nNo known owner:")
    rows = [
        [
            f"  {plain(one.resource or '(no resource)')}",
            plain(one.service or ""),
            one.amount.display(2),
        ]
        for one in report.untagged
    ]
    click.echo(table(["  resource", "service", "amount"], rows, right=[2]))
    click.echo("\nA rule in rules.toml settles it, for example:\n")
    for line in report.untagged[0].rule.splitlines():
        click.echo("\n".join(f"  {part}" for part in _broken(line, "  ")))


_CONDITION = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|(?! and )[^"])+""")
"""What stands between the ``and``s of a match expression; those within values are none."""


def _broken(line: str, indent: str) -> list[str]:
    """A line of a rule; where a terminal is too narrow, its match over several, as TOML allows."""
    limit = room()
    match = line.removeprefix("match = '").removesuffix("'")
    if limit is None or len(indent + line) <= limit or not line.startswith("match = '"):
        return [line]
    return ["match = '''", *_CONDITION.findall(match), "'''"]
