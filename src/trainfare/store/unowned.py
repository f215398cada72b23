"""Unowned: the costliest of what nobody known owns, and what tells each line from all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.charge import View
from trainfare.store.result_files import results_table
from trainfare.store.results import reading


@dataclass(frozen=True, slots=True)
class UnownedSum:
    """What nobody owns of one resource and service; without a resource, of one account and service.

    The flags say what else no run and no rule has that a rule would take along which names no more
    than the resource or account, and the service.
    """

    resource: str | None
    service: str | None
    account: str | None
    """None also where the resource is in several."""
    currency: str
    nano: int
    has_services: bool
    """The resource or account stands beside other services."""
    has_accounts: bool
    """There are other accounts."""
    has_resources: bool
    """The account has resources of this service."""
    has_currencies: bool
    has_unused: bool
    """Commitments or reservations that were paid and not used."""


def top_unallocated(paths: Sequence[Path], view: View, limit: int) -> list[UnownedSum]:
    """The costliest lines of which nobody known is the owner, each once per currency."""
    if not paths:
        return []
    query = f"""
        WITH free AS (
            SELECT resource, service, account, currency, remainder, {view.value}_nano AS nano
            FROM {results_table(paths)}
            WHERE remainder IN ('unallocated', 'unused_commitment') AND nano IS NOT NULL),
        top AS (
            SELECT resource, service, currency,
                CASE WHEN resource IS NULL THEN account END AS own_account,
                CASE WHEN count(DISTINCT account) = 1 THEN min(account) END AS account,
                sum(nano) AS nano
            FROM free WHERE remainder = 'unallocated'
            GROUP BY resource, service, currency, own_account HAVING sum(nano) <> 0
            ORDER BY abs(sum(nano)) DESC, resource, service, currency, own_account
            LIMIT {int(limit)}),
        beside AS (
            SELECT top.*, free.remainder,
                free.service IS NOT DISTINCT FROM top.service AS is_service,
                free.resource IS NOT DISTINCT FROM top.resource AS is_resource,
                free.account IS NOT DISTINCT FROM top.own_account AS is_account,
                free.currency = top.currency AS is_currency
            FROM top JOIN free ON top.resource IS NULL OR free.resource = top.resource)
        SELECT resource, service, account, currency, nano,
            bool_or(is_account AND NOT is_service),
            bool_or(NOT is_account),
            bool_or(is_account AND is_service AND NOT is_resource),
            bool_or(is_account AND is_service AND is_resource AND NOT is_currency),
            bool_or(is_account AND is_service AND is_resource AND is_currency
                AND remainder = 'unused_commitment')
        FROM (SELECT * REPLACE (is_account OR resource IS NOT NULL AS is_account) FROM beside)
        GROUP BY resource, service, account, own_account, currency, nano
        ORDER BY abs(nano) DESC, resource, service, currency, own_account"""
    with reading() as connection:
        rows = connection.execute(query).fetchall()
    return [
        UnownedSum(resource, service, account, currency, int(nano), *flags)
        for resource, service, account, currency, nano, *flags in rows
    ]
