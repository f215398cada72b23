"""Pieces of SQL that depend on the bill's columns and the user's rules."""

from __future__ import annotations

from collections.abc import Sequence

from trainfare.allocation.match import Field, field_sql, literal, to_sql
from trainfare.allocation.names import LAST_PART_SQL
from trainfare.allocation.proportion import ONE
from trainfare.allocation.quantity import DAY_US, HOUR_US, PAID_US_SQL
from trainfare.allocation.rules import Division, Outcome, Rule, Rules
from trainfare.allocation.steps import (
    CLUSTER,
    CLUSTER_KEYS,
    IS_APART_SQL,
    IS_OWN_SQL,
    IS_UNUSED_SQL,
    LAST_METHOD_SQL,
    OWN_REMAINDER_SQL,
    OWNER_KEYS,
    PRIORITIES,
)
from trainfare.core.charge import View
from trainfare.core.labels import RUN_KEYS

FACE_COLUMNS = (
    "ResourceId",
    "Tags",
    "AllocatedResourceId",
    "AllocatedMethodId",
    "AllocatedTags",
    "x_ParentResourceId",
    "ServiceName",
    "SubAccountId",
    "BillingAccountId",
    "RegionId",
    "x_Component",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeClass",
    "CommitmentDiscountStatus",
    "CapacityReservationStatus",
    "x_LineItemType",
)
"""Columns of a charge that the steps and the result look at; rules may add their own."""

FOLLOW_MAX = 8
"""Of a chain of attachments, so many are followed."""

NEVER = 1_000_000
"""A priority after all others."""


def face_columns(rules: Rules) -> list[str]:
    """The columns that tell charges apart: the fixed ones, and what *rules* look at."""
    return [*FACE_COLUMNS, *(name for name in rules.columns if name not in FACE_COLUMNS)]


GRAIN_SQL = f"""(CASE WHEN end_us <= start_us THEN 3
    WHEN end_us - start_us = {HOUR_US} AND start_us % {HOUR_US} = 0 THEN 0
    WHEN end_us - start_us = {DAY_US} AND start_us % {DAY_US} = 0 THEN 1 ELSE 2 END)"""
"""0 a full UTC hour, 1 a full UTC day, 2 any other stretch, 3 none at all."""


CELL_MARKS = f""", (sum(hash(hash(start_us, end_us, paid_us, {", ".join(View)})))
        % 18_446_744_073_709_551_616)::UBIGINT AS mark, count(paid_us) > 0 AS is_timed"""
"""What tells a cell, a day of a face, from one of another delivery: the sum of the marks of its
charges, which knows no order. A mark is hashed once more, or charges that swap an amount could sum
to the same."""


def bill_pieces(files: str, columns: Sequence[str]) -> dict[str, object]:
    """What the statements over the files need."""
    quoted = [f'"{column}"' for column in columns]
    mark = f"hash({', '.join(quoted)})"
    times = 'epoch_us("ChargePeriodStart") AS start_us, epoch_us("ChargePeriodEnd") AS end_us'
    amounts = ", ".join(f'"{view.column}" AS {view}' for view in View)
    return {
        "files": files,
        "mark": mark,
        "description": f"struct_pack({', '.join(f'{c} := {c}' for c in quoted)})",
        "face_columns": ", ".join(quoted),
        "times": times,
        "amounts": amounts,
        "line": f"{mark} AS mark, {times}, {amounts}",
        "grain": GRAIN_SQL,
        "paid_us": PAID_US_SQL,
        "is_telling": "(\"ChargeCategory\" = 'Usage'"
        " AND \"ChargeClass\" IS DISTINCT FROM 'Correction')",
        "last_part": LAST_PART_SQL,
        "hour_us": HOUR_US,
        "day_us": DAY_US,
        "one": f"{ONE}::BIGINT",
        "cell_marks": "",
    }


def survey_pieces(lines: str, totals: str) -> dict[str, object]:
    """What the statements over the files of a survey need."""
    same = ", ".join(
        f"xor({view}, coalesce(billed, 0)) AS {view}" for view in View if view is not View.BILLED
    )
    return {
        "lines": f"(FROM {lines} SELECT face, start_us, end_us, paid_us, billed, {same})",
        "totals": totals,
    }


def missing_counts(views: Sequence[View]) -> str:
    """Per view, how many charges have no amount; *views* are those where that can be."""
    return ", ".join(
        f"(count(*) - count({view}))::INTEGER AS {view}_missing"
        if view in views
        else f"0 AS {view}_missing"
        for view in View
    )


def _first_tag(keys: Sequence[str], tags: str = "tag_map") -> str:
    """The value of the first of *keys* that is there and not blank, trimmed; else null."""
    texts = [
        f"nullif(regexp_replace({tags}[{literal(key)}], '^\\s+|\\s+$', '', 'g'), '')"
        for key in keys
    ]
    return f"coalesce({', '.join(texts)})"


