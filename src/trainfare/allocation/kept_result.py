"""Kept results: what the next allocation of a bill can go on from, beside the result itself.

A kept result says which claims it was made from, what each place was called, and what became of
every face, and what its bill summed to in every cell, a day of a face. It holds as long as the rules
and the engine are the same; only the bill, claims, jobs and attachments may have changed, and the
change is then found, not told.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainfare.allocation.database import duckdb, files_sql
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.kept_survey import SurveyWriter, file_of, is_whole, link
from trainfare.allocation.match import literal
from trainfare.allocation.rules import Rules
from trainfare.allocation.summary import Standing
from trainfare.core.disk import file_marks

_FORM = "4"
"""Changes whenever the statements behind a kept result do, so that older ones are not taken."""

BASE, GONE, FRESH = "base", "gone", "fresh"
"""Files of a result that was renewed: rows as they were, which of them are gone, and what came."""

_CLAIM_MARKS = """(SELECT hash(run, resource, start_us, end_us, share) AS mark, resource, start_us, end_us
    FROM raw_claims
    WHERE start_us < {last_us} AND end_us > {first_us} AND start_us < end_us)"""
"""Claims within the time of the bill, each with the mark of all that it says."""

_CLAIM_SUMS = (
    "(SELECT resource, count(*) AS claims, sum(hash(mark)) AS marks FROM {marks} GROUP BY resource)"
)
"""How many claims a resource has, and the sum of their marks: another where any of them changed."""

BILL = "the bill"
"""The fact that says which bill it was: another one is compared, cell by cell."""

SURVEYED = ("totals", "paid")
"""What is kept of the survey of the bill."""

_TABLES = {"outs": "told_outs", "tags": "tag_sums", "places": "(SELECT name, one_name FROM places)"}


class NotReusable(Exception):
    """A kept result that cannot be gone on from; the message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class KeptResult:
    """What is kept of a result."""

    folder: Path
    result: Path
    """The result: a Parquet file, or the folder of one that was renewed."""
    facts: Mapping[str, Any]
    """What must not have changed."""
    standings: tuple[Standing, ...]
    base_rows: int
    """Rows of the file that was written as a whole."""

    def table(self, name: str) -> str:
        """One table of it, as SQL."""
        return files_sql([file_of(self.folder, name)])

    def rows_sql(self) -> dict[str, str]:
        """The result's base with row numbers, what of it is gone, and what came since, as SQL."""
        if self.result.is_dir():
            base = file_of(self.result, BASE)
            gone = files_sql([file_of(self.result, GONE)])
            fresh = files_sql([file_of(self.result, FRESH)])
        else:
            base = self.result
            gone = "(SELECT 0::BIGINT AS row LIMIT 0)"
            fresh = f"(FROM {files_sql([base])} LIMIT 0)"
        numbered = files_sql([base], has_row_numbers=True)
        standing = f"FROM {numbered} SELECT * EXCLUDE (file_row_number)"
        return {
            "kept_base": numbered,
            "kept_gone": gone,
            "kept_fresh": fresh,
            "kept_rows": f"({standing} WHERE file_row_number NOT IN (FROM {gone})"
            f" UNION ALL BY NAME FROM {fresh})",
        }

    @property
    def base(self) -> Path:
        """The file that was written as a whole."""
        return file_of(self.result, BASE) if self.result.is_dir() else self.result


def facts_of(evidence: Evidence, rules: Rules, survey_name: str) -> dict[str, str]:
    """What must be the same for a result to be gone on from."""
    return {
        "form": _FORM,
        "engine": str(duckdb().__version__),
        BILL: survey_name,
        "the rules": hashlib.sha256(repr(rules).encode()).hexdigest(),
        "lives": hashlib.sha256(repr(sorted(evidence.lives)).encode()).hexdigest(),
        "bytes": hashlib.sha256(repr(sorted(evidence.run_bytes.items())).encode()).hexdigest(),
    }


def find_kept_result(folder: Path, result: Path) -> KeptResult:
    """What is kept under *folder* of *result*.

    Raises:
        NotReusable: nothing is.
    """
    kept = folder / result.name
    try:
        told = json.loads((kept / "facts.json").read_text(encoding="utf-8"))
        standings = tuple(
            Standing(**each | {"amounts": tuple(map(int, each["amounts"]))})
            for each in told["standings"]
        )
        found = KeptResult(kept, result, told["facts"], standings, told["base_rows"])
        marks = told["result"]
    except (OSError, ValueError, KeyError, TypeError):
        raise NotReusable("nothing is kept of the last one") from None
    try:
        is_as_written = is_whole(kept) and marks == result_marks(result)
    except OSError:
        raise NotReusable("the last one is gone") from None
    if not is_as_written:
        raise NotReusable("files of the last one were changed or damaged")
    return found


def result_marks(result: Path) -> dict[str, list[int]]:
    """Sizes and times of the files of a result."""
    return file_marks(result.iterdir() if result.is_dir() else [result])


@contextmanager
def keeping(folder: Path, result: Path, facts: Mapping[str, str]) -> Iterator[ResultKeeper]:
    """A keeper of *result* under *folder*; what it did not settle goes."""
    keeper = ResultKeeper(folder, result, facts)
    try:
        yield keeper
    finally:
        keeper.writer.drop()


class ResultKeeper:
    """Keeps under a folder what the next allocation can go on from."""

    def __init__(self, folder: Path, result: Path, facts: Mapping[str, str]) -> None:
        self.writer = SurveyWriter(folder, result.name)
        self.result = result
        self.facts = facts

    def keep_survey(self, table: Any, survey: Path) -> None:
        """Keep what a later delivery of the bill is compared with; a file is only named once more."""
        for name in SURVEYED:
            file = file_of(survey, name)
            if file.exists():
                link(file, file_of(self.writer.partial, name))
            else:
                self.keep(table, name, name)

    def keep_claims(self, table: Any) -> dict[str, str]:
        """Keep marks of claims, and their sums by resource; both, as kept now, as SQL."""
        marks = self.keep(table, "claim_marks", _CLAIM_MARKS.format(**table.pieces))
        sums = self.keep(table, "claim_sums", _CLAIM_SUMS.format(marks=marks))
        return {"claim_marks": marks, "claim_sums": sums}

    def keep(self, table: Any, name: str, rows: str) -> str:
        """Keep *rows*, a table or a query in brackets, as *name*; what was kept, as SQL."""
        file = file_of(self.writer.partial, name)
        table.execute(
            f"COPY (FROM {rows}) TO {literal(str(file))}"
            " (FORMAT parquet, COMPRESSION snappy, PARQUET_VERSION v2)"
        )
        return files_sql([file])

    def settle(self, table: Any, standings: Sequence[Standing], base_rows: int) -> None:
        """Keep what is left to keep, and put it in the place of what was kept before."""
        for name, rows in _TABLES.items():
            self.keep(table, name, rows)
        told = {
            "facts": dict(self.facts),
            "standings": [
                asdict(one) | {"amounts": [str(nano) for nano in one.amounts]} for one in standings
            ],
            "base_rows": base_rows,
            "result": result_marks(self.result),
        }
        (self.writer.partial / "facts.json").write_text(json.dumps(told), encoding="utf-8")
        shutil.rmtree(self.writer.final, ignore_errors=True)  # of the result that had this name
        self.writer.settle()
