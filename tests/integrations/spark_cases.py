"""A driver that gives every golden case of allocation, and generated ones, to DuckDB and to Spark.

    python -m integrations.spark_cases FOLDER MASTER GENERATED [FILE …]

The golden cases are the bills that the tests of the room are about: they are run with their files
named here, and every bill that they allocate is kept. Says as JSON how many cases there were and
which rows differ.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation import lake, small_worlds
from allocation.worlds import Fault, make_world
from trainfare.allocation.engine_duckdb import allocate
from trainfare.allocation.engine_spark import SparkWorktable
from trainfare.allocation.rules import NO_RULES
from trainfare.allocation.spark import Cluster, open_session
from trainfare.core.errors import TrainfareError

ROOM = Path(__file__).parents[1] / "allocation"


def recorded(files):
    """The bills that the tests in *files* allocate, with their evidence and rules, each once."""
    found = {}

    def keep(inner):
        def call(folder, charges, evidence, rules=NO_RULES):
            charges = list(charges)
            found.setdefault(repr((charges, evidence, rules)), (charges, evidence, rules))
            return inner(folder, charges, evidence, rules)

        return call

    for name in ("engine_parts", "engine_totals"):
        setattr(lake, name, keep(getattr(lake, name)))
    paths = [str(ROOM / name) for name in files]
    quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning", "-p", "no:cacheprovider"]
    code = pytest.main(["-q", *quiet, "-m", "not long", *paths])
    assert code == 0
    return list(found.values())


def generated(count):
    """So many small worlds, the same every time."""
    found = []
    bills = st.lists(small_worlds.charges(), min_size=1, max_size=10)

    @settings(max_examples=count, derandomize=True, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(bills, small_worlds.evidence(), small_worlds.rule_sets())
    def look(bill, evidence, rules):
        found.append((bill, evidence, rules))

    look()
    return found[:count]


def worlds():
    """A simulated cluster with good evidence, and one where everything goes wrong."""
    for world in (make_world(1), make_world(2, faults=list(Fault))):
        yield world.charges, world.evidence, NO_RULES


def rows(path):
    """Every row of a result, in a fixed order; numbers of faces are an engine's own."""
    return sorted(repr({**row, "face": None}) for row in pq.read_table(path).to_pylist())


def compared(session, folder, case):
    """What DuckDB and Spark give one case: rows that only one of them has."""
    charges, evidence, rules = case
    path = lake.write_lake(folder / "charges.parquet", lake.numbered(charges))
    try:
        one = allocate([path], evidence, rules, out=folder / "duckdb.parquet")
    except TrainfareError as error:
        return [f"DuckDB refused: {error}"]
    (folder / "work").mkdir()
    table = SparkWorktable(session, [path], rules, folder / "work")
    table.prepare(evidence)
    two = table.write(folder / "spark")
    ours, theirs = rows(folder / "duckdb.parquet"), rows(folder / "spark")
    told = [
        (s.rows, s.charges, s.outcomes, s.methods, s.stale_tags, s.unbilled) for s in (one, two)
    ]
    different = [f"duckdb {row}" for row in ours if row not in theirs]
    different += [f"spark {row}" for row in theirs if row not in ours]
    if ours != theirs and not different:
        different.append("a row stands more often than it should")
    return different + ([] if told[0] == told[1] else [f"told {told}"])


def main(folder, master, count, *files):
    """Compare all cases on one session."""
    cases = recorded(files) if files else []
    cases += [*worlds(), *generated(int(count))]
    answer = {"cases": len(cases), "rows": 0, "different": {}}
    with open_session(Cluster(master)) as session:
        for number, case in enumerate(cases):
            place = Path(folder) / str(number)
            place.mkdir(parents=True)
            different = compared(session, place, case)
            answer["rows"] += len(rows(place / "duckdb.parquet"))
            if different:
                answer["different"][number] = [repr(case), *different]
            print(number, len(different), file=sys.stderr, flush=True)
    (Path(folder) / "answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
