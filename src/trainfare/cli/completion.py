"""``trainfare completion``: the script that makes a shell complete commands, options and runs."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from trainfare.cli.answer import format_option, say_json


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@format_option("script", "json")
def command(shell: str, form: str) -> None:
    """Print the completion script for SHELL.

    bash: eval "$(trainfare completion bash)"
    """
    from trainfare.cli.main import COMPLETE_VARIABLE, cli

    found = get_completion_class(shell)
    assert found is not None
    script = found(cli, {}, "trainfare", COMPLETE_VARIABLE).source()
    if form == "json":
        say_json({"shell": shell, "script": script})
    else:
        click.echo(script)
