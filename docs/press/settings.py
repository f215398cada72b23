"""Settings: the variables of the environment and the files of a home, as their readers say."""

from __future__ import annotations

import inspect
import re
import textwrap
from types import ModuleType

from docs.press.page import code, markdown, page, table

from trainfare.allocation import rules
from trainfare.billing import mapping
from trainfare.budgets import target
from trainfare.core.setting import VARIABLES
from trainfare.flows import job_plan
from trainfare.reports import statement_policy
from trainfare.server import policy

FILES: dict[str, tuple[ModuleType, str]] = {
    "server.toml": (policy, "[Let people in](../how-to/let-people-in.md)"),
    "jobs.toml": (job_plan, "[jobs.toml](jobs-toml.md), [let the server work](../how-to/let-the-server-work.md)"),
    "notify.toml": (target, "[Be told](../how-to/be-told.md)"),
    "rules.toml": (rules, "[Rules](rules.md)"),
    "statement.toml": (statement_policy, "[State what each team has](../how-to/state-what-each-team-has.md)"),
    "a mapping file": (mapping, "[Rules and other files](rules.md#mapping-files)"),
}  # fmt: skip
"""File → who reads it, whose docstring shows all its keys, and what else to read."""


INTRO = """
Trainfare needs no configuration; what can be said is said in the environment or in files of the home.
A key that is not listed here is refused with its place, and `trainfare doctor` names variables that nothing reads.
"""

OTHERS = """
What other programs say is read where they say it: `SLURM_*`, `RANK` and `WORLD_SIZE` of the launcher ([how a run is metered](../explanation/metering.md)), `OTEL_EXPORTER_OTLP_*` of OpenTelemetry ([scrape live costs](../how-to/scrape-live-costs.md)), the credentials of clouds by their own clients.

## Files of a home

Each is TOML that you write; none must be there.
What commands keep (budgets, alerts, price overrides, held commitments) is kept by them: `trainfare budget set` and its sisters write it.
"""


def make() -> str:
    """The page."""
    variables = table(
        ("variable", "says"), ((code(name), says) for name, says in VARIABLES.items())
    )
    parts = [INTRO, f"## Environment variables\n\n{variables}", OTHERS]
    for name, (module, more) in FILES.items():
        says, example, rest = parts_of(module)
        parts += [f"### {name}\n\n{says}", f"```toml\n{example}```", rest, f"More: {more}."]
    return page("Settings", *parts)


def parts_of(module: ModuleType) -> tuple[str, str, str]:
    """What a reader's docstring says, the example in it with all keys, and what it says after."""
    text = inspect.getdoc(module) or ""
    found = re.search(r"\n\n((?:    .*\n|\n)+)", text)
    assert found, f"{module.__name__} shows no example"
    before, after = text[: found.start()], text[found.end() :]
    before = re.sub(r"^[\w ]+: (\w)", lambda found: found[1].upper(), before)
    return markdown(before), textwrap.dedent(found[1]).strip("\n") + "\n", markdown(after)
