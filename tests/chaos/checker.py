"""The checker: what the raw files say, by arithmetic of its own, beside what the server says.

It knows the forms of the files and the laws of SPEC.md, and nothing of Trainfare's code. Amounts are
fractions of a nano-unit until the end.
"""

import json
import struct
import zlib
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

SIZE, HOST = 96, 1
NANO = 10**9


@dataclass(frozen=True)
class Piece:
    """A segment as its raw bytes tell it."""

    run: str
    name: str
    resource: str
    marks: frozenset
    """Words by which segments know that they were on the same host."""
    share: Fraction
    mono: int
    start: int
    end: int
    steps: int
    status: str | None
    per_hour: Fraction | None
    pid: int


def read_events(data):
    events = []
    for line in data.split(b"\n"):
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if isinstance(one, dict) and "k" in one:
            events.append(one)
    return events


def read_samples(data):
    """(monotonic ns, steps) of every whole host record."""
    found = []
    for at in range(0, len(data) - SIZE + 1, SIZE):
        record = data[at : at + SIZE]
        [crc] = struct.unpack_from("<I", record, SIZE - 4)
        if crc == zlib.crc32(record[:-4]) and record[0] == HOST:
            mono, _, steps = struct.unpack_from("<qqQ", record, 8)
            found.append((mono, steps))
    return found


def read_piece(name, events, samples):
    """A segment, or None where not even its start was written."""
    told = read_events(events)
    if not told or told[0]["k"] != "start":
        return None
    start, hosts = told[0], read_samples(samples)
    machine = [one for one in told if one["k"] in ("start", "machine")][-1]
    end = next((one for one in told if one["k"] == "end"), None)
    price = next((one["price"] for one in told if one["k"] == "price"), None)
    last = max([mono for mono, _ in hosts], default=0)
    if end is None:
        lasted = max([last] + [one["t"] for one in told])
    elif end["status"] == "killed":  # closed by somebody, who may have had fewer samples
        lasted = max(last, end["t"])
    else:
        lasted = end["t"]
    facts = machine["machine"]["facts"]
    return Piece(
        run=start["run"],
        name=name,
        resource=machine["machine"]["resource_id"],
        marks=frozenset((key, facts[key]) for key in ("host", "boot") if facts.get(key)),
        share=Fraction(machine["share"]),
        mono=start["mono"],
        start=start["w"],
        end=start["w"] + lasted,
        steps=max([steps for _, steps in hosts] + [(end or {}).get("steps", 0)]),
        status=end and end["status"],
        per_hour=Fraction(price["amount"]) if price and "amount" in price else None,
        pid=start["pid"],
    )


def half_up(exact):
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def nano_of(text):
    """A decimal string as nano-units, exactly."""
    exact = Fraction(text) * NANO
    assert exact.denominator == 1, text
    return int(exact)


def named(pieces):
    """The pieces of one run with the provider's name of their machine, where any of them knows it."""
    known = {mark: p.resource for p in pieces for mark in p.marks if is_named(p.resource)}
    return [
        (next((known[m] for m in sorted(p.marks) if m in known), p.resource), p)
        if not is_named(p.resource)
        else (p.resource, p)
        for p in pieces
    ]


def is_named(resource):
    return not resource.startswith("host:")


def held(claims, start=None, end=None):
    """Run → ∫ of the share that it holds of one resource, in nanoseconds, within [start, end).

    *claims* are (run, from, to, share). Claims of one run count once, the largest; those of all
    runs together hold at most the whole.
    """
    edges = sorted({at for _, since, until, _ in claims for at in (since, until)})
    total = defaultdict(Fraction)
    for since, until in zip(edges, edges[1:], strict=False):
        shares = defaultdict(Fraction)
        for run, first, last, share in claims:
            if first <= since and until <= last:
                shares[run] = max(shares[run], share)
        lasted = min(until, until if end is None else end) - max(
            since, since if start is None else start
        )
        if lasted > 0:
            whole = max(Fraction(1), sum(shares.values()))
            for run, share in shares.items():
                total[run] += share / whole * lasted
    return total


def attempts_of(pieces):
    """Pieces grouped: a new attempt begins when all before it have ended.

    All of them run on one host really, whose monotonic clock no fault changes.
    """
    groups, latest = [], None
    for one in sorted(pieces, key=lambda p: (p.mono, p.name)):
        if latest is None or one.mono >= latest:
            groups.append([])
        groups[-1].append(one)
        latest = max(latest or 0, one.mono + one.end - one.start)
    return groups


def estimated(run, by_run):
    """What *run* costs beside all others, in nano-units; None where a price is unknown."""
    own = named(by_run[run])
    if any(p.per_hour is None for p in by_run[run]):
        return None
    [per_hour] = {p.per_hour for p in by_run[run]}
    total = 0
    for resource in {resource for resource, _ in own}:
        claims = [(run, p.start, p.end, p.share) for name, p in own if name == resource]
        claims += [
            (other, p.start, p.end, p.share)
            for other, pieces in by_run.items()
            if other != run
            for p in pieces
            if p.resource == resource
        ]
        total += half_up(per_hour * NANO * held(claims)[run] / (3600 * 10**9))
    return total


def estimates(pieces):
    """Run → what it costs in nano-units, of all runs."""
    by_run = defaultdict(list)
    for one in pieces:
        by_run[one.run].append(one)
    return {run: estimated(run, by_run) for run in by_run}


def is_said(texts, nanos):
    """Whether run → text says what run → nano-units does."""
    return {run: text and nano_of(text) for run, text in texts.items()} == nanos


def billed(charges, by_run):
    """Run → exact nano-units of *charges* (resource, start, end, nano) by the time that it held."""
    claims = defaultdict(list)
    for pieces in by_run.values():
        for resource, p in named(pieces):
            claims[resource].append((p.run, p.start, p.end, p.share))
    total = defaultdict(Fraction)
    for resource, start, end, nano in charges:
        near = [one for one in claims[resource] if one[1] < end and one[2] > start]
        for run, lasted in held(near, start, end).items():
            total[run] += Fraction(nano) * lasted / (end - start)
    return total
