"""``trainfare runs import``: runs from the logs that trainings wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, say, say_json, table
from trainfare.core.errors import BadInput
from trainfare.core.labels import make_labels, parse_labels
from trainfare.core.period import SECOND, format_instant, parse_instant
from trainfare.core.plain import plain, plural
from trainfare.core.price import parse_hourly

if TYPE_CHECKING:
    from trainfare.flows.transcribing import ImportedRun, Words

_EXAMPLES = """\b
Examples:
  trainfare runs import result_0.txt --instance ND96isr_H100_v5 --region eastus
  trainfare runs import lightning_logs/ --price 3.6/h --team vision
  trainfare runs import train.log --price 24.48/h --end 2026-10-01T08:00:00Z
  trainfare runs import --from mlflow http://127.0.0.1:5000 --only lr-sweep --price 3.6/h
  trainfare runs import log.csv --key hours=t --price 3.06/h --start 2026-10-01T08:00:00Z
"""


@click.command("import", epilog=_EXAMPLES)
@click.argument(
    "places",
    nargs=-1,
    required=True,
    metavar="FILE|FOLDER|URL…",
)
@click.option(
    "--from",
    "kind",
    type=click.Choice(["mllog", "tensorboard", "jsonl", "csv", "nanogpt", "dbt", "mlflow"]),
    help="What FILE is.  [default: recognised]",
)
@click.option("--name", help="How people call the run.  [default: as the file]")
@click.option("--run-id", help="All files are this one run (a-z, 0-9 and '-').")
@click.option("--model", help="Label: the model.")
@click.option("--experiment", help="Label: the question that a group of runs answers.")
@click.option("--team", help="Label: the team that pays.")
@click.option("--project", help="Label: the project.")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="Any other label; repeat it.")
@click.option("--price", help="What the whole machine cost per hour: 3.6, 3.6EUR/h.")
@click.option("--instance", help="The instance type, to look its price up.")
@click.option("--region", help="The region, likewise.")
@click.option("--spot", is_flag=True, help="The machine was bought as spot.")
@click.option(
    "--resource", "resources", multiple=True, help="What the bill calls the machine; one each."
)
@click.option("--start", metavar="TIME", help="From when the machine was held.")
@click.option("--end", metavar="TIME", help="Until when.  [default: as the log says]")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="MEANING=COLUMN",
    help="Which column is the time, seconds, milliseconds, minutes, hours, step or epoch.",
)
@click.option("--time-zone", "zone", help="Of times that name none.")
@click.option(
    "--only",
    "only",
    multiple=True,
    metavar="EXPERIMENT",
    help="Of MLflow's experiments; repeat it.",
)
@format_option("table", "json")
def import_(places: tuple[str, ...], kind: str | None, form: str, **words: Any) -> None:
    """Import runs from logs; the same log twice changes nothing.

    FILE is an MLPerf log, a TensorBoard event file, JSON lines, a trainer_state.json, a CSV or TSV,
    a text log of nanoGPT or dbt's run_results.json; of a FOLDER every log below it. A log that has
    grown since replaces what
    was read of it. With --from mlflow the place is a server, a database or a folder of MLflow.
    """
    from trainfare.flows.logs import import_runs
    from trainfare.flows.transcribing import Words
    from trainfare.logs.keys import Keys, parse_key, parse_zone
    from trainfare.metering.home import home_folder

    known = {name: words[name] for name in ("model", "experiment", "team", "project")}
    labels = make_labels(parse_labels(words["labels"], known))
    zone = parse_zone(words["zone"]) if words["zone"] else None
    said = Words(
        run_id=words["run_id"],
        name=words["name"],
        labels=labels,
        instance=words["instance"],
        region=words["region"],
        spot=words["spot"],
        price=parse_hourly(words["price"]) if words["price"] else None,
        start_ns=_instant("--start", words["start"]),
        end_ns=_instant("--end", words["end"]),
        resources=tuple(dict.fromkeys(words["resources"])),
    )
    keys = Keys(dict(map(parse_key, words["keys"])), zone)
    if kind == "mlflow":
        runs, remarks = _from_mlflow(places, said, words["only"])
    elif words["only"]:
        raise BadInput("--only chooses MLflow's experiments; add --from mlflow")
    else:
        paths = [Path(place) for place in places]
        runs, remarks = import_runs(home_folder(), paths, said, kind=kind, keys=keys)
    if form == "json":
        say_json({"runs": [_document(run) for run in runs], "remarks": remarks})
        return
    _show(runs, remarks)


def _from_mlflow(
    places: tuple[str, ...], said: Words, only: tuple[str, ...]
) -> tuple[list[ImportedRun], list[str]]:
    from trainfare.flows.tracker_runs import import_mlflow
    from trainfare.metering.home import home_folder

    runs: list[ImportedRun] = []
    remarks: list[str] = []
    for place in places:
        found, noticed = import_mlflow(home_folder(), place, said, experiments=only)
        runs += found
        remarks += noticed
    return runs, remarks


def _instant(option: str, text: str | None) -> int | None:
    try:
        return None if text is None else parse_instant(text)
    except BadInput as error:
        raise BadInput(f"{option}: {error}") from None


def _document(run: ImportedRun) -> dict[str, Any]:
    first, last = run.transcripts[0], run.transcripts[-1]
    own = [one for one in run.transcripts if one.rank == 0]
    return {
        "run": run.run,
        "name": first.name,
        "state": run.state,
        "from": run.kind,
        "files": list(run.files),
        "started_at": format_instant(first.started_wall_ns),
        "ended_at": format_instant(last.started_wall_ns + last.duration_ns),
        "held_seconds": round(sum(one.duration_ns for one in own) / SECOND, 6),
        "timer": first.log.timer_name,
        "timer_seconds": round(
            sum(one.log.timer_end_ns - one.log.timer_start_ns for one in own) / SECOND, 6
        )
        if first.log.timer_name
        else None,
        "steps": sum(one.moments[-1].steps for one in own if one.moments),
        "notes": list(run.notes),
    }


def _show(runs: list[ImportedRun], remarks: list[str]) -> None:
    from trainfare.flows.transcribing import READ_FROM

    rows = []
    for run in runs:
        document = _document(run)
        rows.append(
            [
                run.run,
                run.state,
                run.kind,
                plain(document["name"] or ""),
                document["started_at"][:19].replace("T", " "),
                f"{document['held_seconds']:,.1f}",
                "" if document["timer"] is None else f"{document['timer_seconds']:,.1f}",
                f"{document['steps']:,}",
            ]
        )
    head = ["run", "", "from", "name", "from (UTC)", "held s", "timer s", "steps"]
    click.echo(table(head, rows, right=[5, 6, 7]))
    noticed = (note for run in runs for note in run.notes if not note.startswith(READ_FROM))
    for note in dict.fromkeys([*remarks, *noticed]):
        say(plain(note), "· ", "  ")
    unpriced = sum(any(one.price is None for one in run.transcripts) for run in runs)
    if unpriced:
        words = (
            f"{plural(unpriced, 'run')} without a price; add --price, or --instance and --region"
        )
        say(words, "· ", "  ")
    click.echo("Next: trainfare runs")
