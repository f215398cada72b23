"""The watch over commitments: new bills → a new plan → what is told, and the purchase for a human.

    bills × contracts × offers → make_commitment_plan → commitments.json → alerts, page, API

It never buys. What it found is one file in the home, replaced as a whole; alerts and pages read it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.budgets.commitment_alerts import CommitmentWeek, Ending
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.money import Money, cumulative_parts
from trainfare.core.period import DAY, SECOND, format_instant
from trainfare.flows.bill import need_analytics
from trainfare.flows.commitment_source import gather, need_optimize
from trainfare.flows.contracts import MONTH_HOURS, read_contracts
from trainfare.prices.json_file import locked, read_json, write_json

if TYPE_CHECKING:
    from trainfare.allocation.commitment_hours import CommitmentHour
    from trainfare.flows.commitment import CommitmentPlan
    from trainfare.flows.job_plan import CommitmentOrder

FILE = "commitments.json"
FORM = 2
"""Of the file; another form is planned anew."""

WEEK_HOURS, EARLIER_HOURS = 168, 672
WITHIN_DAYS = 60
"""What ends so soon is planned for as if it had ended."""
LEAST_SAVING = Money.parse("100")
"""A month; a purchase that saves less is not told."""


@dataclass(frozen=True, slots=True)
class Order:
    """How to plan again and again."""

    longest: str = "1y"
    least_saving: Money = LEAST_SAVING
    rate_file: Path | None = None
    """Rates instead of those of the price book."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a watch found; *document* is what the file, the command and the API say."""

    document: Mapping[str, Any]
    is_new: bool
    """Whether anything was planned anew: bills, contracts, rates or the order had changed."""


def watch(home: Path, order: Order | None = None, *, at_ns: int | None = None) -> Watched:
    """Plan anew where the bills, contracts, rates or the order changed, and keep what was found.

    Raises:
        NotFound: there is no bill with anything that a commitment could cover.
    """
    need_analytics("watch commitments")
    need_optimize()
    order = order or Order()
    at_ns = (time.time_ns() if at_ns is None else at_ns) // SECOND * SECOND
    with locked(home / FILE):
        sign = _sign(home, order, at_ns)
        known = _kept(home)
        if known is not None and known["sign"] == sign:
            return Watched(json.loads(known["document"]), is_new=False)
        document = {"at": format_instant(at_ns), **_found(home, order)}
        # As a text of its own: files of a home are read without floats, and this has shares.
        write_json(home / FILE, {"form": FORM, "sign": sign, "document": json.dumps(document)})
    return Watched(document, is_new=True)


def find_watched(home: Path) -> dict[str, Any] | None:
    """What was found last; None where nobody watched yet.

    Raises:
        BadInput: the file is damaged.
    """
    kept = _kept(home)
    found: dict[str, Any] | None = None if kept is None else json.loads(kept["document"])
    return found


def _kept(home: Path) -> dict[str, Any] | None:
    """The file as it stands; None where there is none, or another form of it."""
    told = read_json(home / FILE)
    if told is None:
        return None
    if not isinstance(told, dict) or not {"form", "sign", "document"} <= told.keys():
        raise BadInput(f"{home / FILE} is damaged; delete it and run trainfare commit watch")
    return told if told["form"] == FORM else None


def _sign(home: Path, order: Order, at_ns: int) -> str:
    """What a plan is made from, in 32 signs: the same, and nothing is planned anew."""
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        bills = sorted((one.source, one.period, one.id) for one in current_deliveries(connection))
    until_ns = at_ns + WITHIN_DAYS * DAY
    contracts = [
        (one.id, one.at_ns, one.end_ns > until_ns) for one in read_contracts(home).values()
    ]
    places = (home / "prices").glob("*") if order.rate_file is None else [order.rate_file]
    rates = sorted((str(one), one.stat().st_mtime_ns, one.stat().st_size) for one in places)
    words = (FORM, bills, sorted(contracts), order.longest, order.least_saving.nano, rates)
    return hashlib.sha256(repr(words).encode()).hexdigest()[:32]


def _found(home: Path, order: Order) -> dict[str, Any]:
    """The plan for what stands when what ends soon has ended, and how all of it is used."""
    from trainfare.commitments.single import Limits
    from trainfare.flows.commitment import make_commitment_plan
    from trainfare.flows.commitment_demand import billed_demand

    billed = billed_demand(home)
    told = {
        "currency": billed.demand.currency,
        "periods": list(billed.periods),
        "least_saving": order.least_saving.text(),
        "weeks": [_week_json(one) for one in read_weeks(home, billed.periods[-3:])],
    }
    try:
        given = gather(
            home,
            rate_file=order.rate_file,
            longest=order.longest,
            ends_within_ns=WITHIN_DAYS * DAY,
            billed=billed,
        )
        plan = make_commitment_plan(given.demand, given.offers, given.held, limits=Limits())
    except (BadInput, NotFound) as error:
        return {
            **told,
            "plan": None,
            "why": str(error),
            "orders": [],
            "saving_per_month": None,
            "curves": None,
        }
    return {**told, **_plan_json(plan)}


