"""By hand: the allocation of a bill in plain Python, charge by charge; the truth for the engine.

Slow and readable. It follows spec §4.3 and §4.4 to the letter, holds everything in memory, and
exists so that tests can compare the engine with it row by row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from trainfare.allocation.by_hand_capacity import Capacities
from trainfare.allocation.evidence import Evidence, grid_share
from trainfare.allocation.match import Field, holds, value_of
from trainfare.allocation.names import places
from trainfare.allocation.proportion import ONE, portion
from trainfare.allocation.quantity import paid_us
from trainfare.allocation.rules import Division, Outcome, Rule, Rules
from trainfare.allocation.steps import (
    ATTACHED,
    CLUSTER,
    CLUSTER_SHARE,
    MANAGED_JOB,
    PRIORITIES,
    RESOURCE_OVERLAP,
    RUN_TAG,
    SPLIT_ROW,
    is_apart,
    is_own,
    last_resort,
    own_remainder,
)
from trainfare.allocation.tags import cluster_in, owner_in, read_tags, run_in, run_named
from trainfare.allocation.time_shares import Hold, TimeShare, merged, time_shares
from trainfare.core.charge import Remainder, View
from trainfare.core.claim import Claim

Charge = Mapping[str, object]
"""A charge of the lake: column → value; times are datetimes in UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOLLOW_MAX = 8


@dataclass(frozen=True, slots=True)
class Owner:
    """Who gets what: a run, or a remainder; by which method; and the rule that divides it."""

    run: str | None
    remainder: Remainder | None
    method: str
    label: str | None = None
    pool: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """How a charge finds its owners: by claims on *place* first, and the rest to *rest*."""

    place: str | None
    method: str
    rest: Owner


@dataclass(frozen=True, slots=True)
class Part:
    """What *owner* gets of charge number *index*: an amount per view, None where unknown."""

    index: int
    owner: Owner
    amounts: tuple[int | None, ...]


def micros(moment: object) -> int:
    """Microseconds since the epoch of a datetime (UTC when it has no zone)."""
    if not isinstance(moment, datetime):
        raise TypeError(f"a charge's time is a datetime, not {moment!r}")
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)


def period_of(charge: Charge) -> tuple[int, int]:
    """Where the charge period begins and ends, in microseconds since the epoch."""
    return micros(charge["ChargePeriodStart"]), micros(charge["ChargePeriodEnd"])


def allocate_by_hand(charges: Sequence[Charge], evidence: Evidence, rules: Rules) -> list[Part]:
    """Every charge in parts, in order; shared parts are not yet divided.

    Laws: per charge and view the parts sum to the charge; parts of one charge follow one set of
    proportions in all views; the order of charges, claims and rules of equal priority in other
    files changes nothing.
    """
    world = _World(charges, evidence, rules)
    return [part for index in range(len(charges)) for part in world.parts(index)]


