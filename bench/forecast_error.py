"""How far forecasts of a training's time are off, and how often its interval holds.

    python -m bench.forecast_error                     the traces, then the simulator
    python -m bench.forecast_error --traces FOLDER --seeds 20
    python -m bench.forecast_error --ratios            what budgets/published.py holds

**Traces**: published trainings replayed up to 10, 25 and 50 % of their work. The error is that of the
total time, |forecast − total| / total. DAWNBench CIFAR10 tables have a time per epoch; MLPerf logs
are repeated runs of one configuration (their epochs), so each is forecast from the others; of the
nanoGPT logs one has a time per step. *Epoch-stable* are runs whose time per epoch, after the first
tenth, varies by no more than 5 % (standard deviation over mean).

**Simulator**: families of runs of one configuration, made up from a seed: a compilation of random
length, a speed of its own, noise with memory, an evaluation now and then, in a third of the
families a schedule that changes the time per step. Coverage is measured out of sample: a family's
earlier runs calibrate, its last run is forecast.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import itertools
import json
import math
import random
import statistics
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from bench.table import Table, Target, publish
from trainfare.budgets.conformal import band, ratios_alone, ratios_of_family
from trainfare.budgets.course import Course, Pause, make_course
from trainfare.budgets.forecast import after_warm_up, last_quarter, mean_rate, project, rate_of
from trainfare.budgets.outlook import look_ahead
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import DAY, Interval, parse_instant
from trainfare.logs.progress import read_progress
from trainfare.simulation.step_times import TimedRun, make_family

LEVELS = (0.1, 0.25, 0.5)
TRACES = Path("../shared/data/traces")
STABLE = 0.05

Method = Callable[[Course], float]
"""From a course that was cut: train and pause time still to come."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--traces", type=Path, default=TRACES)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--ratios", action="store_true")
    asked = parser.parse_args()
    dawn = read_dawnbench(asked.traces)
    if asked.ratios:
        print_ratios(dawn)
        return
    stable = [one for one in dawn if is_stable(one)]
    table("DAWNBench CIFAR10, all runs", dawn)
    table("DAWNBench CIFAR10, epoch-stable runs", stable)
    table("nanoGPT, 1 log with times", read_nanogpt(asked.traces))
    families = read_mlperf(asked.traces)
    table("MLPerf, repeated runs", [one for family in families for one in family], families)
    print_loo(dawn)
    simulate(asked.seeds)
    print_outlooks(asked.traces)
    publish(against_targets(stable, families, dawn))


def replayed(error_of: Callable[[Course, float], float | None], runs: Sequence[Course]) -> str:
    """Median and 90th percentile of an error at each level, as cells of a table."""
    cells = []
    for level in LEVELS:
        errors = sorted(e for one in runs if (e := error_of(one, level)) is not None)
        if not errors:
            cells += ["–", "–"]
            continue
        p90 = errors[min(len(errors) - 1, math.ceil(0.9 * len(errors)) - 1)]
        cells += [f"{statistics.median(errors):.2%}", f"{p90:.2%}"]
    return " | ".join(cells)


def error_by(method: Method) -> Callable[[Course, float], float | None]:
    """The relative error of the total by *method*."""

    def error(course: Course, level: float) -> float | None:
        then = course.cut(level * (course.planned or 0.0))
        if len(then.points) < 2:
            return None
        total = course.whole_ns(math.inf)
        return abs(then.whole_ns(then.done) + method(then) - total) / total

    return error


def chosen(profiles: Sequence[Course] = ()) -> Method:
    """What Trainfare forecasts."""

    def remaining(course: Course) -> float:
        found = project(course, profiles)
        return float(found.remaining_ns) if found else math.nan

    return remaining


def left_at(rate: Callable[[Course], float]) -> Method:
    """Work left times a rate; pauses are in the rate."""
    return lambda course: rate(course) * ((course.planned or 0.0) - course.done)


METHODS: dict[str, Method] = {
    "mean": left_at(lambda course: mean_rate(course.points)),
    "last unit": left_at(lambda course: mean_rate(course.points[-2:])),
    "mean after warm-up": left_at(lambda course: mean_rate(after_warm_up(course.points))),
    "mean of the last quarter": left_at(lambda course: mean_rate(last_quarter(course.points))),
    "since a change, else by progress": left_at(lambda course: rate_of(course)[0]),
    "**chosen, no profile**": chosen(),
}


def table(title: str, runs: Sequence[Course], families: Sequence[Sequence[Course]] = ()) -> None:
    """One table: a row per method."""
    print(f"\n### {title} ({len(runs)})\n")
    heads = " | ".join(f"{level:.0%} median | {level:.0%} p90" for level in LEVELS)
    print(f"| method | {heads} |\n|---|{'---|' * 2 * len(LEVELS)}")
    for name, method in METHODS.items():
        print(f"| {name} | {replayed(error_by(method), runs)} |")
    if families:
        print(f"| **chosen, profile** | {replayed(by_family(families), runs)} |")


