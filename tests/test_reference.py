"""The reference leaves nothing out: every command, option and setting has a word to it."""

import re
import tomllib
import warnings
from pathlib import Path

import click
import pytest

from trainfare.allocation.match import _OPERATORS
from trainfare.allocation.rules import Division, Outcome, Rules, load_rules
from trainfare.allocation.steps import PRIORITIES, RULE_PRIORITY
from trainfare.billing import mapping
from trainfare.budgets import target
from trainfare.cli.main import COMMANDS, cli
from trainfare.core.charge import COLUMNS
from trainfare.core.setting import INNER, VARIABLES
from trainfare.core.toml_table import TomlTable
from trainfare.flows import job_plan
from trainfare.flows.jobs import JOBS
from trainfare.integrations.opentelemetry import INSTRUMENTS
from trainfare.metering.place import NETWORK_CLASSES
from trainfare.prices.refresh import FEEDS
from trainfare.reports.focus_export_columns import OWN
from trainfare.reports.statement_policy import load_policy as load_statement_policy
from trainfare.server import policy
from trainfare.server.app import make_app
from trainfare.server.service import Service, Settings

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "trainfare"
REFERENCE = ROOT / "docs" / "reference"


def commands(command, name, context):
    yield name, command
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            yield from commands(command.get_command(context, word), f"{name} {word}", context)


ALL = list(commands(cli, "trainfare", click.Context(cli)))


def test_every_command_says_what_it_does_and_stands_on_the_page():
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    assert len(ALL) > len(COMMANDS)
    assert [name for name, command in ALL if not command.help] == []
    assert [
        name for name, _ in ALL[1:] if not re.search(rf"^##+ {name}$", text, re.MULTILINE)
    ] == []


def test_every_option_says_what_it_is_for_and_stands_under_its_command():
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    sections = {
        part.split("\n", 1)[0]: part for part in re.split(r"^##+ ", text, flags=re.MULTILINE)
    }
    silent, absent = [], []
    for name, command in ALL[1:]:
        for one in command.params:
            if not isinstance(one, click.Option) or one.hidden or "--home" in one.opts:
                continue
            silent += [f"{name} {one.opts[0]}"] if not one.help else []
            absent += [f"{name} {opt}" for opt in one.opts if opt not in sections[name]]
    assert silent == []
    assert absent == []


# Settings


