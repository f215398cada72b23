"""``trainfare mcp``: the books for an assistant, over the Model Context Protocol, read-only.

Each tool is one reading command with ``--format json``, run as its own process: what an assistant
is told is what a person would see, from the home or, with ``TRAINFARE_SERVER``, from the server.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import click

from trainfare.core.errors import MissingExtra

SECONDS = 120
"""An answer that takes longer is given up."""

INSTRUCTIONS = (
    "What AI training runs cost. Money is a decimal string with its currency beside it: never "
    "round it, never add currencies. 'estimated' is measured time × price, 'billed' and 'allocated' "
    "come from the provider's bill, null is unknown and not zero. Say which of them a figure is."
)


@click.command("mcp")
def command() -> None:
    """Answer an assistant's questions about runs, money and budgets on standard input and output.

    Add it to the assistant's configuration as the command `trainfare mcp`. Nothing can be changed
    through it.
    """
    try:
        from mcp.server import MCPServer
        from mcp.types import ToolAnnotations
    except ModuleNotFoundError as error:
        raise MissingExtra("mcp", "answer an assistant") from error
    server = MCPServer("trainfare", instructions=INSTRUCTIONS, log_level="ERROR")
    marks = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
    for tool in TOOLS:
        server.tool(annotations=marks)(tool)
    server.run("stdio")


def runs(
    model: str | None = None,
    experiment: str | None = None,
    team: str | None = None,
    status: str | None = None,
    limit: int = 20,
) -> dict[str, Any]:
    """The latest runs with status, duration, estimated and billed money; filters are exact.

    status: running, finished, failed, killed or stopped_by_budget.
    """
    return _ask(
        "runs",
        *_option("--model", model),
        *_option("--experiment", experiment),
        *_option("--team", team),
        *_option("--status", status),
        *_option("--limit", limit),
    )


def run(run: str) -> dict[str, Any]:
    """Everything known of one run: receipt by component, epochs, machines, devices, metrics.

    run: its id, the beginning of its id, its name, or "last".
    """
    return _ask("show", "--", run)


def costs(
    by: str = "team", period: str | None = None, where: list[str] | None = None
) -> dict[str, Any]:
    """Money by team, model, experiment, component, day … with the remainders nobody owns.

    by: keys with commas between, such as "team,model". period: a month, "2026-10".
    where: filters such as ["team=nlp"].
    """
    filters = [word for one in where or [] for word in ("--where", one)]
    return _ask("report", "--by", by, *_option("--period", period), *filters)


def reconciliation(run: str | None = None) -> dict[str, Any]:
    """Estimate beside bill, run by run, and the causes of the difference."""
    return _ask("reconcile", *_option("--run", run))


def budgets() -> dict[str, Any]:
    """Where every budget stands: limit, spent, forecast, chance to exceed it, state."""
    return _ask("budget", "check")


def advice() -> dict[str, Any]:
    """What to do cheaper with savings and evidence; what is wrong now; what paid GPUs did."""
    return {
        "advice": _ask("advise"),
        "alerts": _ask("alerts", "list"),
        "utilization": _ask("utilization"),
    }


def estimate(
    instance: str, hours: float, region: str | None = None, spot: bool = False
) -> dict[str, Any]:
    """What a machine type will cost for so many hours, before it starts, with price and source."""
    return _ask(
        "estimate",
        "--instance",
        instance,
        "--hours",
        str(hours),
        *_option("--region", region),
        *(["--spot"] if spot else []),
    )


def explanation(run: str) -> dict[str, Any]:
    """Why a run has the charges it has: file, row, rule and weights, down to each charge."""
    return _ask("explain", "--", run)


TOOLS = (runs, run, costs, reconciliation, budgets, advice, estimate, explanation)
"""Everything an assistant may ask."""


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [f"{name}={value}"]


def _ask(*words: str) -> dict[str, Any]:
    """The JSON that a command answers with, or its one sentence as the tool's error."""
    from mcp.server.mcpserver.exceptions import ToolError

    name, *rest = words
    at = rest.index("--") if "--" in rest else len(rest)
    arguments = [name, *rest[:at], "--format", "json", *rest[at:]]
    try:
        done = _run(arguments)
    except subprocess.TimeoutExpired:
        raise ToolError(f"trainfare {name} took longer than {SECONDS} s") from None
    if done.returncode in (0, 1) and done.stdout.strip():  # 1 is an answer too: over budget
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer
    raise ToolError((done.stderr or f"trainfare {name} gave no answer").strip())


def _run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainfare", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