class _World:
    """All that is known about a bill while it is allocated."""

    def __init__(self, charges: Sequence[Charge], evidence: Evidence, rules: Rules) -> None:
        self.charges, self.evidence, self.rules = charges, evidence, rules
        claims = list(cast("Sequence[Claim]", evidence.claims))
        named = [
            str(charge[column])
            for charge in charges
            for column in ("ResourceId", "AllocatedResourceId", "x_ParentResourceId")
            if charge.get(column)
        ]
        named += [name for pair in evidence.attachments.items() for name in pair]
        named += [*evidence.jobs, *(claim.resource_id for claim in claims)]
        named += [name for name, _ in evidence.lives]
        named += [found for charge in charges if (found := cluster_in(_tags(charge, "Tags")))]
        self.places = places(named)
        self.jobs = {self.place(name): run for name, run in sorted(evidence.jobs.items())}
        self.holds = self._holds(claims)
        lives = [(self.places[name.lower()], interval) for name, interval in evidence.lives]
        self.capacities = Capacities(self._usage(), lives)
        self.known = set(self.holds) | {place for place, _ in lives}
        self.stale = self._stale_tags()

    def place(self, name: object) -> str | None:
        return self.places[str(name).lower()] if name else None

    def _usage(self) -> Iterator[tuple[str, int, int, str, int]]:
        """What usage rows say about the time that was paid: place, period, SKU and time."""
        for charge in self.charges:
            place = self.place(charge.get("ResourceId"))
            paid = paid_us(_text(charge, "ConsumedQuantity"), _text(charge, "ConsumedUnit"))
            is_usage = charge.get("ChargeCategory") == "Usage"
            if (
                place
                and paid is not None
                and is_usage
                and charge.get("ChargeClass") != "Correction"
            ):
                skus = (charge.get(column) for column in ("SkuId", "SkuMeter", "x_UsageType"))
                sku = next((str(sku) for sku in skus if sku is not None), "")
                yield place, *period_of(charge), sku, paid

    def _holds(self, claims: Sequence[Claim]) -> dict[str, list[Hold]]:
        """Claims per place, cut to the time that the bill covers."""
        periods = [period_of(charge) for charge in self.charges]
        real = [(start, end) for start, end in periods if start < end]
        if not real:
            return {}
        first, last = min(start for start, _ in real), max(end for _, end in real)
        found: dict[str, list[Hold]] = defaultdict(list)
        for claim in claims:
            start = max(first, claim.interval.start_ns // 1000)
            end = min(last, claim.interval.end_ns // 1000)
            place = self.place(claim.resource_id)
            if start < end and place is not None:
                found[place].append(Hold(claim.run, start, end, grid_share(claim.share)))
        return {place: merged(holds) for place, holds in found.items()}

    def _stale_tags(self) -> set[tuple[str, str]]:
        """(place, run) where another run is measured while charges bear the run's tag."""
        spans: dict[tuple[str, str], list[int]] = defaultdict(list)
        for charge in self.charges:
            tagged, place = run_in(_tags(charge, "Tags")), self.claimed_place(charge)
            if tagged is not None and place is not None and not is_apart(charge):
                spans[place, tagged].extend(period_of(charge))
        return {
            (place, tagged)
            for (place, tagged), edges in spans.items()
            for hold in self.holds.get(place, ())
            if hold.run != tagged and hold.start_us < max(edges) and hold.end_us > min(edges)
        }

    def claimed_place(self, charge: Charge) -> str | None:
        """The resource whose claims speak of a charge: its part's, its own, or what it hangs on."""
        sources = [each for each in self.sources(charge) if each[1] != CLUSTER_SHARE]
        return min(sources)[2] if sources else None

    def parts(self, index: int) -> list[Part]:
        charge = self.charges[index]
        way = self.way(charge)
        shares = self.shares(charge, way.place)
        found: list[tuple[Owner, int, int]] = [
            (Owner(share.run, None, way.method), share.low, share.high) for share in shares
        ]
        low = shares[-1].high if shares else 0
        if low < ONE:
            found.append((way.rest, low, ONE))
        amounts = [cast("int | None", charge.get(view.column)) for view in View]
        return [
            Part(
                index,
                owner,
                tuple(
                    None if amount is None else portion(amount, high) - portion(amount, low)
                    for amount in amounts
                ),
            )
            for owner, low, high in found
        ]

    def shares(self, charge: Charge, place: str | None) -> list[TimeShare]:
        start, end = period_of(charge)
        if place is None or start >= end or place not in self.holds:
            return []
        capacity = self.capacities.capacity_us(place, start, end)
        return time_shares(self.holds[place], start, end, capacity)

    def way(self, charge: Charge) -> Way:
        """What the steps of spec §4.4 say about a charge, first hit first."""
        wholes = self.rule_wholes(charge)
        sources: list[tuple[int, str, str]] = []
        if not is_apart(charge):
            wholes += self.step_wholes(charge)
            sources = self.sources(charge)
        wholes.sort(key=lambda whole: whole[:2])
        sources.sort()
        label = self.label(charge)
        if sources and (not wholes or sources[0][0] < wholes[0][0]):
            _, method, place = sources[0]
            runs = [owner for _, _, owner in wholes if owner.run is not None]
            idle = Owner(None, Remainder.IDLE, method, label)
            return Way(place, method, runs[0] if runs else idle)
        if wholes:
            return Way(None, "", wholes[0][2])
        remainder, method = last_resort(charge)
        return Way(None, "", Owner(None, remainder, method, label))

    def rule_wholes(self, charge: Charge) -> list[tuple[int, int, Owner]]:
        tags = _tags(charge, "Tags")
        found = []
        for order, rule in enumerate(self.rules.rules):
            if holds(rule.match, charge, tags):
                owner = self.rule_owner(rule, charge, tags)
                if owner is not None:
                    found.append((rule.priority, order, owner))
        return found

    def rule_owner(self, rule: Rule, charge: Charge, tags: Mapping[str, str]) -> Owner | None:
        label = self.label(charge)
        match rule.outcome:
            case Outcome.RUN:
                texts = [
                    value_of(part, charge, tags) if isinstance(part, Field) else part
                    for part in rule.template
                ]
                if any(text is None or not text.strip() for text in texts):
                    return None
                joined = "".join(text for text in texts if text is not None).strip()
                return Owner(run_named(joined), None, rule.name)
            case Outcome.LABEL:
                return Owner(None, Remainder.SHARED, rule.name, rule.value)
            case Outcome.SHARED:
                pool = None if rule.value == Division.APART else rule.name
                return Owner(None, Remainder.SHARED, rule.name, label, pool)
            case Outcome.UNALLOCATED:
                return Owner(None, Remainder.UNALLOCATED, rule.name, label)

    def label(self, charge: Charge) -> str | None:
        """The owner of what no run gets: by the first label rule that matches, else by tags."""
        tags = _tags(charge, "Tags")
        for rule in self.rules.rules:
            if rule.outcome is Outcome.LABEL and holds(rule.match, charge, tags):
                return rule.value
        return owner_in(tags)

    def step_wholes(self, charge: Charge) -> list[tuple[int, int, Owner]]:
        """What managed jobs, split rows and run tags say; a rule of equal priority goes first."""
        later = len(self.rules.rules)
        found = []
        job = self.jobs.get(self.place(charge.get("ResourceId")))
        if job is not None:
            found.append((MANAGED_JOB, Owner(job, None, MANAGED_JOB)))
        split = self.split_owner(charge)
        if split is not None:
            found.append((SPLIT_ROW, split))
        tagged = run_in(_tags(charge, "Tags"))
        if tagged is not None and (self.claimed_place(charge), tagged) not in self.stale:
            found.append((RUN_TAG, Owner(tagged, None, RUN_TAG)))
        return [(PRIORITIES[step], later, owner) for step, owner in found]

    def split_owner(self, charge: Charge) -> Owner | None:
        part = charge.get("AllocatedResourceId")
        if is_own(charge):
            if part:
                return Owner(run_named(str(part)), None, SPLIT_ROW)
            return Owner(None, own_remainder(charge), SPLIT_ROW, self.label(charge))
        run = run_in(_tags(charge, "AllocatedTags"))
        if run is None and part:
            run = self.jobs.get(self.place(part))
        if run is None and charge.get("x_ParentResourceId"):
            run = run_in(_tags(charge, "Tags"))
        if run is not None:
            return Owner(run, None, SPLIT_ROW)
        if charge.get("AllocatedMethodId") and not part:
            return Owner(None, Remainder.IDLE, SPLIT_ROW, self.label(charge))
        return None

    def sources(self, charge: Charge) -> list[tuple[int, str, str]]:
        """Places whose claims may divide the charge: (priority, method, place)."""
        own = self.place(charge.get("ResourceId"))
        parent = self.place(charge.get("x_ParentResourceId"))
        chain = [place for place in (parent, *self.followed(own)) if place is not None]
        cluster = self.place(cluster_in(_tags(charge, "Tags")))
        found = [
            (SPLIT_ROW, None if is_own(charge) else self.place(charge.get("AllocatedResourceId"))),
            (RESOURCE_OVERLAP, own),
            (ATTACHED, next((p for p in chain if self.is_known_resource(p)), None)),
            (
                CLUSTER_SHARE,
                next((p for p in [*chain, cluster] if p and self.is_known_cluster(p)), None),
            ),
        ]
        return [
            (PRIORITIES[method], method, place)
            for method, place in found
            if place is not None and place in self.known
        ]

    def is_known_resource(self, place: str) -> bool:
        return place in self.known and not place.startswith(CLUSTER)

    def is_known_cluster(self, place: str) -> bool:
        return place in self.known and place.startswith(CLUSTER)

    def followed(self, place: str | None) -> list[str]:
        """What *place* hangs on, what that hangs on, and so on."""
        following = {
            self.place(name): self.place(parent)
            for name, parent in sorted(self.evidence.attachments.items())
        }
        found: list[str] = []
        while place is not None and len(found) < _FOLLOW_MAX:
            place = following.get(place)
            if place is not None:
                found.append(place)
        return found


def _text(charge: Charge, column: str) -> str | None:
    value = charge.get(column)
    return None if value is None else str(value)


def _tags(charge: Charge, column: str) -> dict[str, str]:
    return read_tags(_text(charge, column))
