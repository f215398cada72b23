"""Which fee and which usage of Google belong together."""

import pytest

from billing.bills import write
from billing.gcp_bills import CUD, DOLLARS, FEE, FLEXIBLE, FLEXIBLE_FEE, credit, export, lines
from trainfare.billing.canonical import Desk, Draft
from trainfare.billing.components import Components
from trainfare.billing.gcp_credits import credits_of
from trainfare.billing.gcp_members import covered_by, fees_of, is_fee, scope_of
from trainfare.billing.gcp_rows import Rows, chunks
from trainfare.billing.problems import Problems
from trainfare.billing.source import found


def rows_of(folder, *changes):
    desk = Desk(Problems(), Components(()))
    (file,) = found(write(folder, lines(export(*changes)), "export.jsonl"))
    (chunk,) = chunks(file, desk)
    return Rows(chunk, Draft(chunk), desk)


def keys(folder, fee, usage):
    """The key of a fee, and of a row that it may cover."""
    rows = rows_of(folder, fee, usage)
    here = credits_of(rows)
    machines, spend = covered_by(rows, here)
    return fees_of(rows, here).keys.to_pylist(), [
        *machines.keys.to_pylist(),
        *spend.keys.to_pylist(),
    ]


USED = {"credits": [credit(CUD, -1)]}


def fee(description, **more):
    return {**FEE, "sku": {"id": "fee", "description": description}, **more}


def used(description, **more):
    return {**USED, "sku": {"id": "usage", "description": description}, **more}


@pytest.mark.parametrize(
    ("bought", "ran"),
    [
        ("Commitment v1: A2 Cpu in Americas for 1 Year", "A2 Instance Core running in Americas"),
        ("Commitment v1: Cpu in Americas for 1 Year", "N1 Predefined Instance Core in Americas"),
        ("Commitment v1: Cpu in Americas for 1 Year", "Custom Instance Core running in Americas"),
        ("Commitment v1: N2D Ram in EMEA for 3 Year", "N2D AMD Instance Ram running in EMEA"),
        (
            "Commitment v1: Nvidia Tesla A100 GPU in Iowa for 1 Year",
            "Nvidia Tesla A100 GPU running in Iowa",
        ),
        ("Commitment v1: Local SSD in Iowa for 1 Year", "SSD backed Local Storage attached to VMs"),
        (
            "Commitment v1: M3 Memory-optimized Ram in Iowa for 1 Year",
            "M3 Memory-optimized Instance Ram running in Iowa",
        ),
    ],
)
def test_a_fee_and_what_it_covers_have_one_key(tmp_path, bought, ran):
    fees, covered = keys(tmp_path, fee(bought), used(ran))
    assert fees == covered
    assert len(fees) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"sku": {"id": "x", "description": "N2 Instance Core running in Americas"}},
        {"sku": {"id": "x", "description": "A2 Instance Ram running in Americas"}},
        {"location": {"region": "europe-west4"}},
        {"billing_account_id": "other"},
        {"currency": "EUR"},
        {"invoice": {"month": "202611"}},
        {"usage_start_time": "2026-10-06T10:00:00Z", "usage_end_time": "2026-10-06T11:00:00Z"},
        {"usage.unit": "byte-seconds"},
    ],
)
def test_what_differs_does_not_belong_together(tmp_path, change):
    fees, covered = keys(tmp_path, FEE, {**USED, **change})
    assert fees != covered


def test_projects_and_zones_do_not_matter(tmp_path):
    change = {"project.id": "other", "location.zone": "us-central1-f"}
    fees, covered = keys(tmp_path, FEE, {**USED, **change})
    assert fees == covered


def test_windows_of_a_day_and_of_an_hour_fall_together(tmp_path):
    """Fees of a Pacific day begin at 7 (8 in winter) o'clock UTC."""
    for start in ("07", "08"):
        day = {
            "usage_start_time": f"2026-10-05T{start}:00:00Z",
            "usage_end_time": f"2026-10-06T{start}:00:00Z",
        }
        for hour in ("2026-10-05T09", "2026-10-05T23", "2026-10-06T06"):
            window = {"usage_start_time": f"{hour}:00:00Z", "usage_end_time": f"{hour}:59:59Z"}
            fees, covered = keys(tmp_path, {**FEE, **day}, {**USED, **window})
            assert fees == covered, (start, hour)


def test_flexible_commitments_cover_any_machine_anywhere(tmp_path):
    change = {
        "credits": [credit(DOLLARS, -1, full_name=FLEXIBLE)],
        "location": {"region": "europe-west4"},
        "sku": {"id": "x", "description": "N2 Instance Ram running in Netherlands"},
        "usage.unit": "byte-seconds",
        "service": {"id": "gke", "description": "Kubernetes Engine"},
    }
    fees, covered = keys(tmp_path, FLEXIBLE_FEE, change)
    assert fees == covered


def test_commitments_to_services_cover_only_their_own(tmp_path):
    sql = {
        "credits": [
            credit(DOLLARS, -1, full_name="Committed use discount - dollar based: Cloud SQL")
        ]
    }
    of_sql = fee("Commitment - dollar based v1: Cloud SQL database MySQL for 3 years")
    fees, covered = keys(tmp_path, of_sql, sql)
    assert fees == covered
    fees, covered = keys(tmp_path, FLEXIBLE_FEE, sql)
    assert fees != covered
    assert scope_of(fees[0]) == scope_of(covered[0])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (FEE, True),
        (FLEXIBLE_FEE, True),
        ({**FEE, "cost_type": "tax"}, False),
        ({"sku.description": "Usage under commitment"}, False),
        ({"credits": [credit("FEE_UTILIZATION_OFFSET", -0.5)]}, True),
        ({}, False),
    ],
)
def test_a_fee_is_told_by_its_sku_or_its_offset(tmp_path, change, expected):
    rows = rows_of(tmp_path, change)
    assert is_fee(rows, credits_of(rows)).to_pylist() == [expected]
