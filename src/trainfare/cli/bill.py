"""``trainfare bill``: import bills, list them, show one, check a file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, say, say_json, table
from trainfare.core.money import Money
from trainfare.core.period import format_instant
from trainfare.core.plain import plural, shorten
from trainfare.flows.bill_json import VIEWS, delivery_json, imported_json

if TYPE_CHECKING:
    from trainfare.billing.bill import Bill
    from trainfare.flows.bill import Imported
    from trainfare.store.deliveries import StoredDelivery


@click.group("bill")
def command() -> None:
    """Import and look at bills."""


@command.command("import")
@click.argument("places", nargs=-1, required=True, metavar="FILE|FOLDER|URL…")
@click.option("--source", help="Name under which deliveries replace one another.")
@click.option(
    "--mapping",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Mapping file for a bill of no known format.",
)
@format_option("table", "json")
def import_(places: tuple[str, ...], source: str | None, mapping: Path | None, form: str) -> None:
    """Import bills; a delivery replaces the earlier one of its source and billing period."""
    from trainfare.flows.allocation import survey_bills
    from trainfare.flows.bill import import_bills
    from trainfare.metering.home import home_folder

    home = home_folder()
    imported = import_bills(home, places, source=source, mapping=mapping, watch=_progress)
    survey_bills(home, [one.delivery.period for one in imported])
    if form == "json":
        say_json({"deliveries": [imported_json(one) for one in imported]})
        return
    for one in imported:
        say(_headline(one), below="  ")
        click.echo(_totals_table(one.delivery))
        if one.delivery.repairs:
            rows, id_ = plural(one.delivery.repairs, "row"), one.delivery.id[:12]
            say(f"{rows} repaired: trainfare bill show {id_} says what and how", "  ")
        click.echo()
    for notice in dict.fromkeys(notice for one in imported for notice in one.notices):
        say(notice, "· ", "  ")
    click.echo("Next: trainfare allocate")


@contextmanager
def _progress(bill: Bill) -> Iterator[None]:
    """Rows read so far, on a terminal only, until the bill is whole."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    names = ", ".join(file.name for file in bill.files[:3])

    def show() -> None:
        while not done.wait(0.2):
            click.echo(f"\r{shorten(names, 50)}  {plural(bill.rows, 'row')}", nl=False, err=True)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        click.echo("\r\x1b[2K", nl=False, err=True)


def _headline(one: Imported) -> str:
    delivery = one.delivery
    words = (
        f"{delivery.source} {delivery.period}: {plural(delivery.rows, 'row')}, {delivery.format}"
    )
    if one.is_unchanged:
        return f"{words}; already current, nothing changed"
    if one.replaced is not None:
        return f"{words}; replaces {one.replaced.id[:12]}"
    return f"{words}; new"


def _totals_table(delivery: StoredDelivery) -> str:
    rows = [
        ["  " + currency, *[_amount(views, view, currency) for view in VIEWS]]
        for currency, views in sorted(delivery.totals.items())
    ]
    return table(["  currency", *VIEWS], rows, right=[1, 2, 3, 4])


def _amount(views: Mapping[str, int], view: str, currency: str) -> str:
    return Money(views[view], currency).display(2) if view in views else "not stated"


@command.command("list")
@format_option("table", "json")
def list_(form: str) -> None:
    """List every delivery; the current one of each source and period is marked."""
    from trainfare.flows.bill import list_deliveries
    from trainfare.metering.home import home_folder

    found = list_deliveries(home_folder())
    if form == "json":
        say_json({"deliveries": [{**delivery_json(d), "current": now} for d, now in found]})
        return
    if not found:
        click.echo("No bills yet. Import one: trainfare bill import FILE")
        return
    rows = [
        [
            "●" if is_current else " ",
            one.period,
            one.source,
            one.id[:12],
            one.format,
            f"{one.rows:,}",
            " ".join(_amount(v, "effective", c) for c, v in sorted(one.totals.items())),
        ]
        for one, is_current in found
    ]
    head = ["", "period", "source", "delivery", "format", "rows", "effective"]
    click.echo(table(head, rows, right=[5, 6]))


