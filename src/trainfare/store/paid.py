"""What was paid, month by month: by runs in all, and for each resource at times when no run had it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from trainfare.core.charge import Component, Remainder, View
from trainfare.store.result_files import results_table
from trainfare.store.results import reading


@dataclass(frozen=True, slots=True)
class PaidSum:
    """What one run has, or one remainder has of one resource, in one month for one component."""

    month: str
    """``YYYY-MM`` of the usage; of the bill where a charge was divided over its whole period."""
    run: str | None
    resource: str | None
    """None for a run, and where a charge names none."""
    remainder: Remainder | None
    component: Component
    currency: str
    nano: int


def read_paid(paths: Sequence[tuple[str, Path]], view: View) -> list[PaidSum]:
    """Sums of *view* in results, in a fixed order.

    Args:
        paths: (billing period, result).
        view: which cost column of the bill.
    """
    return [one for period, path in paths for one in _read(period, path, view)]


def _read(period: str, path: Path, view: View) -> list[PaidSum]:
    query = (
        "SELECT coalesce(strftime(day, '%Y-%m'), ?), run, "
        "CASE WHEN run IS NULL THEN resource END, CASE WHEN run IS NULL THEN remainder END, "
        f"component, currency, sum({view.value}_nano) FROM {results_table([path])} "
        f"WHERE {view.value}_nano IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    with reading() as connection:
        rows = connection.execute(query, [period]).fetchall()
    return [
        PaidSum(
            month,
            run,
            resource,
            None if left is None else Remainder(left),
            Component(component),
            currency,
            int(nano),
        )
        for month, run, resource, left, component, currency, nano in rows
    ]


def has_usage(path: Path) -> bool:
    """Whether anything was used in the billing period of a result.

    A bill may hold nothing but credits, taxes, purchases and corrections of the one before.
    """
    is_worth = " OR ".join(f"{view.value}_nano > 0" for view in View)
    query = (
        f"SELECT 1 FROM {results_table([path])} WHERE charge_category = 'Usage' "
        f"AND NOT coalesce(is_correction, false) AND ({is_worth}) LIMIT 1"
    )
    with reading() as connection:
        return connection.execute(query).fetchone() is not None


@dataclass(frozen=True, slots=True)
class CarriedSum:
    """What carried bytes of one way cost one owner, of one resource in one month."""

    way: str
    """``nat`` or ``cross_region``."""
    resource: str
    month: str
    run: str | None
    currency: str
    nano: int
    gb: Fraction | None
    """Of the resource, all owners together; None where the bill does not say."""


_WAYS = """CASE
    WHEN regexp_matches(meter, '(NatGateway-Bytes|NAT.*[Dd]ata [Pp]rocess)') THEN 'nat'
    WHEN regexp_matches(meter, '^[A-Z]+[0-9]-[A-Z]+[0-9]-AWS-Out-Bytes$') THEN 'cross_region' END"""


def read_carried(
    charges: Sequence[Path], paths: Sequence[tuple[str, Path]], view: View
) -> list[CarriedSum]:
    """What NAT gateways carried and what crossed regions, by who paid for it, in a fixed order.

    An owner's part of a resource's network charges is divided over their ways as the bill has them.

    Args:
        charges: files of the lake.
        paths: (billing period, result).
        view: which cost column of the bill.
    """
    if not charges or not paths:
        return []
    query = f"""
        WITH charged AS (
            SELECT "ResourceId" AS resource, strftime("ChargePeriodStart", '%Y-%m') AS month,
                coalesce("x_UsageType", "SkuMeter", '') AS meter, "BillingCurrency" AS currency,
                "{view.column}" AS nano,
                CASE WHEN "ConsumedUnit" ILIKE 'G%' OR "PricingUnit" ILIKE 'G%'
                    THEN TRY_CAST("ConsumedQuantity" AS DECIMAL(38, 12)) END AS gb
            FROM {results_table(charges)}
            WHERE "x_Component" = 'network' AND "ResourceId" <> ''),
        ways AS (
            SELECT resource, month, currency, {_WAYS} AS way, sum(nano) AS nano, sum(gb) AS gb
            FROM charged GROUP BY ALL),
        wholes AS (
            SELECT resource, month, currency, sum(nano) AS whole FROM ways GROUP BY ALL),
        owned AS (
            SELECT resource, strftime(day, '%Y-%m') AS month, run, currency,
                sum({view.value}_nano) AS nano
            FROM {results_table([path for _, path in paths])}
            WHERE component = 'network' AND day IS NOT NULL GROUP BY ALL)
        SELECT way, ways.resource, ways.month, run, ways.currency, owned.nano, ways.nano, whole,
            gb::VARCHAR
        FROM ways JOIN wholes USING (resource, month, currency)
            JOIN owned USING (resource, month, currency)
        WHERE way IS NOT NULL AND whole > 0 ORDER BY ALL
    """
    with reading() as connection:
        rows = connection.execute(query).fetchall()
    return [
        CarriedSum(
            way,
            resource,
            month,
            run,
            currency,
            int(owned) * int(part) // int(whole),
            None if gb is None else Fraction(gb),
        )
        for way, resource, month, run, currency, owned, part, whole, gb in rows
    ]


def read_storage_regions(charges: Sequence[Path]) -> dict[str, str]:
    """Resource with storage charges → its region, of those that are charged in exactly one."""
    if not charges:
        return {}
    query = f"""
        SELECT "ResourceId", min("RegionId") FROM {results_table(charges)}
        WHERE "x_Component" = 'storage' AND "ResourceId" <> '' AND "RegionId" <> ''
        GROUP BY ALL HAVING count(DISTINCT "RegionId") = 1 ORDER BY ALL
    """
    with reading() as connection:
        return dict(connection.execute(query).fetchall())
