"""Low use needs an unbroken window of telemetry; without telemetry it is unknown."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from core.segments import SECOND, segment
from trainfare.core.activity import (
    LOW_USE_WINDOW_NS,
    activity_of,
    device_activity,
    joined,
    low_stretches,
    low_use_ns,
)
from trainfare.core.attempts import make_run
from trainfare.core.profile import DeviceProfile
from trainfare.core.run import DeviceUse


def use(start, end, permille, device="g", **more):
    return DeviceUse(device, start * SECOND, end * SECOND, permille, **more)


def test_ten_quiet_minutes_are_low_use_and_nine_are_not():
    assert low_use_ns([use(0, 600, 9)]) == 600 * SECOND
    assert low_use_ns([use(0, 599, 9)]) == 0
    assert low_use_ns([use(0, 600, 10)]) == 0


def test_a_busy_or_unknown_moment_breaks_the_window():
    for middle in (use(200, 210, 900), use(200, 210, None)):
        assert low_use_ns([use(0, 200, 0), middle, use(210, 800, 0)]) == 0


@given(st.lists(st.sampled_from([0, 3, 9, 10, 500, 1000]), max_size=200))
def test_low_use_never_exceeds_the_time_below_the_threshold(permilles):
    uses = [use(10 * i, 10 * i + 10, p) for i, p in enumerate(permilles)]
    quiet = sum(10 * SECOND for p in permilles if p < 10)
    found = low_use_ns(uses)
    assert 0 <= found <= quiet
    assert found == 0 or found >= LOW_USE_WINDOW_NS


levels = st.sampled_from([None, 0, 3, 9, 10, 11, 500, 1000])
windows = st.lists(st.tuples(levels, st.sampled_from([None, 0, 7]), st.booleans()), max_size=150)


@given(windows)
def test_joining_windows_changes_neither_low_use_nor_time_nor_energy_nor_the_mean(found):
    """A month of minutes is kept as a few stretches; what is asked of them must stay."""
    uses = [
        use(60 * i + 5 * late, 60 * i + 60, permille, energy_mj=energy)
        for i, (permille, energy, late) in enumerate(found)
    ]
    kept = list(joined(uses))
    assert low_stretches(kept) == low_stretches(uses)
    assert sum(u.end_ns - u.start_ns for u in kept) == sum(u.end_ns - u.start_ns for u in uses)
    assert sum(u.energy_mj or 0 for u in kept) == sum(u.energy_mj or 0 for u in uses)
    means = [activity_of(run_of(*one)).mean_permille for one in (kept, uses)]
    assert (means[0] is None) == (means[1] is None)
    assert means[0] is None or abs(means[0] - means[1]) <= 1


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


def test_the_building_adds_to_emissions_and_a_factor_of_zero_is_known():
    energy = use(0, 10, 500, energy_mj=3_600_000_000)
    said = {"pue": Fraction(6, 5), "carbon_source": "Invented Grid 2026-03"}
    found = activity_of(run_of(energy, carbon_g_per_kwh=Fraction(400), **said))
    assert (found.energy_kwh, found.carbon_g, found.pue) == (1, 480, Fraction(6, 5))
    assert found.carbon_source == "Invented Grid 2026-03"
    assert activity_of(run_of(energy, carbon_g_per_kwh=Fraction(0))).carbon_g == 0
    assert activity_of(run_of(energy)).carbon_g is None


def test_profiles_are_weighted_by_the_time_of_their_windows():
    """Ten seconds at 100 % and thirty at 0 % are a quarter, not a half."""
    busy, quiet = DeviceProfile(1000, 800, 600), DeviceProfile(0, 0, None)
    found = activity_of(
        run_of(use(0, 10, 1000, profile=busy), use(10, 40, 0, profile=quiet), use(40, 50, 0))
    )
    assert found.profile == DeviceProfile(250, 200, 600, None)
    assert activity_of(run_of(use(0, 10, 1000))).profile is None


def test_everybody_who_measured_is_named():
    says = [
        {"activity": "NVML", "profile_why": "not supported"},
        {"activity": "NVML, tpu-info", "profile": "GPM"},
    ]
    segments = [segment(0, 10, id=str(n), telemetry=said) for n, said in enumerate(says)]
    found = activity_of(make_run("r", segments)).telemetry
    assert found == {"activity": "NVML, tpu-info", "profile": "GPM"}


@given(st.lists(st.tuples(st.sampled_from("ab"), levels, st.integers(0, 9)), max_size=60))
def test_what_each_device_did_sums_to_what_the_run_did(found):
    uses = [
        use(10 * i, 10 * i + 10, permille, device=device, energy_mj=energy)
        for i, (device, permille, energy) in enumerate(found)
    ]
    run = run_of(*uses, held=("a", "b"))
    each, whole = device_activity(run).values(), activity_of(run)
    assert sum(one.known_device_ns for one in each) == whole.known_device_ns
    assert sum(one.low_use_device_ns or 0 for one in each) == (whole.low_use_device_ns or 0)
    assert sum(one.energy_kwh or 0 for one in each) == (whole.energy_kwh or 0)
