"""How long pandas, Polars and Spark take for an allocation, beside Trainfare in the same run.

    python -m bench.allocation_peers                          1 million rows, 100 thousand runs
    python -m bench.allocation_peers 10_000_000 100_000 --spark PYTHON

The bill and the claims are those of bench.allocation_time. The peers read the six columns that they
need of the provider's own Parquet file, cut claims to hours, divide every hour by time and share
(never beyond the machine), join by resource and hour, and sum one cost column in doubles per run and
service, and what is left per resource. Trainfare reads its lake, divides four cost columns to the
nano-unit, and writes a row per run, resource, service and day; besides, it shares a machine instant
by instant where the peers do so hour by hour, and follows tags of runs. The peers' sums are held
against each other, outside the clock; where one differs by a millionth, the benchmark breaks.

Polars is lazy, on its streaming engine and two threads, as many as Trainfare and Spark have. *PYTHON*
is an interpreter with PySpark (and a Java on the path), which starts before its clock does. Linux only.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from bench.allocation_time import ALLOCATE, OUT, SURVEY, claims_of, lake_of, timed
from bench.focus_rows import write_bill
from bench.table import Table, Target, publish

TURNS = 5
MOST = {"pandas": 0.1, "Spark, local[2]": 0.25}
"""What an allocation may take of what these take."""

PANDAS = """
import json, sys, time
import numpy as np, pandas as pd
began, before = time.perf_counter(), time.process_time()
names = ["ResourceId", "ChargePeriodStart", "ServiceName", "BilledCost"]
bill = pd.read_parquet({bill!r}, columns=names)
bill["BilledCost"] = bill["BilledCost"].astype("float64")
bill["hour"] = bill["ChargePeriodStart"].astype("datetime64[us, UTC]").astype("int64") // 3_600_000_000
claims = pd.read_parquet({claims!r})
claims["share"] = claims["share_numerator"] / claims["share_denominator"]
hour = 3_600_000_000_000
first, last = claims["start_ns"] // hour, (claims["end_ns"] - 1) // hour
held = claims.loc[claims.index.repeat(last - first + 1)]
held["hour"] = held["start_ns"] // hour + held.groupby(level=0).cumcount()
until = np.minimum(held["end_ns"], (held["hour"] + 1) * hour)
held["weight"] = (until - np.maximum(held["start_ns"], held["hour"] * hour)) / hour * held["share"]
total = held.groupby(["resource_id", "hour"])["weight"].transform("sum")
held["part"] = held["weight"] / np.maximum(total, 1.0)
held = held[["run", "resource_id", "hour", "part"]]
both = bill.merge(held, left_on=["ResourceId", "hour"], right_on=["resource_id", "hour"])
both["given"] = both["BilledCost"] * both["part"]
runs = both.groupby(["run", "ServiceName"])["given"].sum()
idle = bill.groupby("ResourceId")["BilledCost"].sum().sub(
    both.groupby("ResourceId")["given"].sum(), fill_value=0)
