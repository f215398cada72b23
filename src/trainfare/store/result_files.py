"""Result files: the one table that results and charges are, however they lie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path


def results_table(paths: Sequence[Path]) -> str:
    """The table of *paths*: files, folders of files, or of results that were renewed."""
    renewed = [path for path in paths if (path / _GONE).exists()]
    files = [
        file
        for path in paths
        if path not in renewed
        for file in (sorted(path.glob("*.parquet")) if path.is_dir() else [path])
    ]
    if not renewed:
        return _parquet(files)
    tables = [_renewed(path) for path in renewed]
    tables += [f"FROM {_parquet(files)}"] if files else []
    return f"({' UNION ALL BY NAME '.join(tables)})"


_GONE = "gone.parquet"


def _renewed(folder: Path) -> str:
    """A result of which rows are ``gone`` from its ``base``, by number, and ``fresh`` ones came."""
    base = _parquet([folder / "base.parquet"], ", file_row_number = true")
    gone, fresh = _parquet([folder / _GONE]), _parquet([folder / "fresh.parquet"])
    kept = f"FROM {base} SELECT * EXCLUDE (file_row_number) WHERE file_row_number NOT IN"
    return f"({kept} (FROM {gone})) UNION ALL BY NAME FROM {fresh}"


def _parquet(files: Sequence[Path], more: str = "") -> str:
    """The table of files."""
    return f"read_parquet({names_sql(files)}, hive_partitioning = false{more})"


def names_sql(files: Sequence[Path]) -> str:
    """The list of files; a sign of patterns stands for itself."""
    plain = [re.sub(r"([*?\[])", r"[\1]", str(path)).replace("'", "''") for path in files]
    listed = ", ".join(f"'{path}'" for path in plain)
    return f"[{listed}]"
