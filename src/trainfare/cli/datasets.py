"""``trainfare datasets``: what runs made, read and kept, how large it is, what a month of it costs."""

from __future__ import annotations

import click

from trainfare.cli.answer import format_option, say, say_json, table
from trainfare.core.plain import plain, plural

WHYS_SHOWN = 5


@click.command("datasets")
@click.argument("uris", nargs=-1, metavar="[URI…]")
@click.option(
    "--size", "is_sized", is_flag=True, help="List what is not known yet, once a version."
)
@click.option("--again", "is_again", is_flag=True, help="List it again, whatever is known.")
@format_option("table", "json")
def command(uris: tuple[str, ...], is_sized: bool, is_again: bool, form: str) -> None:
    """Datasets, checkpoints and outputs of all runs, or of these URIs: size, makers, readers, money.

    --size asks s3://, gs:// and az:// with your own credentials; nothing else does.
    """
    from trainfare.flows.datasets import list_datasets
    from trainfare.metering.home import home_folder
    from trainfare.metering.receipt_view import bytes_text

    found = list_datasets(home_folder(), uris, is_sized=is_sized, is_again=is_again)
    if form == "json":
        say_json({"datasets": [one.to_json() for one in found]})
        return
    rows = [
        [
            plain(one.uri),
            ",".join(sorted(one.roles)),
            "–" if one.bytes is None else bytes_text(one.bytes),
            "–" if one.objects is None else f"{one.objects:,}",
            str(len(one.made_by)),
            str(len(one.read_by)),
            "–" if one.monthly is None else one.monthly.display(),
        ]
        for one in found
    ]
    head = ["dataset", "as", "size", "objects", "made by", "read by", "a month"]
    click.echo(table(head, rows, right=[2, 3, 4, 5, 6]))
    listed = sum(one.state == "listed" for one in found)
    if is_sized or is_again:
        kept = sum(one.state == "remembered" for one in found)
        click.echo()
        say(f"{plural(listed, 'place')} listed, {kept:,} unchanged since listed before")
    whys = dict.fromkeys(f"{plain(o.uri)}: {o.why}" for o in found if o.why)
    for why in list(whys)[:WHYS_SHOWN]:
        say(why, "– ", "  ")
    if len(whys) > WHYS_SHOWN:
        click.echo(f"– and {len(whys) - WHYS_SHOWN:,} more; --format json has all")
