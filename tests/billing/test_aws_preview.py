"""AWS's own tools are read exactly, whole, and never taken for a bill."""

import json
from decimal import Decimal

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.stores import _Store, served
from trainfare.billing.aws_preview import _Rounding, read_cloud_budgets, read_days
from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.core.period import BillingPeriod, parse_instant

OCTOBER = BillingPeriod.parse("2026-10")
AT_NS = parse_instant("2026-10-03T05:00:00Z")


def result(day, following, *groups):
    """One day of GetCostAndUsage, grouped by service."""
    return {
        "TimePeriod": {"Start": f"2026-10-{day:02d}", "End": f"2026-10-{following:02d}"},
        "Total": {},
        "Groups": [
            {
                "Keys": [service],
                "Metrics": {
                    "UnblendedCost": {"Amount": billed, "Unit": "USD"},
                    "AmortizedCost": {"Amount": effective, "Unit": "USD"},
                },
            }
            for service, billed, effective in groups
        ],
        "Estimated": True,
    }


def explorer(*pages):
    """Cost Explorer as it answers on the wire, page by page; and what it was asked."""
    asked = []

    class Explorer(_Store):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.headers["X-Amz-Target"] == "AWSInsightsIndexService.GetCostAndUsage"
            asked.append(body)
            page = int(body.get("NextPageToken", 0))
            answer = pages[page]
            if isinstance(answer, dict) and "__type" in answer:
                self.say(400, json.dumps(answer).encode(), "application/x-amz-json-1.1")
                return
            document = {"ResultsByTime": answer, "DimensionValueAttributes": []}
            if page + 1 < len(pages):
                document["NextPageToken"] = str(page + 1)
            self.say(200, json.dumps(document).encode(), "application/x-amz-json-1.1")

    return Explorer, asked


def test_every_page_is_read_and_every_decimal_kept(aws_here, monkeypatch):
    handler, asked = explorer(
        [result(1, 2, ("Amazon EC2", "1.2345678901", "1"), ("Amazon S3", "0.0000000004", "0"))],
        [result(2, 3, ("Amazon EC2", "-0.0000000001", "2.5"))],
    )
    with served(handler) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COST_EXPLORER", address)
        days = read_days(OCTOBER, AT_NS)
    assert [(one.day, one.service, one.billed.text()) for one in days] == [
        ("2026-10-01", "Amazon EC2", "1.234567890"),
        ("2026-10-01", "Amazon S3", "0.000000000"),
        ("2026-10-02", "Amazon EC2", "0.000000000"),
    ]
    assert [one.effective.text() for one in days] == ["1.000000000", "0.000000000", "2.500000000"]
    assert all(one.is_estimated for one in days)
    assert asked[0]["TimePeriod"] == {"Start": "2026-10-01", "End": "2026-10-03"}
    assert asked[0]["Granularity"] == "DAILY"
    assert [body.get("NextPageToken") for body in asked] == [None, "1"]


amounts = st.decimals("-1000", "1000", places=12).map(lambda one: f"{one:f}")


@given(st.lists(amounts, max_size=30))
@settings(max_examples=50)
def test_rounded_amounts_sum_to_the_exact_sum_within_half_a_nano(texts):
    rounding = _Rounding()
    nano = sum(rounding.money({"Amount": text, "Unit": "USD"}, "billed").nano for text in texts)
    exact = sum((Decimal(text) for text in texts), Decimal(0)) * 10**9
    assert abs(nano - exact) <= Decimal("0.5")


def test_a_month_that_has_not_begun_asks_nobody():
    assert read_days(OCTOBER, OCTOBER.interval.start_ns) == []


def test_a_refusal_is_told_with_its_reason(aws_here, monkeypatch):
    handler, _ = explorer(
        {
            "__type": "AccessDeniedException",
            "message": "not authorized to perform: ce:GetCostAndUsage",
        }
    )
    with served(handler) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COST_EXPLORER", address)
        with pytest.raises(OutsideFailed, match=r"ce:GetCostAndUsage.*what was known before stays"):
            read_days(OCTOBER, AT_NS)


def test_an_answer_of_another_shape_is_told(aws_here, monkeypatch):
    handler, _ = explorer([result(1, 2, ("Amazon EC2", "much", "1"))])
    with served(handler) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COST_EXPLORER", address)
        with pytest.raises(OutsideFailed, match="something unreadable"):
            read_days(OCTOBER, AT_NS)


def test_without_credentials_the_sentence_says_so(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(BadInput, match="set them where the server runs"):
        read_days(OCTOBER, AT_NS)


def test_budgets_that_are_kept_at_aws_are_read(aws_here):
    client = boto3.client("budgets", endpoint_url=aws_here)
    for name, kind, unit in (("team-b", "COST", "USD"), ("a-month", "COST", "USD"),
                             ("hours", "USAGE", "Hours")):  # fmt: skip
        client.create_budget(
            AccountId="123456789012",
            Budget={
                "BudgetName": name,
                "BudgetLimit": {"Amount": "1000.50", "Unit": unit},
                "TimeUnit": "MONTHLY",
                "BudgetType": kind,
            },
        )
    client.close()
    found = read_cloud_budgets()
    assert [(one.name, one.period, one.limit.text()) for one in found] == [
        ("a-month", "monthly", "1000.500000000"),
        ("team-b", "monthly", "1000.500000000"),
    ]
    assert found[0].spent is None or found[0].spent.nano == 0
