"""Paid GPU time and its money stand in exactly one state each, whatever claims and meters say."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.charge import Remainder
from trainfare.core.period import HOUR
from trainfare.reports.utilization import (
    GpuState,
    OwnedMoney,
    Seen,
    pieces_of,
    total_row,
    use_rows,
)

SLOT = ("i-1", 20_000)
DAY_OF_8 = 8 * 24 * HOUR

slots = st.tuples(st.sampled_from(["i-1", "i-2"]), st.integers(0, 1))
runs = st.sampled_from(["a", "b", "idle"])
owners = st.one_of(
    st.tuples(runs, st.none()), st.tuples(st.none(), st.sampled_from(list(Remainder)))
)
times = st.integers(0, 3 * HOUR)
money = st.lists(
    st.builds(
        lambda slot, owner, currency, nano: OwnedMoney(slot, *owner, currency, nano),
        slots,
        owners,
        st.sampled_from(["USD", "USD", "EUR"]),
        st.integers(-(10**10), 10**12),
    ),
    max_size=8,
)
seen = st.builds(
    lambda known, low, active: Seen(known, min(low, known), min(active, known)), times, times, times
)


@given(
    st.dictionaries(slots, times),
    money,
    st.dictionaries(slots, st.dictionaries(runs, times)),
    st.dictionaries(st.tuples(runs, slots), seen),
)
def test_states_sum_to_paid_time_and_to_money_exactly(paid, owned, held, measured):
    """busy + low use + unknown + idle + shared + unallocated = paid, in time and in money."""
    found = pieces_of(paid, owned, held, measured)
    for slot in paid:
        assert sum(one.gpu_ns for one in found if one.slot == slot) == paid[slot]
    assert sum(one.gpu_ns for one in found) == sum(paid.values())
    for currency in ("USD", "EUR"):
        whole = sum(one.nano for one in owned if one.currency == currency)
        assert total_row(found, currency).amount.nano == whole
        for key in (lambda p: (p.run or "",), lambda p: p.slot, lambda p: (p.state,)):
            assert sum(row.amount.nano for row in use_rows(found, key, currency)) == whole
    assert all(one.gpu_ns >= 0 and 0 <= one.active_ns <= one.known_ns for one in found)


@given(
    st.dictionaries(slots, times),
    st.dictionaries(slots, st.dictionaries(runs, times)),
    st.dictionaries(st.tuples(runs, slots), seen),
)
def test_what_nothing_measured_is_never_idle_or_low(paid, held, measured):
    found = pieces_of(paid, [], held, {key: Seen() for key in measured})
    assert not [one for one in found if one.state in (GpuState.BUSY, GpuState.LOW_USE)]
    assert sum(one.known_ns for one in found) == 0


def by_state(found):
    return {one.state: (one.gpu_ns // HOUR, one.nano) for one in found}


def test_a_day_of_eight_gpus_by_hand():
    """A run holds 4 GPUs for a day: 2 busy, 1 of them low, 1 without telemetry; 4 are idle."""
    found = pieces_of(
        {SLOT: DAY_OF_8},
        [
            OwnedMoney(SLOT, "a", None, "USD", 400),
            OwnedMoney(SLOT, None, Remainder.IDLE, "USD", 400),
        ],
        {SLOT: {"a": DAY_OF_8 // 2}},
        {("a", SLOT): Seen(3 * DAY_OF_8 // 8, DAY_OF_8 // 8, DAY_OF_8 // 8)},
    )
    assert by_state(found) == {
        GpuState.BUSY: (48, 200),
        GpuState.LOW_USE: (24, 100),
        GpuState.UNKNOWN: (24, 100),
        GpuState.IDLE: (96, 400),
    }
    assert total_row(found, "USD").gpu_activity == Fraction(1, 3)


def test_time_that_no_claim_covers_follows_the_money():
    """A tag gave run b half of the charge and nobody claimed: half of the time is its, unknown."""
    found = pieces_of(
        {SLOT: 10 * HOUR},
        [
            OwnedMoney(SLOT, "b", None, "USD", 5),
            OwnedMoney(SLOT, None, Remainder.UNALLOCATED, "USD", 5),
        ],
        {},
        {},
    )
    assert by_state(found) == {GpuState.UNKNOWN: (5, 5), GpuState.UNALLOCATED: (5, 5)}


def test_a_gpu_that_two_runs_share_is_not_counted_twice():
    """Both meters see the whole GPU busy; each run holds half of it."""
    half = 5 * HOUR
    found = pieces_of(
        {SLOT: 10 * HOUR},
        [OwnedMoney(SLOT, name, None, "USD", 7) for name in "ab"],
        {SLOT: {"a": half, "b": half}},
        {(name, SLOT): Seen(10 * HOUR, 2 * HOUR, 6 * HOUR) for name in "ab"},
    )
    assert sum(one.gpu_ns for one in found) == 10 * HOUR
    low = [one for one in found if one.state is GpuState.LOW_USE]
    assert [(one.run, one.gpu_ns) for one in low] == [("a", HOUR), ("b", HOUR)]
    assert total_row(found, "USD").gpu_activity == Fraction(6, 10)
