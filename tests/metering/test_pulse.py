"""Pulses: the last minutes of a segment, however long its record is."""

from trainfare.metering.pulse import Pulse, read_pulse
from trainfare.metering.sample import DeviceSample, HostSample

SECOND = 10**9


def host(second, *, steps=0, cpu=None, wait=None):
    return HostSample(
        second * SECOND, 5 * SECOND + second * SECOND, -1, steps, cpu, 7, 0, 0, 0, 0, wait
    )


def test_a_segment_without_samples_says_nothing(tmp_path):
    pulse = read_pulse(tmp_path, "r", "s")
    assert (pulse.seen_wall_ns, pulse.steps_per_second, pulse.input_wait) == (None, None, None)
    assert (pulse.memory_bytes, pulse.cpu_cores()) == (None, [])


def test_a_counter_that_is_not_known_is_a_gap_and_never_zero():
    pulse = Pulse((host(0, cpu=0), host(1, cpu=SECOND), host(2), host(3, cpu=3 * SECOND)), ())
    assert pulse.cpu_cores() == [1.0, None, None]
    assert pulse.input_wait is None


def test_a_stretch_without_steps_has_no_rate():
    assert Pulse((host(0, steps=5), host(9, steps=5)), ()).steps_per_second is None


def test_windows_are_told_apart_by_device():
    first, second = (DeviceSample(0, SECOND, n, 500, None, None, None) for n in (0, 1))
    assert Pulse((), (first, second)).device(1) == [second]
