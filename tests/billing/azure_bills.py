"""What the tests of Azure bills share: invented rows, written as each kind of export does."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from billing.bills import write

MACHINE = (
    "/subscriptions/sub-1/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/Node-1"
)
LEASE = "/providers/Microsoft.Capacity/reservationOrders/ORDER-1/reservations/lease-1"
PLAN = "/providers/Microsoft.BillingBenefits/savingsPlanOrders/order-2/savingsPlans/plan-1"

ROW = {
    "SubscriptionId": "sub-1",
    "SubscriptionName": "Research",
    "ResourceGroup": "RG",
    "ResourceLocation": "US East 2",
    "Date": "10/05/2026",
    "ProductName": "Virtual Machines NCads A100 v4 - NC24ads A100 v4 - US East 2",
    "MeterCategory": "Virtual Machines",
    "MeterSubCategory": "NCads A100 v4 Series",
    "MeterId": "meter-1",
    "MeterName": "NC24ads A100 v4",
    "UnitOfMeasure": "1 Hour",
    "Quantity": "20",
    "EffectivePrice": "3.673",
    "CostInBillingCurrency": "73.46",
    "ConsumedService": "Microsoft.Compute",
    "ResourceId": MACHINE,
    "ResourceName": "Node-1",
    "Tags": '"team": "nlp","run_id": "run-1"',
    "AdditionalInfo": '{"UsageType":"ComputeHR","ServiceType":"Standard_NC24ads_A100_v4"}',
    "UnitPrice": "3.673",
    "PayGPrice": "4.1",
    "PublisherName": "Microsoft",
    "ChargeType": "Usage",
    "Frequency": "UsageBased",
    "PricingModel": "OnDemand",
    "AvailabilityZone": "",
    "BillingAccountId": "8608480",
    "BillingAccountName": "Example",
    "BillingProfileId": "8608480",
    "BillingCurrencyCode": "USD",
    "BillingPeriodStartDate": "10/01/2026",
    "BillingPeriodEndDate": "10/31/2026",
    "PartNumber": "AAH-1",
    "BenefitId": "",
    "BenefitName": "",
}
"""One day of a machine on demand, as an enterprise agreement exports it."""

BOUGHT = {
    "ChargeType": "Purchase",
    "Frequency": "Recurring",
    "PricingModel": "Reservation",
    "BenefitId": LEASE,
    "BenefitName": "a lease",
    "ResourceId": "",
    "Tags": "",
    "AdditionalInfo": "",
    "UnitOfMeasure": "1",
    "Quantity": "1",
}
COVERED = {"PricingModel": "Reservation", "BenefitId": LEASE, "BenefitName": "a lease"}
UNUSED = {**COVERED, "ChargeType": "UnusedReservation", "ResourceId": "", "Tags": ""}

CUSTOMER = {
    "BillingCurrencyCode": "billingCurrency",
    "CostInBillingCurrency": "costInBillingCurrency",
    "ResourceGroup": "resourceGroupName",
    "ProductName": "productName",
}
"""What customer agreements call columns otherwise; they also begin in small letters."""


def export(*changes: dict[str, str]) -> list[dict[str, str]]:
    """One row for each of *changes* to :data:`ROW`."""
    return [{**ROW, **change} for change in changes]


def renamed(rows: list[dict[str, str]], names: dict[str, str]) -> list[dict[str, str]]:
    """The same rows with other column names."""
    return [{names.get(name, name): value for name, value in row.items()} for row in rows]


def text_of(rows: list[dict[str, str]]) -> str:
    """Rows as CSV text."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def write_run(folder: Path, kind: str, rows: list[dict[str, str]], start: str = "20261001") -> Path:
    """One run of an export as Azure lays it out: the period, the run, its manifest and its part."""
    place = f"{kind.lower()}/{start}-{start[:6]}31/run-1"
    write(folder, text_of(rows), f"{place}/part_0_0001.csv")
    told = {
        "exportConfig": {"exportName": kind.lower(), "type": kind},
        "runInfo": {"startDate": start, "submittedTime": "2026-11-02T00:00:00Z"},
        "blobs": [{"blobName": f"exports/{place}/part_0_0001.csv"}],
    }
    return write(folder, json.dumps(told), f"{place}/manifest.json")
