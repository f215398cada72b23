"""``trainfare chart``: one chart as a picture, a specification or a page."""

from __future__ import annotations

from pathlib import Path

import click

from trainfare.cli.answer import format_option, say, say_json
from trainfare.flows.chart_question import Question
from trainfare.flows.charts import CHARTS, draw, need_charts


@click.command(
    "chart",
    epilog="\b\n" + "\n".join(f"{name:<10} {words}" for name, words in CHARTS.items()),
)
@click.argument("name", type=click.Choice(list(CHARTS)), metavar="NAME")
@click.option("--period", help="One billing period (2026-10).  [default: all]")
@click.option("--run", help="An id, the beginning of one, a name, or last.")
@click.option("--by", help="A label, run or component; of bills also service, account, region.")
@click.option("--budget", metavar="ID", help="Which budget.  [default: the only one]")
@click.option(
    "--theme",
    type=click.Choice(["light", "dark"]),
    default="light",
    show_default=True,
    help="Of what background.",
)
@click.option(
    "--width",
    type=click.IntRange(240, 4000),
    default=760,
    show_default=True,
    help="Pixels, all in all.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE.png|svg|json|html",
    help="Its ending says what is written.",
)
@format_option("table", "json")
def command(
    name: str,
    period: str | None,
    run: str | None,
    by: str | None,
    budget: str | None,
    theme: str,
    width: int,
    out: Path,
    form: str,
) -> None:
    """Draw the chart NAME of what is known here.

    SVG and PNG need no browser, HTML needs no network; JSON is a Vega-Lite specification.
    """
    need_charts()
    from trainfare.metering.home import home_folder
    from trainfare.reports.chart_file import spec_of, write_chart
    from trainfare.reports.chart_theme import THEMES, Look

    question = Question(period=period, run=run, by=by, budget=budget)
    chart = draw(home_folder(), name, question, Look(THEMES[theme], width))
    write_chart(chart, out)
    told = spec_of(chart)["description"]
    if form == "json":
        say_json({"chart": name, "file": str(out), "description": told})
    else:
        say(told)
        say(f"Written to {out}.")
