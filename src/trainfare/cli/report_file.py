"""Report files: what ``trainfare report --out`` writes beside the table on the screen."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trainfare.cli.answer import plural
from trainfare.core.errors import BadInput

FOCUS_VERSIONS = ("1.2", "1.3", "1.4")
"""FOCUS versions that can be written; the last is the default."""


def write_focus(out: Path | None, version: str, period: str | None) -> None:
    """Write the FOCUS export to *out* and say what it holds; to standard output when None."""
    from trainfare.flows.focus_export import export_focus
    from trainfare.metering.home import home_folder

    _refuse_selections()
    done = export_focus(home_folder(), out or sys.stdout, version=version, period=period)
    if out is None:
        return
    click.echo(
        f"{out}: {plural(done.rows, 'row')} of {plural(done.charges, 'charge')}, "
        f"{', '.join(done.periods)}, FOCUS {version}; they sum to the bill."
    )
    if done.empty:
        listed = ", ".join(f"{name} ({count:,})" for name, count in done.empty.items())
        click.echo(f"FOCUS wants these filled, the bill does not say them (charges): {listed}.")


def _refuse_selections() -> None:
    """Refuse options that would make an export other than the bill as it stands."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = str(parameter.name)
        given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and name in ("by", "measures", "filters", "view", "as_of"):
            raise BadInput(
                "a FOCUS export has every charge and every cost column; leave out "
                f"{parameter.opts[0]}"
            )