def _plan_json(plan: CommitmentPlan) -> dict[str, Any]:
    from trainfare.flows.commitment_curves import curves_json
    from trainfare.flows.commitment_json import plan_json
    from trainfare.flows.commitment_order import order_json

    currency = plan.demand.currency
    saving = Money(plan.saving_nano * MONTH_HOURS // plan.demand.hours, currency)
    return {
        "plan": plan_json(plan),
        "why": plan.why,
        "orders": [order_json(one, currency) for one in plan.bought],
        "saving_per_month": saving.text(),
        "curves": curves_json(plan),
    }


def read_weeks(home: Path, periods: Sequence[str]) -> list[CommitmentWeek]:
    """Each commitment's last week on the bills of *periods*, and the four weeks before it."""
    from trainfare.allocation.commitment_hours import read_commitment_hours
    from trainfare.flows.inputs import charge_files
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        deliveries = [one for one in current_deliveries(connection) if one.period in periods]
    by_id: dict[tuple[str, str], list[CommitmentHour]] = defaultdict(list)
    for row in read_commitment_hours(charge_files(home, deliveries)):
        if row.commitment:
            by_id[row.commitment, row.currency].append(row)
    return [_week(id_, currency, rows) for (id_, currency), rows in sorted(by_id.items())]


def _week(id_: str, currency: str, rows: Sequence[CommitmentHour]) -> CommitmentWeek:
    paid: dict[int, int] = defaultdict(int)
    used: dict[int, int] = defaultdict(int)
    for row in rows:
        parts = cumulative_parts(row.effective, [1] * len(row.hours), len(row.hours))
        for hour, part in zip(row.hours, parts, strict=True):
            paid[hour] += part
            used[hour] += 0 if row.is_unused else part
    last = max(paid) + 1
    week = range(last - WEEK_HOURS, last)
    before = range(last - WEEK_HOURS - EARLIER_HOURS, last - WEEK_HOURS)

    def total(amounts: Mapping[int, int], hours: range) -> Money:
        return Money(sum(amounts.get(hour, 0) for hour in hours), currency)

    return CommitmentWeek(
        id_,
        next((row.name for row in rows if row.name), id_),
        total(paid, week),
        total(used, week),
        total(paid, before),
        total(used, before),
    )


def _week_json(one: CommitmentWeek) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "paid": one.paid.text(),
        "used": one.used.text(),
        "utilization": None if one.utilization is None else round(float(one.utilization), 6),
        "earlier_paid": one.earlier_paid.text(),
        "earlier_used": one.earlier_used.text(),
        "earlier_utilization": None if one.earlier is None else round(float(one.earlier), 6),
    }


def told_weeks(document: Mapping[str, Any]) -> list[CommitmentWeek]:
    """The weeks of what a watch found."""
    currency = document["currency"]

    def money(one: Mapping[str, Any], name: str) -> Money:
        return Money.parse(one[name], currency)

    names = ("paid", "used", "earlier_paid", "earlier_used")
    return [
        CommitmentWeek(one["id"], one["name"], *(money(one, name) for name in names))
        for one in document["weeks"]
    ]


def endings(home: Path) -> list[Ending]:
    """When what was recorded ends, of all that holds or is to."""
    return [
        Ending(one.id, one.name, one.end_ns, one.per_hour)
        for one in read_contracts(home).values()
        if one.state in ("active", "pending")
    ]


def order_of(told: CommitmentOrder) -> Order:
    """How a server plans, as its jobs.toml says."""
    least = LEAST_SAVING if told.least_saving is None else Money.parse(told.least_saving)
    return Order(told.longest or "1y", least, told.rates)


def say_watched(found: Watched) -> str:
    """What a watch came to, in one line."""
    document = found.document
    if not found.is_new:
        return f"as before: bills, contracts and rates are those of {document['at']}"
    if not document["orders"]:
        return f"buy nothing: {document['why']}"
    saving = Money.parse(document["saving_per_month"], document["currency"])
    words = " and ".join(one["words"] for one in document["orders"])
    return f"a purchase would save {saving.display(2)} a month: {words}"
