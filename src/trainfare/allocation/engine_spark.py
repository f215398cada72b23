"""The engine on Spark: the same statements on a cluster, for bills that one machine cannot hold.

Every table is written as Parquet in a folder that driver and workers share, so a step that lost a
worker is done again from files, and numbers that were handed out once stay what they are. Nothing
comes to this process but totals; claims go to the cluster as files.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from trainfare.allocation.database import spill_folder
from trainfare.allocation.dialect_spark import spark_sql
from trainfare.allocation.evidence import SHARE_GRID, Evidence, arrow, claim_tables
from trainfare.allocation.pieces import face_columns, survey_pieces
from trainfare.allocation.portable import portable, sqlglot
from trainfare.allocation.rules import NO_RULES, Rules
from trainfare.allocation.spark import Cluster, open_session
from trainfare.allocation.summary import AllocationSummary, read_standings, summarise
from trainfare.allocation.worktable import Worktable, sql_fact
from trainfare.core.errors import BadInput, NotFound

_CHUNK = 50_000
"""So many rows go into a file at a time."""


def allocate(
    charges: Sequence[Path],
    evidence: Evidence,
    rules: Rules = NO_RULES,
    *,
    out: Path,
    cluster: Cluster,
) -> AllocationSummary:
    """Give every charge of a bill to a run or to a named remainder, as the engine on DuckDB does.

    Args:
        charges: files of the lake, all charges of one billing period; workers must see them.
        evidence: who used what.
        rules: the user's own rules.
        out: the folder of Parquet files to write, whole or not at all; workers must see it.
        cluster: where Spark is.

    Raises:
        BadInput: a file is not of the lake, an amount is beyond the ledger, or Java is missing.
        NotFound: a file does not exist.
        OutsideFailed: Spark failed.
    """
    if not charges:
        raise BadInput("no charges to allocate; import a bill first")
    for path in charges:
        if not path.is_file():
            raise NotFound(f"no file {path}; import the bill again")
    with spill_folder(out.parent.absolute()) as folder, open_session(cluster) as session:
        table = SparkWorktable(session, charges, rules, folder)
        table.prepare(evidence)
        return table.write(out.absolute())


class SparkWorktable(Worktable):
    """A bill, its evidence and its rules in one session of Spark's."""

    def __init__(self, session: Any, files: Sequence[Path], rules: Rules, folder: Path) -> None:
        super().__init__("charges", rules, face_columns(rules))
        self.session = session
        self.folder = folder
        self.read("charges", *files)

    def read(self, table: str, *files: Path) -> None:
        """Make *files* or folders of Parquet a table."""
        frame = self.session.read.parquet(*(_address(path) for path in files))
        frame.createOrReplaceTempView(table)

    def keep(self, table: str, query: str, mode: str = "overwrite") -> None:
        """Make what a query of Spark's gives a table."""
        place = self.folder / table
        frame = self.session.sql(query)
        if mode == "append":
            frame = frame.toDF(*self.session.table(table).columns)
        frame.write.mode(mode).parquet(_address(place))
        # What was just written is known: to look for it in the files would be one more job a step.
        kept = self.session.read.schema(frame.schema).parquet(_address(place))
        kept.createOrReplaceTempView(table)

    def execute(self, statement: str) -> None:
        """Execute one statement of this room's text."""
        exp = sqlglot().exp
        tree = portable(statement)
        match tree:
            case exp.Create() if tree.kind == "VIEW":
                frame = self.session.sql(spark_sql(tree.expression))
                frame.createOrReplaceTempView(tree.this.name)
            case exp.Create() if tree.expression is not None:
                self.keep(tree.this.name, spark_sql(tree.expression))
            case exp.Create():
                kinds = {each.name: each.kind.sql("spark") for each in tree.this.expressions}
                self.take(tree.this.this.name, kinds, ())
            case exp.Copy():
                self.keep(tree.args["files"][0].name, spark_sql(tree.this.unnest()))
            case exp.Insert():
                self.keep(tree.this.name, spark_sql(tree.expression), "append")
            case exp.Drop():
                name = tree.find(exp.Table).name
                self.session.catalog.dropTempView(name)
                shutil.rmtree(self.folder / name, ignore_errors=True)
            case None:
                pass
            case _:
                raise AssertionError(f"a statement of an unknown kind: {statement[:80]}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query; decimals without places are whole numbers."""
        found = self.session.sql(spark_sql(portable(query))).collect()
        return [tuple(int(v) if isinstance(v, Decimal) else v for v in row) for row in found]

    def columns(self) -> set[str]:
        """The columns that the bill's files have."""
        return set(self.session.table("charges").columns)

    def texts(self, table: str) -> Iterable[str]:
        """The column ``text`` of a table, row by row from its files."""
        for path in sorted((self.folder / table).glob("*.parquet")):
            for batch in _parquet().ParquetFile(path).iter_batches(_CHUNK, columns=["text"]):
                yield from batch.column(0).to_pylist()

    def take(self, name: str, kinds: Mapping[str, str], rows: Iterable[Sequence[object]]) -> None:
        """Make a table of *rows*, which go to Spark as a file."""
        pa = arrow()
        types = {"BIGINT": pa.int64()}
        schema = pa.schema(
            [(column, types.get(kind, pa.string())) for column, kind in kinds.items()]
        )
        self.take_tables(name, schema, _tables(rows, schema))

    def take_tables(self, name: str, schema: Any, tables: Iterable[Any]) -> None:
        """Make a table of Arrow tables, which go to Spark as one file."""
        place = self.folder / f"{name}.taken"
        place.mkdir(exist_ok=True)
        path = place / "part.parquet"
        with _parquet().ParquetWriter(path, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
        self.read(name, path)

    def take_claims(self, claims: Any) -> None:
        """Bring claims in, instead of those that are there."""
        self.run("evidence", share_grid=SHARE_GRID)
        if isinstance(claims, Path):
            self.read("incoming", claims)
        else:
            tables = iter(claim_tables(claims))
            first = next(tables, None)
            if first is None:
                return
            self.take_tables("incoming", first.schema, _chain(first, tables))
        self.run("claims", source="incoming")

    def survey(self) -> tuple[list[int], int]:
        """Find out what the bill is made of: the grains that it has, and its longest period."""
        self.pieces.update(survey_pieces("narrow_lines", "narrow_totals"))
        self.pieces.update(lines_file="'narrow_lines'", totals_file="'narrow_totals'")
        self.run("faces")
        self.run("narrow")
        self.run("census")
        [(has_uneven,)] = self.rows("SELECT coalesce(has_uneven, false) FROM census")
        self.run("survey", missing=self.missing())
        self.run("paid", has_uneven=sql_fact(has_uneven))
        return self.find_grains()

    def prepare(self, evidence: Evidence) -> None:
        """Do all that comes before amounts: decide every face's way, divide all claimed time."""
        self.check_files()
        self.take_evidence(evidence)
        grains, longest = self.survey()
        self.decide()
        self.divide_time(grains, longest, bool(evidence.lives))

    def divide_crowds(self) -> None:
        """Divide the periods that several runs hold, all at once: the cluster spills by itself."""
        self.run("crowd", first_period=0, last_period=2**63 - 1)

    def write(self, out: Path) -> AllocationSummary:
        """Allocate, and write the result to the folder *out*, whole or not at all."""
        self.sum_amounts()
        self.divide_pools()
        self.run("result")
        self.keep("written", "SELECT * FROM result")
        summary = summarise(self, read_standings(self, "written"), out)
        shutil.rmtree(out, ignore_errors=True)
        (self.folder / "written").rename(out)
        return summary


def _address(path: Path) -> str:
    """*path* as Spark takes it; signs of patterns stand for themselves."""
    return "file://" + re.sub(r"([][*?{}\\])", r"\\\1", str(path.absolute()))


def _tables(rows: Iterable[Sequence[object]], schema: Any) -> Iterator[Any]:
    """Rows as Arrow tables of *schema*, some ten thousand rows each."""
    pa = arrow()
    stream = iter(rows)
    while chunk := list(islice(stream, _CHUNK)):
        columns = zip(*chunk, strict=True)
        arrays = [pa.array(c, kind) for c, kind in zip(columns, schema.types, strict=True)]
        yield pa.table(arrays, schema=schema)


def _chain(first: Any, rest: Iterable[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _parquet() -> Any:
    arrow()
    import pyarrow.parquet as package

    return package
