"""The demand path: bills → what would be paid on demand by hour and SKU, and what is held already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trainfare.allocation.commitment_hours import CommitmentHour, read_commitment_hours
from trainfare.allocation.quantity import HOUR_US
from trainfare.billing.lateness import provider_of
from trainfare.commitments.demand import Column, Demand
from trainfare.commitments.kinds import KINDS
from trainfare.commitments.measures import Measures
from trainfare.commitments.offer import Holding, Offer
from trainfare.core.errors import NotFound
from trainfare.core.money import cumulative_parts
from trainfare.core.period import HOUR, BillingPeriod

NOTHING = "no bill has compute with an on-demand cost that a commitment could cover"
"""What a plan says that has nothing to plan for."""
_PRICE_STEP = 1000
"""Derived prices are rounded to a millionth of a unit, so that one price is one column."""


@dataclass(frozen=True)
class Bought:
    """A commitment as the bill shows it."""

    id: str
    name: str
    kind: str
    per_hour_nano: int
    holding: Holding | None
    """None where no use tells at which rates it pays: nothing of it was used."""
    hours: int
    """Hours in which the bill has something of it."""
    used_nano: int
    unused_nano: int
    covered_nano: int
    """On-demand cost of what it covered."""


@dataclass(frozen=True)
class BilledDemand:
    """What bills say of one currency."""

    demand: Demand
    """Without any hour where the bills have nothing but what nobody used."""
    bought: tuple[Bought, ...]
    measures: Measures
    """Sums over all rows, in whatever hour: what nobody used counts where nothing ran at all too."""
    periods: tuple[str, ...]
    unpriced: int
    """Charges that are left out, for the bill does not say what they cost on demand."""
    spread_hours: int
    """Hours whose demand is a part of a longer charge period, spread evenly over it."""

    @property
    def held(self) -> tuple[Holding, ...]:
        """What is held, in the bill's order, as far as its rates are known."""
        return tuple(one.holding for one in self.bought if one.holding is not None)


def billed_demand(home: Path, period: str | None = None) -> BilledDemand:
    """Hourly compute demand of the bills in *home*, of one billing period or of all.

    Of several currencies it is the one with the most on-demand money; plans never mix them.

    Raises:
        NotFound: there is no bill, or neither compute that a commitment could cover nor a commitment.
    """
    from trainfare.flows.inputs import charge_files
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        deliveries = current_deliveries(connection, period)
    if not deliveries:
        raise NotFound(
            f"there is no bill{f' of {period}' if period else ''}; import one "
            "(trainfare bill import) or give the demand as a file (--demand)"
        )
    rows = read_commitment_hours(charge_files(home, deliveries))
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        on_demand, unused = sums.get(row.currency, (0, 0))
        sums[row.currency] = on_demand + row.on_demand, unused + row.effective * row.is_unused
    if not any(any(some) for some in sums.values()):
        raise NotFound(NOTHING)
    currency = max(sums, key=lambda one: (sums[one], one))
    return _of_rows(
        [row for row in rows if row.currency == currency],
        currency,
        tuple(sorted({one.period for one in deliveries})),
    )


