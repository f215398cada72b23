"""Laws of GPU tracks: stretches cover what was seen, never what was not, and blanks are not zero."""

from hypothesis import given
from hypothesis import strategies as st

from trainfare.clusters.gpu_track import (
    ENERGY,
    ENGINE_ACTIVE,
    GPU_UTIL,
    MEMORY_USED,
    Track,
    device_use,
    learn_interval,
    stretches,
)
from trainfare.core.period import SECOND, Interval

BLANK = 9223372036854775794.0
STEP = 30 * SECOND


def track(instants, metric=GPU_UTIL, value=50.0):
    made = Track()
    for instant in instants:
        made.add(metric, instant, value)
    return made


def cut(made, device=None, now_ns=10**18):
    return list(stretches(made, STEP, device or made.instants(), now_ns=now_ns))


@given(st.sets(st.integers(0, 60), min_size=1), st.sets(st.integers(0, 60)))
def test_stretches_cover_every_sighting_once_and_nothing_seen_elsewhere(own, others):
    mine = track(n * STEP for n in own)
    device = sorted(n * STEP for n in own | others)
    found = cut(mine, device)
    for n in own:
        assert sum(s.start_ns <= n * STEP < s.end_ns for s in found) == 1
    for n in others - own:
        assert not any(s.start_ns <= n * STEP < s.end_ns for s in found)
    assert sum(s.duration_ns for s in found) <= (2 * len(own)) * STEP


def test_one_missed_scrape_is_bridged_and_two_end_the_claim_one_interval_after_the_last():
    assert cut(track([0, 2 * STEP])) == [Interval(0, 3 * STEP)]
    assert cut(track([0, 3 * STEP])) == [Interval(0, STEP), Interval(3 * STEP, 4 * STEP)]


def test_a_stretch_ends_where_the_gpu_is_seen_with_another():
    assert cut(track([0, STEP]), [0, STEP, STEP + 10 * SECOND]) == [Interval(0, STEP + 10 * SECOND)]


def test_nothing_is_claimed_after_now():
    assert cut(track([0, STEP]), now_ns=STEP + SECOND) == [Interval(0, STEP + SECOND)]


def test_the_interval_is_the_usual_gap():
    assert learn_interval([track([0, STEP, 2 * STEP, 9 * STEP])]) == STEP
    assert learn_interval([track([0])]) is None


def test_engine_activity_is_preferred_and_a_blank_is_missing_not_idle():
    made = track([0, STEP, 2 * STEP], GPU_UTIL, 100.0)
    assert made.activity_source == GPU_UTIL
    assert made.add(ENGINE_ACTIVE, 0, 0.25)
    assert not made.add(ENGINE_ACTIVE, STEP, BLANK)
    assert not made.add(MEMORY_USED, 0, BLANK)
    assert made.activity_source == ENGINE_ACTIVE
    first, second = device_use(made, "g", Interval(0, 3 * STEP), STEP)
    assert (first.activity_permille, second.activity_permille) == (250, None)
    assert first.memory_mib is None


def test_windows_touch_and_end_with_the_stretch():
    made = track(range(0, 10 * STEP, STEP), GPU_UTIL, 40.0)
    uses = device_use(made, "g", Interval(0, 10 * STEP - SECOND), STEP)
    assert [u.start_ns for u in uses] == [0, 2 * STEP, 4 * STEP, 6 * STEP, 8 * STEP]
    assert all(a.end_ns == b.start_ns for a, b in zip(uses, uses[1:], strict=False))
    assert uses[-1].end_ns == 10 * STEP - SECOND
    assert {u.activity_permille for u in uses} == {400}


def test_energy_is_the_counters_growth_and_a_counter_that_began_anew_adds_nothing():
    made = Track()
    for n, millijoules in enumerate([1000.0, 1500.0, 2100.0, 10.0, 60.0]):
        made.add(ENERGY, n * STEP, millijoules)
    uses = device_use(made, "g", Interval(0, 5 * STEP), STEP)
    assert [u.energy_mj for u in uses] == [1100, 50, None]
    assert {u.activity_permille for u in uses} == {None}
