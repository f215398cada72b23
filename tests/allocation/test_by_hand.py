"""Who gets which part of a charge, case by case; the engine must say the same as the reference."""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from allocation.lake import MONTH, NANO, agreed_parts, at, charge, claim, shares_of
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.match import parse_match
from trainfare.allocation.rules import NO_RULES, Outcome, Rule, Rules
from trainfare.core.claim import Claim
from trainfare.core.period import Interval

DAY = {"hours": 24}


@pytest.fixture
def divide(tmp_path):
    """Who gets what in the billed view, in units of money; engine and reference agree on it."""

    def run(charges, *claims, rules=NO_RULES, **evidence):
        parts = agreed_parts(tmp_path, charges, Evidence(claims=claims, **evidence), rules)
        return {owner: Fraction(nano, NANO) for owner, nano in shares_of(parts).items()}

    return run


@pytest.fixture
def methods(tmp_path):
    """(owner, method) of every part."""

    def run(charges, *claims, rules=NO_RULES, **evidence):
        parts = agreed_parts(tmp_path, charges, Evidence(claims=claims, **evidence), rules)
        return {(run or remainder, method) for _, run, remainder, method, _ in parts}

    return run


def rule(outcome, value, match='SubAccountId = "1"', priority=700, name="mine", scope=None):
    parsed = None if scope is None else parse_match(scope)
    return Rule(name, parse_match(match), match, outcome, value, priority, parsed)


def dollars(amount):
    return int(amount * NANO)


def hours(count, amount=1, **columns):
    """The hours of a machine that costs *amount* an hour."""
    return [charge(dollars(amount), start=at(n), **columns) for n in range(count)]


class TestOptScaleCases:
    """The five cases in which OptScale's cost per run was measured wrong, with the true numbers."""

    def test_a_run_pays_its_own_day_only(self, divide):
        days = [charge(24 * NANO, start=at(0, day), **DAY) for day in (1, 2)]
        assert divide(days, claim("a", 0, 6))["a"] == 6

    @pytest.mark.parametrize("grain", ["hours", "days"])
    def test_two_runs_at_once_on_one_node_cost_what_the_node_costs(self, divide, grain):
        bill = hours(24) if grain == "hours" else [charge(24 * NANO, **DAY)]
        found = divide(bill, claim("a", 0, 6), claim("b", 0, 6))
        assert found == {"a": 3, "b": 3, "idle": 18}

    def test_a_run_costs_the_same_whatever_else_is_asked(self, divide):
        days = [charge(24 * NANO, start=at(0, day), **DAY) for day in range(1, 10)]
        alone = divide(days, claim("a", 0, 6))
        beside = divide(days, claim("a", 0, 6), claim("c", 0, 6, day=9))
        assert alone["a"] == beside["a"] == 6

    def test_no_bill_yet_gives_no_amount_rather_than_zero(self, divide):
        """What has not been billed is not in the result; the estimate stands meanwhile."""
        assert "a" not in divide([charge(24 * NANO, start=at(0, 2), **DAY)], claim("a", 0, 6))

    def test_five_days_on_a_bill_without_hours(self, divide):
        days = [charge(24 * NANO, start=at(0, day), **DAY) for day in range(1, 6)]
        assert divide(days, claim("a", 0, 120)) == {"a": 120}


