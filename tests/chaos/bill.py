"""A bill of the machines' hours about now, and what its file says when it is read with nothing but csv."""

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta

from chaos.checker import nano_of
from flows.bills import HEADER

VIEWS = {"billed": "BilledCost", "effective": "EffectiveCost", "list": "ListCost", "contracted": "ContractedCost"}  # fmt: skip
HOURS = 6
"""So many hours before and after now are on the bill: clocks jump by less."""


def write_bill(chance, resources, now):
    """The text of one delivery: every machine's hours, a credit on some, and what is nobody's."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS)
    hours = [first + timedelta(hours=n) for n in range(2 * HOURS)]
    rows = []
    for at in (one for one in hours if one.month == now.month):
        for resource in resources:
            rows.append(charge(chance, at, "Usage", resource, "Virtual Machines"))
            if chance.random() < 0.2:
                rows.append(charge(chance, at, "Credit", resource, "Virtual Machines", sign=-1))
        if chance.random() < 0.5:
            rows.append(charge(chance, at, "Tax", "", "Tax"))
        rows.append(charge(chance, at, "Usage", f"vol-{chance.randrange(9)}", "Block Storage"))
    return "\n".join([HEADER, *rows]) + "\n"


def charge(chance, at, category, resource, service, *, sign=1):
    """A line of one hour; its four amounts are of up to nine places and differ."""
    amounts = [sign * chance.randrange(1, 40 * 10**9) for _ in VIEWS]
    texts = [f"{'-' if n < 0 else ''}{abs(n) // 10**9}.{abs(n) % 10**9:09d}" for n in amounts]
    month = at.replace(day=1, hour=0)
    following = (month + timedelta(days=32)).replace(day=1)
    times = [f"{one:%Y-%m-%dT%H:%M:%SZ}" for one in (month, following, at, at + timedelta(hours=1))]
    what = (category, "Amazon EC2", "Compute", "AWS", resource, "1", "Hours", "")
    where = ("AWS", "sub-1", "us-east-1", service)
    return ",".join((*texts, "USD", "acct-1", *times, *what, *where))


def read_bill(text):
    """(Σ by view in nano-units, charges of machines by view as (resource, start, end, nano))."""
    sums, charges = Counter(), {view: [] for view in VIEWS}
    for row in csv.DictReader(io.StringIO(text)):
        for view, column in VIEWS.items():
            nano = nano_of(row[column])
            sums[view] += nano
            since, until = (ns_of(row[f"ChargePeriod{end}"]) for end in ("Start", "End"))
            charges[view].append((row["ResourceId"], since, until, nano))
    return sums, charges


def ns_of(text):
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return int(moment.timestamp()) * 10**9
