"""The command line: every command, argument and option of the click tree, and the exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click
from docs.press.page import cell, code, markdown, page, table

from trainfare.cli.main import COMMANDS, cli

INTRO = """
Every command takes `--home DIR` and `--help`; those that answer take `--format json`, whose keys are stable.
What is missing is null in JSON, with the reason beside it; money and times are text.

## Exit codes

| code | means |
|---|---|
| 0 | done; the answer is yes |
| 1 | the answer is no: not conserved, over budget, a check that found something |
| 2 | wrong use or input; nothing was changed |
| 3 | something outside failed: a disk, network, database or provider; or an unexpected error of our own |
| 130 | interrupted |

`trainfare run` gives back the exit code of the command that it ran.
[Errors](errors.md) says which error ends with which code.
A failure is one sentence on standard error: what is wrong, where, and what to do.

On a terminal no table is wider than it: words go on below, names lose their middle and still read differently, figures stay whole.
In a file or a pipe nothing is cut; `COLUMNS=120` before a command asks for a width there, too.
"""


def make() -> str:
    """The page."""
    context = click.Context(cli, info_name="trainfare")
    known = ((f"[`{name}`](#trainfare-{name})", about) for name, about in COMMANDS.items())
    parts = [
        INTRO,
        "## All commands\n\n" + table(("command", "does"), known),
        "## For all commands\n\n" + _options(cli),
    ]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        parts += _sections(command, click.Context(command, info_name=name, parent=context), 2)
    return page("The command line", *parts)


def _sections(command: click.Command, context: click.Context, depth: int) -> Iterator[str]:
    path = context.command_path
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield f"{'#' * depth} {path}"
    yield _help(command)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield f"```text\n{usage}\n```"
        yield _arguments(command)
        yield _options(command)
    if isinstance(command, click.Group):
        for word, inner in sorted(command.commands.items()):
            below = click.Context(inner, info_name=word, parent=context)
            yield from _sections(inner, below, depth + 1)


def _help(command: click.Command) -> str:
    """The help text; what click is told not to wrap is a block of its own."""
    text = (command.help or "").split("\f")[0]
    parts = []
    for part in re.split(r"\n\s*\n", text.strip()):
        if part.lstrip().startswith("\b"):
            lines = part.lstrip().removeprefix("\b").strip("\n")
            parts.append(f"```text\n{lines}\n```")
        else:
            parts.append(markdown(part))
    return "\n\n".join(parts)


def _arguments(command: click.Command) -> str:
    found = [one for one in command.params if isinstance(one, click.Argument)]
    rows = [(code(one.make_metavar(click.Context(command))), _type(one)) for one in found]
    return table(("argument", "is"), rows) if any(kind for _, kind in rows) else ""


def _options(command: click.Command) -> str:
    found = [
        one for one in command.params if isinstance(one, click.Option) and not one.hidden
        and ("--home" not in one.opts or command is cli)
    ]  # fmt: skip
    rows = [(_names(one), f"{one.help or ''} {_notes(one)}".strip()) for one in found]
    return table(("option", "says"), [(names, cell(says)) for names, says in rows]) if rows else ""


def _names(option: click.Option) -> str:
    value = "" if option.is_flag or option.count else " " + _value(option)
    opts = ", ".join(option.opts) + (
        f" / {'/'.join(option.secondary_opts)}" if option.secondary_opts else ""
    )
    return code(opts + value)


def _value(option: click.Option) -> str:
    return (
        option.metavar
        or _choices(option.type)
        or {"integer range": "N", "float range": "X", "integer": "N"}.get(
            option.type.name, option.type.name.upper()
        )
    )


def _notes(option: click.Option) -> str:
    notes = [_type(option)] if option.metavar else []
    if option.required:
        notes.append("Must be said.")
    if option.multiple:
        notes.append("May be said more than once.")
    default: Any = option.to_info_dict()["default"]
    if option.show_default and default not in (None, False, "", (), []):
        notes.append(f"Default: {code(str(default))}.")
    return " ".join(note for note in notes if note)


def _type(parameter: click.Parameter) -> str:
    """What the values may be, where that is not any text."""
    kind = parameter.type
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        low, high = (kind.min, kind.max)
        bounds = [f"from {low}"] if low is not None else []
        bounds += [f"to {high}"] if high is not None else []
        return f"A number {' '.join(bounds)}." if bounds else ""
    choices = _choices(kind)
    return f"One of {', '.join(code(one) for one in choices.split('|'))}." if choices else ""


def _choices(kind: click.ParamType) -> str:
    return "|".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else ""
