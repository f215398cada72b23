"""Small, nasty bills and evidence for hypothesis: everything that the steps look at, in few values."""

from __future__ import annotations

import json
from datetime import timedelta
from fractions import Fraction

from hypothesis import strategies as st

from allocation.lake import MONTH, NANO, Charge, charge
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.match import parse_match
from trainfare.allocation.rules import Outcome, Rule, Rules
from trainfare.core.charge import View
from trainfare.core.claim import Claim
from trainfare.core.period import HOUR, Interval

RESOURCES = ["i-0", "I-0", "i-1", "arn:x:instance/i-1", "a/vm", "b/vm", "vm", "vol-1", "job-1"]
RUNS = ["run-a", "run-b", "run-c"]
NAMES = [*RESOURCES, "pod-1", "cluster:prod", "nic-1"]
OFTEN = ["i-0"] * 8

START_NS = (MONTH.timestamp().__int__()) * 10**9

amounts = st.one_of(
    st.integers(-20, 20),
    st.integers(-(10**13), 10**13),
    st.sampled_from([0, 10 * NANO, 2**58, -(2**58) - 1]),
)


@st.composite
def periods(draw: st.DrawFn) -> tuple[int, int]:
    """Start and end in microseconds after the month began."""
    hour, day = 3_600_000_000, 86_400_000_000
    kind = draw(st.sampled_from(["hour"] * 6 + ["day", "odd", "month", "none", "half"]))
    if kind == "hour":
        start = draw(st.one_of(st.integers(0, 3), st.integers(0, 30))) * hour
        return start, start + hour
    if kind == "day":
        start = draw(st.integers(0, 2)) * day
        return start, start + day
    if kind == "month":
        return 0, 31 * day
    if kind == "half":
        start = draw(st.integers(0, 6)) * hour // 2
        return start, start + hour // 2
    start = draw(st.integers(0, 2 * day))
    return start, start if kind == "none" else start + draw(st.integers(1, 2 * day))


tags = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["run_id", "Run-Id", "trainfare", "team", "owner", "cluster", "user:job"]),
        st.one_of(st.sampled_from([*RUNS, "Exp 7", " ", "prod", "nlp"]), st.just(True)),
        max_size=3,
    ),
)

quantities = st.sampled_from([None, "1", "0.5", "0.3333333333", "12", "24", "-1", "0", "1e-1", "x"])
units = st.sampled_from([None, "Hours", "Hours", "Hrs", "Seconds", "GB", "GPU-Hours", "Days"])


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    """One charge."""
    start, end = draw(periods())
    begin = MONTH + timedelta(microseconds=start)
    row = charge(start=begin, resource=draw(st.sampled_from([None, *RESOURCES, *OFTEN])))
    row["ChargePeriodEnd"] = MONTH + timedelta(microseconds=end)
    row["Tags"] = _text(draw(tags))
    for view in View:
        row[view.column] = draw(st.one_of(amounts, st.none())) if draw(st.booleans()) else 999
    row["ConsumedQuantity"], row["ConsumedUnit"] = draw(quantities), draw(units)
    row["SkuId"] = draw(st.sampled_from([None, "sku-1", "sku-2"]))
    if draw(st.integers(0, 3)) == 0:
        row |= draw(odd_columns())
    return row


@st.composite
def odd_columns(draw: st.DrawFn) -> Charge:
    """Columns that most charges leave alone."""
    kinds = {
        "ChargeCategory": st.sampled_from(["Usage", "Tax", "Credit", "Purchase", "Adjustment"]),
        "ChargeClass": st.sampled_from([None, "Correction"]),
        "CommitmentDiscountStatus": st.sampled_from([None, "Used", "Unused"]),
        "CapacityReservationStatus": st.sampled_from([None, "Unused"]),
        "AllocatedResourceId": st.sampled_from([None, "pod-1", "i-0"]),
        "AllocatedMethodId": st.sampled_from(
            [
                None,
                "split",
                "trainfare:even",
                "trainfare:shared:tax",
                "trainfare:odd:",
                "trainfare:",
            ]
        ),
        "AllocatedTags": st.builds(_text, tags),
        "x_ParentResourceId": st.sampled_from([None, "i-0", "cluster:prod"]),
        "x_LineItemType": st.sampled_from([None, "Refund"]),
        "ServiceName": st.sampled_from(["Compute", "AWS Support (Business)"]),
        "SubAccountId": st.sampled_from([None, "one", "two"]),
        "BillingCurrency": st.sampled_from(["USD", "EUR"]),
        "RegionId": st.sampled_from([None, "it's", "é"]),
    }
    return {name: draw(kind) for name, kind in kinds.items() if draw(st.booleans())}