@command.command("show")
@click.argument("delivery")
@format_option("table", "json")
def show(delivery: str, form: str) -> None:
    """Show one DELIVERY: its files, repairs and totals."""
    from trainfare.flows.bill import get_delivery
    from trainfare.metering.home import home_folder

    found = get_delivery(home_folder(), delivery)
    if form == "json":
        say_json(
            {"deliveries": [{**delivery_json(one), "repair_notes": notes} for one, notes in found]}
        )
        return
    first = found[0][0]
    click.echo(f"delivery  {first.id}\nimported  {format_instant(first.imported_ns)}")
    say(", ".join(first.files), "files     ", " " * 10)
    click.echo()
    for one, notes in found:
        say(
            f"{one.source} {one.period}: {plural(one.rows, 'row')}, {one.format}, "
            f"{one.repairs:,} repaired"
        )
        click.echo(_totals_table(one))
        click.echo()
        if notes:
            click.echo(_repairs_table(notes))
            click.echo()


def _repairs_table(notes: Mapping[str, int]) -> str:
    """On how many rows which column was repaired, and how."""
    rows = []
    for note, count in notes.items():
        column, _, what = note.partition(":")
        rows.append([f"  {column}", what.replace("-", " "), f"{count:,}"])
    return table(["  repaired", "how", "rows"], rows, right=[2])


@command.command("check")
@click.argument("places", nargs=-1, required=True, metavar="FILE|FOLDER|URL…")
@click.option(
    "--mapping",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Mapping file for a bill of no known format.",
)
@format_option("table", "json")
def check(places: tuple[str, ...], mapping: Path | None, form: str) -> int:
    """Check bills and store nothing; exit 1 when something is wrong."""
    from trainfare.flows.bill import check_bills
    from trainfare.metering.home import home_folder

    checked = check_bills(home_folder(), places, mapping=mapping)
    problems = [problem for one in checked for problem in one.problems]
    if form == "json":
        say_json(
            {
                "problems": [
                    {
                        "file": one.file,
                        "row": one.row,
                        "column": one.column,
                        "value": one.value,
                        "what": one.what,
                    }
                    for one in problems
                ],
                "bills": [
                    {
                        "place": one.place,
                        "format": one.format,
                        "rows": one.rows,
                        "repaired": one.repairs,
                        "notices": list(one.notices),
                    }
                    for one in checked
                ],
            }
        )
    else:
        for one in checked:
            if one.format is not None:
                repaired = f", {plural(one.repairs, 'row')} repaired" if one.repairs else ""
                say(f"{one.place}: {plural(one.rows, 'row')}, {one.format}{repaired}")
            for notice in one.notices:
                say(notice, "· ", "  ")
            for problem in one.problems:
                say(str(problem), below="  ")
        click.echo(f"{plural(len(problems), 'problem')}." if problems else "Nothing is wrong.")
    return 1 if problems else 0


@command.command("preview")
@click.option("--from", "provider", type=click.Choice(["aws"]), help="Ask this provider now.")
@format_option("table", "json")
def preview(provider: str | None, form: str) -> None:
    """Show what the provider's own tools say of the open month, beside the bill.

    It is never added to a bill. Asking AWS costs about $0.01 a page, charged by AWS.
    """
    from trainfare.flows.preview import find_preview, preview_document, refresh_preview
    from trainfare.metering.home import home_folder

    home = home_folder()
    found = find_preview(home) if provider is None else refresh_preview(home, provider)
    document = None if found is None else preview_document(home, found)
    if form == "json":
        say_json({"preview": document})
    elif document is None:
        click.echo("No preview yet. Ask for one: trainfare bill preview --from aws")
    else:
        _show_preview(document)


def _show_preview(document: Mapping[str, Any]) -> None:
    click.echo(
        f"{document['period']} as {document['provider']} sees it on {document['as_of'][:10]}: "
        "a preview, no bill\n"
    )

    def shown(text: str | None, currency: str) -> str:
        return "not known" if text is None else Money.parse(text, currency).display(2)

    rows = [
        [f"  {one['service']}", *(shown(one[view], one["currency"]) for view in VIEWS[:2])]
        for one in document["services"]
    ]
    rows += [
        ["  all", *(shown(one[view], one["currency"]) for view in VIEWS[:2])]
        for one in document["totals"]
    ]
    click.echo(table(["  service", *VIEWS[:2]], rows, right=[1, 2]))
    for one in document["totals"]:
        if one["bill"] is not None:
            click.echo(f"\n  the bill so far, effective: {shown(one['bill'], one['currency'])}")
    if document["budgets"]:
        names = ("spent", "forecast", "limit")
        rows = [
            [f"  {one['name']}", one["period"], *(shown(one[n], one["currency"]) for n in names)]
            for one in document["budgets"]
        ]
        head = [f"  budget at {document['provider']}", "period", *names]
        click.echo("\n" + table(head, rows, right=[2, 3, 4]))
