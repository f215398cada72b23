"""Pools by hand: shared charges that a rule divides over runs, in plain Python.

All charges of one rule, currency, service, account, region, component and category are one amount
per view, divided once for the whole bill: by what each run in scope was allocated in effective
cost (never less than 0), evenly over the runs that got anything there, or by bytes. Where no run
takes part, the amount stays shared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from trainfare.allocation.by_hand import Charge, Owner, Part
from trainfare.allocation.match import holds
from trainfare.allocation.proportion import ONE, portion, proportion
from trainfare.allocation.rules import Division, Rule, Rules
from trainfare.allocation.tags import read_tags
from trainfare.core.charge import View

_EFFECTIVE = list(View).index(View.EFFECTIVE)

Key = tuple[Owner, str, tuple[object, ...]]
"""Owner, currency, and service, account, region, component, category and whether a correction."""
Sums = dict[Key, list[int | None]]


def totals_by_hand(
    parts: Sequence[Part], charges: Sequence[Charge], run_bytes: Mapping[str, int], rules: Rules
) -> Sums:
    """Parts summed over resources and time, pools divided: amounts per view, None where unknown."""
    sums: Sums = {}
    pools: dict[tuple[str, str, tuple[object, ...]], list[Part]] = defaultdict(list)
    for part in parts:
        charge = charges[part.index]
        currency, description = str(charge["BillingCurrency"]), _description(charge)
        if part.owner.pool is None:
            _add(sums, (part.owner, currency, description), part.amounts)
        else:
            pools[part.owner.pool, currency, description].append(part)
    by_name = {rule.name: rule for rule in rules.rules}
    for (name, currency, description), pooled in pools.items():
        weights = _weights(by_name[name], currency, parts, charges, run_bytes)
        for owner, amounts in _divided(pooled, weights):
            _add(sums, (owner, currency, description), amounts)
    return sums


def _divided(
    pooled: Sequence[Part], weights: Mapping[str, int]
) -> Iterator[tuple[Owner, Sequence[int | None]]]:
    """One pool over the runs that *weights* names, or as it is when there are none."""
    total = sum(weights.values())
    if total == 0:
        for part in pooled:
            owner = part.owner
            yield Owner(None, owner.remainder, owner.method, owner.label), part.amounts
        return
    whole: list[int | None] = [None] * len(View)
    for part in pooled:
        whole = _plus(whole, part.amounts)
    reached = 0
    for run in sorted(weights):
        low = proportion(ONE, reached, total)
        reached += weights[run]
        high = proportion(ONE, reached, total)
        given = [None if a is None else portion(a, high) - portion(a, low) for a in whole]
        yield Owner(run, None, pooled[0].owner.method), given


def _weights(
    rule: Rule,
    currency: str,
    parts: Sequence[Part],
    charges: Sequence[Charge],
    run_bytes: Mapping[str, int],
) -> dict[str, int]:
    """How much each run counts in a pool; runs that count nothing are left out."""
    if rule.value == Division.BYTES:
        return {run: count for run, count in run_bytes.items() if count > 0}
    given: dict[str, list[int | None]] = {}
    for part in parts:
        charge = charges[part.index]
        run = part.owner.run
        if run is None or charge["BillingCurrency"] != currency:
            continue
        if rule.scope is None or holds(rule.scope, charge, read_tags(_text(charge))):
            given[run] = _plus(given.get(run, [None] * len(View)), part.amounts)
    if rule.value == Division.EVEN:
        return {run: 1 for run, amounts in given.items() if any(amounts)}
    effective = {run: amounts[_EFFECTIVE] or 0 for run, amounts in given.items()}
    return {run: nano for run, nano in effective.items() if nano > 0}


def _description(charge: Charge) -> tuple[object, ...]:
    account = charge.get("SubAccountId")
    return (
        charge.get("ServiceName"),
        charge.get("BillingAccountId") if account is None else account,
        charge.get("RegionId"),
        charge.get("x_Component"),
        charge.get("ChargeCategory"),
        charge.get("ChargeClass") == "Correction",
    )


def _text(charge: Charge) -> str | None:
    text = charge.get("Tags")
    return None if text is None else str(text)


def _add(sums: Sums, key: Key, amounts: Sequence[int | None]) -> None:
    sums[key] = _plus(sums.get(key, [None] * len(View)), amounts)


def _plus(left: Sequence[int | None], right: Sequence[int | None]) -> list[int | None]:
    pairs = zip(left, right, strict=True)
    return [b if a is None else a if b is None else a + b for a, b in pairs]
