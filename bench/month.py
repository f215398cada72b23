"""A simulated month through the whole product, and how right every answer is.

    python -m bench.month                     1,000 runs of 12 teams, the usual faults
    python -m bench.month --runs 5000 --teams 40 --faults many --out FOLDER

A company's month is made up with its truth, imported, allocated and asked by the very commands that
``trainfare simulate`` names. Held against the truth are conservation, by sums of the made-up lines
that no reader saw; attribution, money right, wrong and missing by match method; estimates; budgets
and alerts; and advice, planted beside found, with what it says of runs that waste nothing. Processor
time of each command stands beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import shutil
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.cli.main import main as command_line
from trainfare.core.charge import Component, Remainder, View
from trainfare.flows.advise import advise
from trainfare.flows.simulated_month import SimulatedMonth, Size, simulate_month
from trainfare.simulation.attribution import AllocatedRow, MethodError, attribution_error
from trainfare.simulation.line import BILLERS
from trainfare.simulation.schedule import Habit
from trainfare.store.allocations import current_allocations
from trainfare.store.ledger import open_ledger
from trainfare.store.result_files import results_table
from trainfare.store.results import reading

QUESTIONS = ("report --by team", "reconcile", "utilization", "budget check", "alerts check")


@dataclass(frozen=True, slots=True)
class Walked:
    """A month that was brought in, what each command answered, and its processor seconds."""

    month: SimulatedMonth
    answers: dict[str, Any]
    seconds: dict[str, float]


def walk(folder: Path, size: Size) -> Walked:
    """Make up a month in *folder*, bring it in and ask everything of it."""
    began = time.process_time()
    month = simulate_month(folder, size)
    seconds: dict[str, float] = defaultdict(float, simulate=time.process_time() - began)
    answers: dict[str, Any] = {}
    for words in (*month.steps, *(question.split() for question in QUESTIONS)):
        name = " ".join(words[:2]) if words[0] in ("bill", "claims") else words[0]
        began = time.process_time()
        answers[name] = ask(month.home, *words)
        seconds[name] += time.process_time() - began
    began = time.process_time()
    answers["advise"] = advise(month.home)
    seconds["advise"] = time.process_time() - began
    return Walked(month, answers, dict(seconds))


def ask(home: Path, *words: str) -> Any:
    """What a command answers as JSON; that it says "no" is an answer too."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            command_line([*words, "--home", str(home), "--format", "json"])
        except SystemExit as ended:
            if ended.code not in (None, 0, 1):
                raise
    return json.loads(said.getvalue())


def conservation(walked: Walked) -> list[tuple[str, int, int, int]]:
    """Period and currency → nano-units that were made up, on the bill, and in all parts."""
    made: Counter[str] = Counter()
    for delivery in walked.month.world.final:
        currency = BILLERS[delivery.provider].currency
        made[f"{delivery.period} {currency}"] += delivery.total(View.EFFECTIVE)
    parts: Counter[str] = Counter()
    for period, row in _allocated(walked.month.home):
        parts[f"{period} {row.currency}"] += row.nano
    bills = {
        f"{row['period']} {row['currency']}": nano(row["bill"])
        for row in walked.answers["verify"]["periods"]
        if row["view"] == "effective"
    }
    keys = sorted({*made, *parts, *bills})
    return [(key, made[key], bills.get(key, 0), parts[key]) for key in keys]


def nano(text: str) -> int:
    """A decimal text in nano-units, by Python's own decimals."""
    return int(Decimal(text) * 10**9)


def attribution(walked: Walked) -> list[MethodError]:
    """What each match method gave to its true owner, to others, and left."""
    world = walked.month.world
    rows = (row for _, row in _allocated(walked.month.home))
    return attribution_error(world.truth(is_detailed=True), rows)


def _allocated(home: Path) -> Iterator[tuple[str, AllocatedRow]]:
    """Every part of every current allocation, with its billing period."""
    with open_ledger(home) as ledger, ledger.look() as connection:
        current = current_allocations(connection)
    columns = "run, remainder, method, component, currency, resource, day"
    for one in current:
        table = results_table([home / one.folder])
        query = f"SELECT {columns}, sum(effective_nano) FROM {table} GROUP BY ALL"
        with reading() as connection:
            rows = connection.execute(query).fetchall()
        for run, left, method, component, currency, resource, day, amount in rows:
            yield (
                one.period,
                AllocatedRow(
                    run,
                    None if left is None else Remainder(left),
                    method or left,
                    Component(component),
                    currency,
                    int(amount),
                    resource or "",
                    "" if day is None else str(day),
                ),
            )


def runs_off(walked: Walked) -> list[Fraction]:
    """Of every run that truly cost something: how far what it was given is from that."""
    true: Counter[tuple[str, str]] = Counter()
    for row in walked.month.world.truth():
        if row.run is not None:
            true[row.run, row.currency] += row.nano
    given: Counter[tuple[str, str]] = Counter()
    for _, row in _allocated(walked.month.home):
        if row.run is not None:
            given[row.run, row.currency] += row.nano
    return [Fraction(abs(given[key] - whole), whole) for key, whole in true.items() if whole > 0]


def estimates_off(walked: Walked) -> list[float]:
    """Of every metered run with a price and a bill: |billed − estimated| / billed."""
    return [
        abs(float(row["variance"])) / float(row["billed"])
        for row in walked.answers["reconcile"]["rows"]
        if row["variance"] is not None and float(row["billed"]) > 0
    ]


@dataclass(frozen=True, slots=True)
class Hits:
    """One kind of thing to find: how many were planted, how many of these were found, and what else."""

    kind: str
    planted: int
    found: int
    others: int


