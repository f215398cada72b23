"""The baseline: ratios of light runs on one commit, and whether a later light run is worse.

A ratio is what Trainfare takes over what a peer or a limit takes in the same run, so that a slower or
busier machine moves both. What is left is noise: the *band* of a ratio is three times the widest
distance of its baseline runs from their median, and at least a quarter of that; chosen so that a
machine which others use raises no false alarm. A run is worse where its ratio by medians is above the
median of the baseline by more than the band, and the ratio of the quartiles that favour it is above
that median too.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

BASELINE = Path(__file__).with_name("baseline.json")
LEAST_BAND, TIMES = 0.25, 3

Results = Sequence[Mapping[str, Any]]


def ratios_of(results: Results) -> dict[str, Mapping[str, Any]]:
    """Every ratio of a run by its name."""
    return {
        f"{table['name']}: {one['what']} / {one['peer']}": one
        for result in results
        for table in result["tables"]
        for one in table["ratios"]
    }


def keep(runs: Iterable[Results], measured: str) -> None:
    """Make the ratios of these runs the baseline."""
    values = defaultdict(list)
    for results in runs:
        for name, one in ratios_of(results).items():
            values[name].append(round(one["value"], 4))
    document = {"measured": measured, "ratios": dict(sorted(values.items()))}
    BASELINE.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def band_of(values: Sequence[float]) -> float:
    """How far above the median of *values* a ratio may be.

    >>> band_of([1.0, 1.0, 1.2]), round(band_of([1.0]), 2)
    (0.6, 0.25)
    """
    middle = statistics.median(values)
    widest = max(abs(value - middle) for value in values)
    return round(max(LEAST_BAND * middle, TIMES * widest), 4)


def compare(results: Results) -> dict[str, str]:
    """Ratio → the sentence that says how it is worse than the baseline beyond its band.

    Nothing without a baseline.
    """
    if not BASELINE.exists():
        return {}
    known = json.loads(BASELINE.read_text(encoding="utf-8"))["ratios"]
    worse = {}
    for name, one in ratios_of(results).items():
        if name not in known:
            continue
        middle, band = statistics.median(known[name]), band_of(known[name])
        if one["value"] > middle + band and one["ends"][0] > middle:
            worse[name] = (
                f"{name} is {one['value']:.2f}; it was {middle:.2f}, give or take {band:.2f}"
            )
    return worse
