"""Low use needs an unbroken window of telemetry; without telemetry it is unknown."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from core.segments import SECOND, segment
from trainfare.core.activity import LOW_USE_WINDOW_NS, activity_of, low_use_ns
from trainfare.core.run import (
    DeviceUse,
    make_run,
)


def use(start, end, permille, device="g", **more):
    return DeviceUse(device, start * SECOND, end * SECOND, permille, **more)


def test_five_quiet_minutes_are_low_use_and_four_are_not():
    assert low_use_ns([use(0, 300, 10)]) == 300 * SECOND
    assert low_use_ns([use(0, 299, 10)]) == 0


def test_a_busy_or_unknown_moment_breaks_the_window():
    for middle in (use(200, 210, 900), use(200, 210, None)):
        assert low_use_ns([use(0, 200, 0), middle, use(210, 400, 0)]) == 0


@given(st.lists(st.integers(0, 1000), max_size=100))
def test_low_use_never_exceeds_the_time_below_the_threshold(permilles):
    uses = [use(10 * i, 10 * i + 10, p) for i, p in enumerate(permilles)]
    quiet = sum(10 * SECOND for p in permilles if p < 50)
    found = low_use_ns(uses)
    assert 0 <= found <= quiet
    assert found == 0 or found >= LOW_USE_WINDOW_NS


def run_of(*uses, held=("g",), **more):
    return make_run("r", [segment(0, 600, device_use=uses, held_devices=held, **more)])


def test_energy_becomes_kilowatt_hours_and_carbon_exactly():
    found = activity_of(
        run_of(use(0, 10, 500, energy_mj=3_600_000_000), carbon_g_per_kwh=Fraction(400))
    )
    assert (found.energy_kwh, found.carbon_g) == (1, 400)


def test_without_telemetry_everything_is_unknown():
    found = activity_of(run_of(use(0, 10, None)))
    assert (found.mean_permille, found.low_use_device_ns, found.energy_kwh) == (None, None, None)
    assert found.unknown_device_ns == 10 * SECOND


def test_devices_that_the_run_does_not_hold_do_not_count():
    found = activity_of(run_of(use(0, 10, 500), use(0, 10, 0, device="other")))
    assert found.mean_permille == 500


def test_a_device_watched_by_two_segments_counts_once():
    first = segment(
        0, 600, id="a", device_use=(use(0, 10, 500, energy_mj=5000),), held_devices=("g",)
    )
    second = segment(
        0, 600, id="b", device_use=(use(0, 10, 500, energy_mj=5000),), held_devices=("g",)
    )
    found = activity_of(make_run("r", [first, second]))
    assert found.known_device_ns == 10 * SECOND
    assert found.energy_kwh == Fraction(5, 3_600_000)
