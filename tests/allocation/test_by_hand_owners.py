"""Who gets what where several things are known at once; the reference in numbers, and the engine agrees."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from allocation.lake import MONTH, agreed_parts, at, charge, claim, ns
from trainfare.allocation.by_hand import micros, period_of
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.match import parse_match
from trainfare.allocation.rules import NO_RULES, Outcome, Rule, Rules


@pytest.fixture
def told(tmp_path):
    """Per charge, (run or remainder, method) → billed nano-units; engine and reference agree on it."""

    def run(charges, *claims, rules=NO_RULES, **evidence):
        parts = agreed_parts(tmp_path, charges, Evidence(claims, **evidence), rules)
        found = [{} for _ in charges]
        for (row, owner, remainder, method, label), amounts in parts.items():
            who = owner or (f"{remainder} of {label}" if label else remainder)
            found[row][who, method] = amounts[0]
        return found

    return run


def rule(name, outcome, value, match='ServiceName = "Compute"', priority=700):
    return Rule(name, parse_match(match), match, outcome, value, priority)


def test_instants_are_microseconds_of_utc_and_a_time_without_a_zone_is_one():
    moment = datetime(1970, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    expected = (27 * 3600 + 4 * 60 + 5) * 1_000_000 + 678_901
    assert micros(moment) == micros(moment.replace(tzinfo=None)) == expected
    assert micros(moment.astimezone(timezone(timedelta(hours=5)))) == expected
    with pytest.raises(TypeError, match="a charge's time is a datetime, not '1970'"):
        micros("1970")
    start = ns(MONTH) // 1000
    assert period_of(charge(start=at(1), hours=2.5)) == (
        start + 3_600_000_000,
        start + 12_600_000_000,
    )


def test_split_rows_and_parts_of_an_export(told):
    team = {"team": "nlp"}
    own = {"AllocatedMethodId": "trainfare:shared:tax", "ChargeCategory": "Tax"}
    split = {"AllocatedMethodId": "split"}
    bill = [
        charge(101, resource="i-0", tags=team, **own),
        charge(103, resource="i-0", AllocatedResourceId="r-7", **own),
        charge(107, resource=None, AllocatedResourceId="Run X", **own),
        charge(109, resource="i-9", AllocatedResourceId="pod-1", **split),
        charge(113, resource="i-9", tags=team, **split),
        charge(127, resource="i-9", AllocatedResourceId="pod-2", **split),
        charge(131, resource="i-9", AllocatedResourceId="pod-2",
               x_ParentResourceId="i-8", tags={"run_id": "t"}, **split),
        charge(137, resource="i-9", AllocatedResourceId="pod-1",
               AllocatedTags=json.dumps({"run_id": "u"}), tags={"run_id": "t"}, **split),
        charge(139, resource="i-9", tags={"run_id": "t"}),
        charge(149, resource="i-9", x_ParentResourceId="i-8"),
    ]  # fmt: skip
    found = told(bill, claim("a", 0, 1), jobs={"POD-1": "j"})
    [[(derived, _)]] = [list(found[2])]
    assert derived.startswith("run-x")
    assert found == [
        {("shared of team=nlp", "split_row"): 101},
        {("r-7", "split_row"): 103},
        {(derived, "split_row"): 107},
        {("j", "split_row"): 109},
        {("idle of team=nlp", "split_row"): 113},
        {("unallocated", "unmatched"): 127},
        {("t", "split_row"): 131},
        {("u", "split_row"): 137},
        {("t", "run_tag"): 139},
        {("unallocated", "unmatched"): 149},
    ]


def test_parts_of_one_meter_are_one_time_and_of_several_the_longest_counts(told):
    """A meter is a SKU, else its name, else the kind of usage; i-4 and i-5 count for no time."""

    def hour(resource, quantity, **columns):
        unit = {"ConsumedQuantity": quantity, "ConsumedUnit": "Hours"}
        return charge(960, resource=resource, **{**unit, **columns})

    bill = [
        hour("i-0", "0.25", SkuMeter="x"),
        hour("i-0", "0.25", SkuMeter="y"),
        hour("i-1", "0.25", x_UsageType="u", SkuMeter="x"),
        hour("i-1", "0.25", x_UsageType="v", SkuMeter="x"),
        hour("i-2", "0.25", x_UsageType="u"),
        hour("i-2", "0.375", x_UsageType="v"),
        hour("i-3", "0.25"),
        hour("i-3", "0.25"),
        hour("i-4", "0.25", ChargeCategory="Credit"),
        hour("i-4", "0.25", ChargeClass="Correction"),
        hour("i-5", "0.25", ConsumedUnit="GB"),
        hour("i-6", "0.25", SkuId="s", SkuMeter="x"),
        hour("i-6", "0.25", SkuId="s", SkuMeter="y"),
    ]
    claims = [claim("a", 0, 0.125, resource=f"i-{number}") for number in range(7)]
    given = [row.get(("a", "resource_overlap"), 0) for row in told(bill, *claims)]
    half, third, quarter, eighth = 480, 320, 240, 120
    assert given == [half] * 2 + [quarter] * 2 + [third] * 2 + [quarter] * 2 + [
        eighth, eighth, eighth, quarter, quarter,
    ]  # fmt: skip


def test_a_chain_of_attachments_is_followed_eight_times(told):
    """vol-9 hangs on vol-8, and so on to vol-1, which hangs on the machine."""
    attached = {f"vol-{n}": f"vol-{n - 1}" for n in range(2, 10)} | {"vol-1": "i-0"}
    bill = [charge(17, resource=f"vol-{n}") for n in (8, 9)]
    assert told(bill, claim("a", 0, 1), attachments=attached) == [
        {("a", "attached"): 17},
        {("unallocated", "unmatched"): 17},
    ]


def test_the_nearest_of_a_chain_counts_and_a_cluster_after_all_resources(told):
    tags = {"cluster": "Dev"}
    claims = [
        claim("a", 0, 1),
        claim("b", 0, 1, resource="i-1"),
        claim("c", 0, 1, resource="cluster:prod"),
        claim("d", 0, 1, resource="cluster:dev"),
    ]
    bill = [
        charge(11, resource="vol-1"),
        charge(13, resource="vol-1", x_ParentResourceId="i-1"),
        charge(17, resource="nat-1", tags=tags),
        charge(19, resource="nat-2", tags=tags),
        charge(23, resource="vol-2"),
        charge(29, resource="i-1"),
        charge(31, resource="vol-3"),
    ]
    attached = {"vol-1": "i-0", "i-0": "i-1", "nat-1": "cluster:prod", "vol-2": "cluster:prod",
                "cluster:prod": "i-0", "i-1": "cluster:prod", "vol-3": "lost"}  # fmt: skip
    assert told(bill, *claims, attachments=attached) == [
        {("a", "attached"): 11},
        {("b", "attached"): 13},
        {("a", "attached"): 17},
        {("d", "cluster_share"): 19},
        {("a", "attached"): 23},
        {("b", "resource_overlap"): 29},
        {("unallocated", "unmatched"): 31},
    ]


@pytest.mark.parametrize(
    ("start", "end", "is_stale"),
    [(0, 1, False), (0, 1.0000001, True), (3, 4, False), (2.999, 4, True)],
)
def test_a_tag_is_stale_where_another_run_is_measured_while_charges_bear_it(
    told, start, end, is_stale
):
    """The first and the third hour bear the tag, so that all from 1 to 3 o'clock counts."""
    tagged = [charge(40, start=at(hour), tags={"run_id": "old"}) for hour in (2, 1)]
    bill = [*tagged, charge(40), charge(40, start=at(3))]
    found = told(bill, claim("new", start, end))
    assert (("old", "run_tag") in found[0]) is not is_stale
    assert (("idle", "resource_overlap") in found[0]) is is_stale


