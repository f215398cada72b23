"""The command line's front door: finds a command, turns errors into one sentence and an exit code.

Exit codes: 0 done; 1 the answer is "no" (not conserved, over budget); 2 wrong use or input;
3 something outside failed. Commands load when they are called, so that ``trainfare run`` is quick.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import sys
import traceback
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from trainfare.core.errors import TrainfareError

COMMANDS = {
    "run": "Meter any command; its output, signals and exit code pass through.",
    "watch": "Live view of a run: money so far, $/h, epochs, GPU activity.",
    "runs": "List runs with their estimated cost; import runs from logs.",
    "show": "Everything known about one run.",
    "compare": "Two runs side by side.",
    "receipt": "The receipt of a run: table, JSON, CSV or HTML.",
    "estimate": "What a machine will cost, before boarding.",
    "plan": "Ways to do a job to come, by money, time and risk.",
    "budget": "Set budgets, see where they stand, ask whether a plan fits.",
    "alerts": "What is wrong now; tell mail, chat and webhooks.",
    "prices": "Find, set, import and refresh prices.",
    "bill": "Import bills, list them, check a file.",
    "claims": "Bring in who used what: Slurm, Kubernetes, managed jobs, CSV.",
    "allocate": "Give every charge to a run or to a named remainder.",
    "verify": "Prove that runs and remainders sum to the bill.",
    "report": "Money and unit costs by model, team, stage … summing to the bill.",
    "frontier": "The runs that no other beats in time and cost.",
    "utilization": "What paid GPUs did, in time and money; what commitments saved.",
    "advise": "What to do cheaper, checked on the own history; accept, dismiss, snooze.",
    "commit": "What is held ahead, what to buy, and how that would have done.",
    "reconcile": "Estimate beside bill, run by run, and why they differ.",
    "statement": "What each team has of a month, as showback or chargeback.",
    "chart": "Draw spend, a run, the frontier … as PNG, SVG, JSON or HTML.",
    "datasets": "What runs made, read and kept: size, makers, readers, money.",
    "explain": "From any number down to file, row, rule and weights.",
    "rules": "Check your own allocation rules.",
    "tags": "What to put on a job so that its charges find its run.",
    "serve": "The team's server: API and dashboard on this home.",
    "mcp": "Answer an assistant (Model Context Protocol), read-only.",
    "token": "Who may ask the server: create, list, rotate and revoke tokens.",
    "jobs": "What a server does by itself, and doing it by hand.",
    "agent": "One per node: ship its runs, and what nobody claims of it.",
    "metrics": "What runs cost now, as Prometheus scrapes it, without a server.",
    "trackers": "Send what runs cost to MLflow, billed too once the bill is here.",
    "simulate": "A company's month made up from a seed: bills, records and the truth.",
    "doctor": "What was detected, which price and why, what is missing.",
    "completion": "Print the completion script for bash, zsh or fish.",
}
"""Command name → one line for the list; the command lives in ``trainfare.cli.<name>``."""

COMPLETE_VARIABLE = "_TRAINFARE_COMPLETE"
"""What the completion script of a shell sets to ask for words instead of running a command."""


class _Commands(click.Group):
    """Loads ``trainfare.cli.<name>`` only when *name* is called, and lists all without loading."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"trainfare.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        _accept_home(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one comes closest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands from the table above, and the options of the group."""
        names = [
            CompletionItem(name, help=line)
            for name, line in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _use_home(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:  # noqa: ARG001
    """Let every later look-up of the home see the folder that the option names."""
    if value is not None:
        os.environ["TRAINFARE_HOME"] = str(value.absolute())


def _home_option() -> click.Option:
    return click.Option(
        ["--home"],
        type=click.Path(path_type=Path, file_okay=False),
        expose_value=False,
        is_eager=True,
        callback=_use_home,
        help="Where Trainfare keeps its state (also TRAINFARE_HOME).",
    )


def _accept_home(command: click.Command) -> None:
    """Let ``--home`` stand after the command's name as well as before it."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _accept_home(inner)
        if not command.invoke_without_command:
            return
    if all("--home" not in parameter.opts for parameter in command.params):
        command.params.append(_home_option())


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trainfare", message="trainfare %(version)s")
def cli() -> None:
    """What every AI training run costs: live while it runs, exact when the bill arrives."""


cli.params.append(_home_option())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; every failure is one sentence on standard error."""
    gc.set_threshold(50_000, 20, 50)  # what a command makes, it mostly keeps
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
    except (KeyboardInterrupt, click.Abort):
        code = 130
    except click.ClickException as error:
        if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
            click.echo(error.format_message(), err=True)
        else:
            _complain(_usage_sentence(error))
        code = 2
    except TrainfareError as error:
        _complain(str(error))
        code = error.exit_code
    except BrokenPipeError:
        # The reader (head, less) went away; what it did not read is not a failure.
        _drop_output()
        code = 0
    except OSError as error:
        _drop_output()
        _complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        code = 3
    except Exception as error:
        if os.environ.get("TRAINFARE_DEBUG"):
            traceback.print_exc()
        _complain(
            f"unexpected {type(error).__name__}: {error}; "
            "run again with TRAINFARE_DEBUG=1 to see where, and please report it"
        )
        code = 3
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """Call the command; click's own ``main`` would answer a closed pipe with exit code 1."""
    if os.environ.get(COMPLETE_VARIABLE):
        cli.main(prog_name="trainfare", complete_var=COMPLETE_VARIABLE)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a line or a euro sign gets "?" instead of a traceback.
            stream.reconfigure(errors="replace")
    if os.environ.get("TRAINFARE_SERVER"):
        from trainfare.cli.remote import answer, find_server

        server = find_server()
        answered = None if server is None else answer(server, arguments)
        if answered is not None:
            return answered
    # As the server asks when it runs a command for a terminal elsewhere (force-color.org).
    colour = True if os.environ.get("FORCE_COLOR") else None
    try:
        with cli.make_context("trainfare", arguments, color=colour) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as asked:
        code = asked.exit_code
    if sys.stdout is not None:
        sys.stdout.flush()
    return code if isinstance(code, int) else 0


def _drop_output() -> None:
    """Let what is still to be written go nowhere, so that Python's own last flush cannot fail."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage_sentence(error: click.ClickException) -> str:
    """The message of click in our form, with where to look."""
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    return f"{message[:1].lower()}{message[1:]} (see: {context.command_path} --help)"


def _complain(sentence: str) -> None:
    """One sentence on standard error, in red on a terminal."""
    from trainfare.cli.answer import complain

    with contextlib.suppress(OSError):
        complain(f"trainfare: {sentence}", fg="red")
