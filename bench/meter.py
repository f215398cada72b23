"""The meter beside its peers: run its benchmarks by name and write their tables to ``bench/out``.

    python -m bench.meter                    all of them, some 25 minutes
    python -m bench.meter --quick            a look at each, some 4 minutes; no figures to quote
    python -m bench.meter import step        some

One call, one set of files: ``bench/out/meter.md`` and ``bench/out/meter.json``, written anew after
every benchmark, so that an interrupted call leaves what it has measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.meter_ground import OUT, REPOSITORY, Ground, clocked, load
from bench.table import Ratio, Spread, Table, machine_sentence, publish, verdicts

BENCHMARKS = {
    "import": "bench.meter_import",
    "life": "bench.meter_life",
    "network": "bench.meter_network",
    "step": "bench.meter_step",
    "faults": "bench.meter_faults",
    "memory": "bench.meter_memory",
    "sampler": "bench.meter_sampler",
    "kill": "bench.meter_kill",
}
"""Name → a module with ``measure(ground) -> list[Table]``."""


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; 1 where a benchmark broke or a target was missed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.meter", description=__doc__.split("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--out", default="meter", help="name of the files in bench/out")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    ground = Ground(quick=asked.quick)
    tables: list[Table] = []
    broken: list[str] = []
    try:
        for name in asked.names or BENCHMARKS:
            print(f"… {name}", file=sys.stderr, flush=True)
            try:
                tables += _run(name, ground)
            except Exception:
                broken.append(name)
                traceback.print_exc()
            _write(asked.out, ground, tables, broken)
    finally:
        ground.close()
    print((OUT / f"{asked.out}.md").read_text())
    publish(*tables)
    missed = [one for table in tables for one in table.targets if one.is_met is False]
    return 1 if broken or missed else 0


def _run(name: str, ground: Ground) -> list[Table]:
    """Run one benchmark and note how long it took under which load."""
    before, began = load(), time.perf_counter_ns()
    tables: list[Table] = importlib.import_module(BENCHMARKS[name]).measure(ground)
    for table in tables:
        table.load_before, table.load_after, table.seconds = before, load(), clocked(began)
        table.ratios += _beside(table, ground.peers)
    return tables


def _beside(table: Table, peers: Sequence[str]) -> Iterator[Ratio]:
    """Trainfare beside each peer, in every column of a table that has a spread of both."""
    rows = {row[0]: row for row in table.rows}
    for peer in (name for name in peers if name in rows and "trainfare" in rows):
        for column, own, other in zip(table.columns, rows["trainfare"], rows[peer], strict=True):
            if isinstance(own, Spread) and isinstance(other, Spread) and other.median > 0:
                yield Ratio(f"{table.name}, {column}", "", own, other, peer)


def _write(name: str, ground: Ground, tables: list[Table], broken: list[str]) -> None:
    """Write the Markdown and the JSON of everything measured so far."""
    where = machine_sentence()
    parts = [f"# Trainfare's meter beside its peers\n\nMeasured {where}."]
    if ground.quick:
        parts.append("**A quick look: too few repetitions to quote.**")
    peers = ", ".join(f"{peer} {version}" for peer, version in ground.versions.items())
    parts.append(
        f"Peers: {peers or 'none'}." + (f" Broken: {', '.join(broken)}." if broken else "")
    )
    parts += ["## Targets", verdicts(tables), "## Measurements"]
    parts += [table.as_markdown() for table in tables]
    _replace(OUT / f"{name}.md", "\n\n".join(parts) + "\n")
    document = {
        "measured": where,
        "quick": ground.quick,
        "commit": _commit(),
        "peers": ground.versions,
        "skipped": ground.skipped,
        "broken": broken,
        "tables": [table.as_json() for table in tables],
    }
    _replace(OUT / f"{name}.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _commit() -> str | None:
    """The commit that is checked out, read without git; None where there is none."""
    head = REPOSITORY / ".git" / "HEAD"
    if not head.is_file():
        return None
    words = head.read_text().split()
    reference = REPOSITORY / ".git" / words[-1]
    return reference.read_text().strip() if reference.is_file() else words[-1]


if __name__ == "__main__":
    sys.exit(main())
