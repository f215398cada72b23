"""Lateness: when a provider's bill can be expected, and from when on it no longer changes much.

=====  ======================  ===================================================================
who    first rows              the month closes
=====  ======================  ===================================================================
aws    within 24 h (delivered  on the 8th of the next month: support of a month lands on its
       at least daily)         6th or 7th; refunds and credits may still follow
azure  within 24 h (8 to 24)   on the 6th: charges may change until the 5th day after the month
gcp    about a day; Google     on the 6th: late rows take up to five days, as far as was seen;
       promises nothing        Google promises nothing
else   when the month is over  when the month is over: most send one invoice a month
=====  ======================  ===================================================================

Sources: AWS, "What are Data Exports" and "Viewing your bill"; Microsoft, "Understand Cost Management
data"; Google Cloud, "Export Cloud Billing data to BigQuery".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainfare.core.period import HOUR, BillingPeriod

_DAY = 24 * HOUR

_NAMES = {
    "amazon": "aws",
    "amazonwebservices": "aws",
    "microsoft": "azure",
    "microsoftazure": "azure",
    "google": "gcp",
    "googlecloud": "gcp",
    "googlecloudplatform": "gcp",
    "oracle": "oci",
    "oraclecloud": "oci",
}


def provider_of(name: str) -> str:
    """The word for a provider that machines and price lists use, from what its bill calls it.

    >>> provider_of("Google Cloud"), provider_of("AWS"), provider_of("Fjord GPU")
    ('gcp', 'aws', 'fjordgpu')
    """
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return _NAMES.get(plain, plain)


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late a provider's bill is."""

    first_rows_ns: int | None
    """After use, its first rows; None where they come when the month is over."""
    closing_days: int
    """Full days after the end of the month until it closes."""


_LATENESS = {
    "aws": Lateness(24 * HOUR, 7),
    "azure": Lateness(24 * HOUR, 5),
    "gcp": Lateness(24 * HOUR, 5),
}
_MONTHLY = Lateness(None, 0)


def closes_ns(provider: str, period: BillingPeriod) -> int:
    """From when on a bill of *period* is final, in nanoseconds since the epoch.

    >>> from trainfare.core.period import format_instant
    >>> format_instant(closes_ns("aws", BillingPeriod(2026, 10)))
    '2026-11-08T00:00:00Z'
    """
    late = _LATENESS.get(provider, _MONTHLY)
    return period.interval.end_ns + late.closing_days * _DAY


def expected_ns(provider: str, used_until_ns: int) -> int:
    """When the bill can be expected to have what was used until an instant.

    >>> from trainfare.core.period import format_instant, parse_instant
    >>> format_instant(expected_ns("fjordgpu", parse_instant("2026-10-03T08:00:00Z")))
    '2026-11-01T00:00:00Z'
    """
    late = _LATENESS.get(provider, _MONTHLY)
    if late.first_rows_ns is None:
        return BillingPeriod.of(max(0, used_until_ns - 1)).interval.end_ns
    return used_until_ns + late.first_rows_ns