class TestTime:
    def test_a_run_within_an_hour_pays_its_part_and_the_rest_is_idle(self, divide):
        assert divide([charge()], claim("a", 0.25, 0.5)) == {"a": 2.5, "idle": 7.5}

    def test_a_run_pays_the_parts_of_its_first_and_last_hour(self, divide):
        found = divide(hours(4), claim("a", 0.5, 2.25))
        assert found == {"a": Fraction(7, 4), "idle": Fraction(9, 4)}

    def test_a_run_across_midnight_and_days_without_rows(self, divide):
        days = [charge(24 * NANO, start=at(0, day), **DAY) for day in (1, 2)]
        assert divide(days, claim("a", 22, 26))["a"] == 4

    def test_ends_are_open(self, divide):
        found = divide(hours(3), claim("a", 1, 2))
        assert found == {"a": 1, "idle": 2}

    def test_the_clock_change_of_a_local_time_zone_is_nothing_in_utc(self, divide):
        """25 October 2026 has 25 hours in Europe, and 24 in the bill."""
        day = [charge(24 * NANO, start=at(0, 25), **DAY)]
        assert divide(day, claim("a", 0, 24, day=25)) == {"a": 24}

    def test_a_leap_second_is_the_first_instant_of_the_next_minute(self, divide):
        start = datetime(2016, 12, 31, 23, tzinfo=UTC)
        interval = Interval.parse("2016-12-31T23:00:00Z", "2016-12-31T23:59:60Z")
        found = divide([charge(start=start)], Claim("a", 1, "i-0", interval))
        assert found == {"a": 10}

    def test_windows_that_follow_no_clock(self, divide):
        """Google's usage windows begin and end at any instant."""
        start = MONTH + timedelta(hours=8, minutes=25, milliseconds=11_227)
        window = charge(start=start, hours=4)
        begin = Fraction(8) + Fraction(25, 60) + Fraction(11_227, 3_600_000)
        found = divide([window], claim("a", float(begin) + 1, float(begin) + 3))
        assert abs(found["a"] - 5) < Fraction(1, 10**8)

    def test_a_claim_of_no_length_changes_nothing(self, divide):
        found = divide([charge()], claim("a", 0.5, 0.5))
        assert found == {"unallocated": 10}

    def test_a_charge_of_no_length_has_no_time_to_divide(self, divide):
        assert divide([charge(hours=0), *hours(1)], claim("a", 0, 1))["a"] == 1

    def test_claims_outside_of_the_bill_change_nothing(self, divide):
        assert divide([charge()], claim("a", 5, 6)) == {"unallocated": 10}

    def test_eight_ranks_and_a_restart_are_one_use(self, divide):
        ranks = [claim("a", 0, 0.5, attempt=1)] * 8 + [claim("a", 0.5, 1, attempt=2)] * 8
        assert divide([charge()], *ranks) == {"a": 10}

    def test_four_of_eight_devices(self, divide):
        assert divide([charge()], claim("a", 0, 1, Fraction(4, 8))) == {"a": 5, "idle": 5}


class TestCapacity:
    def test_a_machine_that_lived_20_minutes_has_20_minutes(self, divide):
        bill = [charge(ConsumedQuantity="0.3333333333", ConsumedUnit="Hours")]
        assert divide(bill, claim("a", 0, Fraction(1, 6).__float__())) == {"a": 5, "idle": 5}

    def test_on_demand_and_covered_parts_of_one_hour_add_up(self, divide):
        sku = {"SkuId": "sku", "ConsumedUnit": "Hours"}
        bill = [charge(ConsumedQuantity="0.25", **sku), charge(ConsumedQuantity="0.5", **sku)]
        assert divide(bill, claim("a", 0, 0.375)) == {"a": 10, "idle": 10}

    def test_discounts_and_transfer_follow_the_hours_of_the_machine(self, divide):
        bill = [
            charge(ConsumedQuantity="0.5", ConsumedUnit="Hours"),
            charge(-4 * NANO, ChargeCategory="Credit"),
            charge(2 * NANO, ConsumedQuantity="7.5", ConsumedUnit="GB", x_Component="network"),
        ]
        assert divide(bill, claim("a", 0, 0.25)) == {"a": 4, "idle": 4}

    def test_a_quantity_above_the_period_counts_several_and_tells_no_life(self, divide):
        bill = [charge(ConsumedQuantity="8", ConsumedUnit="GPU-Hours", SkuId="gpu")]
        assert divide(bill, claim("a", 0, 0.5)) == {"a": 5, "idle": 5}

    def test_a_known_life_counts_where_the_bill_has_no_hours(self, divide):
        day = [charge(24 * NANO, **DAY)]
        life = [
            ("i-0", Interval(claim("x", 0, 6).interval.start_ns, claim("x", 0, 6).interval.end_ns))
        ]
        assert divide(day, claim("a", 0, 3), lives=life) == {"a": 12, "idle": 12}

    def test_a_monthly_discount_follows_the_hours_of_the_month(self, divide):
        month = charge(-8 * NANO, hours=31 * 24, ChargeCategory="Credit")
        used = hours(4, ConsumedQuantity="1", ConsumedUnit="Hours")
        assert divide([*used, month], claim("a", 0, 2)) == {"a": -2, "idle": -2}

    def test_a_daily_charge_follows_hours_that_are_uneven(self, divide):
        day = charge(6 * NANO, **DAY, x_Component="storage")
        used = [
            charge(start=at(0), ConsumedQuantity="1", ConsumedUnit="Hours"),
            charge(start=at(1), ConsumedQuantity="0.5", ConsumedUnit="Hours"),
        ]
        found = divide([day, *used], claim("a", 0, 1))
        assert found == {"a": 10 + 4, "idle": 10 + 2}

    def test_corrections_tell_no_life(self, divide):
        bill = [
            charge(),
            charge(-NANO, ChargeClass="Correction", ConsumedQuantity="0.1", ConsumedUnit="Hours"),
        ]
        assert divide(bill, claim("a", 0, 0.5)) == {"a": 4.5, "idle": 4.5}


