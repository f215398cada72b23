"""Report files: what ``trainfare report --out`` writes beside the table on the screen."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import say
from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.core.plain import plural

if TYPE_CHECKING:
    from trainfare.reports.document import Document

out_option = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file."
)
"""The ``--out`` option of a command that answers with files."""

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
    say(
        f"{out}: {plural(done.rows, 'row')} of {plural(done.charges, 'charge')}, "
        f"{', '.join(done.periods)}, FOCUS {version}; they sum to the bill."
    )
    if done.empty:
        listed = ", ".join(f"{name} ({count:,})" for name, count in done.empty.items())
        say(f"FOCUS wants these filled, the bill does not say them (charges): {listed}.")


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


def json_text(document: object) -> str:
    """*document* as commands print JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write_text(text: str, out: Path | None) -> None:
    """Write *text* to *out*; to standard output when None."""
    if out is None:
        click.echo(text, nl=False)
    else:
        _write(text.encode("utf-8"), out)


def write_document(document: Document, form: str, out: Path | None) -> None:
    """Write *document* as HTML or PDF.

    Raises:
        BadInput: a PDF would go to a terminal.
        MissingExtra: what it needs is not installed.
    """
    if form == "html":
        from trainfare.reports.html_document import html_of

        write_text(html_of(document), out)
        return
    from trainfare.reports.pdf_document import pdf_of

    write_bytes(lambda: pdf_of(document), form, out)


def write_bytes(make: Callable[[], bytes], form: str, out: Path | None) -> None:
    """Write what *make* makes to *out*; to standard output when None.

    Raises:
        BadInput: it would go to a terminal.
    """
    if out is None and sys.stdout.isatty():
        raise BadInput(f"--format {form} is not for a terminal; add --out FILE.{form}")
    made = make()
    if out is None:
        click.echo(made, nl=False)
    else:
        _write(made, out)


def refuse_file(form: str, out: Path | None) -> None:
    """A table for the terminal goes to no file.

    Raises:
        BadInput: *out* is given.
    """
    if out is not None:
        raise BadInput(f"--out with --format {form} has no meaning; name another --format")


def _write(made: bytes, out: Path) -> None:
    """Write *made* to *out*, whole or not at all, and say so."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        partial.write_bytes(made)
        partial.replace(out)
    except OSError as error:
        raise OutsideFailed(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
    say(f"{out}: {len(made):,} bytes")
