"""Real Sparks for tests: settings that let a small one start quickly, clusters, Connect servers."""

from __future__ import annotations

import os

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}
"""Tiny tables are worth no compilation."""


def environment(folder, **settings):
    """Variables that bring a Spark its settings, which are written into *folder*."""
    folder.mkdir(exist_ok=True)
    lines = [f"{name} {value}\n" for name, value in (SETTINGS | settings).items()]
    (folder / "spark-defaults.conf").write_text("".join(lines))
    return {**os.environ, "SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"}