def _text(value: dict[str, object] | None) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True)


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    """One claim; instants to the nanosecond, some outside of the bill."""
    edge = st.one_of(
        st.integers(-2, 10).map(lambda half: half * HOUR // 2),
        st.integers(-HOUR, 6 * HOUR),
        st.integers(-HOUR, 50 * HOUR),
    )
    start, end = sorted([draw(edge), draw(edge)])
    share = draw(
        st.sampled_from(
            [
                1,
                1,
                Fraction(1, 2),
                Fraction(1, 8),
                Fraction(3, 7),
                Fraction(1, 3),
                Fraction(37, 100),
                Fraction(1, 1009),
            ]
        )
    )
    interval = Interval(START_NS + start, START_NS + end)
    return Claim(
        draw(st.sampled_from(RUNS)),
        1,
        draw(st.sampled_from([*NAMES, *OFTEN])),
        interval,
        Fraction(share),
    )


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    """Claims and the rest of what is known."""
    pairs = st.tuples(st.sampled_from(NAMES), st.integers(0, 40), st.integers(1, 30))
    lives = [
        (name, Interval(START_NS + start * HOUR, START_NS + (start + hours) * HOUR))
        for name, start, hours in draw(st.lists(pairs, max_size=3))
    ]
    run = st.sampled_from(RUNS)
    return Evidence(
        claims=draw(st.lists(claims(), max_size=8)),
        jobs=draw(st.dictionaries(st.sampled_from(["job-1", "JOB-1", "pod-1"]), run, max_size=2)),
        attachments=draw(
            st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES), max_size=3)
        ),
        lives=lives,
        run_bytes=draw(st.dictionaries(run, st.integers(0, 10**12), max_size=3)),
    )


MATCHES = [
    'SubAccountId = "one"',
    'SubAccountId != "two" and Tags.team = "nlp"',
    'ResourceId prefix "i-"',
    'ResourceId glob "*vm" or ServiceName regex "upport"',
    'not RegionId in ("it\'s", "é") and (Tags.job = "true" or ResourceId = "vol-1")',
    'Tags.cluster glob "p?od"',
]

OUTCOMES = [
    (Outcome.RUN, "run-z"),
    (Outcome.RUN, "{Tags.team}-{SubAccountId}"),
    (Outcome.RUN, "{Tags.owner}"),
    (Outcome.LABEL, "team=speech"),
    (Outcome.SHARED, "proportional"),
    (Outcome.SHARED, "even"),
    (Outcome.SHARED, "bytes"),
    (Outcome.SHARED, "apart"),
    (Outcome.UNALLOCATED, ""),
]


@st.composite
def rule_sets(draw: st.DrawFn) -> Rules:
    """Up to three rules, at any priority."""
    rules = []
    for index in range(draw(st.integers(0, 3))):
        text = draw(st.sampled_from(MATCHES))
        outcome, value = draw(st.sampled_from(OUTCOMES))
        is_divided = outcome is Outcome.SHARED and value != "apart"
        scope = draw(st.sampled_from([None, *MATCHES])) if is_divided else None
        rules.append(
            Rule(
                name=f"rule {index}",
                match=parse_match(text),
                text=text,
                outcome=outcome,
                value=value,
                priority=draw(st.sampled_from([50, 100, 200, 300, 350, 400, 500, 600, 700])),
                scope=None if scope is None else parse_match(scope),
            )
        )
    return Rules(tuple(rules))
