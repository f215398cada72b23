"""Lateness: every provider's bill is awaited until its own day."""

import pytest

from trainfare.billing.lateness import closes_ns, expected_ns, provider_of
from trainfare.core.period import BillingPeriod, format_instant, parse_instant


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("AWS", "aws"),
        ("Amazon Web Services", "aws"),
        ("Microsoft", "azure"),
        ("Azure", "azure"),
        ("Google Cloud", "gcp"),
        ("gcp", "gcp"),
        ("Oracle", "oci"),
        ("Lambda", "lambda"),
    ],
)
def test_a_bill_and_a_machine_mean_the_same_provider(name, word):
    assert provider_of(name) == provider_of(word) == word


@pytest.mark.parametrize(
    ("provider", "closes", "expected"),
    [
        ("aws", "2026-11-08", "2026-11-01T08:00:00Z"),
        ("azure", "2026-11-06", "2026-11-01T08:00:00Z"),
        ("gcp", "2026-11-06", "2026-11-01T08:00:00Z"),
        ("lambda", "2026-11-01", "2026-11-01T00:00:00Z"),
    ],
)
def test_months_close_and_rows_come_when_the_provider_says(provider, closes, expected):
    closing = format_instant(closes_ns(provider, BillingPeriod(2026, 10)))
    assert closing == f"{closes}T00:00:00Z"
    assert format_instant(expected_ns(provider, parse_instant("2026-10-31T08:00:00Z"))) == expected


def test_use_until_the_last_instant_of_a_month_is_on_the_bill_of_that_month():
    end = parse_instant("2026-11-01T00:00:00Z")
    assert expected_ns("lambda", end) == end
