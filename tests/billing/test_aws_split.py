"""Split cost allocation: parts and rest of an instance are the instance, once."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.aws_bills import PLAN, cur2, legacy, lines, write_cur2_parquet
from billing.bills import read, write
from trainfare.billing.arrow import pa
from trainfare.billing.aws_split import METHOD, place_of, within
from trainfare.core.money import NANO

ANYTHING = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NODE, OTHER = "i-0123456789abcdef0", "i-0fedcba9876543210"
NO_SPLIT = {
    "split_line_item_parent_resource_id": "",
    "split_line_item_split_cost": "",
    "split_line_item_public_on_demand_split_cost": "",
}
VIEWS = ("x_BilledNano", "x_EffectiveNano", "x_ListNano", "x_ContractedNano")


def node(cash="10", **more):
    return {
        **NO_SPLIT,
        "line_item_unblended_cost": cash,
        "pricing_public_on_demand_cost": cash,
        **more,
    }


def part(pod, cost, *, parent=NODE, public=None, **more):
    return {
        "line_item_product_code": "AmazonEKS",
        "line_item_operation": "EKSPod-EC2",
        "line_item_usage_type": "USE1-EKS-EC2-vCPU-Hours",
        "line_item_resource_id": f"arn:aws:eks:us-east-1:444455556666:pod/{pod}",
        "line_item_unblended_cost": "0.0",
        "pricing_public_on_demand_cost": "",
        "split_line_item_parent_resource_id": parent,
        "split_line_item_split_cost": cost,
        "split_line_item_public_on_demand_split_cost": cost if public is None else public,
        "tags": {"user:run_id": pod},
        **more,
    }


def sums(rows, **where):
    mine = [row for row in rows if all(row[column] == value for column, value in where.items())]
    return [sum(row[view] or 0 for row in mine) / NANO for view in VIEWS]


def of(tmp_path, *changes, spelt=cur2):
    bill, rows = read(write(tmp_path, spelt(lines(*changes))))
    return bill, rows


@pytest.mark.parametrize("spelt", [legacy, cur2])
def test_parts_and_rest_are_the_instance(tmp_path, spelt):
    bill, rows = of(tmp_path, part("a", "6"), node("10"), part("b", "3"), spelt=spelt)
    assert len(rows) == 3
    assert sums(rows, ResourceId=NODE) == sums(rows) == [10, 10, 10, 10]
    assert [row["x_EffectiveNano"] // NANO for row in rows] == [6, 1, 3]
    assert [row["AllocatedMethodId"] for row in rows] == [METHOD] * 3
    pods = [row["AllocatedResourceId"] and row["AllocatedResourceName"] for row in rows]
    assert pods == ["a", None, "b"]
    assert [row["AllocatedTags"] for row in rows] == ['{"run_id":"a"}', None, '{"run_id":"b"}']
    assert [row["x_ParentResourceId"] for row in rows] == [NODE, None, NODE]
    assert not bill.notices


def test_costs_that_repeat_the_instance_are_left_out_and_noted(tmp_path):
    bill, rows = of(tmp_path, node("10"), part("a", "6", line_item_unblended_cost="10"))
    assert bill.totals["USD"]["billed"] == 10
    assert [row["x_Repairs"] for row in rows] == [None, "x_BilledNano:repeats-its-instance"]


def test_unused_capacity_is_named_by_no_pod(tmp_path):
    """Allocation takes an allocated row without a resource as idle."""
    _, rows = of(tmp_path, node("10"), part("a", "6"), part("prod/Unused", "4"))
    assert [row["x_EffectiveNano"] // NANO for row in rows] == [0, 6, 4]
    assert [row["AllocatedResourceName"] for row in rows] == [None, "a", None]


def test_a_part_says_nothing_about_how_long_its_instance_was_paid(tmp_path):
    _, rows = of(tmp_path, node("10"), part("a", "6"))
    assert [row["ConsumedQuantity"] for row in rows] == ["1.0", None]
    assert [row["ResourceType"] for row in rows] == ["instance", None]


def test_only_the_hours_of_the_machine_are_split(tmp_path):
    transfer = node("2", line_item_usage_type="USE1-DataTransfer-Out-Bytes")
    later = {
        "line_item_usage_start_date": "2026-10-05T11:00:00.000Z",
        "line_item_usage_end_date": "2026-10-05T12:00:00.000Z",
    }
    _, rows = of(tmp_path, node("10"), transfer, node("10", **later), part("a", "6"))
    assert [row["x_BilledNano"] // NANO for row in rows] == [4, 2, 10, 6]
    assert [row["AllocatedMethodId"] for row in rows] == [METHOD, None, None, METHOD]


def test_in_a_daily_report_a_part_and_its_instance_start_when_they_like(tmp_path):
    day = {"identity_time_interval": "2026-10-05T00:00:00Z/2026-10-06T00:00:00Z"}
    start = {"line_item_usage_start_date": "2026-10-05T03:00:00.000Z"}
    bill, rows = of(tmp_path, node("10", **day), part("a", "6", **day, **start))
    assert [row["x_EffectiveNano"] // NANO for row in rows] == [4, 6]
    assert not bill.notices


def test_where_a_plan_covers_the_instance_its_cash_stays_with_it(tmp_path):
    """The bill says which amortised cost a part has, and nothing about cash."""
    planned = {
        "line_item_line_item_type": "SavingsPlanCoveredUsage",
        "savings_plan_savings_plan_a_r_n": PLAN,
        "savings_plan_savings_plan_effective_cost": "7",
    }
    back = {
        **NO_SPLIT,
        **dict.fromkeys(("line_item_resource_id", "pricing_public_on_demand_cost"), ""),
        "line_item_line_item_type": "SavingsPlanNegation",
        "line_item_unblended_cost": "-10",
        "tags": {},
    }
    bill, rows = of(tmp_path, node("10", **planned), back, part("a", "5", public="6"))
    assert [row["x_BilledNano"] // NANO for row in rows] == [10, -10, 0]
    assert [row["x_EffectiveNano"] // NANO for row in rows] == [2, 0, 5]
    assert [row["x_ListNano"] // NANO for row in rows] == [4, 0, 6]
    assert bill.totals["USD"]["effective"] == 7


def test_an_hour_in_two_rows_is_split_once(tmp_path):
    """Part of the hour under a plan and part on demand are two rows of one instance."""
    planned = {
        "line_item_line_item_type": "SavingsPlanCoveredUsage",
        "savings_plan_savings_plan_effective_cost": "3",
    }
    bill, rows = of(tmp_path, node("4", **planned), node("6"), part("a", "8"))
    assert bill.totals["USD"]["effective"] == 9
    assert sums(rows, AllocatedResourceId=None)[1] == 1
    assert sums(rows) == [10, 9, 10, 10]


def test_parts_without_their_instance_cost_nothing_and_are_noticed(tmp_path):
    bill, rows = of(tmp_path, node("10"), part("a", "6"), part("b", "5", parent=OTHER))
    assert sums(rows)[:2] == [10, 10]
    assert rows[2]["x_EffectiveNano"] == 0
    assert "1 split cost rows are parts of instances" in bill.notices[0]
    bill, rows = of(tmp_path, part("b", "5", parent=OTHER))
    assert (sums(rows)[1], len(bill.notices)) == (0, 1)


def test_tasks_that_are_only_counted_cost_nothing(tmp_path):
    """Without split cost allocation, ECS still reports what tasks on EC2 reserved."""
    task = {
        "line_item_operation": "ECSTask-EC2",
        "line_item_product_code": "AmazonECS",
        "line_item_unblended_cost": "0",
        "pricing_public_on_demand_cost": "",
        "line_item_resource_id": "arn:aws:ecs:us-east-1:444455556666:task/prod/7",
    }
    bill, rows = read(write(tmp_path, cur2(lines({}, task))))
    assert sums(rows)[0] == 32.7726
    assert (rows[1]["ResourceId"], rows[1]["AllocatedResourceId"]) == (
        task["line_item_resource_id"],
        task["line_item_resource_id"],
    )
    assert not bill.notices


def test_a_fargate_task_is_no_part_of_anything(tmp_path):
    task = {"line_item_operation": "FargateTask", **NO_SPLIT, "line_item_unblended_cost": "3"}
    _, (row,) = of(tmp_path, task)
    assert (row["AllocatedMethodId"], row["x_BilledNano"]) == (None, 3 * NANO)


def test_an_instance_and_its_parts_may_lie_in_different_files(tmp_path):
    folder = tmp_path / "bill"
    folder.mkdir()
    write(folder, cur2(lines(part("a", "6"))), "1.csv")
    write(folder, cur2(lines({**NO_SPLIT, "line_item_resource_id": OTHER}, node("10"))), "2.csv")
    write(folder, cur2(lines(part("b", "3"))), "3.csv")
    _, rows = read(folder)
    assert sums(rows, ResourceId=NODE) == [10, 10, 10, 10]
    assert [row["x_EffectiveNano"] for row in rows] == [
        6 * NANO,
        32_772_600_000,
        NANO,
        3 * NANO,
    ]


cents = st.decimals("0.0000000001", 20, allow_nan=False, allow_infinity=False, places=13)


@ANYTHING
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), cents), max_size=12),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), cents), max_size=12),
    st.randoms(use_true_random=False),
)
def test_whatever_the_parts_nothing_is_made_or_lost(tmp_path, hosts, pods, chance: random.Random):
    def hour(number):
        return {"line_item_usage_start_date": f"2026-10-05T0{number}:00:00.000Z"}

    items = [node(str(c), line_item_resource_id=f"i-{n}", **hour(h)) for n, h, c in hosts]
    items += [part(f"p{n}", str(c), parent=f"i-{n}", **hour(h)) for n, h, c in pods]
    items += [node("1", line_item_resource_id="i-alone")]
    chance.shuffle(items)
    bill, rows = read(write(tmp_path, cur2(lines(*items))))
    total = sum(cost for _, _, cost in hosts) + 1
    for view in ("billed", "effective", "list", "contracted"):
        found = bill.totals["USD"][view]
        assert Decimal(found.numerator) / found.denominator == total
    there = {(name, number) for name, number, _ in hosts}
    for name, number in there:
        start = datetime(2026, 10, 5, number, tzinfo=UTC)
        kept = sums(rows, ResourceId=f"i-{name}", ChargePeriodStart=start)[1]
        mine = sum(cost for n, h, cost in hosts if (n, h) == (name, number))
        assert abs(Decimal(kept) - mine) < Decimal("1e-8")


def test_parquet_splits_alike(tmp_path):
    items = lines(node("10"), part("a", "6"), part("b", "3"))
    _, rows = read(write_cur2_parquet(tmp_path / "bill.parquet", items))
    assert [row["x_EffectiveNano"] // NANO for row in rows] == [1, 6, 3]


def test_places_are_found_by_halving():
    places = pa.array([place_of(0, 1), place_of(0, 5), place_of(1, 1), place_of(1, 2)])
    assert within(places, place_of(0, 5), 10) == slice(1, 2)
    assert within(places, place_of(1, 1), 2) == slice(2, 4)
    assert within(places, place_of(2, 1), 2) == slice(4, 4)
