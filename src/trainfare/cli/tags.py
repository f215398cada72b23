"""``trainfare tags``: what to put on a job so that its charges find its run."""

from __future__ import annotations

import click

from trainfare.cli.answer import format_option, say_json
from trainfare.core.labels import parse_labels

TARGETS = ("aws", "gcp", "azure", "kubernetes", "slurm", "sagemaker")


@click.command("tags")
@click.option(
    "--for", "target", type=click.Choice(TARGETS), required=True, help="Where the job runs."
)
@click.option("--run-id", help="The run's id.  [default: a new one]")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="A label to carry along.")
@format_option("table", "json")
def command(target: str, run_id: str | None, labels: tuple[str, ...], form: str) -> None:
    """Print the tags, labels or comment to put on a job."""
    from trainfare.clusters.job_tags import job_tags
    from trainfare.metering.home import make_run_id

    chosen = run_id or make_run_id()
    lines = job_tags(target, chosen, parse_labels(labels))
    if form == "json":
        say_json({"run": chosen, "for": target, "lines": lines})
    else:
        click.echo("\n".join(lines))
