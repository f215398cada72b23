"""Rules: the user's own file of what belongs to whom, read and checked.

    [[rule]]
    name = "vision account"              # the method of what it gives; letters, digits, - and _
    match = 'SubAccountId = "1234"'      # which charges
    label = "team=vision"                # one of run, label, shared, unallocated
    priority = 700                       # optional: the smaller is tried first

    [[rule]]
    name = "dataset bucket"
    match = 'ResourceId glob "*datasets*"'
    shared = "proportional"              # or even, bytes, apart
    scope = 'RegionId = "us-east-1"'     # optional: the charges whose runs take part

    [[rule]]
    name = "etl jobs"
    match = 'Tags.job glob "etl-*"'
    run = "{Tags.job}"

    [[rule]]
    name = "company tax"
    match = 'ChargeCategory = "Tax"'
    unallocated = true

- ``run`` gives the charge to a run: an id, or a text with fields in braces (``"{Tags.job}"``,
  ``"etl-{SubAccountId}"``); a charge that lacks a field does not match.
- ``label`` gives it to an owner without a run; it counts as shared, not divided.
- ``shared`` divides it over runs at the end: *proportional* to their allocated effective cost,
  *even*, by the *bytes* that they read or keep, or not at all (*apart*).
- ``unallocated = true`` says that nobody owns it.

Rules are tried in order of priority, then as they stand in the file; the first that matches counts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from trainfare.allocation.database import duckdb
from trainfare.allocation.match import Comparison, Field, Match, fields_of, parse_match, patterns_of
from trainfare.allocation.steps import PRIORITIES, RULE_PRIORITY, UNMATCHED, UNUSED_COMMITMENT
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.labels import check_run_id, make_labels, parse_label

RULES_MAX = 1000
"""More rules than this in one file are a mistake."""


class Outcome(StrEnum):
    """What a rule does with a charge."""

    RUN = "run"
    LABEL = "label"
    SHARED = "shared"
    UNALLOCATED = "unallocated"


class Division(StrEnum):
    """How a shared charge is divided over runs."""

    PROPORTIONAL = "proportional"
    EVEN = "even"
    BYTES = "bytes"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the user's file."""

    name: str
    match: Match
    text: str
    """*match* as the user wrote it."""
    outcome: Outcome
    value: str
    """The run's template, the label ``key=value``, or the division; empty for unallocated."""
    priority: int = RULE_PRIORITY
    scope: Match | None = None
    line: int = 0

    @property
    def template(self) -> tuple[str | Field, ...]:
        """The run's id as literal texts and fields, in order."""
        return tuple(_template_parts(self.value))


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one file, in the order in which they are tried."""

    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise BadInput("two rules have the same name; a method must say which one it was")
        ordered = sorted(self.rules, key=lambda rule: rule.priority)
        object.__setattr__(self, "rules", tuple(ordered))

    @property
    def columns(self) -> list[str]:
        """Columns that some rule looks at, sorted; ``Tags`` stands for all tags."""
        fields: set[Field] = set()
        for rule in self.rules:
            fields |= fields_of(rule.match)
            if rule.scope is not None:
                fields |= fields_of(rule.scope)
            if rule.outcome is Outcome.RUN:
                fields |= {part for part in rule.template if isinstance(part, Field)}
        return sorted({field.column for field in fields})


NO_RULES = Rules()
"""Only the built-in steps."""


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """One thing wrong with a rules file, and where."""

    file: str
    line: int | None
    key: str | None
    value: str | None
    what: str
    """What is wrong and what to do."""

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f" line {self.line}"
        if self.key is not None:
            place += f", {self.key}"
        shown = f"{self.value[:80]!r} " if self.value is not None else ""
        return f"{place}: {shown}{self.what}"


def load_rules(path: Path) -> Rules:
    """The rules of a file.

    Raises:
        NotFound: there is no such file.
        BadInput: with every problem of the file.
    """
    rules, problems = _read(path)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        raise BadInput("\n".join([f"{count} in {path.name}", *(f"  {each}" for each in problems)]))
    return Rules(tuple(rules))


def check_rules(path: Path) -> list[RuleProblem]:
    """Everything that is wrong with a rules file, in order of lines; empty when it is sound.

    Raises:
        NotFound: there is no such file.
    """
    return _read(path)[1]


def _read(path: Path) -> tuple[list[Rule], list[RuleProblem]]:
    try:
        text = path.read_bytes().decode("utf-8")
        document = tomllib.loads(text)
    except FileNotFoundError:
        raise NotFound(f"no rules file {path}; check the name") from None
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        return [], [RuleProblem(path.name, None, None, None, "is not text in UTF-8; save it so")]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else None
        return [], [RuleProblem(path.name, line, None, None, f"is not TOML: {error}")]
    reader = _Reader(path.name, text)
    rules = reader.rules(document)
    return rules, sorted(reader.problems, key=lambda problem: problem.line or 0)


class _Reader:
    """A pass over one parsed file that collects problems with their lines."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.split("\n")
        self.heads = [
            number
            for number, line in enumerate(self.lines, 1)
            if re.match(r"\s*\[\[\s*rule\s*\]\]", line)
        ]
        self.problems: list[RuleProblem] = []

    def rules(self, document: Mapping[str, Any]) -> list[Rule]:
        for key in document:
            if key != "rule":
                self.problem(None, key, None, "is not known; rules stand under [[rule]]")
        tables = document.get("rule", [])
        if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
            self.problem(None, "rule", None, "is not a list of tables; write [[rule]]")
            tables = []
        elif len(tables) > RULES_MAX:
            self.problem(None, "rule", None, f"more than {RULES_MAX} rules; use 'in' and globs")
            tables = []
        rules, seen = [], set(PRIORITIES) | {UNUSED_COMMITMENT, UNMATCHED}
        for index, table in enumerate(tables):
            before = len(self.problems)
            rule = self.rule(index, table)
            if rule is not None and rule.name in seen:
                self.problem(index, "name", rule.name, "is taken; give every rule its own name")
            if rule is not None and len(self.problems) == before:
                seen.add(rule.name)
                rules.append(rule)
        return rules

    def line_of(self, index: int | None, key: str | None) -> int | None:
        """The line of *key* in rule number *index*, of its head, or of a key at the top."""
        first = self.heads[index] if index is not None and index < len(self.heads) else 0
        last = len(self.lines)
        if index is not None and index + 1 < len(self.heads):
            last = self.heads[index + 1] - 1
        for number in range(first, last):
            if key is not None and re.match(rf'\s*\[*"?{re.escape(key)}\b', self.lines[number]):
                return number + 1
        return first or None

    def problem(self, index: int | None, key: str | None, value: object, what: str) -> None:
        text = None if value is None else str(value)
        self.problems.append(RuleProblem(self.file, self.line_of(index, key), key, text, what))

    def rule(self, index: int, table: Mapping[str, Any]) -> Rule | None:
        known = {"name", "match", "priority", "scope", *Outcome}
        for key in table:
            if key not in known:
                self.problem(index, key, None, f"is not one of {', '.join(sorted(known))}")
        outcomes = [outcome for outcome in Outcome if outcome in table]
        if len(outcomes) != 1:
            self.problem(
                index, None, None, "a rule has exactly one of run, label, shared, unallocated"
            )
            return None
        name = self.name(index, table)
        match = self.expression(index, "match", table.get("match"))
        priority = table.get("priority", RULE_PRIORITY)
        if type(priority) is not int or not 0 <= priority <= 10_000:
            self.problem(index, "priority", priority, "is not a whole number from 0 to 10000")
        value = self.outcome(index, outcomes[0], table[outcomes[0]])
        scope = None
        if "scope" in table:
            scope = self.expression(index, "scope", table["scope"])
            if outcomes[0] is not Outcome.SHARED or value == Division.APART:
                self.problem(index, "scope", None, "only says who takes part in a divided share")
        if name is None or match is None or value is None or type(priority) is not int:
            return None
        return Rule(
            name=name,
            match=match,
            text=table["match"],
            outcome=outcomes[0],
            value=value,
            priority=priority,
            scope=scope,
            line=self.line_of(index, None) or 0,
        )

    def name(self, index: int, table: Mapping[str, Any]) -> str | None:
        name = table.get("name")
        if not isinstance(name, str) or not re.fullmatch(r"[\w][\w .:/-]{0,63}", name):
            self.problem(index, "name", name, "is not a name of 1 to 64 letters, digits and dashes")
            return None
        return name

    def expression(self, index: int, key: str, text: object) -> Match | None:
        if not isinstance(text, str):
            self.problem(index, key, text, "is not an expression in quotes")
            return None
        try:
            match = parse_match(text)
        except BadInput as error:
            self.problem(index, key, None, str(error))
            return None
        for pattern in patterns_of(match):
            wrong = _engine_refuses(pattern)
            if wrong:
                self.problem(index, key, pattern, f"is not a regular expression here: {wrong}")
                return None
        return match

    def outcome(self, index: int, outcome: Outcome, value: object) -> str | None:
        if outcome is Outcome.UNALLOCATED:
            if value is not True:
                self.problem(index, outcome, value, "is only ever true; leave it out otherwise")
            return ""
        if not isinstance(value, str):
            self.problem(index, outcome, value, "is not a text in quotes")
            return None
        try:
            if outcome is Outcome.LABEL:
                key, text = parse_label(value)
                make_labels({key: text})
            elif outcome is Outcome.SHARED:
                _check_division(value)
            else:
                parts = _template_parts(value)
                if all(isinstance(part, str) for part in parts):
                    check_run_id(value)
        except BadInput as error:
            self.problem(index, outcome, None, str(error))
            return None
        return value


def _check_division(text: str) -> None:
    if text not in list(Division):
        raise BadInput(f"{text!r} is not one of {', '.join(Division)}")


def _engine_refuses(pattern: str) -> str | None:
    """What the engine has against a regular expression that Python takes, or None."""
    package = duckdb()
    try:
        package.execute("SELECT regexp_matches('', ?)", [pattern])
    except package.Error as error:
        return str(error).partition(": ")[2].split("\n", 1)[0] or str(error)
    return None


def _template_parts(template: str) -> list[str | Field]:
    """Literal texts and the fields between braces of a run's template.

    Raises:
        BadInput: a brace stands alone, or a field does not exist.
    """
    parts: list[str | Field] = []
    for index, piece in enumerate(re.split(r"\{([^{}]*)\}", template)):
        if index % 2:
            tested = parse_match(f"{piece} prefix ''")
            if not isinstance(tested, Comparison):
                raise BadInput(f"{template!r}: {piece!r} is not a field such as Tags.job")
            parts.append(tested.field)
        elif "{" in piece or "}" in piece:
            raise BadInput(f"{template!r} has a brace without its partner")
        elif piece:
            parts.append(piece)
    return parts
