"""Stalls: long gaps between steps and waiting for data, each moment once, other stages never."""

from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.run import StageMark
from trainfare.metering.sample import HostSample
from trainfare.metering.stall import stalled_ns

SECOND = 10**9


def host(second, steps, wait=0):
    return HostSample(second * SECOND, 0, 0, steps, *(None,) * 6, wait * SECOND)


def train(*spans):
    """Marks of stages from second on: (second, stage)."""
    return tuple(StageMark(at * SECOND, stage) for at, stage in spans)


def seconds(hosts, marks=None, end=None):
    found = stalled_ns(hosts, marks or train((0, "train")), (end or 0) * SECOND)
    return None if found is None else found / SECOND


STEADY = [host(n, n) for n in range(1, 101)]


def test_a_steady_training_never_stalls():
    assert seconds(STEADY, end=101) == 0


def test_a_gap_of_minutes_is_a_stall_beyond_the_usual_gap():
    frozen = [host(n, 100) for n in range(101, 401)]
    assert seconds([*STEADY, *frozen, host(401, 101)], end=401) == 300


def test_a_gap_in_another_stage_is_no_stall():
    marks = train((0, "train"), (100, "eval"), (400, "train"))
    assert seconds([*STEADY, host(401, 101)], marks, end=401) == 0


def test_a_model_whose_steps_take_minutes_does_not_stall():
    assert seconds([host(n * 120, n) for n in range(1, 30)], end=29 * 120) == 0


def test_waiting_for_data_counts_once_also_inside_a_long_gap():
    waited = [host(n, n, wait=n // 2) for n in range(1, 101)]
    assert seconds(waited, end=100) == 50
    stuck = host(401, 101, wait=50 + 299)
    assert seconds([*waited, stuck], end=401) == 50 + 300


def test_a_segment_that_hangs_until_it_is_killed_stalled_to_its_end():
    assert seconds(STEADY, end=1100) == 1000 - 1


def test_without_a_step_a_stall_is_unknown():
    assert seconds([host(n, 0) for n in range(50)], end=50) is None
    assert seconds([]) is None


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 5), st.integers(0, 400)), min_size=1))
def test_a_stall_is_never_longer_than_the_time_in_train(moves):
    hosts, second, steps, wait = [], 0, 0, 0
    for passed, made, waited in moves:
        second, steps, wait = second + passed, steps + made, wait + waited
        hosts.append(host(second, steps, wait))
    found = seconds(hosts, train((0, "setup"), (3, "train")), end=second)
    assert found is None or 0 <= found <= max(0, second - 3)
