"""How much of a whole allocation a change of one claim or charge in a hundred takes, in processor time.

    python -m bench.incremental                          1 million rows, 100 thousand runs
    python -m bench.incremental 10_000_000 1_000_000     any sizes; files are made once

The bill and the claims are those of bench.allocation_time. One claim in a hundred ends a minute
earlier: all those of one machine in a hundred, or any. In a new delivery of the bill one charge in a
hundred is a nano-unit dearer, all those of one machine in a hundred. All ways start from a kept
survey, each in a process of its own. Linux only.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

from bench.allocation_time import SURVEY, claims_of, lake_of, timed
from bench.bill_import import OUT
from bench.table import Table, Target, publish
from trainfare.core.charge import View

TURNS = 5
LEAST = 10.0
"""So many times less than the whole bill a change should take."""
DELIVERY = "a delivery with one charge in a hundred other, of one machine in a hundred"
CHANGES = {"of one machine in a hundred": "hash(resource_id)", "of any": "hash(run, start_ns)"}

WHOLE = """
charges = [Path(name) for name in {charges!r}]
evidence = Evidence(claims=Path({claims!r}))
allocate(charges, evidence, out={out}, threads=2, keep={keep}, base={base})
"""
CHANGE = """
from trainfare.allocation.increment import reallocate
charges = [Path(name) for name in {charges!r}]
evidence = Evidence(claims=Path({claims!r}))
base = Path(sys.argv[1]) / "base"
import shutil
shutil.copytree({base}, base)
before, began = time.process_time(), time.perf_counter()
reallocate(charges, evidence, last={out}, out=Path(sys.argv[1]) / "new", threads=2, keep={keep},
           base=base)
"""


def main() -> None:
    """Make what is not there yet, run all ways in turns, print a table."""
    words = [int(word) for word in sys.argv[1:]]
    rows, runs = (words + [1_000_000, 100_000][len(words) :])[:2]
    OUT.mkdir(exist_ok=True)
    charges, claims = [str(path) for path in lake_of(rows)], claims_of(rows, runs)
    folder = OUT / f"incremental-{rows}-{runs}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    places = {name: f"Path({str(folder / name)!r})" for name in ("keep", "base")}
    places["out"] = f"Path({str(folder / 'out.parquet')!r})"
    whole = WHOLE.format(charges=charges, claims=str(claims), **places)
    timed(whole)
    ways = {"the whole bill": whole}
    for number, (name, mark) in enumerate(CHANGES.items()):
        changed = changed_claims(claims, mark, folder / f"claims-{number}.parquet")
        ways[f"one claim in a hundred, {name}"] = CHANGE.format(
            charges=charges, claims=str(changed), **places
        )
    delivered = changed_charges(charges, folder / "delivered")
    shutil.copytree(folder / "keep", folder / "keep-delivered")
    timed(SURVEY.format(charges=delivered, keep=f"Path({str(folder / 'keep-delivered')!r})"))
    places["keep"] = f"Path({str(folder / 'keep-delivered')!r})"
    ways[DELIVERY] = CHANGE.format(charges=delivered, claims=str(claims), **places)
    found: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, work in ways.items():
            found[name].append(timed(work))
    print(f"{rows:,} rows, {runs:,} runs, medians of {TURNS}\n")
    print("| allocated | seconds | CPU s | less than the whole | peak MB |")
    print("|---|---|---|---|---|")
    medians = {
        name: [statistics.median(column) for column in zip(*turns, strict=True)]
        for name, turns in found.items()
    }
    most = medians["the whole bill"][1]
    for name, (seconds, cpu, peak) in medians.items():
        print(f"| {name} | {seconds:.2f} | {cpu:.2f} | {most / cpu:.1f} times | {peak:.0f} |")
    figures = Table("incremental", f"Changed claims of {rows:,} rows", ())
    used = {name: [turn[1] for turn in turns] for name, turns in found.items()}
    figures.compare("CPU s", used, beside="the whole bill")
    for name, (_, cpu, _) in medians.items():
        if name != "the whole bill":
            less = most / cpu
            figures.targets.append(
                Target(f"{runs:,} runs, {name}", "≥ 10 times less", f"{less:.1f}", less >= LEAST)
            )
    publish(figures)


def changed_claims(claims: Path, mark: str, path: Path) -> Path:
    """*claims*, of which those whose *mark* is the hundredth end a minute earlier."""
    duckdb.execute(
        f"COPY (FROM '{claims}' SELECT * REPLACE (CASE WHEN {mark} % 100 = 0 "
        f"THEN end_ns - 60_000_000_000 ELSE end_ns END AS end_ns)) TO '{path}' (FORMAT parquet)"
    )
    return path


def changed_charges(charges: Sequence[str], folder: Path) -> list[str]:
    """A delivery of *charges* in which those of one machine in a hundred are a nano-unit dearer."""
    folder.mkdir()
    paths = [folder / f"part-{number:05}.parquet" for number in range(len(charges))]
    dearer = ", ".join(
        f'"{view.column}" + CASE WHEN hash("ResourceId") % 100 = 0 THEN 1 ELSE 0 END '
        f'AS "{view.column}"'
        for view in View
    )
    for charge, path in zip(charges, paths, strict=True):
        duckdb.execute(
            f"COPY (FROM '{charge}' SELECT * REPLACE ({dearer})) TO '{path}' (FORMAT parquet)"
        )
    return [str(path) for path in paths]


if __name__ == "__main__":
    main()