def planted_in(walked: Walked) -> list[dict[str, str]]:
    """What there is to find in the month."""
    with (walked.month.folder / "planted.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def advice_hits(walked: Walked, planted: Sequence[dict[str, str]]) -> list[Hits]:
    """Habits: runs that waste and that advice of the rule names, and runs named that do not."""
    habits = {row["subject"]: row["found"] for row in planted if row["kind"] == "advice"}
    named: dict[str, set[str]] = defaultdict(set)
    for one in walked.answers["advise"].all:
        for stake in one.recommendation.stakes:
            owner = stake.slot.owner
            named[one.recommendation.rule] |= {owner.removeprefix("run:"), *owner.split("/")}
    hits = []
    for habit in Habit:
        wanted = {run for run, its in habits.items() if its == habit}
        runs = {run.id for run in walked.month.world.runs} & named[habit]
        hits.append(Hits(f"advice {habit}", len(wanted), len(wanted & runs), len(runs - wanted)))
    return hits


def idle_claimed(walked: Walked) -> tuple[Fraction, Fraction]:
    """Idle money per month as advice would save it, and as it truly is, in units; dollars only."""
    claimed = sum(
        one.saving.nano * len(walked.answers["advise"].periods)
        for one in walked.answers["advise"].all
        if one.recommendation.rule in ("left_on", "kept_warm") and one.saving.currency == "USD"
    )
    true = sum(
        row.nano
        for row in walked.month.world.truth()
        if row.remainder is Remainder.IDLE and row.currency == "USD"
    )
    return Fraction(claimed, 10**9), Fraction(true, 10**9)


def budget_hits(walked: Walked, planted: Sequence[dict[str, str]]) -> Hits:
    """Budgets that stand as they were made to."""
    wanted = {row["subject"]: row["found"] for row in planted if row["kind"] == "budget"}
    states = {one["id"]: one["state"] for one in walked.answers["budget"]["budgets"]}
    good = sum(states.get(name) == state for name, state in wanted.items())
    return Hits("budget states", len(wanted), good, 0)


def alert_hits(walked: Walked, planted: Sequence[dict[str, str]]) -> Hits:
    """Alerts of planted subjects; *others* are all that were raised besides."""
    wanted = {(row["found"], row["subject"]) for row in planted if row["kind"] == "alert"}
    wanted |= {
        ("budget", row["subject"])
        for row in planted
        if row["kind"] == "budget" and row["found"] != "ok"
    }
    raised = {(one["kind"], one["subject"]) for one in walked.answers["alerts"]["alerts"]}
    return Hits("alerts", len(wanted), len(wanted & raised), len(raised - wanted))


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as Markdown."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def told(walked: Walked) -> str:
    """Every score as Markdown."""
    planted = planted_in(walked)
    parts = ["## Conservation, effective, in nano-units", _conserved(walked)]
    parts += ["## Attribution by match method", _attributed(walked)]
    off, estimated = sorted(runs_off(walked)), estimates_off(walked)
    near = sum(one <= Fraction(1, 100) for one in off)
    parts.append(f"{near:,} of {len(off):,} runs have what they truly cost to within 1 %.")
    if estimated:
        parts.append(
            f"Estimate beside bill, {len(estimated):,} metered runs: off by "
            f"{statistics.median(estimated):.1%} in the median."
        )
    hits = [
        budget_hits(walked, planted),
        alert_hits(walked, planted),
        *advice_hits(walked, planted),
    ]
    rows = [(one.kind, one.planted, one.found, one.others) for one in hits]
    parts += ["## Planted and found", table(["what", "planted", "found", "others"], rows)]
    claimed, true = idle_claimed(walked)
    parts.append(
        f"Idle: advice would save ${float(claimed):,.0f} of ${float(true):,.0f} of all idle."
    )
    seconds = [(name, f"{spent:.1f}") for name, spent in walked.seconds.items()]
    parts += ["## Processor seconds", table(["command", "s"], seconds)]
    return "\n\n".join(parts)


def _conserved(walked: Walked) -> str:
    rows = [
        (key, f"{made:,}", f"{bill:,}", f"{parts:,}", "yes" if made == bill == parts else "NO")
        for key, made, bill, parts in conservation(walked)
    ]
    return table(["bill", "made up", "imported", "all parts", "the same"], rows)


def _attributed(walked: Walked) -> str:
    errors = attribution(walked)
    rows = [
        (
            one.currency,
            one.method,
            *(f"{part / 10**9:,.2f}" for part in (one.right, one.wrong, one.missing)),
            f"{float(one.right_share):.2%}",
        )
        for one in errors
    ]
    for currency in sorted({one.currency for one in errors}):
        sums = [one for one in errors if one.currency == currency]
        whole = sum(one.nano for one in sums)
        parts = [sum(getattr(one, name) for one in sums) for name in ("right", "wrong", "missing")]
        shown = (f"{part / 10**9:,.2f}" for part in parts)
        rows.append((currency, "all", *shown, f"{parts[0] / whole:.2%}" if whole else "–"))
    return table(["currency", "method", "right", "wrong", "missing", "right share"], rows)


def main() -> None:
    """Walk one month and print its scores."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--teams", type=int, default=12)
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--faults", default="usual", help="none, usual or many")
    parser.add_argument("--waste", type=float, default=0.006)
    parser.add_argument("--out", type=Path, help="a new folder that is kept")
    asked = vars(parser.parse_args())
    out = asked.pop("out")
    folder = out or Path(tempfile.mkdtemp(prefix="trainfare-bench-")) / "month"
    try:
        walked = walk(folder, Size(**asked))
        print(f"# {walked.month.world.period}, {asked}\n\n{told(walked)}")
    finally:
        if out is None:
            shutil.rmtree(folder.parent)


if __name__ == "__main__":
    main()