class TestSteps:
    def test_a_managed_job_takes_all_whatever_its_times(self, divide):
        arn = "arn:aws:sagemaker:us-east-1:1:training-job/exp-7"
        bill = [charge(resource=arn), charge(resource=arn, start=at(1))]
        assert divide(bill, claim("a", 0, 0.5, resource=arn), jobs={"exp-7": "b"}) == {"b": 20}

    def test_a_split_row_names_its_run(self, methods):
        part = {"AllocatedResourceId": "pod-1", "AllocatedMethodId": "m"}
        bill = [
            charge(AllocatedTags=json.dumps({"run_id": "a"}), **part),
            charge(AllocatedMethodId="m"),
        ]
        assert methods(bill, claim("b", 0, 1)) == {("a", "split_row"), ("idle", "split_row")}

    def test_a_split_row_s_pod_can_be_named_or_claimed(self, divide):
        part = {"AllocatedMethodId": "m", "resource": "i-9"}
        bill = [
            charge(AllocatedResourceId="pod-1", **part),
            charge(AllocatedResourceId="pod-2", **part),
        ]
        found = divide(bill, claim("b", 0, 0.5, resource="pod-2"), jobs={"pod-1": "a"})
        assert found == {"a": 10, "b": 5, "idle": 5}

    def test_a_task_s_own_tags_name_its_run(self, divide):
        bill = [charge(resource="task-1", x_ParentResourceId="i-0", tags={"run_id": "a"})]
        assert divide(bill, claim("b", 0, 1)) == {"a": 10}

    def test_a_task_without_tags_follows_its_instance(self, methods):
        bill = [charge(resource="task-1", x_ParentResourceId="i-0")]
        assert methods(bill, claim("b", 0, 1)) == {("b", "attached")}

    def test_claims_come_before_tags_and_tags_take_what_no_claim_covers(self, divide):
        """Boot, image pull and shutdown of a dedicated machine."""
        bill = [charge(tags={"run_id": "a"})]
        assert divide(bill, claim("a", 0.25, 1)) == {"a": 10}

    def test_a_stale_tag_takes_neither_claimed_nor_idle_time(self, divide):
        """Machines are reused and tags stay; the time between runs is idle, whoever was first."""
        bill = [charge(start=at(hour), tags={"run_id": "old"}) for hour in range(3)]
        found = divide(bill, claim("old", 0, 1), claim("new", 1, 1.75))
        assert found == {"old": 10, "new": 7.5, "idle": 12.5}

    def test_a_stale_tag_of_a_volume_gives_way_to_its_machine(self, methods):
        bill = [charge(resource="vol-1", tags={"run_id": "old"})]
        found = methods(bill, claim("new", 0, 1), attachments={"vol-1": "i-0"})
        assert found == {("new", "attached")}

    def test_a_tag_that_moves_on_with_the_machine_is_believed(self, divide):
        bill = [charge(start=at(n), tags={"run_id": run}) for n, run in enumerate("ab")]
        assert divide(bill, claim("a", 0.5, 1), claim("b", 1.5, 2)) == {"a": 10, "b": 10}

    def test_a_tag_is_enough_where_nothing_was_measured(self, methods):
        assert methods([charge(tags={"run_id": "a"})]) == {("a", "run_tag")}

    def test_volumes_and_addresses_follow_their_instance(self, divide):
        bill = [charge(), charge(NANO, resource="vol-1"), charge(NANO, resource="ip-1")]
        attached = {"vol-1": "i-0", "ip-1": "nic-1", "nic-1": "i-0"}
        assert divide(bill, claim("a", 0, 0.5), attachments=attached) == {"a": 6, "idle": 6}

    def test_attachments_in_a_circle_end(self, divide):
        attached = {"vol-1": "vol-2", "vol-2": "vol-1"}
        assert divide([charge(resource="vol-1")], attachments=attached) == {"unallocated": 10}

    def test_what_belongs_to_a_cluster_is_divided_as_the_cluster(self, methods):
        bill = [charge(resource="eks-control", tags={"aws:eks:cluster-name": "Prod"})]
        half = claim("a", 0, 1, Fraction(1, 2), resource="cluster:prod")
        assert methods(bill, half) == {("a", "cluster_share"), ("idle", "cluster_share")}

    def test_a_resource_that_nobody_ever_claimed_is_unallocated(self, methods):
        assert methods([charge(resource="i-9")], claim("a", 0, 1)) == {("unallocated", "unmatched")}

    def test_a_claimed_resource_is_idle_when_nobody_claims_it(self, methods):
        assert methods(
            [charge(start=at(5))], claim("a", 0, 6, resource="i-9"), claim("a", 5, 5.5)
        ) == {
            ("a", "resource_overlap"),
            ("idle", "resource_overlap"),
        }

    def test_a_machine_known_to_have_lived_is_idle(self, methods):
        life = [("i-0", claim("x", 0, 1).interval)]
        assert methods([charge()], lives=life) == {("idle", "resource_overlap")}

    def test_idle_time_names_its_owner(self, tmp_path):
        bill = [charge(tags={"team": "nlp"})]
        parts = agreed_parts(tmp_path, bill, Evidence(claims=[claim("a", 0, 0.5)]))
        labels = {label for _, _, remainder, _, label in parts if remainder == "idle"}
        assert labels == {"team=nlp"}

    def test_a_charge_without_resource_or_tags_is_unallocated(self, methods):
        assert methods([charge(resource=None)], claim("a", 0, 1)) == {("unallocated", "unmatched")}