def test_at_one_priority_the_rule_comes_before_the_step_and_the_first_before_the_second(told):
    bill = [charge(40, tags={"run_id": "t"}), charge(40, start=at(1), resource="job-1")]
    evidence = {"jobs": {"job-1": "j"}}
    half = claim("t", 0, 0.5)
    after = Rules(
        (rule("one", Outcome.RUN, "r", priority=401), rule("two", Outcome.RUN, "s", priority=401))
    )
    assert told(bill, half, rules=after, **evidence) == [
        {("t", "resource_overlap"): 20, ("t", "run_tag"): 20},
        {("j", "managed_job"): 40},
    ]  # fmt: skip
    equal = Rules(
        (rule("one", Outcome.RUN, "r", priority=400), rule("two", Outcome.RUN, "s", priority=400))
    )
    assert told(bill, half, rules=equal, **evidence) == [
        {("t", "resource_overlap"): 20, ("r", "one"): 20},
        {("j", "managed_job"): 40},
    ]  # fmt: skip
    first = Rules((rule("one", Outcome.SHARED, "apart", priority=100),))
    assert told(bill, half, rules=first, **evidence) == [{("shared", "one"): 40}] * 2


def test_what_claims_leave_goes_to_a_run_and_to_no_other_rule(told):
    """The label of a rule names the owner of what stays idle, before any tag does."""
    bill = [charge(40, tags={"team": "nlp", "owner": "kim"}), charge(40, resource="i-9")]
    rules = Rules(
        (
            rule("pool", Outcome.SHARED, "apart", priority=350),
            rule("mine", Outcome.LABEL, "team=mine", 'Tags.owner = "kim"', 701),
            rule("rest", Outcome.LABEL, "team=rest", priority=702),
        )
    )
    assert told(bill, claim("a", 0, 0.25), rules=rules) == [
        {("a", "resource_overlap"): 10, ("idle of team=mine", "resource_overlap"): 30},
        {("shared of team=rest", "pool"): 40},
    ]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"job": " 7 "}, ("x-7--x", "named")),
        ({"job": "  "}, ("unallocated", "unmatched")),
        ({}, ("unallocated", "unmatched")),
    ],
)
def test_a_rule_that_lacks_a_field_names_no_run(told, tags, expected):
    rules = Rules((rule("named", Outcome.RUN, "x-{Tags.job}-{RegionId}"),))
    bill = [charge(40, resource=None, tags=tags, RegionId="-x")]
    [[(owner, method)]] = [list(row) for row in told(bill, rules=rules)]
    assert method == expected[1]
    assert owner == expected[0] or owner.startswith("x-7")


def test_claims_on_charges_without_length_and_bills_without_time(told):
    assert told([charge(40, hours=0)], claim("a", 0, 1)) == [{("unallocated", "unmatched"): 40}]
    bill = [charge(40, hours=0), charge(40, start=at(1), hours=-1), charge(40, start=at(2))]
    found = told(bill, claim("a", 0, 2.25))
    assert found[:2] == [{("idle", "resource_overlap"): 40}] * 2
    assert found[2] == {("a", "resource_overlap"): 10, ("idle", "resource_overlap"): 30}
