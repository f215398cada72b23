"""Words of documents: what each method, remainder and cost column means, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from trainfare.core.charge import Remainder, View

METHODS: Mapping[str, str] = {
    "managed_job": "its resource is a managed job of the run",
    "split_row": "it is a part of a split charge, and the part names the run",
    "resource_overlap": "the time for which the run held the resource",
    "run_tag": "its tags name the run, and no other run was measured there",
    "attached": "it hangs on a resource that the run held: a volume, an address, a gateway",
    "cluster_share": "the run's share of a cluster or queue",
    "unused_commitment": "a commitment or reservation that was paid and not used",
    "unmatched": "nothing is known about it: a tag, a claim or a rule would settle it",
    "tax": "tax; a rule can divide it",
    "support": "a support plan; a rule can divide it",
    "purchase": "a purchase; a rule can divide it",
    "credit": "a credit; a rule can give it to somebody",
    "refund": "money that the provider gave back",
    "adjustment": "a correction of the provider's",
}
"""Method → how a part of a charge found its owner, or why it has none."""

REMAINDERS: Mapping[Remainder, str] = {
    Remainder.IDLE: "paid time of known resources that no run held",
    Remainder.SHARED: "serves many and is not divided over runs",
    Remainder.UNUSED_COMMITMENT: "commitments paid and not used",
    Remainder.UNALLOCATED: "nobody known owns it",
}
"""Remainder → what it is."""

VIEWS: Mapping[View, str] = {
    View.BILLED: "what invoices of the month ask for",
    View.EFFECTIVE: "what the month used, with prepayments spread over the time that they cover",
    View.LIST: "what it would be at list prices",
    View.CONTRACTED: "what it would be at negotiated prices, without commitments",
}
"""Cost column → what it adds up."""


def method_words(method: str, rules: Mapping[str, str]) -> str:
    """What *method* means; a rule's is its match, in the user's words.

    >>> method_words("company tax", {"company tax": 'ChargeCategory = "Tax"'})
    'your rule: ChargeCategory = "Tax"'
    """
    if method in rules:
        return f"your rule: {rules[method]}"
    return METHODS.get(method, "")
