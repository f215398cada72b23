"""dbt's results as a data run: its models as stages, its tables as outputs that trainings carry."""

import json
from pathlib import Path

import pytest

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND
from trainfare.core.stage import Status
from trainfare.logs.dbt import read_run_results
from trainfare.logs.detect import find_kind, read_log
from trainfare.logs.training_log import Made


def node(name, *of):
    return {
        "name": name,
        "alias": name,
        "database": "lake",
        "schema": "main",
        "resource_type": "model",
        "relation_name": f'"lake"."main"."{name}"',
        "config": {"materialized": "table"},
        "depends_on": {"macros": [], "nodes": [f"model.p.{one}" for one in of]},
    }


def result(name, began, took, status="success"):
    started = f"2026-10-01T08:00:{began:06.3f}000Z"
    return {
        "status": status,
        "timing": [{"name": "execute", "started_at": started, "completed_at": started}],
        "thread_id": "Thread-1 (worker)",
        "execution_time": took,
        "adapter_response": {"_message": "OK"},
        "unique_id": f"model.p.{name}",
        "relation_name": f'"lake"."main"."{name}"',
    }


def write(folder, *results, ids=("i", "i")):
    about = {
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
        "dbt_version": "1.11.16",
        "generated_at": "2026-10-01T08:00:20.000000Z",
        "invocation_id": ids[0],
        "invocation_started_at": "2026-10-01T08:00:00.000000Z",
    }
    document = {"metadata": about, "results": list(results), "elapsed_time": 12.5, "args": {}}
    path = folder / "run_results.json"
    path.write_text(json.dumps(document))
    nodes = {
        f"model.p.{name}": node(name, *of)
        for name, of in {"raw": (), "clean": ("raw",), "words": ("clean",)}.items()
    }
    metadata = {"invocation_id": ids[1], "adapter_type": "duckdb", "project_name": "p"}
    manifest = {"metadata": metadata, "nodes": nodes, "sources": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return path


ALL = (result("raw", 4, 6), result("clean", 10, 2.5), result("words", 13, 1))


def spans(log):
    return [(mark.at_ns / SECOND, mark.stage) for mark in log.stages]


def test_each_model_is_a_stage_and_each_table_an_output(tmp_path):
    path = write(tmp_path, *ALL)
    assert find_kind(path) == "dbt"
    (log,) = read_log(path)
    assert spans(log) == [
        (0, "data"),
        (4, "data/raw"),
        (10, "data/clean"),
        (12.5, "data"),
        (13, "data/words"),
        (14, "data"),
    ]
    assert (log.duration_ns, log.status) == (20 * SECOND, Status.FINISHED)
    assert log.made == (
        Made("output", "duckdb://lake/main/clean", 2_500_000, ("duckdb://lake/main/raw",)),
        Made("output", "duckdb://lake/main/raw", 6_000_000),
        Made("output", "duckdb://lake/main/words", 1_000_000, ("duckdb://lake/main/clean",)),
    )


def test_side_by_side_the_model_that_began_last_has_the_time(tmp_path):
    path = write(tmp_path, result("raw", 4, 9), result("clean", 6, 1), result("words", 9, 2))
    assert spans(read_run_results(path)[0]) == [
        (0, "data"),
        (4, "data/raw"),
        (6, "data/clean"),
        (9, "data/words"),
        (13, "data"),
    ]


def test_a_model_that_failed_made_nothing_and_fails_the_run(tmp_path):
    path = write(tmp_path, ALL[0], result("clean", 10, 2.5, "error"))
    (log,) = read_run_results(path)
    assert (log.status, log.error) == (Status.FAILED, "dbt: model.p.clean failed")
    assert [one.uri for one in log.made] == ["duckdb://lake/main/raw"]


def test_results_need_the_manifest_of_their_invocation(tmp_path):
    path = write(tmp_path, *ALL, ids=("i", "j"))
    with pytest.raises(BadInput, match="manifest of another"):
        read_run_results(path)
    Path(tmp_path / "manifest.json").unlink()
    with pytest.raises(BadInput, match=r"manifest.json cannot be read"):
        read_run_results(path)
