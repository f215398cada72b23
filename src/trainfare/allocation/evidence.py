"""Evidence: all that is known, beside the bill, about who used what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from trainfare.core.claim import Claim
from trainfare.core.errors import MissingExtra
from trainfare.core.period import Interval

SHARE_GRID = 144_144_000
"""Shares are whole numbers of this: 2⁷·3²·5³·7·11·13, so that n/2 … n/16, n/24, n/32, n/48, n/64,
n/96, n/128 and decimals of three places are exact. Any other share is the nearest, 7·10⁻⁹ away at
most."""

CLAIM_COLUMNS = ("run", "resource_id", "start_ns", "end_ns", "share_numerator", "share_denominator")
"""Columns of a table of claims: two texts, then four whole numbers (int64)."""

_CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What allocation weighs a bill with.

    Whether a resource's unclaimed time is *idle* or its charge *unallocated* depends on any claim
    on it within the time of the bill: pass all claims that touch that time.
    """

    claims: Iterable[Claim] | Path | Any = ()
    """Claims, or a table of :data:`CLAIM_COLUMNS` (a Parquet file or an Arrow table)."""
    jobs: Mapping[str, str] = field(default_factory=dict)
    """A managed job's ARN or name, or a pod or task of a split charge → its run."""
    attachments: Mapping[str, str] = field(default_factory=dict)
    """A resource → the one it follows: a volume, IP or NAT → its instance, an instance →
    ``cluster:NAME``."""
    lives: Sequence[tuple[str, Interval]] = ()
    """When a resource is known to have existed; asked where its charges carry no hours."""
    run_bytes: Mapping[str, int] = field(default_factory=dict)
    """Run → bytes that it read or keeps, for what is shared by bytes."""


def grid_share(share: Fraction) -> int:
    """*share* in parts of :data:`SHARE_GRID`, the nearest, at least 1.

    >>> grid_share(Fraction(1, 2)) * 2 == grid_share(Fraction(1)) == SHARE_GRID
    True
    """
    return max(1, (2 * share.numerator * SHARE_GRID + share.denominator) // (2 * share.denominator))


def arrow() -> Any:
    """The pyarrow package.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtra("analytics", "allocate bills") from None
    return pa


def claim_tables(claims: Any) -> Iterator[Any]:
    """Claims as Arrow tables of :data:`CLAIM_COLUMNS`, some ten thousand rows each."""
    pa = arrow()
    if isinstance(claims, pa.Table):
        yield claims
        return
    kinds = [pa.string(), pa.string(), pa.int64(), pa.int64(), pa.int64(), pa.int64()]
    schema = pa.schema(list(zip(CLAIM_COLUMNS, kinds, strict=True)))
    stream = iter(claims)
    while chunk := list(islice(stream, _CHUNK)):
        rows = zip(*(_row(claim) for claim in chunk), strict=True)
        yield pa.table(
            [pa.array(column, kind) for column, kind in zip(rows, kinds, strict=True)],
            schema=schema,
        )


def _row(claim: Claim) -> tuple[str, str, int, int, int, int]:
    """One claim in the order of :data:`CLAIM_COLUMNS`; its share as the table can hold it."""
    share = Fraction(grid_share(claim.share), SHARE_GRID)
    start_ns, end_ns = claim.interval.start_ns, claim.interval.end_ns
    return claim.run, claim.resource_id, start_ns, end_ns, share.numerator, share.denominator