"""
POLARS = """
import json, os, sys, time
os.environ["POLARS_MAX_THREADS"] = "2"
import polars as pl
began, before = time.perf_counter(), time.process_time()
hour = 3_600_000_000_000
bill = pl.scan_parquet({bill!r}).select(
    resource="ResourceId",
    service="ServiceName",
    billed=pl.col("BilledCost").cast(pl.Float64),
    hour=pl.col("ChargePeriodStart").dt.epoch("us") // 3_600_000_000,
)
start = pl.max_horizontal("start_ns", pl.col("hour") * hour)
end = pl.min_horizontal("end_ns", (pl.col("hour") + 1) * hour)
share = pl.col("share_numerator") / pl.col("share_denominator")
total = pl.col("weight").sum().over("resource_id", "hour")
held = (
    pl.scan_parquet({claims!r})
    .with_columns(hour=pl.int_ranges(pl.col("start_ns") // hour, (pl.col("end_ns") - 1) // hour + 1))
    .explode("hour")
    .with_columns(weight=(end - start) / hour * share)
    .select("run", "hour", resource="resource_id", part=pl.col("weight") / total.clip(1.0))
)
both = bill.join(held, on=["resource", "hour"]).with_columns(given=pl.col("billed") * pl.col("part"))
runs = both.group_by("run", "service").agg(pl.col("given").sum())
left = [bill.select("resource", "billed"), both.select("resource", billed=-pl.col("given"))]
idle = pl.concat(left).group_by("resource").agg(pl.col("billed").sum())
runs, idle = pl.collect_all([runs, idle], engine="streaming")
"""
SPARK = """
import json, sys, time
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").config("spark.driver.memory", "6g").config(
    "spark.sql.shuffle.partitions", "8").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
spark.range(10).count()
began, before = time.perf_counter(), time.process_time()
spark.read.parquet({bill!r}).selectExpr("ResourceId AS resource", "ServiceName AS service",
    "CAST(BilledCost AS DOUBLE) AS billed",
    "unix_seconds(ChargePeriodStart) DIV 3600 AS hour").createOrReplaceTempView("bill")
spark.read.parquet({claims!r}).createOrReplaceTempView("claims")
spark.sql('''
    SELECT run, resource, hour,
        weight / greatest(sum(weight) OVER (PARTITION BY resource, hour), 1.0D) AS part
    FROM (SELECT run, resource_id AS resource, hour, share_numerator / share_denominator
              * (least(end_ns / 3.6e12D, hour + 1) - greatest(start_ns / 3.6e12D, hour)) AS weight
          FROM (SELECT *, explode(sequence(start_ns DIV 3600000000000,
                    (end_ns - 1) DIV 3600000000000)) AS hour FROM claims))
''').createOrReplaceTempView("held")
runs = spark.sql('''SELECT run, service, sum(billed * part) FROM bill JOIN held USING (resource, hour)
    GROUP BY run, service''')
idle = spark.sql('''SELECT resource, sum(billed) FROM (
    SELECT resource, billed FROM bill
    UNION ALL SELECT resource, -billed * part FROM bill JOIN held USING (resource, hour))
    GROUP BY resource''')
runs.write.mode("overwrite").parquet(sys.argv[1] + "/runs")
idle.write.mode("overwrite").parquet(sys.argv[1] + "/idle")
"""
CLOCK = """
print(json.dumps([time.perf_counter() - began, time.process_time() - before]))
"""
PANDAS_KEEPS = """
runs.rename("given").reset_index().to_parquet(sys.argv[1] + "/runs")
idle.rename("given").reset_index().to_parquet(sys.argv[1] + "/idle")
"""
POLARS_KEEPS = """
runs.write_parquet(sys.argv[1] + "/runs")
idle.write_parquet(sys.argv[1] + "/idle")
"""

SUMS = {
    "runs": "SELECT run || ' ' || service, given FROM {files} AS t(run, service, given)",
    "idle": "SELECT resource, given FROM {files} AS t(resource, given) WHERE resource IS NOT NULL",
}
WIDEST = """
SELECT max(abs(coalesce(ours.given, 0) - coalesce(theirs.given, 0)))
FROM ({ours}) AS ours(key, given) FULL JOIN ({theirs}) AS theirs(key, given) USING (key)
"""
LEAST = 1e-6
"""Doubles that were added up in another order may differ by so much of the currency."""


def main() -> None:
    """Run every way in turns, print a table of medians."""
    words = sys.argv[1:]
    spark = words.pop(words.index("--spark") + 1) if "--spark" in words else None
    sizes = [int(word) for word in words if word != "--spark"]
    rows, runs = (sizes + [1_000_000, 100_000][len(sizes) :])[:2]
    OUT.mkdir(exist_ok=True)
    bill = OUT / f"focus-{rows}.parquet"
    if not bill.exists():
        write_bill(rows, bill)
    files = {"charges": [str(path) for path in lake_of(rows)], "claims": str(claims_of(rows, runs))}
    keep = OUT / f"survey-{rows}"
    shutil.rmtree(keep, ignore_errors=True)
    kept = f"Path({str(keep)!r})"
    timed(SURVEY.format(**files, keep=kept))
    peers = {"bill": str(bill), "claims": files["claims"]}
    kept_sums = OUT / f"peer-sums-{rows}"
    shutil.rmtree(kept_sums, ignore_errors=True)
    ways = {
        "trainfare, no survey kept": lambda: timed(ALLOCATE.format(**files, keep="None")),
        "trainfare, from the survey": lambda: timed(ALLOCATE.format(**files, keep=kept)),
        "pandas": lambda: clocked(PANDAS.format(**peers) + CLOCK + PANDAS_KEEPS, kept_sums),
        "Polars": lambda: clocked(POLARS.format(**peers) + CLOCK + POLARS_KEEPS, kept_sums),
    }
    if spark is not None:
        ways["Spark, local[2]"] = lambda: clocked(SPARK.format(**peers) + CLOCK, kept_sums, spark)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            found[name].append(way()[0])
    shutil.rmtree(kept_sums)
    print(f"{rows:,} rows, {runs:,} runs, {TURNS} turns\n")
    print("| way | seconds, median | least | most |")
    print("|---|---|---|---|")
    for name, seconds in found.items():
        low, high = min(seconds), max(seconds)
        print(f"| {name} | {statistics.median(seconds):.2f} | {low:.2f} | {high:.2f} |")
    figures = Table("allocation_peers", f"Allocation of {rows:,} rows beside other ways", ())
    others = [name for name in found if not name.startswith("trainfare")]
    ours = {name: seconds for name, seconds in found.items() if name not in others}
    for other in others:
        figures.compare("s", {**ours, other: found[other]}, beside=other)
    for other, most in MOST.items():
        for name, seconds in ours.items() if other in found else ():
            share = statistics.median(seconds) / statistics.median(found[other])
            figures.targets.append(
                Target(
                    f"allocation beside {other}, {name}",
                    f"≤ {most:g}",
                    f"{share:.3f}",
                    share <= most,
                )
            )
    if spark is None:
        figures.notes.append("Spark was not asked: no interpreter with PySpark was named")
    publish(figures)


def clocked(work: str, kept: Path, python: str = sys.executable) -> list[float]:
    """Seconds and CPU seconds that *work* says it took, in a fresh process of *python*.

    What the first peer found stays in *kept*, and the others' sums are held against it, outside the
    clock.
    """
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        done = subprocess.run(
            [python, "-c", work, folder], stdout=subprocess.PIPE, check=True, text=True
        )
        if not kept.exists():
            shutil.copytree(folder, kept)
        for name, sums in SUMS.items():
            ours, theirs = (
                sums.format(files=_read(place / name)) for place in (kept, Path(folder))
            )
            [(widest,)] = duckdb.sql(WIDEST.format(ours=ours, theirs=theirs)).fetchall()
            if widest is None or widest > LEAST:
                raise SystemExit(f"sums of {name} differ by {widest}:\n{work}")
        return json.loads(done.stdout.splitlines()[-1])


def _read(place: Path) -> str:
    """What reads a Parquet file, or a folder of them as Spark writes it."""
    return f"read_parquet('{place / '*.parquet' if place.is_dir() else place}')"


if __name__ == "__main__":
    main()
