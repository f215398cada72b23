"""Spot advice: how often AWS takes spot machines back, and what they save, by type and region.

These are no prices: savings in whole percent of on demand over the last month, and the share of
machines interrupted, in five buckets. A refreshed answer stands before the shipped one.

Source: spot-bid-advisor.s3.amazonaws.com/spot-advisor-data.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.prices.download import Line, fetch_json
from trainfare.prices.json_file import read_json, write_json
from trainfare.prices.shelf import rows_starting

URL = "https://spot-bid-advisor.s3.amazonaws.com/spot-advisor-data.json"
"""The public file; 0.9 MB, no account needed."""


@dataclass(frozen=True, slots=True)
class SpotAdvice:
    """What AWS says about one spot instance type in one region."""

    region: str
    name: str
    savings_pct: int
    """Per cent below on demand."""
    interruption: str
    """Share of machines interrupted in a month: ``<5%``, ``5-10%``, ``10-15%``, ``15-20%``, ``>20%``."""
    as_of: str
    origin: str


def find_spot_advice(home: Path, region: str, name: str) -> SpotAdvice | None:
    """What is known of *name* in *region*, or None."""
    document = read_json(_path(home))
    if document is not None:
        row = document["advice"].get(region, {}).get(name)
        if row is not None:
            return SpotAdvice(region, name, row[0], row[1], document["fetched_at"], "refreshed")
    for row in rows_starting("spot_advice", region, name):
        return SpotAdvice(region, name, int(row[2]), row[3], row[4], "shipped")
    return None


def refresh_spot_advice(home: Path, now: str, url: str = URL, line: Line | None = None) -> int:
    """Fetch the advice for Linux and keep it; the number of type-and-region pairs, 0 if unchanged.

    Raises:
        OutsideFailed: no whole answer; the last advice stays.
    """
    known = _readable(home)
    answer = fetch_json(line or Line(), url, etag=known.get("etag", ""))
    if answer is None:
        write_json(_path(home), {**known, "fetched_at": now}, indent=None)
        return 0
    document, etag = answer
    try:
        labels = {bucket["index"]: bucket["label"] for bucket in document["ranges"]}
        advice = {
            region: {
                name: [int(row["s"]), labels[row["r"]]] for name, row in systems["Linux"].items()
            }
            for region, systems in document["spot_advisor"].items()
            if "Linux" in systems
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OutsideFailed(
            f"the spot advisor's file has another shape than known ({error}); nothing was stored"
        ) from None
    count = sum(len(rows) for rows in advice.values())
    if not count:
        raise OutsideFailed("the spot advisor's file is empty; nothing was stored")
    write_json(_path(home), {"fetched_at": now, "etag": etag, "advice": advice}, indent=None)
    return count


def _readable(home: Path) -> dict[str, Any]:
    """The stored document, or nothing where there is none or it is damaged: it is fetched anew."""
    try:
        document = read_json(_path(home))
    except BadInput:
        return {}
    return document if isinstance(document, dict) else {}


def _path(home: Path) -> Path:
    return home / "prices" / "spot_advice.json"
