"""How commands answer: one JSON document with stable keys, or a table made for a terminal."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trainfare.cli.columns import Column, fill, table_lines
from trainfare.core.labels import parse_label
from trainfare.core.plain import percent, plain, shorten_middle

if TYPE_CHECKING:
    from trainfare.reports.table import Table

WIDEST = 120
"""Sentences take no more columns: longer lines are hard to read."""

Command = TypeVar("Command", bound=Callable[..., Any])


def format_option(*formats: str) -> Callable[[Command], Command]:
    """The ``--format`` option of a command; *formats* in order, the first is the default."""
    choices = formats or ("table", "json")
    return click.option(
        "--format",
        "form",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="How to print the answer.",
    )


def say_json(document: object) -> None:
    """Print *document* as indented JSON; money and times are already text in it."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def room(*, err: bool = False) -> int | None:
    """Columns that a line may take; None where nobody looks, as in a file or a pipe.

    Args:
        err: Of standard error instead of standard output.
    """
    stream = sys.stderr if err else sys.stdout
    is_seen = stream.isatty() or bool(os.environ.get("FORCE_COLOR"))
    if not is_seen and (err or not os.environ.get("COLUMNS")):
        return None
    return shutil.get_terminal_size((80, 24)).columns


def width() -> int:
    """Columns of the terminal, at most 120; 80 where there is none."""
    return min(WIDEST, shutil.get_terminal_size((80, 24)).columns)


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int] = (),
    gap: int = 2,
) -> str:
    """Rows under dim headers, columns *gap* spaces apart; column numbers in *right* align right.

    On a terminal it is no wider than that; elsewhere nothing is cut.

    >>> print(click.unstyle(table(["run", "USD"], [["a", "1.00"], ["bb", "10.00"]], right=[1])))
    run    USD
    a     1.00
    bb   10.00
    """
    columns = [
        Column(head, tuple(row[number] for row in rows), number in right)
        for number, head in enumerate(headers)
    ]
    return "\n".join(table_lines(columns, gap, room()))


def filled(text: str, first: str = "", below: str | None = None) -> str:
    """*text* as :func:`fill` lays it out on a terminal; one line where nobody looks."""
    limit = room()
    return first + text if limit is None else fill(text, min(WIDEST, limit), first, below)


def share_text(share: float | Fraction | Decimal | None) -> str:
    """A share as people read it; ``?`` where it is not known.

    >>> share_text(0.125), share_text(None)
    ('12.5 %', '?')
    """
    return "?" if share is None else percent(share)


def say(text: str, first: str = "", below: str | None = None) -> None:
    """Print a sentence as :func:`filled` lays it out."""
    click.echo(filled(text, first, below))


def complain(text: str, *, fg: str | None = None) -> None:
    """Print sentences, a line each, on standard error; on a terminal they are wrapped at words."""
    limit = room(err=True)
    for line in text.splitlines():
        words = line.lstrip()
        first = line[: len(line) - len(words)]
        laid = fill(words, min(WIDEST, limit), first, first and first + "  ") if limit else line
        click.secho(laid, err=True, fg=fg)


def name_text(name: str, beside: int = 8) -> str:
    """A name made plain, which loses its middle where a line has no room for it and *beside* columns."""
    limit = room()
    return plain(name) if limit is None else shorten_middle(plain(name), limit - beside)


def command_text(command: str, indent: str = "") -> str:
    """A command that can be copied: where a terminal is too narrow, broken as shells allow it.

    >>> command_text("trainfare verify", "  ")
    '  trainfare verify'
    """
    limit = room()
    if limit is None or len(indent + command) <= limit:
        return indent + command
    lines, line = [], indent
    for word in map(shlex.quote, shlex.split(command)):
        if line.strip() and len(f"{line} {word}") > limit - 2:
            lines.append(line)
            line = indent + "   "
        line += word if line == indent else f" {word}"
    return " \\\n".join([*lines, line])


def say_table(table: Table) -> None:
    """Print one report as wide as the terminal; what nobody owns is dim, the total bold."""
    from trainfare.reports.cell import Role
    from trainfare.reports.table_text import table_lines

    for line in table_lines(table, width=width()):
        is_dim = line.role in (Role.REMAINDER, Role.LEFT_OUT)
        is_bold = line.role is Role.TOTAL
        click.echo(click.style(line.text, dim=is_dim or None, bold=is_bold or None))


def filters_of(texts: Sequence[str]) -> dict[str, list[str]]:
    """The filters that ``--where key=value`` gives, repeated.

    >>> filters_of(["team=nlp", "team=vision", "model=bert"])
    {'team': ['nlp', 'vision'], 'model': ['bert']}
    """
    where: dict[str, list[str]] = {}
    for text in texts:
        key, value = parse_label(text)
        where.setdefault(key, []).append(value)
    if team := only_team():
        where["team"] = [team]
    return where


def only_team() -> str | None:
    """The team whose part alone is told: set by a server that answers somebody of one team."""
    return os.environ.get("TRAINFARE_ONLY_TEAM") or None
