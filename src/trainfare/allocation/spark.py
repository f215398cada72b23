"""Spark: sessions on a cluster or through Spark Connect, their failures told in our words."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput, MissingExtra, OutsideFailed

_SETTINGS = {
    "spark.sql.ansi.enabled": "true",  # a sum or cast that does not fit is an error, never a wrap
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.cteRecursionRowLimit": "-1",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
_TOO_LARGE = ("OVERFLOW", "OUT_OF_RANGE")
"""What the names of Spark's errors have in them where a number does not fit."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where Spark is."""

    master: str | None = None
    """``spark://HOST:PORT``, ``local[N]``, ``yarn`` …; None: as Spark's own settings say."""
    remote: str | None = None
    """``sc://HOST:PORT``: through Spark Connect, then there is no *master*."""


def pyspark() -> Any:
    """The pyspark package.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import pyspark as package
    except ImportError:
        raise MissingExtra("spark", "allocate on Spark") from None
    return package


@contextmanager
def open_session(cluster: Cluster) -> Iterator[Any]:
    """A session of our own on *cluster*, whose views and settings nobody else sees.

    Raises:
        MissingExtra: a package is not installed.
        BadInput: Java is missing, or an amount is too large for the ledger.
        OutsideFailed: the cluster cannot be reached, or failed.
    """
    pyspark()
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    gone = (PySparkException, Py4JError, ConnectionError)
    try:
        session = _connected(cluster) if cluster.remote else _started(cluster)
        try:
            for name, value in _SETTINGS.items():
                session.conf.set(name, value)
            yield session
        finally:
            with suppress(*gone):
                session.stop()
    except gone as error:
        raise _in_our_words(error) from None


def _started(cluster: Cluster) -> Any:
    """A session whose driver is this process."""
    from pyspark.sql import SparkSession

    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=str(Path(home) / "bin") if home else None) is None:
        raise BadInput("Spark needs Java 17 or newer and finds none; install it, or set JAVA_HOME")
    builder = SparkSession.builder.appName("trainfare allocate")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    return (builder.master(cluster.master) if cluster.master else builder).getOrCreate()


def _connected(cluster: Cluster) -> Any:
    """A session whose driver is a Spark Connect server."""
    try:
        from pyspark.sql.connect.session import SparkSession
    except ImportError:
        raise MissingExtra("spark", "reach Spark through Spark Connect") from None
    return SparkSession.builder.remote(cluster.remote).create()


def _in_our_words(error: Exception) -> BadInput | OutsideFailed:
    text = str(error)
    # A failure in Java begins with the call that failed; what failed stands in the next line.
    lines = [line for line in text.split("\n") if line and not line.startswith("An error occurred")]
    first = (lines[0] if lines else type(error).__name__).lstrip(": ")[:300]
    if any(word in text for word in _TOO_LARGE):
        return BadInput(
            "an amount, or what charges of one kind sum to in a day, is beyond ±9.2 thousand million "
            f"units of its currency ({first}); check the amounts and their unit"
        )
    return OutsideFailed(
        f"Spark failed ({first}); check that it runs, and that its workers read and write the home; "
        "nothing was changed"
    )
