"""Apache Spark: a session's work metered as a data run, whose cost its readers carry.

    with trainfare.integrations.spark.data_run(spark, reads=[RAW], writes=[CLEAN]):
        spark.read.parquet(RAW).dropDuplicates().write.parquet(CLEAN)

The run holds the machine of the driver, and with it the executors there. Executors on other hosts
are named in a remark: what those cost is known where an agent meters them, or from their bill.

Spark's own count of input bytes is not taken for what was read: it leaves out vectored reads of
Parquet, 398 of 405 KB in a test with Spark 4.3. A dataset counts as read once.

Source: Spark, org.apache.spark.status.AppStatusStore (executorList), "Monitoring and Instrumentation".
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

from trainfare.core.stage import DATA
from trainfare.metering.notice import warn
from trainfare.metering.track import Run, track

Place = str | os.PathLike[str]


@contextlib.contextmanager
def data_run(
    spark: Any,
    name: str | None = None,
    *,
    reads: Sequence[Place] = (),
    writes: Sequence[Place] = (),
    **words: Any,
) -> Iterator[Run]:
    """Meter what the block does with the session *spark*; inside a live run it is a stage of that.

    Args:
        spark: a ``SparkSession``.
        name: how people call the run; otherwise as the application.
        reads: the datasets that the block reads.
        writes: what it makes; recorded when the block ends well.
        words: as ``trainfare.track`` takes them: model, team, price …
    """
    with track(name or _app_name(spark), stage=DATA, **words) as run, run.stage(DATA):
        for uri in reads:
            run.dataset(uri)
        yield run
        for uri in writes:
            run.output(uri)
        elsewhere = _hosts_elsewhere(spark)
        if elsewhere:
            run.note(
                f"Spark executors on {', '.join(elsewhere)} are not in this run: meter those "
                "machines with trainfare agent, or take their cost from the bill"
            )


def _app_name(spark: Any) -> str | None:
    try:
        return str(spark.conf.get("spark.app.name"))
    except Exception:
        return None


def _hosts_elsewhere(spark: Any) -> list[str]:
    """Hosts of executors that are not the driver's; Spark Connect has no view of them."""
    try:
        context = spark.sparkContext._jsc.sc()  # noqa: SLF001 (Spark's only door to them)
        found = context.statusStore().executorList(False)
        executors = [found.apply(n) for n in range(found.size())]
        hosts = {one.id(): one.hostPort().rpartition(":")[0] for one in executors}
    except Exception as error:
        warn("where Spark's executors are is not known: %s", type(error).__name__)
        return []
    driver = hosts.pop("driver", None)
    return sorted({host for host in hosts.values() if host != driver})
