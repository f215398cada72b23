"""A real Spark prepares data; two trainings read different parts of it, and its cost is theirs."""

import sys

import pytest

import trainfare
from trainfare.core.carry import CarryRule
from trainfare.core.money import Money
from trainfare.flows.report import make_report
from trainfare.metering.history import read_receipt

pytestmark = pytest.mark.long  # a Java machine takes its time to start


@pytest.fixture(scope="module")
def spark():
    from pyspark.sql import SparkSession

    built = (
        SparkSession.builder.master("local[2]")
        .appName("prepare")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.pyspark.python", sys.executable)
        .getOrCreate()
    )
    yield built
    built.stop()


def train(name, clean, files):
    """A training that reads some of the files, and says how much."""
    read = 0
    with trainfare.track(run_id=name, model=name, price="7.2") as run:
        run.dataset(clean)
        for path in run.steps(files):
            read += len(path.read_bytes())
            run.dataset(clean, read=read)
    return read


def test_what_spark_prepared_is_carried_into_the_trainings_by_what_they_read(
    spark, tmp_path, monkeypatch
):
    from trainfare.integrations.spark import data_run

    home, raw, clean = tmp_path / "home", tmp_path / "raw", tmp_path / "clean"
    monkeypatch.setenv("TRAINFARE_HOME", str(home))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    spark.range(50_000).selectExpr("id", "hash(id) as token").write.parquet(str(raw))
    with data_run(spark, run_id="prep", price="3.6", reads=[raw], writes=[clean]):
        frame = spark.read.parquet(str(raw)).where("id % 2 = 0")
        frame.repartition(4).write.parquet(str(clean))
    files = sorted(clean.glob("part-*.parquet"))
    assert len(files) == 4
    all_of_it, some = train("all", clean, files), train("some", clean, files[:1])

    prep = read_receipt(home, "prep")
    stages = {stage for stage, (time_ns, _) in prep.estimate.by_stage().items() if time_ns}
    assert (prep.run.name, prep.run.is_data, stages) == ("prepare", True, {"data"})
    roles = {one.role: one for s in prep.run.segments for one in s.artifacts}
    assert roles["dataset"].bytes == sum(p.stat().st_size for p in raw.rglob("*"))
    assert not any("executors" in note for s in prep.run.segments for note in s.notes)
    assert roles["output"].bytes == sum(p.stat().st_size for p in clean.rglob("*") if p.is_file())
    assert prep.run.segments[0].totals.cpu_ns > 10**8

    report = make_report(home, ("run",), carry=CarryRule.BYTES)
    (table,) = report.tables
    cells = {row["run"]: row for row in table}
    whole = prep.estimate.total
    assert cells["prep"]["estimated_carried_data"] == -whole
    assert cells["prep"]["estimated_with_data"] == Money(0)
    carried = [cells[name]["estimated_carried_data"] for name in ("all", "some")]
    assert carried == whole.split([all_of_it, some])
    assert table.total["estimated_with_data"] == table.total["estimated"]