def known_stretch(billed: BilledDemand) -> Demand:
    """The longest stretch of hours without a month that no bill is here of; of equal ones the last.

    What ran in a month without a bill is not known, which is not the same as nothing.
    """
    demand = billed.demand
    missing = _missing(billed.periods)
    start, end = demand.first_hour, demand.first_hour + demand.hours
    stretches = []
    for month in missing:
        stretches.append((start, min(end, month.interval.start_ns // HOUR)))
        start = max(start, month.interval.end_ns // HOUR)
    first, last = max([*stretches, (start, end)], key=lambda one: (one[1] - one[0], one))
    known = demand.window(first - demand.first_hour, max(first, last) - demand.first_hour)
    return replace(known, without_bill=tuple(map(str, missing)))


def _missing(periods: Sequence[str]) -> list[BillingPeriod]:
    """The months between the first and the last of *periods* that are none of them."""
    month, last = BillingPeriod.parse(min(periods)), max(periods)
    found = []
    while str(month) < last:
        if str(month) not in periods:
            found.append(month)
        month = month.next()
    return found


def sku_of(row: CommitmentHour) -> str:
    """``provider/region/name``, as the price book writes it."""
    return f"{provider_of(row.provider)}/{row.region or '*'}/{row.sku}"


def _of_rows(
    rows: Sequence[CommitmentHour], currency: str, periods: tuple[str, ...]
) -> BilledDemand:
    prices = _prices(rows)
    cells: dict[tuple[int, str], int] = defaultdict(int)
    spread: set[int] = set()
    for row in rows:
        if row.is_unused or sku_of(row) not in prices:
            continue
        hours = row.hours
        parts = cumulative_parts(row.on_demand, [1] * len(hours), len(hours))
        for hour, part in zip(hours, parts, strict=True):
            cells[hour, sku_of(row)] += part
        if len(hours) > 1:
            spread.update(hours)
    times = sorted({hour for hour, _ in cells})
    first, length = (times[0], times[-1] - times[0] + 1) if times else (0, 0)
    skus = sorted({sku for _, sku in cells})
    spend = np.zeros((length, len(skus)), dtype=np.int64)
    index = {sku: at for at, sku in enumerate(skus)}
    for (hour, sku), nano in cells.items():
        spend[hour - first, index[sku]] = nano
    columns = tuple(Column(sku, prices[sku]) for sku in skus)
    return BilledDemand(
        Demand(first, columns, spend, currency),
        tuple(_bought(rows, prices)),
        _measures(rows),
        periods,
        sum(row.unpriced for row in rows),
        len(spread),
    )


def _measures(rows: Sequence[CommitmentHour]) -> Measures:
    """What all commitments together did, as the bill says it; use without a price is not in it."""
    priced = [row for row in rows if row.on_demand or row.is_unused]
    held = [row for row in rows if row.commitment is not None]
    return Measures(
        on_demand_nano=sum(row.on_demand for row in rows),
        paid_nano=sum(row.effective for row in priced),
        committed_nano=sum(row.effective for row in held),
        used_nano=sum(row.effective for row in held if not row.is_unused),
        covered_nano=sum(row.on_demand for row in held),
    )


def _prices(rows: Sequence[CommitmentHour]) -> dict[str, int]:
    """On-demand price of an hour of each SKU: its cost over its machine time, in nano-units."""
    money: dict[str, int] = defaultdict(int)
    time_us: dict[str, int] = defaultdict(int)
    for row in rows:
        if not row.is_unused and row.on_demand:
            money[sku_of(row)] += row.on_demand
            time_us[sku_of(row)] += row.paid_us
    found = {}
    for sku, nano in money.items():
        exact = nano * HOUR_US // max(1, time_us[sku])
        found[sku] = max(1, round(exact / _PRICE_STEP) * _PRICE_STEP or exact)
    return found


def _bought(rows: Sequence[CommitmentHour], prices: dict[str, int]) -> list[Bought]:
    """Each commitment's amount an hour and the rates at which it was used."""
    by_id: dict[str, list[CommitmentHour]] = defaultdict(list)
    for row in rows:
        if row.commitment is not None:
            by_id[row.commitment].append(row)
    found = []
    for id_, some in sorted(by_id.items()):
        used: dict[str, tuple[int, int]] = {}
        hours = {hour for row in some for hour in row.hours}
        for row in some:
            if not row.is_unused and row.on_demand and sku_of(row) in prices:
                effective, on_demand = used.get(sku_of(row), (0, 0))
                used[sku_of(row)] = effective + row.effective, on_demand + row.on_demand
        rates = {
            sku: max(1, prices[sku] * effective // on_demand)
            for sku, (effective, on_demand) in used.items()
            if effective > 0
        }
        paid = sum(row.effective for row in some)
        if paid <= 0:
            continue
        kind = _kind(some[0])
        if KINDS[kind].is_count and len(rates) > 1:
            kind = next(
                k
                for k, one in KINDS.items()
                if one.provider == KINDS[kind].provider and not one.is_count
            )
        per_hour = paid // len(hours)
        holding = Holding(Offer(kind, "1y", rates, source="the bill"), per_hour) if rates else None
        unused = sum(row.effective for row in some if row.is_unused)
        covered = sum(row.on_demand for row in some if not row.is_unused)
        found.append(
            Bought(
                id_, some[0].name or id_, kind, per_hour, holding, len(hours),
                paid - unused, unused, covered,
            )
        )  # fmt: skip
    return found


def _kind(row: CommitmentHour) -> str:
    """The kind of commitment by the words of the bill; the broadest of its provider else."""
    provider = provider_of(row.provider)
    words = f"{row.kind or ''} {row.name or ''} {row.commitment or ''}".lower()
    if provider == "aws":
        if "savings" not in words and "reserved" in words:
            return "aws_reserved_instance"
        if "sagemaker" in words or "machine learning" in words:
            return "aws_sagemaker_savings_plan"
        return "aws_ec2_instance_savings_plan" if "ec2" in words else "aws_compute_savings_plan"
    if provider == "azure":
        return "azure_reservation" if "reserv" in words else "azure_savings_plan"
    if provider == "gcp":
        is_flexible = "flex" in words or "spend" in words or "dollar" in words
        return "gcp_flexible_cud" if is_flexible else "gcp_resource_cud"
    return "reserved_contract"
