"""``trainfare claims``: bring in who used what from other systems."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from trainfare.cli.answer import format_option, say, say_json, table
from trainfare.core.claim import share_text
from trainfare.core.errors import BadInput
from trainfare.core.period import format_instant
from trainfare.core.plain import plain, plural


@click.group("claims")
def command() -> None:
    """Who used what, from Slurm, Kubernetes, managed jobs or a CSV."""


@command.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="FILE…"
)
@click.option(
    "--from",
    "kind",
    type=click.Choice(["sacct", "opencost", "sagemaker", "vertex", "azureml", "dcgm", "csv"]),
    help="What FILE is.  [default: recognised]",
)
@click.option("--cluster", help="The cluster's name, where the file has none.")
@click.option("--time-zone", "zone", default="UTC", show_default=True, help="Of the file's times.")
@click.option(
    "--nodes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What the nodes have: `scontrol show nodes`, or node,gpus,cpus[,resource] as CSV.",
)
@click.option("--gpus-per-node", type=click.IntRange(0), help="Of all nodes, instead of --nodes.")
@click.option("--cpus-per-node", type=click.IntRange(1), help="Of all nodes, instead of --nodes.")
@format_option("table", "json")
def import_(
    files: tuple[Path, ...],
    kind: str | None,
    cluster: str | None,
    zone: str,
    nodes: Path | None,
    gpus_per_node: int | None,
    cpus_per_node: int | None,
    form: str,
) -> None:
    """Import claims; the same records twice change nothing."""
    from trainfare.clusters.inventory import Inventory, make_capacity, read_inventory
    from trainfare.clusters.options import ReadOptions
    from trainfare.flows.usage import import_claims
    from trainfare.metering.home import home_folder

    inventory = Inventory() if nodes is None else read_inventory(nodes)
    if gpus_per_node is not None or cpus_per_node is not None:
        inventory = replace(inventory, default=make_capacity(gpus_per_node, cpus_per_node))
    options = ReadOptions(time.time_ns(), cluster=cluster, zone=zone, inventory=inventory)
    try:
        done = import_claims(home_folder(), files, options, kind=kind)
    except BadInput as error:
        if "pass an inventory" not in str(error):
            raise
        raise BadInput(f"{error}\n(--nodes FILE, or --gpus-per-node and --cpus-per-node)") from None
    if form == "json":
        say_json(
            {
                "runs": done.runs,
                "claims": done.claims,
                "added": done.change.added,
                "changed": done.change.changed,
                "unchanged": done.change.unchanged,
                "skipped": dict(done.skipped),
                "notes": list(done.notes),
            }
        )
        return
    change = done.change
    say(
        f"{plural(done.claims, 'claim')} of {plural(done.runs, 'run')}: {change.added:,} added, "
        f"{change.changed:,} changed, {change.unchanged:,} known already."
    )
    for reason, count in sorted(done.skipped.items()):
        say(f"{count:,} left out: {reason}", "· ", "  ")
    for note in done.notes:
        say(note, "· ", "  ")
    click.echo("Next: trainfare allocate")


@command.command("list")
@click.option("--run", help="Only this run's.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many."
)
@format_option("table", "json")
def list_(run: str | None, limit: int, form: str) -> None:
    """List claims: which run held which resource, from when to when, and who says so."""
    from trainfare.flows.usage import claim_json, list_claims
    from trainfare.metering.home import home_folder

    more = list_claims(home_folder(), run, limit + 1)
    found = more[:limit]
    if form == "json":
        documents = [claim_json(*one) for one in found]
        say_json({"claims": documents, "has_more": len(more) > limit})
        return
    if not found:
        click.echo("No claims yet. Bring some in: trainfare claims import FILE")
        return
    rows = [
        [
            claim.run,
            plain(claim.resource_id),
            format_instant(claim.interval.start_ns)[:19].replace("T", " "),
            format_instant(claim.interval.end_ns)[:19].replace("T", " "),
            share_text(claim.share),
            source,
        ]
        for claim, source in found
    ]
    head = ["run", "resource", "from (UTC)", "to (UTC)", "share", "source"]
    click.echo(table(head, rows, right=[4]))
    if len(more) > limit:
        click.echo(f"… and more than these {limit}; --limit shows more, --run one run's.")
