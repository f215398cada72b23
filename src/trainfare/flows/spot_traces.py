"""Spot traces of a home: files that say when spot machines could be had, and at what price."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from trainfare.advice.offer import Offer
from trainfare.advice.spot_trace import Trace, read_trace
from trainfare.core.errors import BadInput

TRACE_NAMES = "PROVIDER.PLACE.TYPE.json"
"""How traces in the folder ``traces`` of a home are called, as ``aws.us-east-1a.p3.2xlarge.json.gz``."""

Traces = Mapping[tuple[str, str], Mapping[str, Trace]]
"""(provider, type) → place → trace."""


def read_traces(home: Path) -> Traces:
    """(provider, type) → place → trace, of all traces in the home.

    Raises:
        BadInput: one is no trace, or its name does not say of what.
    """
    found: dict[tuple[str, str], dict[str, Trace]] = defaultdict(dict)
    for path in sorted((home / "traces").glob("*.json*")):
        parts = path.name.removesuffix(".gz").removesuffix(".json").split(".", 2)
        if len(parts) < 3:
            raise BadInput(
                f"trace {path} is not named {TRACE_NAMES}, so nobody knows of what it is"
            )
        found[parts[0], parts[2]][parts[1]] = read_trace_file(path)
    return found


def read_trace_file(path: Path) -> Trace:
    """The trace in a file, compressed or not.

    Raises:
        BadInput: it cannot be read, or is none.
    """
    opened: Callable[[bytes], bytes] = gzip.decompress if path.suffix == ".gz" else bytes
    try:
        text = opened(path.read_bytes()).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadInput(f"trace {path} cannot be read: {error}") from None
    return read_trace(path.name, text)


def traces_of(traces: Traces, offer: Offer) -> tuple[Trace, ...]:
    """Those of an offer's type in its region, zone by zone."""
    places = traces.get((offer.provider, offer.instance), {})
    return tuple(one for place, one in sorted(places.items()) if place.startswith(offer.region))