def tag_pieces() -> dict[str, object]:
    """What tags say: the run, the cluster, the owner."""
    clusters = ", ".join(f"tag_map[{literal(key)}]" for key in CLUSTER_KEYS)
    return {
        "run_text": _first_tag(RUN_KEYS),
        "allocated_run_text": _first_tag(RUN_KEYS, "allocated_tag_map"),
        "cluster": CLUSTER,
        "cluster_name": f"'{CLUSTER}' || lower(coalesce({clusters}))",
        "follow_max": FOLLOW_MAX,
    }


def rule_pieces(rules: Rules) -> dict[str, object]:
    """What the rules say of a face: the first that matches, the first that names a run, the label."""
    matched, naming, labelled, texts, scopes = [], [], [], [], []
    for index, rule in enumerate(rules.rules):
        condition = to_sql(rule.match)
        if rule.outcome is Outcome.RUN:
            text = _template(rule)
            condition = f"({condition} AND {text} IS NOT NULL)"
            naming.append(f"WHEN {condition} THEN {index}")
            texts.append(f"WHEN {condition} THEN {text}")
        elif rule.outcome is Outcome.LABEL:
            labelled.append(f"WHEN {condition} THEN {literal(rule.value)}")
        matched.append(f"WHEN {condition} THEN {index}")
        if rule.scope is not None:
            scopes.append(f"CASE WHEN {to_sql(rule.scope)} THEN ',{index},' ELSE '' END")
    owners = [f"{literal(f'{key}=')} || tag_map[{literal(key)}]" for key in OWNER_KEYS]
    return {
        "rule": _case(matched),
        "run_rule": _case(naming),
        "rule_text": _case(texts),
        "owner_label": f"coalesce({', '.join([_case(labelled), *owners])})",
        "scopes": f"({' || '.join(scopes)})" if scopes else "''",
        "is_apart": IS_APART_SQL,
        "is_own": IS_OWN_SQL,
        "own_remainder": OWN_REMAINDER_SQL,
    }


def _case(whens: Sequence[str], subject: str = "") -> str:
    return f"CASE {subject} {' '.join(whens)} END" if whens else "NULL"


def _template(rule: Rule) -> str:
    """A run rule's text: null where a field is missing or blank."""
    parts = [
        f"CASE WHEN trim({field_sql(part)}) <> '' THEN {field_sql(part)} END"
        if isinstance(part, Field)
        else literal(part)
        for part in rule.template
    ]
    return f"nullif(trim({' || '.join(parts)}), '')"


def decision_pieces(rules: Rules) -> dict[str, object]:
    """What a rule's outcome means, by its number."""
    remainders, names, labels, pools, priorities = [], [], [], [], []
    for index, rule in enumerate(rules.rules):
        priorities.append(f"WHEN {index} THEN {rule.priority}")
        names.append(f"WHEN {index} THEN {literal(rule.name)}")
        match rule.outcome:
            case Outcome.LABEL:
                remainders.append(f"WHEN {index} THEN 'shared'")
                labels.append(f"WHEN {index} THEN {literal(rule.value)}")
            case Outcome.SHARED:
                remainders.append(f"WHEN {index} THEN 'shared'")
                if rule.value != Division.APART:
                    pools.append(f"WHEN {index} THEN {index}")
            case Outcome.UNALLOCATED:
                remainders.append(f"WHEN {index} THEN 'unallocated'")
    steps = [f"WHEN {literal(step)} THEN {priority}" for step, priority in PRIORITIES.items()]
    return {
        **{f"priority_of_{name}": _case(priorities, name) for name in ("rule", "run_rule")},
        **{f"priority_of_{name}": _case(steps, name) for name in ("step", "run_step", "source")},
        "never": NEVER,
        "remainder_of_rule": _case(remainders, "by_rule"),
        "name_of_rule": _case(names, "by_rule"),
        "label_of_rule": _case(labels, "by_rule"),
        "pool_of_rule": _case(pools, "by_rule"),
        "is_unused": IS_UNUSED_SQL,
        "last_method": LAST_METHOD_SQL,
    }


def pool_rules(rules: Rules) -> str:
    """The rules that divide, as a query."""
    rows = [
        f"SELECT {index} AS pool, {literal(rule.value)} AS division, "
        f"{str(rule.scope is not None).lower()} AS is_scoped, {literal(rule.name)} AS name"
        for index, rule in enumerate(rules.rules)
        if rule.outcome is Outcome.SHARED and rule.value != Division.APART
    ]
    none = "SELECT 0 AS pool, '' AS division, false AS is_scoped, '' AS name WHERE false"
    return " UNION ALL ".join(rows) or none
