"""Each dollar once: whatever is wrong with runs, all finders together save no more than was paid."""

from collections import defaultdict
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from advice.test_rightsize import PLACES, passage
from advice.test_spot import quote
from advice.test_training_loop import PLANTED
from advice.trips import trip
from trainfare.advice.gpu_count import find_gpu_counts
from trainfare.advice.gpu_type import find_gpu_types
from trainfare.advice.machine_shape import find_moves, find_shapes
from trainfare.advice.remains import Remains
from trainfare.advice.spot import find_spot
from trainfare.advice.training_loop import find_slow_loops
from trainfare.core.recommendation import Kind, Recommendation, settle

wrongs = st.fixed_dictionaries(
    {},
    optional={
        "plant": st.sampled_from(sorted(PLANTED)),
        "devices": st.sampled_from([1, 2, 4, 8]),
        "steps": st.integers(1, 20_000),
        "tokens": st.integers(1, 10**9),
        "machines": st.integers(1, 4),
        "read_bytes": st.integers(0, 2**42),
        "checkpoints": st.integers(0, 50),
        "accelerator": st.sampled_from(["H100", "A100-80GB"]),
        "price": st.integers(1, 90),
        "share": st.sampled_from([Fraction(1), Fraction(1, 2)]),
    },
)


def made(number, facts):
    facts = dict(facts)
    return trip(f"r-{number}", **{**PLANTED.get(facts.pop("plant", ""), {}), **facts})


def everything(trips):
    rest = Remains()
    yield from find_slow_loops(trips, Remains())
    yield from find_gpu_types(trips, lambda _: PLACES, rest)
    yield from find_gpu_counts(trips, rest, Fraction(20))
    yield from find_shapes(trips, lambda _: PLACES, rest)
    yield from find_moves(trips, lambda _: PLACES, passage(1), rest)
    yield from find_spot(trips, lambda _: quote(0.01))


@settings(deadline=None, max_examples=60)
@given(st.lists(wrongs, min_size=1, max_size=12), st.randoms())
def test_savings_sum_to_at_most_what_was_paid(facts, chance):
    trips = [made(number, one) for number, one in enumerate(facts)]
    paid = {slot: amount for one in trips for slot, amount in one.paid.items()}
    found = [one for one in everything(trips) if isinstance(one, Recommendation)]
    advice = settle(found, paid, 1)
    granted = defaultdict(int)
    for one in advice:
        assert one.recommendation.low <= 1 <= one.recommendation.high
        assert one.saving_low <= one.saving <= one.saving_high
        for stake in one.stakes:
            granted[stake.slot] += stake.saving.nano
    assert all(granted[slot] <= amount.nano for slot, amount in paid.items())
    chance.shuffle(found)
    assert settle(found, paid, 1) == advice


@settings(deadline=None, max_examples=30)
@given(st.lists(wrongs, min_size=1, max_size=8))
def test_what_efficiency_saves_is_not_saved_again_by_spot(facts):
    trips = [made(number, one) for number, one in enumerate(facts)]
    paid = {slot: amount for one in trips for slot, amount in one.paid.items()}
    found = [one for one in everything(trips) if isinstance(one, Recommendation)]
    alone = settle([one for one in found if one.kind is Kind.SPOT], paid, 1)
    together = {one.recommendation.id: one for one in settle(found, paid, 1)}
    for one in alone:
        assert together[one.recommendation.id].saving <= one.saving
