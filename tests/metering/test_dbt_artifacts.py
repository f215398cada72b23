"""dbt's artifacts in the shape that dbt documents: tables, what they are made of, how long each took."""

import json

import pytest

from trainfare.core.errors import BadInput
from trainfare.metering.dbt_artifacts import Table, read_invocation


def node(name, *of, kind="model", materialized="table", **more):
    return {
        "name": name.split(".")[-1],
        "alias": name.split(".")[-1],
        "database": "LAKE",
        "schema": "MAIN",
        "resource_type": kind,
        "relation_name": None if materialized == "ephemeral" else f'"LAKE"."MAIN"."{name}"',
        "config": {"materialized": materialized},
        "depends_on": {"macros": [], "nodes": list(of)},
        **more,
    }


def result(key, seconds, status="success"):
    began = {"name": "compile", "started_at": "2026-10-01T08:00:02.000000Z"}
    return {"unique_id": key, "status": status, "execution_time": seconds, "timing": [began]}


def write(folder, results, nodes, sources=(), ids=("i-1", "i-1")):
    metadata = {
        "invocation_id": ids[0],
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
        "invocation_started_at": "2026-10-01T08:00:00.000000Z",
        "generated_at": "2026-10-01T08:00:10.500000Z",
    }
    document = {"metadata": metadata, "results": results, "elapsed_time": 9.0, "args": {}}
    (folder / "run_results.json").write_text(json.dumps(document))
    manifest = {
        "metadata": {"invocation_id": ids[1], "adapter_type": "snowflake", "project_name": "p"},
        "nodes": nodes,
        "sources": dict(sources),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


BEGAN = 1_790_841_602 * 10**9
NODES = {
    "model.p.raw": node("raw", "source.p.web.clicks"),
    "model.p.half": node("half", "model.p.raw", materialized="ephemeral"),
    "model.p.clean": node("clean", "model.p.half", "model.p.old"),
    "model.p.old": node("old"),
    "model.p.file": node("file", config={"materialized": "external", "location": "s3://lake/f"}),
    "test.p.unique": node("unique", "model.p.clean", kind="test"),
}
SOURCES = {"source.p.web.clicks": node("clicks", kind="source", identifier="CLICKS", alias=None)}


def test_tables_are_made_of_the_nearest_tables_and_the_rest_was_read(tmp_path):
    done = [
        result("model.p.raw", 1.5),
        result("model.p.clean", 0.25),
        result("model.p.file", 2),
        result("test.p.unique", 3, "pass"),
    ]
    write(tmp_path, done, NODES, SOURCES)
    found = read_invocation(tmp_path)
    assert found.tables == (
        Table(
            "clean", "snowflake://LAKE/MAIN/clean", 250_000, BEGAN, ("snowflake://LAKE/MAIN/raw",)
        ),
        Table("file", "s3://lake/f", 2_000_000, BEGAN, ()),
        Table("raw", "snowflake://LAKE/MAIN/raw", 1_500_000, BEGAN, ()),
    )
    assert found.reads == ("snowflake://LAKE/MAIN/CLICKS", "snowflake://LAKE/MAIN/old")


def test_what_failed_made_no_table(tmp_path):
    write(tmp_path, [result("model.p.raw", 1.5, "error")], NODES, SOURCES)
    found = read_invocation(tmp_path)
    assert (found.tables, found.error) == ((), "dbt: model.p.raw failed")
    assert (found.project, found.end_ns - found.start_ns) == ("p", 10_500_000_000)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "cannot be read: No such file"),
        (lambda folder: (folder / "run_results.json").write_text("{"), "is no JSON"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "is no artifact of dbt"),
        (lambda folder: write(folder, [], NODES, ids=("a", "b")), "manifest of another"),
        (lambda folder: write(folder, [{}], NODES), "no artifacts of dbt that are known"),
    ],
)
def test_artifacts_that_cannot_be_read_are_refused_in_a_sentence(tmp_path, spoil, words):
    write(tmp_path, [], NODES)
    spoil(tmp_path)
    with pytest.raises(BadInput, match=words):
        read_invocation(tmp_path)
