"""AWS's own cost tools: Cost Explorer's days of the open month, and the budgets kept at AWS.

A preview stands beside the bill and is never added to it: Cost Explorer is hours ahead of a bill,
restates itself until the month is closed, and leaves out what the bill will hold (rounding, some
credits, refunds and tax). Each page of an answer costs $0.01, charged by AWS.
Needs the ``aws`` extra (boto3) and leave for ``ce:GetCostAndUsage``, ``budgets:ViewBudget``.
Sources: AWS Cost Management API reference, GetCostAndUsage; AWS Budgets API, DescribeBudgets.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from trainfare.core.errors import BadInput, MissingExtra, OutsideFailed
from trainfare.core.money import Money, decimal_of
from trainfare.core.period import BillingPeriod, format_instant

METRICS = {"billed": "UnblendedCost", "effective": "AmortizedCost"}
"""View → what Cost Explorer calls it."""

HOME_REGION = "us-east-1"
"""Where both services live, whatever region the costs are of."""

_TIMEOUT_SECONDS = 30
_PAGES_MAX = 100


@dataclass(frozen=True, slots=True)
class DaySpend:
    """What one service cost on one day, as far as AWS knows it."""

    day: str
    service: str
    billed: Money
    effective: Money
    is_estimated: bool
    """AWS may still change it."""


@dataclass(frozen=True, slots=True)
class CloudBudget:
    """A budget that is kept at the provider."""

    name: str
    period: str
    """As AWS says it: daily, monthly, quarterly, annually."""
    limit: Money
    spent: Money | None
    forecast: Money | None
    """Of the whole period; None where AWS has no forecast yet."""


def read_days(month: BillingPeriod, until_ns: int) -> list[DaySpend]:
    """Every day and service of *month* before *until_ns*, in AWS's order.

    Amounts are rounded cumulatively, each currency and view by itself, so that their sum is within
    half a nano of the sum of what AWS answers.

    Raises:
        BadInput: there are no credentials.
        OutsideFailed: AWS refused or could not be reached.
    """
    words: dict[str, Any] = {
        "TimePeriod": {
            "Start": format_instant(month.interval.start_ns)[:10],
            "End": format_instant(min(until_ns, month.interval.end_ns))[:10],
        },
        "Granularity": "DAILY",
        "Metrics": list(METRICS.values()),
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
    }
    if words["TimePeriod"]["Start"] == words["TimePeriod"]["End"]:
        return []
    found: list[DaySpend] = []
    rounding = _Rounding()
    with _explained("GetCostAndUsage"), _client("ce") as client:
        for _ in range(_PAGES_MAX):
            page = client.get_cost_and_usage(**words)
            for result in page["ResultsByTime"]:
                found += _days(result, rounding)
            if not page.get("NextPageToken"):
                return found
            words["NextPageToken"] = page["NextPageToken"]
    raise OutsideFailed(f"AWS GetCostAndUsage went on for more than {_PAGES_MAX} pages; try again")


def _days(result: Mapping[str, Any], rounding: _Rounding) -> Iterator[DaySpend]:
    for group in result["Groups"]:
        amounts = {view: group["Metrics"][metric] for view, metric in METRICS.items()}
        yield DaySpend(
            str(result["TimePeriod"]["Start"]),
            str(group["Keys"][0]),
            rounding.money(amounts["billed"], "billed"),
            rounding.money(amounts["effective"], "effective"),
            bool(result.get("Estimated")),
        )


def read_cloud_budgets() -> list[CloudBudget]:
    """The budgets of money that the caller's account keeps at AWS, by name.

    Raises:
        BadInput: there are no credentials.
        OutsideFailed: AWS refused or could not be reached.
    """
    with _explained("DescribeBudgets"), _client("sts") as who, _client("budgets") as client:
        account = who.get_caller_identity()["Account"]
        pages = client.get_paginator("describe_budgets").paginate(AccountId=account)
        found = [
            _budget(one)
            for page in pages
            for one in page.get("Budgets", [])
            if one.get("BudgetType") == "COST" and one.get("BudgetLimit")
        ]
    return sorted(found, key=lambda one: one.name)


def _budget(told: Mapping[str, Any]) -> CloudBudget:
    spend = told.get("CalculatedSpend") or {}
    return CloudBudget(
        str(told["BudgetName"]),
        str(told["TimeUnit"]).lower(),
        _money(told["BudgetLimit"]),
        _money(spend["ActualSpend"]) if spend.get("ActualSpend") else None,
        _money(spend["ForecastedSpend"]) if spend.get("ForecastedSpend") else None,
    )


def _money(told: Mapping[str, Any]) -> Money:
    return Money.nearest(decimal_of(str(told["Amount"])), str(told["Unit"]))


class _Rounding:
    """Decimals on their way to whole nano-units: cumulative, so that nothing adds up."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], Fraction] = {}

    def money(self, told: Mapping[str, Any], view: str) -> Money:
        """The next amount of a view, of its currency."""
        key = (str(told["Unit"]), view)
        before = self._sums.get(key, Fraction(0))
        after = before + decimal_of(str(told["Amount"]))
        self._sums[key] = after
        return Money.nearest(after, key[0]) - Money.nearest(before, key[0])


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtra("aws", "ask AWS's own cost tools") from None


@contextmanager
def _client(service: str) -> Iterator[Any]:
    config = _library("botocore.config").Config(
        connect_timeout=_TIMEOUT_SECONDS,
        read_timeout=_TIMEOUT_SECONDS,
        retries={"max_attempts": 3, "mode": "standard"},
    )
    client = _library("boto3").Session().client(service, region_name=HOME_REGION, config=config)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _explained(call: str) -> Iterator[None]:
    """Turn what the SDK raises into one sentence."""
    errors = _library("botocore.exceptions")
    nobody = (errors.NoCredentialsError, errors.PartialCredentialsError, errors.ProfileNotFound)
    try:
        yield
    except nobody as error:
        raise BadInput(f"AWS credentials: {error}; set them where the server runs") from None
    except (errors.BotoCoreError, errors.ClientError) as error:
        raise OutsideFailed(f"AWS {call} failed: {error}; what was known before stays") from None
    except (ValueError, KeyError, TypeError, ArithmeticError, AttributeError, BadInput) as error:
        raise OutsideFailed(
            f"AWS answered {call} with something unreadable ({error}); what was known before stays"
        ) from None