def ours(path):
    return set(re.findall(r"\bTRAINFARE_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))


def test_every_variable_that_the_code_names_has_a_description():
    kinds = {".py", ".html", ".js"}
    files = [one for one in SOURCE.rglob("*") if one.suffix in kinds and one.name != "setting.py"]
    named = set().union(*map(ours, files))
    assert named | {"TRAINFARE_COMPLETE"} == VARIABLES.keys() | INNER.keys()
    assert all(word in VARIABLES["TRAINFARE_NETWORK_CLASS"] for word in NETWORK_CLASSES)


def test_no_page_names_a_variable_that_there_is_not():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    own = set().union(*map(ours, (ROOT / "tests/chaos").glob("*.py")))  # tests have settings too
    assert set().union(*map(ours, pages)) - VARIABLES.keys() - own == set()


def example(file):
    """What the settings page shows of a file."""
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    found = re.search(rf"^### {file}$.*?```toml\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    return found[1]


@pytest.fixture
def tables(monkeypatch):
    """The keys that readers accept, by the table they stand in."""
    accepted = {}

    def note(self, check=TomlTable.__post_init__):
        check(self)
        accepted[self.where] = set(self.keys)

    monkeypatch.setattr(TomlTable, "__post_init__", note)
    return accepted


def keys_in(text, keys):
    return {key for key in keys if re.search(rf"^(\[+[\w.]*)?{key}\b", text, re.MULTILINE)}


def test_the_example_of_server_toml_is_read_and_has_every_key(tmp_path, tables):
    (tmp_path / "server.toml").write_text(example("server.toml"))
    found = policy.load_policy(tmp_path, {"OIDC_SECRET": "x"})
    assert found.provider.roles[0].team == "nlp"
    every = set().union(*tables.values())
    assert every - keys_in(example("server.toml"), every) == set()


def test_the_example_of_jobs_toml_is_read_and_has_every_key(tmp_path, tables):
    (tmp_path / "jobs.toml").write_text(example("jobs.toml"))
    found = job_plan.read_plan(tmp_path, tuple(JOBS), tuple(FEEDS))
    assert len(found.usage) == 3
    every = set().union(*(keys for where, keys in tables.items() if "[when]" not in where))
    assert every - keys_in(example("jobs.toml"), every) == set()


def test_the_page_of_jobs_toml_names_every_job_and_every_key(tmp_path, tables):
    page = (REFERENCE / "jobs-toml.md").read_text(encoding="utf-8")
    (tmp_path / "jobs.toml").write_text(example("jobs.toml"))
    job_plan.read_plan(tmp_path, tuple(JOBS), tuple(FEEDS))
    words = set().union(*tables.values()) | JOBS.keys()
    assert {word for word in words if f"`{word}`" not in page and f"[{word}]" not in page} == set()
    for name, job in JOBS.items():
        assert re.search(rf"^\| `{name}` \| `{job.when}`", page, re.MULTILINE), name


def test_the_example_of_notify_toml_is_read_and_has_every_key(tmp_path):
    (tmp_path / "notify.toml").write_text(example("notify.toml"))
    env = {"OPS_MAIL": "mailto://u:p@example.com", "HOOK_SECRET": "whsec_" + "QUFB" * 8}
    assert [one.name for one in target.read_targets(tmp_path, env)] == ["ops", "hook"]
    assert target._KEYS - keys_in(example("notify.toml"), target._KEYS) == set()


def test_the_example_of_rules_toml_is_read_and_has_every_key(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(example("rules.toml"))
    rules = load_rules(path)
    assert isinstance(rules, Rules)
    assert {rule.outcome for rule in rules.rules} == set(Outcome)


def test_the_example_of_statement_toml_is_read(tmp_path):
    path = tmp_path / "statement.toml"
    path.write_text(example("statement.toml"))
    assert set(load_statement_policy(path).ways) == {
        "idle",
        "tax",
        "unused_commitment",
        "unallocated",
    }


def test_the_example_of_a_mapping_file_is_read_and_has_every_key():
    text = example("a mapping file")
    found = mapping.parse_mapping(tomllib.loads(text), "m.toml")
    assert found.tags == {"team": "Cost centre"}
    assert mapping._TABLES - keys_in(text, mapping._TABLES) == set()


# The API


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """What a server says of itself, and the routes that it really has."""
    service = Service(Settings(tmp_path_factory.mktemp("api")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what Litestar 3 will want
        app = make_app(service)
        schema = app.openapi_schema.to_schema()
    service.close()
    routes = {
        (method, route.path_format)
        for route in app.routes
        if route.path_format.startswith(("/api/", "/metrics", "/healthz", "/readyz"))
        for method in route.methods - {"OPTIONS"}
    }
    return schema["paths"], routes


def test_every_route_is_on_the_page_and_says_what_it_does(described):
    paths, routes = described
    text = (REFERENCE / "routes.md").read_text(encoding="utf-8")
    assert len(routes) > 50
    assert [one for one in routes if f"### {' '.join(one)}\n" not in text] == []
    silent = [(path, method) for path, item in paths.items() for method, operation in item.items()
              if " " not in operation["summary"]]  # fmt: skip
    assert silent == []


def test_every_parameter_of_a_route_says_what_it_is(described):
    silent = [
        f"{method} {path}: {one['name']}"
        for path, item in described[0].items()
        for method, operation in item.items()
        for one in operation.get("parameters", ())
        if not one.get("description")
    ]
    assert silent == []


# Metrics, columns, rules


def test_every_gauge_of_the_source_is_on_the_page():
    text = (REFERENCE / "metrics.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    named = set(re.findall(r'Gauge(?:MetricFamily)?\(\s*"(\w*[_.][\w.]+)"', source))
    named |= {name for name, _, _ in INSTRUMENTS}
    assert len(named) > 11
    assert {one for one in named if f"`{one}`" not in text} == set()


def test_every_column_says_what_it_is():
    text = (REFERENCE / "columns.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| (.*) \|$", text.partition("## FOCUS export")[0], re.MULTILINE
    )
    assert len(rows) > 100
    assert [name for name, rest in rows if not rest.rpartition(" | ")[2].strip()] == []
    assert {name for name in COLUMNS if f"| `{name}` |" not in text} == set()


def test_the_page_of_the_export_says_what_each_column_of_ours_holds():
    text = (REFERENCE / "focus-export.md").read_text(encoding="utf-8")
    assert {name for name in OWN if f"`{name}`" not in text} == set()


def test_the_page_of_rules_names_every_word_of_the_language():
    text = (REFERENCE / "rules.md").read_text(encoding="utf-8")
    words = {*Outcome, "name", "match", "priority", "scope", *Division, *PRIORITIES, *_OPERATORS}
    assert {one for one in words if f"`{one}`" not in text and f'`"{one}"`' not in text
            and f"`{one} " not in text} == set()  # fmt: skip
    assert all(f"{place} (`{step}`)" in text for step, place in PRIORITIES.items())
    assert f"{RULE_PRIORITY} if left out" in text


def test_the_page_of_allocation_names_every_step_in_its_place():
    text = (ROOT / "docs/explanation/allocation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", text, re.MULTILINE)
    assert [(step, int(place)) for place, step in rows] == list(PRIORITIES.items())