class TestRemainders:
    @pytest.mark.parametrize(
        ("columns", "expected"),
        [
            ({"ChargeCategory": "Tax"}, ("unallocated", "tax")),
            ({"ChargeCategory": "Credit"}, ("unallocated", "credit")),
            ({"ChargeCategory": "Adjustment"}, ("unallocated", "adjustment")),
            ({"ChargeCategory": "Purchase"}, ("unallocated", "purchase")),
            ({"x_LineItemType": "Refund"}, ("unallocated", "refund")),
            (
                {"ChargeCategory": "Purchase", "ChargeClass": "Correction"},
                ("unallocated", "refund"),
            ),
            ({"ServiceName": "AWS Support (Business)"}, ("unallocated", "support")),
            (
                {"CommitmentDiscountStatus": "Unused"},
                ("unused_commitment", "unused_commitment"),
            ),
            (
                {"CapacityReservationStatus": "Unused"},
                ("unused_commitment", "unused_commitment"),
            ),
        ],
    )
    def test_each_kind_keeps_its_own_name(self, methods, columns, expected):
        assert methods([charge(resource=None, **columns)]) == {expected}

    def test_tax_and_unused_commitment_follow_no_tag_and_no_claim(self, methods):
        bill = [
            charge(ChargeCategory="Tax", tags={"run_id": "a"}),
            charge(CommitmentDiscountStatus="Unused", tags={"run_id": "a"}),
        ]
        assert methods(bill, claim("a", 0, 1)) == {
            ("unallocated", "tax"),
            ("unused_commitment", "unused_commitment"),
        }

    def test_credits_of_a_claimed_resource_follow_it(self, divide):
        bill = [charge(), charge(-3 * NANO, ChargeCategory="Credit")]
        assert divide(bill, claim("a", 0, 1)) == {"a": 7}


