"""How commands answer: one JSON document with stable keys, or a table made for a terminal."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trainfare.core.labels import parse_label
from trainfare.core.plain import visible_len

if TYPE_CHECKING:
    from trainfare.reports.table import Table

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


def width() -> int:
    """Columns of the terminal, at most 120; 80 where there is none."""
    return min(120, shutil.get_terminal_size((80, 24)).columns)


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int] = (),
    gap: int = 2,
) -> str:
    """Rows under dim headers, columns *gap* spaces apart; column numbers in *right* align right.

    >>> print(click.unstyle(table(["run", "USD"], [["a", "1.00"], ["bb", "10.00"]], right=[1])))
    run    USD
    a     1.00
    bb   10.00
    """
    cells = [list(headers), *[list(row) for row in rows]]
    widths = [max(visible_len(row[i]) for row in cells) for i in range(len(headers))]
    lines = []
    for number, row in enumerate(cells):
        parts = []
        for i, cell in enumerate(row):
            pad = " " * (widths[i] - visible_len(cell))
            text = click.style(cell, dim=True) if number == 0 else cell
            parts.append(pad + text if i in right else text + pad)
        lines.append((" " * gap).join(parts).rstrip())
    return "\n".join(lines)


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


def shorten_middle(text: str, limit: int) -> str:
    """*text* cut to *limit* columns in its middle, for names that differ at their ends.

    >>> shorten_middle("arn:aws:ec2:volume/vol-42", 13)
    'arn:aw…vol-42'
    """
    if len(text) <= limit:
        return text
    tail = limit // 2
    return text[: limit - tail - 1] + "…" + text[len(text) - tail :]
