"""The meter with clocks and devices that the test plays; the thread is not started here."""

import pytest

from metering.instruments import (
    HOURLY,
    Clock,
    Devices,
    Host,
    gpu,
    instruments,
    reading,
    start_event,
)
from trainfare.core.price import NoPrice
from trainfare.core.profile import DeviceProfile
from trainfare.metering.gpm import GpuProfile
from trainfare.metering.meter import Meter
from trainfare.metering.recording import make_recording, to_segment
from trainfare.metering.spool import EVENTS, SAMPLES, Spool


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "seg"


def make_meter(folder, given, **more):
    return Meter(Spool(folder), given, start_event(), **more)


def read_back(folder, *, alive=False, now=0):
    recording = make_recording(
        (folder / EVENTS).read_bytes(),
        (folder / SAMPLES).read_bytes() if (folder / SAMPLES).exists() else b"",
    )
    return to_segment(recording, alive=alive, now_wall_ns=now)


def open_all(meter):
    """What the thread does before its first tick."""
    meter._open_host()
    meter._tick_host()
    meter._find_place()


def test_a_run_is_priced_by_the_monotonic_clock(folder, clock):
    meter = make_meter(folder, instruments(clock))
    open_all(meter)
    clock.mono += 10 * 10**9
    clock.wall -= 3600 * 10**9
    assert meter.estimated_cost().text() == "0.010000000"
    meter.stop("finished")
    segment = read_back(folder)
    assert segment.duration_ns == 10 * 10**9
    assert segment.prices[0].price == HOURLY


def test_a_jump_of_the_wall_clock_is_noted_and_not_believed(folder, clock):
    meter = make_meter(folder, instruments(clock))
    open_all(meter)
    clock.advance(5)
    clock.wall -= 3600 * 10**9
    meter._watch_clock()
    meter._watch_clock()
    clock.advance(5)
    meter.stop("finished")
    segment = read_back(folder)
    assert segment.duration_ns == 10 * 10**9
    assert len(segment.notes) == 1
    assert "moved by -3600.000 s" in segment.notes[0]


def test_counters_count_from_the_start_of_the_run(folder, clock):
    host = Host()
    host.reading.update(cpu_ns=500, net_tx_bytes=1000)
    meter = make_meter(folder, instruments(clock, host))
    open_all(meter)
    host.reading.update(cpu_ns=1500, net_tx_bytes=4000)
    meter.counters.steps = 7
    clock.advance(1)
    meter.stop("finished")
    segment = read_back(folder)
    assert (segment.totals.cpu_ns, segment.totals.net_tx_bytes) == (1000, 3000)
    assert segment.steps == 7
    assert segment.network == {"eth0": (0, 3000)}
    assert host.closed


def test_a_sensor_that_breaks_is_noted_once_and_the_meter_goes_on(folder, clock, caplog):
    host = Host()
    meter = make_meter(folder, instruments(clock, host))
    open_all(meter)
    host.fails = True
    for _ in range(3):
        clock.advance(1)
        meter._guard("a sample", meter._tick_host)
    clock.advance(1)
    meter.stop("finished")
    segment = read_back(folder)
    assert segment.duration_ns == 4 * 10**9
    assert [n for n in segment.notes if "sensor broke" in n and "a sample" in n] == [
        "lost a sample: OSError: [Errno 5] the sensor broke"
    ]


def test_device_windows_hold_the_mean_and_the_energy_between_them(folder, clock):
    devices = Devices((gpu(0), gpu(1)))
    meter = make_meter(folder, instruments(clock, devices=devices, held=("GPU-0", "GPU-1")))
    open_all(meter)
    for second in range(10):
        clock.advance(1)
        devices.readings = [
            reading(activity=100 if second < 5 else 0, memory=1 << 30, energy=1000 * second),
            reading(),
        ]
        meter._tick_devices()
    meter._flush_devices()
    clock.advance(1)
    meter.stop("finished")
    segment = read_back(folder)
    first = next(u for u in segment.device_use if u.device_id == "GPU-0")
    assert (first.activity_permille, first.memory_mib, first.energy_mj) == (500, 1024, 9000)
    assert first.end_ns - first.start_ns == 10 * 10**9
    unknown = [u for u in segment.device_use if u.device_id == "GPU-1"]
    assert all(u.activity_permille is None and u.energy_mj is None for u in unknown)


def test_who_measures_devices_is_recorded_whenever_it_changes(folder, clock):
    devices = Devices((gpu(0),), [reading(activity=100)])
    meter = make_meter(folder, instruments(clock, devices=devices, held=("GPU-0",)))
    open_all(meter)
    clock.advance(10)
    meter._flush_devices()
    assert read_back(folder).telemetry == {"activity": "NVML", "energy": "counter"}
    devices.said = {"activity": "NVML", "profile_why": "the driver refused it after a while"}
    clock.advance(1)
    meter.stop("finished")
    assert read_back(folder).telemetry == devices.said


