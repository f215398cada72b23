"""``trainfare rules``: check the user's own rules."""

from __future__ import annotations

from pathlib import Path

import click

from trainfare.cli.answer import format_option, say, say_json
from trainfare.core.plain import plural


@click.group("rules")
def command() -> None:
    """Your own rules: which charge belongs to which run, team or remainder."""


@command.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@format_option("table", "json")
def check(file: Path | None, form: str) -> int:
    """Check a rules FILE (default: the home's rules.toml); exit 1 when something is wrong."""
    from trainfare.allocation.rules import check_rules
    from trainfare.core.errors import NotFound
    from trainfare.flows.bill import need_analytics
    from trainfare.flows.inputs import rules_file
    from trainfare.metering.home import home_folder

    need_analytics("check rules")
    own = rules_file(home_folder())
    if file is None and not own.exists():
        raise NotFound(f"there are no rules yet; write them to {own}")
    problems = check_rules(file or own)
    if form == "json":
        say_json({"problems": [str(problem) for problem in problems]})
    else:
        for problem in problems:
            say(str(problem), below="  ")
        click.echo(f"{plural(len(problems), 'problem')}." if problems else "Nothing is wrong.")
    return 1 if problems else 0
