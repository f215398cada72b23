"""Which engine allocates: options come first, then the environment; what is missing is said."""

import pytest

from flows.bills import hour, said, trainfare, write_bill
from trainfare.allocation.spark import Cluster
from trainfare.core.errors import BadInput
from trainfare.flows.engine import VARIABLE, chosen_cluster
from trainfare.flows.lake import object_lake

HERE = Cluster(master="spark://here:7077")
BEHIND = Cluster(remote="sc://here:15002")


@pytest.mark.parametrize(
    ("variable", "options", "chosen"),
    [
        ("", {}, None),
        ("duckdb", {}, None),
        ("spark", {}, Cluster()),
        ("spark://here:7077", {}, HERE),
        ("sc://here:15002", {}, BEHIND),
        ("sc://here:15002", {"engine": "spark"}, BEHIND),
        ("sc://here:15002", {"engine": "duckdb"}, None),
        ("sc://there", {"master": "spark://here:7077"}, HERE),
        ("", {"remote": "sc://here:15002"}, BEHIND),
        ("", {"engine": "spark", "master": "local[2]"}, Cluster(master="local[2]")),
        ("duckdb", {"engine": "spark"}, Cluster()),
    ],
)
def test_options_come_before_the_environment(monkeypatch, variable, options, chosen):
    monkeypatch.setenv(VARIABLE, variable)
    assert chosen_cluster(**options) == chosen


def test_contradictions_are_said(monkeypatch):
    with pytest.raises(BadInput, match="by --master or by --remote, not by both"):
        chosen_cluster(master="a", remote="b")
    with pytest.raises(BadInput, match="DuckDB has no --master"):
        chosen_cluster("duckdb", master="a")
    for word in ("mysql", "spark://", "sc://"):
        monkeypatch.setenv(VARIABLE, word)
        with pytest.raises(BadInput, match=f"{VARIABLE}={word} is no engine; say duckdb, spark"):
            chosen_cluster()


def test_without_pyspark_or_java_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(home))
    trainfare(home, "bill", "import", write_bill(tmp_path / "bill.csv", hour("i-1", 8, "1")))
    try:
        import pyspark  # noqa: F401
    except ImportError:
        text = said(home, "allocate", "--engine", "spark", code=2)
        assert "install the extra: pip install 'trainfare[spark]'" in text
        return
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    text = said(home, "allocate", "--engine", "spark", code=2)
    assert text.strip().endswith("install it, or set JAVA_HOME")


def test_sql_for_a_warehouse_is_printed_and_nothing_is_done(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(home))
    home.mkdir()
    rule = '[[rule]]\nname = "mine"\nmatch = \'Tags.squad = "blue"\'\nlabel = "team=blue"\n'
    (home / "rules.toml").write_text(rule)
    text = said(home, "allocate", "--emit-sql", "bigquery")
    assert text.startswith("-- Trainfare: every charge of a bill")
    assert "squad" in text
    assert "team=blue" in text
    assert not (home / "allocations").exists()
    wrong = said(home, "allocate", "2026-10", "--emit-sql", "bigquery", code=2)
    assert "allocates nothing" in wrong
    assert "no SQL for 'mysql'" in said(home, "allocate", "--emit-sql", "mysql", code=2)


def test_a_lake_without_a_bucket_is_refused(monkeypatch):
    monkeypatch.setenv("TRAINFARE_LAKE", "s3://")
    with pytest.raises(BadInput, match="TRAINFARE_LAKE=s3:// names no bucket"):
        object_lake()