def test_a_profile_is_the_mean_of_all_the_time_since_the_last(folder, clock):
    """It may be told in one window of several; those before it share it, those after wait."""
    devices = Devices((gpu(0), gpu(1)))
    meter = make_meter(folder, instruments(clock, devices=devices, held=("GPU-0", "GPU-1")))
    open_all(meter)
    told = (None, GpuProfile(80.5, 40.0, 30.04, None), GpuProfile(10.0, 0.0, 0.0, 0.0), None)
    for profile in told:
        devices.readings = [reading(activity=100, profile=profile), reading(activity=100)]
        clock.advance(10)
        meter._tick_devices()
        meter._flush_devices()
    uses = read_back(folder).device_use
    first, second = DeviceProfile(805, 400, 300, None), DeviceProfile(100, 0, 0, 0)
    assert [u.profile for u in uses if u.device_id == "GPU-0"] == [first, first, second, None]
    assert {u.profile for u in uses if u.device_id == "GPU-1"} == {None}


def test_a_machine_without_price_says_so_in_the_record(folder, clock):
    meter = make_meter(folder, instruments(clock, price=NoPrice("i", "unknown type")))
    open_all(meter)
    clock.advance(1)
    assert meter.estimated_cost() is None
    meter.stop("finished")
    assert read_back(folder).prices[0].price == NoPrice("i", "unknown type")


def test_a_stated_price_counts_from_the_first_instant_and_is_not_looked_up(folder, clock):
    given = instruments(clock, price=NoPrice("i", "must not be asked"))
    meter = make_meter(folder, given, stated_price=HOURLY)
    clock.advance(2)
    assert meter.estimated_cost().text() == "0.002000000"
    open_all(meter)
    meter.stop("finished")
    assert [m.price for m in read_back(folder).prices] == [HOURLY]


def test_a_spot_price_that_moves_is_stamped_again(folder, clock):
    prices = [HOURLY]
    given = instruments(clock)
    given = given._replace(price_of=lambda _m: prices[-1])
    meter = make_meter(folder, given)
    open_all(meter)
    dearer = type(HOURLY)("x", HOURLY.amount * 2, "h")
    prices.append(dearer)
    clock.advance(1000)
    meter._recheck_price()
    meter._recheck_price()
    clock.advance(1000)
    meter.stop("finished")
    marks = read_back(folder).prices
    assert [(m.at_ns // 10**9, m.price) for m in marks] == [(0, HOURLY), (1000, dearer)]


def test_stopping_twice_records_one_end(folder, clock):
    meter = make_meter(folder, instruments(clock))
    open_all(meter)
    clock.advance(1)
    meter.stop("finished")
    clock.advance(1)
    meter.stop("failed")
    segment = read_back(folder)
    assert (segment.status.value, segment.duration_ns) == ("finished", 10**9)
    assert meter.elapsed_ns() == 10**9


def test_without_an_end_a_dead_run_was_killed_at_its_last_sample(folder, clock):
    meter = make_meter(folder, instruments(clock))
    open_all(meter)
    for _ in range(7):
        clock.advance(1)
        meter._tick_host()
    clock.advance(0.9)
    segment = read_back(folder)
    assert (segment.status.value, segment.duration_ns) == ("killed", 7 * 10**9)
    assert read_back(folder, alive=True).status.value == "running"


def test_a_device_that_is_lost_is_noted_and_the_others_go_on(folder, clock):
    devices = Devices((gpu(0),), [reading(activity=100)])
    meter = make_meter(folder, instruments(clock, devices=devices, held=("GPU-0",)))
    open_all(meter)
    devices.events.append("GPU-0 is lost")
    clock.advance(1)
    meter._tick_devices()
    meter.stop("finished")
    assert read_back(folder).notes == ("GPU-0 is lost",)


def test_stopping_never_waits_for_a_sampler_that_hangs(folder, clock):
    meter = make_meter(folder, instruments(clock))
    open_all(meter)
    clock.advance(3)
    assert meter._lock.acquire()  # as the thread does while a driver does not answer
    meter.stop("finished")
    assert read_back(folder).duration_ns == 3 * 10**9


def test_what_the_meter_itself_sends_is_not_the_runs(folder, clock):
    host = Host()
    meter = make_meter(folder, instruments(clock, host))
    meter._open_host()
    meter._tick_host()
    host.reading.update(net_tx_bytes=2350)
    meter._find_place()
    host.reading.update(net_tx_bytes=2350 + 100)
    clock.advance(1)
    meter.stop("finished")
    assert read_back(folder).totals.net_tx_bytes == 100
