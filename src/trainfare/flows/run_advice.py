"""Advice on how runs train: own runs × the price book × traces → efficiency, right-size, spot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from trainfare.advice.gpu_count import find_gpu_counts
from trainfare.advice.gpu_type import find_gpu_types
from trainfare.advice.machine_shape import Passage, find_moves, find_shapes
from trainfare.advice.offer import Offer, listed
from trainfare.advice.remains import Remains
from trainfare.advice.spot import SpotQuote, find_spot
from trainfare.advice.training_loop import RULES as SLOW_LOOPS
from trainfare.advice.training_loop import find_slow_loops
from trainfare.advice.trip import Trip
from trainfare.core.price import NoPrice
from trainfare.core.recommendation import Kind, NoAdvice, Recommendation, Slot
from trainfare.flows.advice_history import Gathered
from trainfare.flows.offers import find_offers
from trainfare.flows.plan import rates
from trainfare.flows.spot_traces import read_traces, traces_of
from trainfare.flows.trips import trips_of
from trainfare.prices.book import PriceBook

RULES: Mapping[str, Kind] = {
    **{rule.name: Kind.EFFICIENCY for rule in SLOW_LOOPS},
    **dict.fromkeys(("gpu_type", "gpu_type_estimated", "gpu_count"), Kind.RIGHTSIZE),
    **dict.fromkeys(("machine_shape", "region"), Kind.RIGHTSIZE),
    "spot_machines": Kind.SPOT,
}
"""Rule → its kind, in the order in which rules speak."""


def advise_runs(gathered: Gathered) -> Iterator[Recommendation | NoAdvice]:
    """Everything that is said of how runs train, kind by kind.

    A recommendation's scope is all that its kind of work cost, whatever it ran on, so that what a
    change saved can be measured; one that was accepted is told also where nothing is left to save.
    """
    history = gathered.history
    trips = trips_of(gathered.receipts, history.paid, gathered.book.activities)
    trips = [trip for trip in trips if trip.total.nano > 0]
    scopes: dict[str, list[Slot]] = defaultdict(list)
    for trip in trips:
        scopes[trip.family].extend(trip.paid)
    told: set[tuple[str, str]] = set()
    for one in _find(gathered.home, trips, history.now_ns) if trips else ():
        if isinstance(one, Recommendation):
            told.add((one.rule, one.subject))
            one = replace(one, scope=tuple(scopes[family_in(one.subject, scopes)]))  # noqa: PLW2901
        yield one
    for rule, subject in sorted(history.accepted - told):
        scope = scopes.get(family_in(subject, scopes), [])
        if rule in RULES and scope:
            yield Recommendation(
                RULES[rule], rule, subject,
                title=f"Keep to what was decided for {subject}",
                action="Nothing is left to do.",
                method="what its kind of work cost before and after",
                scope=tuple(scope),
            )  # fmt: skip


def family_in(subject: str, families: Collection[str]) -> str:
    """The kind of work that a subject such as ``model=bert on p5.48xlarge of aws`` is about."""
    parts = subject.split(" on ")
    names = (" on ".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((name for name in names if name in families), subject)


def _find(home: Path, trips: Sequence[Trip], at_ns: int) -> Iterator[Recommendation | NoAdvice]:
    shop = _Shop(home, trips, at_ns)
    yield from find_slow_loops(trips, Remains())
    rest = Remains()
    yield from find_gpu_types(trips, shop.beside, rest)
    yield from find_gpu_counts(trips, rest)
    yield from find_shapes(trips, shop.beside, rest)
    yield from find_moves(trips, shop.elsewhere, shop.passage, rest)
    yield from find_spot(trips, shop.spot)


class _Shop:
    """What could have been bought instead; the price lists are read once."""

    def __init__(self, home: Path, trips: Sequence[Trip], at_ns: int) -> None:
        self._book, self._at_ns = PriceBook(home), at_ns
        self._traces = read_traces(home)
        self._rate_of = rates(trips, self._traces)
        providers = {trip.provider for trip in trips if trip.provider}
        self._here: dict[tuple[str, str, str, str], list[Offer]] = defaultdict(list)
        self._type: dict[tuple[str, str, str, str], list[Offer]] = defaultdict(list)
        for currency in {trip.currency for trip in trips}:
            for provider in sorted(providers):
                for offer in find_offers(
                    home, at_ns, provider=provider, currency=currency, is_bare_too=True
                ):
                    self._here[provider, offer.region, offer.option, currency].append(offer)
                    self._type[provider, offer.instance, offer.option, currency].append(offer)

    def beside(self, trip: Trip) -> list[Offer]:
        """Machines of the same seller, in the same region, paid in the same way."""
        option = trip.option or "on_demand"
        return self._here[trip.provider or "", trip.region or "", option, trip.currency]

    def elsewhere(self, trip: Trip) -> list[Offer]:
        """The same machine in other regions; only on demand, for spot prices move too fast."""
        if trip.option not in (None, "on_demand"):
            return []
        return self._type[trip.provider or "", trip.instance or "", "on_demand", trip.currency]

    def passage(self, trip: Trip, size: int) -> Passage | NoPrice:
        """What it costs to move *size* bytes to another region."""
        tariff = self._book.network_price(trip.provider, trip.region, "inter_region", self._at_ns)
        if isinstance(tariff, NoPrice):
            return tariff
        return Passage(tariff.of(size), f"between regions: {tariff.source}")

    def spot(self, trip: Trip) -> SpotQuote | None:
        """The run's machine on spot in its region; None where nobody lists it."""
        offers = self._here[trip.provider or "", trip.region or "", "spot", trip.currency]
        offer = listed(offers, trip.instance, trip.region)
        full = listed(self.beside(trip), trip.instance, trip.region)
        if offer is None or full is None or not full.price_per_hour:
            return None
        return SpotQuote(
            offer.price_per_hour,
            max(offer.price_per_hour, offer.high or Fraction(0)),
            full.price_per_hour,
            offer.source,
            offer.is_reference,
            self._rate_of(offer),
            traces_of(self._traces, offer),
        )