class TestViews:
    def test_every_view_is_divided_alike_and_a_missing_amount_stays_missing(self, tmp_path):
        bill = [charge(x_EffectiveNano=8, x_ListNano=None, x_ContractedNano=-4)]
        parts = agreed_parts(tmp_path, bill, Evidence(claims=[claim("a", 0, 0.5)]))
        assert parts[0, "a", None, "resource_overlap", None] == (5 * NANO, 4, None, -2)

    def test_a_purchase_has_billed_cost_and_no_effective_cost(self, tmp_path):
        bill = [charge(1000, ChargeCategory="Purchase", x_EffectiveNano=0, resource="sp-1")]
        parts = agreed_parts(tmp_path, bill, Evidence())
        assert parts[0, None, "unallocated", "purchase", None] == (1000, 0, 1000, 1000)

    def test_a_refund_takes_back_what_the_charge_gave(self, divide):
        bill = [charge(7), charge(-7, ChargeClass="Correction")]
        assert divide(bill, claim("a", 0, 1, Fraction(1, 3))) == {}

    def test_amounts_up_to_the_limit_of_the_ledger(self, tmp_path):
        """Beyond 2⁶² nano-units the engine goes on in 128 bits."""
        bill = [charge(2**63 - 1), charge(-(2**62) - 1, start=at(1))]
        agreed_parts(tmp_path, bill, Evidence(claims=[claim("a", 0, 1.5, Fraction(1, 3))]))


class TestRules:
    def test_an_account_is_mapped_to_its_team(self, tmp_path):
        rules = Rules((rule(Outcome.LABEL, "team=vision"),))
        parts = agreed_parts(tmp_path, [charge(SubAccountId="1")], Evidence(), rules)
        assert set(parts) == {(0, None, "shared", "mine", "team=vision")}

    def test_a_rule_names_a_run_from_a_tag(self, methods):
        rules = Rules((rule(Outcome.RUN, "etl-{Tags.job}", 'ServiceName = "Compute"'),))
        bill = [charge(tags={"job": "7"}), charge(tags={"other": "x"}, resource="i-9")]
        assert methods(bill, rules=rules) == {("etl-7", "mine"), ("unallocated", "unmatched")}

    def test_a_rule_moves_tax(self, methods):
        rules = Rules((rule(Outcome.RUN, "a", 'BillingCurrency = "USD"'),))
        assert methods([charge(ChargeCategory="Tax")], rules=rules) == {("a", "mine")}

    @pytest.mark.parametrize(
        ("priority", "expected"),
        [
            (50, {("r", "mine")}),
            (300, {("r", "mine")}),
            (301, {("a", "resource_overlap"), ("r", "mine")}),
            (400, {("a", "resource_overlap"), ("r", "mine")}),
            (700, {("a", "resource_overlap"), ("a", "run_tag")}),
        ],
    )
    def test_a_rule_steps_in_at_its_priority(self, methods, priority, expected):
        rules = Rules((rule(Outcome.RUN, "r", 'ServiceName = "Compute"', priority),))
        bill = [charge(tags={"run_id": "a"})]
        assert methods(bill, claim("a", 0, 0.5), rules=rules) == expected

    def test_idle_time_stays_idle_when_a_label_matches_and_takes_the_label(self, tmp_path):
        rules = Rules((rule(Outcome.LABEL, "team=x", 'ServiceName = "Compute"'),))
        found = agreed_parts(tmp_path, [charge()], Evidence(claims=[claim("a", 0, 0.5)]), rules)
        assert (0, None, "idle", "resource_overlap", "team=x") in found

    def test_a_rule_can_say_that_nobody_owns_it(self, methods):
        rules = Rules((rule(Outcome.UNALLOCATED, "", 'ServiceName = "Compute"', 0),))
        assert methods([charge(tags={"run_id": "a"})], rules=rules) == {("unallocated", "mine")}


class TestNames:
    def test_a_meter_s_id_finds_the_arn_of_the_bill(self, divide):
        bill = [charge(resource="arn:aws:ec2:us-east-1:1:instance/i-0ABC")]
        assert divide(bill, claim("a", 0, 1, resource="i-0abc")) == {"a": 10}

    def test_a_name_that_two_resources_share_finds_neither(self, divide):
        bill = [charge(resource="/a/vm1"), charge(resource="/b/vm1")]
        assert divide(bill, claim("a", 0, 1, resource="vm1")) == {"unallocated": 20}
