"""The fixed-size record survives a crash at any byte."""

from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.profile import DeviceProfile
from trainfare.metering.sample import (
    SIZE,
    DeviceSample,
    HostSample,
    ProfileSample,
    WorkSample,
    pack_devices,
    pack_host,
    pack_profiles,
    pack_work,
    unpack,
)

counter = st.none() | st.integers(0, 2**63)
hosts = st.builds(
    HostSample,
    st.integers(0, 2**62),
    st.integers(0, 2**62),
    st.integers(-1, 2**31 - 1),
    st.integers(0, 2**63),
    *[counter] * 7,
)


@given(st.lists(hosts, max_size=20))
def test_what_is_packed_is_unpacked(samples):
    data = b"".join(map(pack_host, samples))
    assert len(data) == SIZE * len(samples)
    assert list(unpack(data)) == samples


count = st.none() | st.integers(0, 2**63)


@given(st.lists(st.builds(WorkSample, st.integers(0, 2**62), count, count), max_size=9))
def test_what_the_training_took_in_is_packed_and_unpacked(samples):
    data = b"".join(map(pack_work, samples))
    assert len(data) == SIZE * len(samples)
    assert list(unpack(data)) == samples


@given(
    st.integers(1, 19),
    st.none() | st.integers(0, 1000),
    st.none() | st.integers(0, 2**32 - 2),
    st.none() | st.integers(0, 2**63),
)
def test_devices_are_packed_four_to_a_record_in_order(count, permille, memory, energy):
    samples = [DeviceSample(5, 9, n, permille, permille, memory, energy) for n in range(count)]
    data = pack_devices(samples)
    assert len(data) == SIZE * ((count + 3) // 4)
    assert list(unpack(data)) == samples


permilles = st.none() | st.integers(0, 1000)
profiles = st.builds(DeviceProfile, permilles, permilles, permilles, permilles)


@given(st.lists(profiles, min_size=1, max_size=19))
def test_profiles_are_packed_eight_to_a_record_in_order(told):
    samples = [ProfileSample(5, 9, n, profile) for n, profile in enumerate(told)]
    data = pack_profiles(samples)
    assert len(data) == SIZE * ((len(told) + 7) // 8)
    assert list(unpack(data)) == samples


@given(st.lists(hosts, min_size=1, max_size=5), st.data())
def test_a_record_cut_short_is_passed_over_and_the_others_stand(samples, data):
    packed = b"".join(map(pack_host, samples))
    cut = data.draw(st.integers(0, len(packed)))
    assert list(unpack(packed[:cut])) == samples[: cut // SIZE]


@given(st.lists(hosts, min_size=1, max_size=5), st.data())
def test_a_damaged_byte_costs_its_record_only(samples, data):
    packed = bytearray(b"".join(map(pack_host, samples)))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    hit = at // SIZE
    assert list(unpack(bytes(packed))) == samples[:hit] + samples[hit + 1 :]
