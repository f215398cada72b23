"""Whole processes in the environment of each engine: retries are attempts, money sums by step."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

pytest.importorskip("duckdb")

from flows.bills import trainfare
from metering.test_pipelines import AGAIN, ENGINES

TRAIN = Path(__file__).parents[2] / "examples" / "services" / "train.py"


def train(home, **words):
    env = {**os.environ, "TRAINFARE_HOME": str(home), "TRAINFARE_METADATA": "off", **words}
    env.pop("TRAINFARE_RUN_ID", None)
    command = [sys.executable, str(TRAIN)]
    subprocess.run(command, env={**env, "TRAINFARE_PRICE": "24/h"}, check=True, timeout=120)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_retry_is_an_attempt_of_the_same_run(tmp_path, engine):
    train(tmp_path, **ENGINES[engine])
    train(tmp_path, **{**ENGINES[engine], **AGAIN[engine]})
    [run] = trainfare(tmp_path, "runs")["runs"]
    receipt = trainfare(tmp_path, "receipt", run["run"])
    assert len(receipt["attempts"]) == 2
    assert receipt["status"] == "finished"


def test_steps_sum_up_to_their_pipeline(tmp_path):
    steps = ("prepare", "train")
    for step in steps:
        train(tmp_path, **{**ENGINES["airflow"], "AIRFLOW_CTX_TASK_ID": step})
    [whole] = trainfare(tmp_path, "report", "--by", "pipeline")["rows"]
    parts = trainfare(tmp_path, "report", "--by", "pipeline,pipeline.step")["rows"]
    assert sorted(row["pipeline.step"] for row in parts) == list(steps)
    assert Decimal(whole["estimated"]) == sum(Decimal(row["estimated"]) for row in parts)
    assert whole["runs"] == 2
