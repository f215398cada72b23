"""Steps: the order in which a charge looks for its run, and what each step is called.

A charge tries the steps in order of priority, and the first that knows something takes it:

====  ================  ==========================================================================
100   managed_job       its resource is a job (SageMaker, Vertex AI, Azure ML) of a known run: all
200   split_row         it is one part of a split charge, and the part names its run: all; a part
                        that Trainfare exported stays with the owner that it had (see OWN_METHOD)
300   resource_overlap  runs claim its resource: the time that they hold it
400   run_tag           its tags name a run: all, or the time that no claim covers (see below)
500   attached          it hangs on a resource that runs claim (a volume, IP, NAT): as that one
600   cluster_share     it belongs to a cluster or queue that runs claim: as that one
700   (rules)           a rule of the user's file matches: run, label, shared or unallocated
====  ================  ==========================================================================

A rule of the user's stands at 700 unless it says another priority; at the same priority the rule
comes first. A tag takes the time that no claim covers (boot, image pull, shutdown) on a machine of
its run's own: where any other run is measured on the resource (or on what it hangs on) while charges
bear the tag, it is stale, takes nothing, and is reported. What claims leave over (300, 500, 600) goes to the next step that names a run (a tag or
a rule), else it is *idle*. Tax and unused commitment skip the built-in steps: only rules move them,
and where they were moved to in an export of Trainfare's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from trainfare.core.charge import Remainder

MANAGED_JOB = "managed_job"
SPLIT_ROW = "split_row"
RESOURCE_OVERLAP = "resource_overlap"
RUN_TAG = "run_tag"
ATTACHED = "attached"
CLUSTER_SHARE = "cluster_share"

PRIORITIES = {
    MANAGED_JOB: 100,
    SPLIT_ROW: 200,
    RESOURCE_OVERLAP: 300,
    RUN_TAG: 400,
    ATTACHED: 500,
    CLUSTER_SHARE: 600,
}
"""Built-in step → its place in the order."""

RULE_PRIORITY = 700
"""Where a rule stands that does not say."""

CLUSTER = "cluster:"
"""A claim on this and a cluster's name holds a share of the whole cluster or queue."""

CLUSTER_KEYS = (
    "awseksclustername",
    "eksclustername",
    "awsparallelclusterclustername",
    "parallelclusterclustername",
    "googk8sclustername",
    "slurmcluster",
    "cluster",
)
"""Provider tags that name the cluster of a charge, as plain keys, the first that is there counts."""

OWNER_KEYS = ("team", "owner", "project", "costcenter")
"""Tags that name who owns a remainder, as plain keys, the first that is there counts."""

UNUSED_COMMITMENT = "unused_commitment"
"""Method of a commitment or reservation that was paid and not used."""

UNMATCHED = "unmatched"
"""Method of a charge that no step knows anything about."""


OWN_METHOD = "trainfare:"
"""AllocatedMethodId of a part that Trainfare exported begins so. AllocatedResourceId is its run; where
there is none, ``trainfare:REMAINDER:method`` says which remainder it is."""


def is_own(charge: Mapping[str, object]) -> bool:
    """Whether a charge is a part of one that Trainfare divided and exported.

    >>> is_own({"AllocatedMethodId": "trainfare:idle:resource_overlap"})
    True
    """
    return str(charge.get("AllocatedMethodId") or "").startswith(OWN_METHOD)


def own_remainder(charge: Mapping[str, object]) -> Remainder:
    """The remainder that an exported part without a run is; *idle* where it does not say.

    >>> own_remainder({"AllocatedMethodId": "trainfare:shared:company tax"})
    <Remainder.SHARED: 'shared'>
    """
    told = str(charge.get("AllocatedMethodId")).split(":")[1]
    return Remainder(told) if told in list(Remainder) else Remainder.IDLE


def is_apart(charge: Mapping[str, object]) -> bool:
    """Whether the built-in steps leave a charge alone: tax, and what was paid and not used."""
    return not is_own(charge) and (charge.get("ChargeCategory") == "Tax" or is_unused(charge))


def is_unused(charge: Mapping[str, object]) -> bool:
    """Whether a charge is for a commitment or capacity reservation that nobody used."""
    statuses = (charge.get("CommitmentDiscountStatus"), charge.get("CapacityReservationStatus"))
    return "Unused" in statuses


def last_resort(charge: Mapping[str, object]) -> tuple[Remainder, str]:
    """Where a charge stands that no step took, and under which name.

    >>> last_resort({"ChargeCategory": "Tax"})
    (<Remainder.UNALLOCATED: 'unallocated'>, 'tax')
    """
    if is_unused(charge):
        return Remainder.UNUSED_COMMITMENT, UNUSED_COMMITMENT
    category = charge.get("ChargeCategory")
    is_refund = charge.get("x_LineItemType") == "Refund" or (
        category == "Purchase" and charge.get("ChargeClass") == "Correction"
    )
    if is_refund:
        return Remainder.UNALLOCATED, "refund"
    if category != "Usage" and category is not None:
        return Remainder.UNALLOCATED, str(category).lower()
    if "support" in str(charge.get("ServiceName") or "").lower():
        return Remainder.UNALLOCATED, "support"
    return Remainder.UNALLOCATED, UNMATCHED


IS_UNUSED_SQL = (
    "(coalesce(\"CommitmentDiscountStatus\" = 'Unused', false)"
    " OR coalesce(\"CapacityReservationStatus\" = 'Unused', false))"
)
""":func:`is_unused` over the columns of a table."""

IS_OWN_SQL = f"coalesce(starts_with(\"AllocatedMethodId\", '{OWN_METHOD}'), false)"
""":func:`is_own` over the columns of a table."""

OWN_REMAINDER_SQL = (
    f'nullif(regexp_extract("AllocatedMethodId", '
    f"'^{OWN_METHOD}({'|'.join(Remainder)})(:|$)', 1), '')"
)
"""The remainder that an exported part names, over the columns of a table."""

IS_APART_SQL = (
    f"(NOT {IS_OWN_SQL} AND (coalesce(\"ChargeCategory\" = 'Tax', false) OR {IS_UNUSED_SQL}))"
)
""":func:`is_apart` over the columns of a table."""

LAST_METHOD_SQL = f"""CASE
    WHEN {IS_UNUSED_SQL} THEN '{UNUSED_COMMITMENT}'
    WHEN "x_LineItemType" = 'Refund' OR "ChargeCategory" = 'Purchase' AND "ChargeClass" = 'Correction'
    THEN 'refund'
    WHEN "ChargeCategory" <> 'Usage' THEN lower("ChargeCategory")
    WHEN contains(lower("ServiceName"), 'support') THEN 'support'
    ELSE '{UNMATCHED}' END"""
"""The method of :func:`last_resort` over the columns of a table."""
