"""The shelf: the shipped tables as they lie in ``data/``, read without parsing what is not asked for.

Each table is a gzip-compressed CSV without quotes, sorted, its first line the column names. A row
is found by searching the decompressed text for the start of its line, so one look-up costs about a
millisecond and parses one row.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TABLES = {
    "prices": "provider,region,name,option,usd,usd_high,as_of,source",
    "instances": "provider,name,vcpus,memory_gib,accelerator,count,accelerator_gib,sold",
    "accelerators": "name,aliases,tdp_w,bf16,fp16,fp8,memory_gb,gb_per_s,capability,source,note",
    "storage": "provider,region,service,tier,unit,usd,as_of,source",
    "network": "provider,region,class,from_gb,to_gb,usd,as_of,source",
    "spot_advice": "region,name,savings_pct,interruption,as_of,source",
    "sources": "id,title,url,licence,confidence",
}
"""Table → its columns. Amounts are US dollars; ``prices`` per hour, ``network`` per GB."""

_FOLDER = Path(__file__).with_name("data")
_GZIP = zlib.MAX_WBITS | 16
"""How zlib is told of a gzip file; the module gzip would be loaded for nothing else."""


@cache
def read_text(table: str) -> str:
    """All of a table: the header, then each row between line feeds."""
    packed = (_FOLDER / f"{table}.csv.gz").read_bytes()
    return zlib.decompress(packed, _GZIP).decode()


def forget() -> None:
    """Let go of the tables; a training that looks a price up now and then should not hold them."""
    read_text.cache_clear()


def read_table(table: str) -> Iterator[list[str]]:
    """The rows of a table, each the texts of its columns."""
    for line in read_text(table).splitlines()[1:]:
        yield line.split(",")


def rows_starting(table: str, *cells: str) -> Iterator[list[str]]:
    """The rows whose first columns are *cells*, in order.

    >>> [row[4] for row in rows_starting("prices", "aws", "us-east-1", "p5.48xlarge", "on_demand")]
    ['55.04']
    """
    if any(sign in cell for cell in cells for sign in ",\n"):
        return
    text, key = read_text(table), "\n" + ",".join(cells) + ","
    at = text.find(key)
    while at >= 0:
        end = text.index("\n", at + 1)
        yield text[at + 1 : end].split(",")
        at = text.find(key, end)