def by_family(families: Sequence[Sequence[Course]]) -> Callable[[Course, float], float | None]:
    """The error of each run forecast from the others of its family."""
    others = {id(one): [o for o in family if o is not one] for family in families for one in family}
    return lambda course, level: error_by(chosen(others[id(course)]))(course, level)


def against_targets(
    stable: Sequence[Course], families: Sequence[Sequence[Course]], all_runs: Sequence[Course]
) -> Table:
    """What is promised at a tenth of the work, beside what was measured here."""
    figures = Table("forecast_error", "Forecasts at a tenth of the work", ())
    repeated = [one for family in families for one in family]
    for what, most, error_of, runs in (
        ("with a profile, MLPerf", 0.01, by_family(families), repeated),
        ("without a profile, epoch-stable DAWNBench", 0.02, error_by(chosen()), stable),
    ):
        off = statistics.median(e for one in runs if (e := error_of(one, 0.1)) is not None)
        promise = f"median error ≤ {most:.0%}"
        figures.targets.append(Target(f"forecast {what}", promise, f"{off:.2%}", off <= most))
    held, _ = left_out(all_runs, 0.1)
    share = statistics.fmean(held)
    figures.targets.append(
        Target("90 % interval, DAWNBench", "holds 87–93 %", f"{share:.1%}", 0.87 <= share <= 0.93)
    )
    return figures


def left_out(runs: Sequence[Course], level: float) -> tuple[list[bool], list[float]]:
    """Whether the interval held each run that took no part in it, and how wide it was above."""
    held, widths = [], []
    for one in runs:
        found = band(ratios_alone([o for o in runs if o is not one], level))
        own = ratios_alone([one], level)
        if found and own:
            held.append(found.low <= own[0] <= found.high)
            widths.append(found.high - 1)
    return held, widths


def print_loo(runs: Sequence[Course]) -> None:
    """How often the interval holds a run that took no part in it."""
    print("\n### Coverage of the 90 % interval, each run left out once\n")
    print("| progress | DAWNBench | half-width, median |\n|---|---|---|")
    for level in LEVELS:
        held, widths = left_out(runs, level)
        print(
            f"| {level:.0%} | {statistics.fmean(held):.1%} of {len(held)} "
            f"| {statistics.median(widths):.1%} |"
        )


def print_ratios(runs: Sequence[Course]) -> None:
    """The table of budgets/published.py."""
    for level in (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9):
        ratios = sorted(ratios_alone(runs, level))
        cuts = statistics.quantiles(ratios, n=20)
        print(f"    {level}: ({', '.join(f'{one:.4f}' for one in cuts)}),")


def is_stable(course: Course) -> bool:
    """Whether the time per unit varies by no more than 5 % after the first tenth."""
    points = [one for one in course.points if one[0] >= 0.1 * (course.planned or 0.0)]
    rates = [mean_rate((a, b)) for a, b in itertools.pairwise(points)]
    return statistics.pstdev(rates) <= STABLE * statistics.fmean(rates)


def course_of(unit: str, points: Sequence[tuple[float, int]]) -> Course:
    """A whole course that begins at nothing."""
    return make_course(unit, [(0.0, 0), *(one for one in points if one[0] > 0)], points[-1][0])


def read_dawnbench(traces: Path) -> list[Course]:
    """Every CIFAR10 table."""
    files = sorted((traces / "published/dawnbench/CIFAR10/train").glob("*.tsv"))
    found = [read_progress(file) for file in files]
    return [course_of(one.unit, one.points) for one in found]


def read_nanogpt(traces: Path) -> list[Course]:
    """The logs that have times."""
    found = []
    for file in sorted((traces / "published/nanogpt_logs").glob("*.log.gz")):
        try:
            found.append(read_progress(file))
        except BadInput:
            continue
    return [course_of(one.unit, one.points) for one in found]


def read_mlperf(traces: Path) -> list[list[Course]]:
    """Families of repeated runs with at least ten epochs, the time of each epoch's end."""
    families: dict[str, list[Course]] = {}
    for file in sorted((traces / "mlperf").glob("*.mllog")):
        lines = (text.partition("{")[2] for text in file.read_text().splitlines())
        events = [json.loads("{" + one) for one in lines if one]
        [start_ms] = [e["time_ms"] for e in events if e["key"] == "run_start"]
        ends = [e["time_ms"] - start_ms for e in events if e["key"] == "epoch_stop"]
        if len(ends) >= 10:
            points = [(float(n), ms * 10**6) for n, ms in enumerate(ends, start=1)]
            families.setdefault(file.stem.rpartition("_")[0], []).append(
                course_of("epochs", points)
            )
    return [one for one in families.values() if len(one) > 1]


