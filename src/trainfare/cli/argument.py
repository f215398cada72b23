"""Arguments of many commands: RUN, which the shell completes, and PERIOD, which --period says too."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from trainfare.core.errors import BadInput

Command = TypeVar("Command", bound=Callable[..., Any])

_ONE_WORD = re.compile(r"[\w.@%+=:,/-]+")
"""What every shell takes as one word without quotes."""


def run_argument(
    name: str = "run", *, default: str | None = "last"
) -> Callable[[Command], Command]:
    """A RUN argument: an id, the beginning of one, a name, or ``last``; required without a default."""
    if default is None:
        return click.argument(name, metavar="RUN", shell_complete=complete_run)
    return click.argument(name, default=default, metavar="[RUN]", shell_complete=complete_run)


def period_argument(command: Command) -> Command:
    """PERIOD, also said as ``--period``; :func:`one_period` tells which of the two was."""
    option = click.option(
        "--period", "named", metavar="YYYY-MM", help="The month, as report takes it."
    )
    return click.argument("period", required=False)(option(command))


def one_period(period: str | None, named: str | None) -> str | None:
    """The month that was said, in either way.

    Raises:
        BadInput: it was said in both.
    """
    if period is not None and named is not None:
        raise BadInput(f"the month is said twice: {period} and --period {named}; leave one out")
    return period or named


def complete_run(
    ctx: click.Context,  # noqa: ARG001 (click's signature)
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """``last``, ids and names that begin so, the latest first; each id with the run's name."""
    from trainfare.metering.history import first_words, run_ids
    from trainfare.metering.home import home_folder

    home = home_folder()
    began = {run_id: first_words(home, run_id) for run_id in run_ids(home)}
    words: dict[str, str | None] = {"last": "the latest run"} if began else {}
    for run_id in sorted(began, key=lambda one: began[one][0], reverse=True):
        name = began[run_id][1]
        words.setdefault(run_id, name)
        if name and _ONE_WORD.fullmatch(name):
            words.setdefault(name, "the latest run of this name")
    return [CompletionItem(w, help=h) for w, h in words.items() if w.startswith(incomplete)]
