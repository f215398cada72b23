"""The way back: from any allocated number down to file, row, rule, claims and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.claim import Claim
from trainfare.core.errors import BadInput, NotFound
from trainfare.flows.bill import need_analytics
from trainfare.flows.inputs import charge_files, make_evidence, read_rules

if TYPE_CHECKING:
    from trainfare.allocation.explanation import Explanation
    from trainfare.allocation.line import Line
    from trainfare.allocation.rules import Rules
    from trainfare.store.deliveries import StoredDelivery


CLAIMED = ("resource_overlap", "attached", "cluster_share")
"""Methods that divide a charge by the time that claims hold."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a run or remainder got of one charge, and where the charge stands."""

    charge: str
    """``delivery/file:row``, as ``explain --charge`` takes it."""
    period: str
    line: Line


@dataclass(frozen=True, slots=True)
class PooledPart:
    """What a run got of all the charges that one rule divides over runs (a pool)."""

    period: str
    rule: str
    text: str
    """Which charges the rule means, as the user wrote it."""
    currency: str
    amounts: tuple[int | None, ...]
    """Nano-units per view, in the order of View; None where the bill has none."""


@dataclass(frozen=True, slots=True)
class ExplainedRun:
    """Everything that makes up what the report says of a run."""

    parts: tuple[Part, ...]
    pooled: tuple[PooledPart, ...]
    """As the current allocations have it; a period that was never allocated has none."""


@dataclass(frozen=True, slots=True)
class ExplainedCharge:
    """One charge with all its parts and what divided it."""

    charge: str
    period: str
    explanation: Explanation
    held_us: Mapping[str, int]
    """Run → how much of the paid time its claims got after all of them shared it; less than their
    weights where claims exceed the resource. Empty where claims played no role."""


def explain_run(home: Path, run: str, period: str | None = None) -> ExplainedRun:
    """Every part of a charge that *run* got, in order of files and rows, and its part of pools.

    Raises:
        NotFound: the run got nothing of any bill that is here.
    """
    need_analytics("explain allocations")
    from trainfare.allocation.explanation import explain_run as parts_of

    rules, _ = read_rules(home)
    parts: list[Part] = []
    by_period, claims = _current(home, period)
    for each, deliveries in by_period.items():
        lines = parts_of(
            charge_files(home, deliveries), make_evidence(home, claims), rules, run=run
        )
        parts.extend(Part(_charge_name(line, deliveries), each, line) for line in lines)
    pooled = _pooled(home, run, rules, period)
    if not parts and not pooled:
        raise NotFound(
            f"run {run!r} has no part of any bill here; trainfare report --by run lists runs"
        )
    return ExplainedRun(tuple(parts), tuple(pooled))


def _pooled(home: Path, run: str, rules: Rules, period: str | None) -> list[PooledPart]:
    from trainfare.allocation.rules import Division, Outcome
    from trainfare.store.allocations import current_allocations
    from trainfare.store.ledger import open_ledger
    from trainfare.store.results import sum_methods

    texts = {
        rule.name: rule.text
        for rule in rules.rules
        if rule.outcome is Outcome.SHARED and rule.value != Division.APART
    }
    if not texts:
        return []
    with open_ledger(home) as ledger, ledger.look() as connection:
        results = current_allocations(connection, period)
    return [
        PooledPart(result.period, one.method, texts[one.method], one.currency, one.amounts)
        for result in results
        for one in sum_methods(home / result.folder, run)
        if one.method in texts
    ]


def explain_charge(home: Path, charge: str) -> list[ExplainedCharge]:
    """The charge that *charge* (``delivery/file:row``) names, with all its parts.

    Raises:
        BadInput: *charge* is not of that form.
        NotFound: no such delivery or row.
    """
    need_analytics("explain allocations")
    from trainfare.allocation.explanation import explain_charge as explanations_of

    delivery, file, row = _parse_charge(charge)
    rules, _ = read_rules(home)
    by_period, claims = _current(home, None)
    explained: list[ExplainedCharge] = []
    for period, deliveries in by_period.items():
        if not any(one.id.startswith(delivery) and file in one.files for one in deliveries):
            continue
        try:
            found = explanations_of(
                charge_files(home, deliveries),
                make_evidence(home, claims),
                rules,
                source_file=file,
                source_row=row,
            )
        except NotFound:
            continue
        explained.extend(ExplainedCharge(charge, period, one, _held(one)) for one in found)
    if not explained:
        raise NotFound(
            f"no current delivery has charge {charge!r}; trainfare explain RUN lists charges"
        )
    return explained


def _held(told: Explanation) -> dict[str, int]:
    """Run → its proportion of the charge by claims, times the paid time, in microseconds."""
    from trainfare.allocation.proportion import ONE

    if told.capacity_us is None:
        return {}
    parts: dict[str, int] = {}
    for line in told.lines:
        if line.run is not None and line.method in CLAIMED:
            parts[line.run] = parts.get(line.run, 0) + line.high - line.low
    return {run: round(Fraction(part, ONE) * told.capacity_us) for run, part in parts.items()}


def _current(home: Path, period: str | None) -> tuple[dict[str, list[StoredDelivery]], list[Claim]]:
    from trainfare.store.claims import read_claims
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        deliveries = current_deliveries(connection, period)
        claims = read_claims(connection)
    by_period: dict[str, list[StoredDelivery]] = {}
    for one in deliveries:
        by_period.setdefault(one.period, []).append(one)
    return by_period, claims


def _charge_name(line: Line, deliveries: Sequence[StoredDelivery]) -> str:
    folder = Path(line.file).parent.as_posix()
    ids = [one.id for one in deliveries if folder.endswith(one.folder)]
    return f"{ids[0][:12] if ids else '?'}/{line.source_file}:{line.source_row}"


def _parse_charge(charge: str) -> tuple[str, str, int]:
    delivery, _, rest = charge.partition("/")
    file, _, row = rest.rpartition(":")
    if not delivery or not file or not row.isdecimal():
        raise BadInput(
            f"charge {charge!r} is not delivery/file:row, as in 64626ad65609/bill.csv:12"
        )
    return delivery, file, int(row)