DEMAND = (
    ("Philly, nodes in use", "philly_hourly_active_nodes.csv.gz", 0, 1),
    ("Philly, GPUs wanted", "philly_subset_hourly_gpu_demand.csv.gz", 0, 1),
    ("Helios, GPUs in use, 1 month", "helios_earth_vc6YE_minutely_2020-05.csv.gz", 0, 8),
)
"""Title, file, columns of time and amount: a unit in use for an hour stands for $1."""


def print_outlooks(traces: Path) -> None:
    """How far the days that are left of a budget's period are off, from the days before."""
    print("\n### Days to come, from the days before\n")
    print(
        "| demand | days ahead | forecasts | median | p90 | interval held |\n|---|---|---|---|---|---|"
    )
    for title, file, when, amount in DEMAND:
        days = read_days(traces / "demand" / file, when, amount)
        for ahead in (1, 7, 14):
            errors, held = outlook_errors(days, ahead)
            if len(errors) < 5:
                continue
            p90 = errors[math.ceil(0.9 * len(errors)) - 1]
            share = "–"
            if held:
                was, said = (statistics.fmean(column) for column in zip(*held, strict=True))
                share = f"{was:.0%} of {len(held)}, said {said:.0%}"
            print(
                f"| {title} | {ahead} | {len(errors)} | {statistics.median(errors):.1%} "
                f"| {p90:.1%} | {share} |"
            )


def read_days(path: Path, when: int, amount: int) -> list[tuple[Interval, Money]]:
    """Whole days and what was in use on them, hours of units as dollars."""
    sums: dict[str, list[float]] = {}
    with gzip.open(path, "rt") as file:
        for row in itertools.islice(csv.reader(file), 1, None):
            sums.setdefault(row[when][:10], []).append(float(row[amount]))
    found = []
    for day, values in sorted(sums.items())[1:-1]:
        start_ns = parse_instant(f"{day}T00:00:00Z")
        dollars = Decimal(statistics.fmean(values) * 24)
        found.append((Interval(start_ns, start_ns + DAY), Money.nearest(dollars)))
    return found


def outlook_errors(
    days: Sequence[tuple[Interval, Money]], ahead: int
) -> tuple[list[float], list[tuple[bool, float]]]:
    """Relative errors of every stretch of so many days, sorted; whether its interval held, as said."""
    errors, held = [], []
    for first in range(7, len(days) - ahead + 1):
        start_ns, end_ns = days[first][0].start_ns, days[first + ahead - 1][0].end_ns
        found = look_ahead(Interval(start_ns, end_ns), start_ns, [], days[:first], "USD")
        real = Money.total([amount for _, amount in days[first : first + ahead]], "USD")
        if not real:
            continue
        errors.append(abs(found.rest.nano - real.nano) / real.nano)
        if found.low is not None and found.high is not None and found.coverage is not None:
            held.append((found.low <= real <= found.high, found.coverage))
    return sorted(errors), held


def simulate(seeds: int) -> None:
    """Errors and coverage over families that the code has never seen."""
    print(f"\n### Simulator, {seeds} seeds × 60 families, 11 earlier runs each, out of sample\n")
    heads = "| progress | profile: median | p90 | coverage | alone: median | p90 | coverage |"
    print(f"{heads}\n|{'---|' * 7}")
    for level in LEVELS:
        rows: dict[str, list[tuple[float, bool]]] = {"profile": [], "alone": []}
        for seed in range(seeds):
            chance = random.Random(seed)
            families = [list(map(simulated, make_family(chance, 12))) for _ in range(60)]
            for number, (*before, now) in enumerate(families):
                others = [f[0] for i, f in enumerate(families) if i != number]
                _note(rows["profile"], now, level, before, ratios_of_family(before, level))
                _note(rows["alone"], now, level, (), ratios_alone(others, level))
        cells = []
        for found in rows.values():
            errors = sorted(error for error, _ in found)
            cells += [f"{statistics.median(errors):.2%}", f"{errors[int(0.9 * len(errors))]:.2%}"]
            cells.append(f"{statistics.fmean(held for _, held in found):.1%} of {len(found)}")
        print(f"| {level:.0%} | {' | '.join(cells)} |")


def simulated(run: TimedRun) -> Course:
    """The course of a made-up run."""
    pauses = [Pause(work, ns) for work, ns in run.pauses]
    return make_course("steps", run.points, run.points[-1][0], pauses)


def _note(
    rows: list[tuple[float, bool]],
    now: Course,
    level: float,
    profiles: Sequence[Course],
    ratios: Sequence[float],
) -> None:
    error, found = error_by(chosen(profiles))(now, level), band(ratios)
    own = ratios_of_family([now, *profiles], level)[:1] if profiles else ratios_alone([now], level)
    if error is not None and found is not None and own:
        rows.append((error, found.low <= own[0] <= found.high))


if __name__ == "__main__":
    main()
