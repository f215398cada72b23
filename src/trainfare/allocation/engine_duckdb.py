"""The engine on DuckDB: a whole bill allocated set by set, exact, in bounded memory.

The bill is read twice as a stream: for its faces, and into narrow lines, which then go past the
shares of the runs. Hash tables are built on the side of the runs, so memory does not grow with the
bill. The order of the steps stands in :mod:`~trainfare.allocation.worktable`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from trainfare.allocation.database import (
    LARGER_LIMITS,
    MEMORY_LIMIT,
    OutOfMemory,
    files_sql,
    open_database,
    spill_folder,
)
from trainfare.allocation.evidence import SHARE_GRID, Evidence, claim_tables
from trainfare.allocation.kept_result import ResultKeeper, facts_of, keeping
from trainfare.allocation.kept_survey import (
    FILES,
    TABLES,
    SurveyWriter,
    file_of,
    find_survey,
    former_survey,
    survey_name,
)
from trainfare.allocation.line import Line, line_of
from trainfare.allocation.match import literal
from trainfare.allocation.pieces import CELL_MARKS, face_columns, survey_pieces
from trainfare.allocation.proportion import MACROS
from trainfare.allocation.rules import NO_RULES, Rules
from trainfare.allocation.summary import AllocationSummary, read_standings, summarise
from trainfare.allocation.worktable import Worktable, sql_fact
from trainfare.core.disk import flush
from trainfare.core.errors import BadInput, NotFound

Done = TypeVar("Done")

_CROWD = 500_000
"""Of periods that several runs hold, so many pieces of claims are divided at a time."""


def allocate(
    charges: Sequence[Path],
    evidence: Evidence,
    rules: Rules = NO_RULES,
    *,
    out: Path,
    keep: Path | None = None,
    base: Path | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> AllocationSummary:
    """Give every charge of a bill to a run or to a named remainder, and write the result.

    Laws: for every currency and view the rows of the result sum to the bill, as integers; the order
    of charges, files and claims changes nothing; cutting a claim in two changes nothing.

    Args:
        charges: files of the lake, all charges of one billing period.
        evidence: who used what.
        rules: the user's own rules.
        out: the Parquet file to write, whole or not at all; see ``result.sql`` for its columns:
            run or remainder, method, label, tag_run, resource, service, account, region, component,
            day (null where a shared charge was divided over the period), currency, charge_category,
            is_correction, an amount in nano-units per view (null where no charge has one), the
            number of charges, and of those without an amount per view.
        keep: a folder of this bill alone, for what is found out about it before claims are looked
            at; allocating the same files again starts there. None keeps nothing.
        base: a folder of this bill alone, for what allocating a change of it goes on from (see
            increment.py). None keeps nothing.
        memory_limit: what the database may hold in memory; beyond, it spills beside *out*. None
            begins with :data:`MEMORY_LIMIT` and takes more where that does not do.
        threads: how many to use; all when None.

    Raises:
        BadInput: a file is not of the lake, or an amount is beyond the ledger.
        NotFound: a file does not exist.
        OutsideFailed: memory, disk or a read failed.
    """

    def work(limit: str) -> AllocationSummary:
        with open_bill(charges, out.parent, limit, threads) as (database, folder):
            table = DuckDBWorktable(database, charges, rules)
            if base is None:
                table.prepare(evidence, folder, keep)
                return table.write(out)
            facts = facts_of(evidence, rules, table.survey_name)
            with keeping(base, out, facts) as table.keeper:
                table.prepare(evidence, folder, keep)
                return table.write(out)

    return in_memory(memory_limit, work)


def in_memory(memory_limit: str | None, work: Callable[[str], Done]) -> Done:
    """What *work* returns in *memory_limit*; None: in the least memory that does."""
    limits = (MEMORY_LIMIT, *LARGER_LIMITS) if memory_limit is None else (memory_limit,)
    for limit in limits[:-1]:
        with suppress(OutOfMemory):
            return work(limit)
    return work(limits[-1])


def survey(
    charges: Sequence[Path],
    rules: Rules = NO_RULES,
    *,
    keep: Path,
    memory_limit: str = MEMORY_LIMIT,
    threads: int | None = None,
) -> None:
    """Find out what a bill is made of, and keep it under *keep*: its allocation starts there.

    Raises:
        BadInput: a file is not of the lake.
        OutsideFailed: memory, disk or a read failed.
    """
    with (
        spill_folder(None) as folder,
        open_database(folder, memory_limit, threads) as database,
    ):
        table = DuckDBWorktable(database, charges, rules)
        table.check_files()
        table.survey(folder, keep)


class DuckDBWorktable(Worktable):
    """A bill, its evidence and its rules in one database in this process."""

    def __init__(self, database: Any, files: Sequence[Path], rules: Rules) -> None:
        columns = face_columns(rules)
        super().__init__(files_sql(files), rules, columns)
        self.database = database
        self.files = files
        self.keeper: ResultKeeper | None = None
        self.folder = Path()
        """Where this allocation alone spills to, beside its result."""
        self.survey_name = survey_name(files, columns)
        self.surveyed = Path()
        """The survey of the bill, once there is one."""
        self.pieces["cell_marks"] = CELL_MARKS
        self.pieces["numbered_files"] = files_sql(files, are_numbered=True)

    def execute(self, statement: str) -> None:
        """Execute one statement."""
        self.database.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        found: list[tuple[Any, ...]] = self.database.execute(query).fetchall()
        return found

    def columns(self) -> set[str]:
        """The columns that the bill's files have."""
        return {name for name, *_ in self.database.sql(f"FROM {self.pieces['files']}").description}

    def texts(self, table: str) -> Iterable[str]:
        """The column ``text`` of a table, row by row."""
        return [text for (text,) in self.database.table(table).project("text").fetchall()]

    def take(self, name: str, kinds: Mapping[str, str], rows: Iterable[Sequence[object]]) -> None:
        """Make a temporary table of *rows*; *kinds* are its columns' types."""
        self.run("take", table=name, columns=", ".join(f"{c} {kind}" for c, kind in kinds.items()))
        columns = [list(column) for column in zip(*rows, strict=True)]
        if columns:
            values = ", ".join("unnest(?)" for _ in columns)
            self.database.execute(f"INSERT INTO {name} SELECT {values}", columns)

    def take_claims(self, claims: Any) -> None:
        """Bring claims into the database, instead of those that are there."""
        self.run("evidence", share_grid=SHARE_GRID)
        if isinstance(claims, Path):
            self.run("claims", source=files_sql([claims]))
            return
        for table in claim_tables(claims):
            self.database.register("incoming", table)
            self.run("claims", source="incoming")
            self.database.unregister("incoming")

    def survey(self, folder: Path, keep: Path | None) -> tuple[list[int], int]:
        """Find out what the bill is made of: the grains that it has, and its longest period."""
        kept = None if keep is None else find_survey(keep, self.survey_name)
        if kept is None:
            kept = self.make_survey(
                SurveyWriter(keep or folder, self.survey_name), keep is not None
            )
        else:
            for name in TABLES:
                self.database.read_parquet(str(file_of(kept, name))).create(name)
        self.surveyed = kept
        self.look_at(kept)
        return self.find_grains()

    def make_survey(self, writer: SurveyWriter, is_kept: bool) -> Path:
        """Survey the bill into the folder of *writer*; where it then is."""
        try:
            for name in FILES:
                self.pieces[f"{name}_file"] = literal(str(file_of(writer.partial, name)))
            self.look_at(writer.partial)
            self.take("former", {"face": "INTEGER", "mark": "UBIGINT"}, ())
            former = former_survey(writer.final.parent, writer.final.name) if is_kept else None
            if former is not None:
                self.run("former", former_faces=files_sql([file_of(former, "faces")]))
            for path in self.files:
                self.run("faces_of_file", numbered_file=files_sql([path], has_row_numbers=True))
            self.run("narrow")
            self.run("census")
            [(has_uneven,)] = self.rows("SELECT coalesce(has_uneven, false) FROM census")
            self.run("survey", missing=self.missing())
            self.run("paid", has_uneven=sql_fact(has_uneven))
            if not is_kept:
                return writer.partial
            for name in TABLES:
                self.database.table(name).write_parquet(str(file_of(writer.partial, name)))
            return writer.settle()
        finally:
            if is_kept:
                writer.drop()

    def look_at(self, kept: Path) -> None:
        """Read lines and totals from the survey in a folder."""
        self.pieces.update(survey_pieces(*(files_sql([file_of(kept, name)]) for name in FILES)))

    def prepare(self, evidence: Evidence, folder: Path, keep: Path | None = None) -> None:
        """Do all that comes before amounts: decide every face's way, divide all claimed time."""
        self.folder = folder
        for macro in MACROS:
            self.execute(macro)
        self.check_files()
        self.take_evidence(evidence)
        grains, longest = self.survey(folder, keep)
        self.decide()
        self.divide_time(grains, longest, bool(evidence.lives))

    def decide(self) -> None:
        """Decide every face's way, once places are known."""
        if self.keeper is None:
            super().decide()
            return
        self.keeper.keep_survey(self, self.surveyed)
        self.keep_claims(self.keeper)
        super().decide()
        self.run("told")

    def keep_claims(self, keeper: ResultKeeper) -> None:
        """Keep what tells later which claims have changed."""
        keeper.keep_claims(self)

    def divide_crowds(self) -> None:
        """Divide the periods that several runs hold, so many at a time that memory does."""
        [(periods, several)] = self.rows(
            "SELECT count(*), sum(pieces) FILTER (pieces > 1) FROM measured"
        )
        step = max(1, periods * _CROWD // several)
        for first in range(1, periods + 1, step):
            self.run("crowd", first_period=first, last_period=first + step - 1)

    def divide_pools(self) -> None:
        """Sum the bill past the shares, and divide what rules divide over runs."""
        # In the given order the hash tables are of faces and of shares; any other is of their product.
        self.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        self.sum_amounts()
        self.execute("RESET disabled_optimizers")
        super().divide_pools()

    def lines(self, condition: str = "true", run: str | None = None) -> list[Line]:
        """The parts of charges, in order of files, rows and proportions.

        Args:
            condition: SQL over the columns of a charge.
            run: only what this run got.
        """
        self.run("lines", condition=condition, of_run="NULL" if run is None else literal(run))
        lines = [line_of(row) for row in self.rows("FROM lines ORDER BY file, row, low")]
        return lines if run is None else [line for line in lines if line.run == run]

    def write(self, out: Path) -> AllocationSummary:
        """Allocate, and write the result to *out*, whole or not at all."""
        self.divide_pools()
        self.run("result")
        partial = self.folder / "result.parquet"  # two who allocate the same do not share it
        self.execute(
            f"COPY result TO {literal(str(partial))}"
            " (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2)"
        )
        standings = read_standings(self, files_sql([partial]))
        summary = summarise(self, standings, out)
        flush(partial)
        partial.replace(out)
        flush(out.parent)
        if self.keeper is not None:
            self.run("tag_sums", result=files_sql([out]))
            self.keeper.settle(self, standings, summary.rows)
        return summary


@contextmanager
def worktable(
    charges: Sequence[Path],
    evidence: Evidence,
    rules: Rules,
    spill: Path | None = None,
    *,
    keep: Path | None = None,
    memory_limit: str = MEMORY_LIMIT,
    threads: int | None = None,
) -> Iterator[DuckDBWorktable]:
    """A bill with all its ways decided and its claimed time divided.

    Raises:
        BadInput: there is nothing to allocate, or a file is not of the lake.
        NotFound: a file does not exist.
        OutsideFailed: memory, disk or a read failed.
    """
    with open_bill(charges, spill, memory_limit, threads) as (database, folder):
        table = DuckDBWorktable(database, charges, rules)
        table.prepare(evidence, folder, keep)
        yield table


@contextmanager
def open_bill(
    charges: Sequence[Path], spill: Path | None, memory_limit: str, threads: int | None
) -> Iterator[tuple[Any, Path]]:
    """A database for a bill, and the folder that it spills to.

    Raises:
        BadInput: there is nothing to allocate.
        NotFound: a file does not exist.
    """
    if not charges:
        raise BadInput("no charges to allocate; import a bill first")
    for path in charges:
        if not path.is_file():
            raise NotFound(f"no file {path}; import the bill again")
    with (
        spill_folder(spill) as folder,
        open_database(folder, memory_limit, threads) as database,
    ):
        yield database, folder
