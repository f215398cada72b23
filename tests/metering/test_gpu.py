"""The GPU sampler over a library that pretends to be NVIDIA's driver."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from trainfare.metering.gpu import GpuSampler

GIB = 2**30
SOURCE = Path(__file__).with_name("fake_nvml.c")


@pytest.fixture(scope="session")
def build(tmp_path_factory, need):
    """Compile the fake driver with *flags*; each variant once."""
    built = {}

    def make(*flags: str) -> str:
        if flags not in built:
            target = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
            warnings = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"]
            command = [need("gcc"), *warnings, "-O1", "-shared", "-fPIC", *flags]
            subprocess.run([*command, "-o", str(target), str(SOURCE)], check=True)
            built[flags] = str(target)
        return built[flags]

    return make


class Clock:
    def __init__(self):
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def sample(build, monkeypatch):
    """Open a sampler over a fake driver with *flags* and FAKE_NVML_* settings."""
    opened = []

    def make(*flags: str, cpu_ns=lambda: 0, **settings: object) -> GpuSampler:
        for name, value in settings.items():
            monkeypatch.setenv(f"FAKE_NVML_{name}", str(value))
        clock = Clock()
        sampler = GpuSampler(library=build(*flags), clock_ns=clock, cpu_ns=cpu_ns)
        sampler.clock = clock
        opened.append(sampler)
        return sampler

    yield make
    for sampler in opened:
        sampler.close()


def slow_reading(sampler: GpuSampler):
    """Ten readings, of which the last asks for memory and processes."""
    for _ in range(10):
        readings = sampler.read()
    return readings


def test_eight_gpus_are_found_with_their_identities(sample):
    sampler = sample()
    assert sampler.devices == ()
    assert sampler.open()
    assert (sampler.why, sampler.driver_version) == ("", "550.54.15")
    assert [device.index for device in sampler.devices] == list(range(8))
    first, last = sampler.devices[0], sampler.devices[-1]
    assert first.id == "GPU-abc00000-0000-4000-8000-000000000000"
    assert len({device.id for device in sampler.devices}) == 8
    assert (last.name, last.kind) == ("NVIDIA H100 80GB HBM3", "nvidia")
    assert (last.memory_bytes, last.parent_id) == (80 * GIB, None)
    assert (last.slices, last.slices_of) == (1, 1)


def test_each_gpu_is_read_in_the_order_of_the_devices(sample):
    sampler = sample()
    sampler.open()
    readings = sampler.read()
    assert [reading.id for reading in readings] == [device.id for device in sampler.devices]
    assert [reading.gpu_activity_percent for reading in readings] == list(range(5, 85, 10))
    assert [reading.memory_used_bytes for reading in readings] == [n * GIB for n in range(1, 9)]
    assert {reading.activity_source for reading in readings} == {"NVML"}
    assert {reading.process_share for reading in readings} == {None}


def test_no_driver_is_a_reason_not_an_error():
    sampler = GpuSampler(library="libnvidia-ml.so.absent")
    assert not sampler.open()
    assert sampler.why == "libnvidia-ml.so.absent is not installed: no NVIDIA driver"
    assert (sampler.devices, sampler.read()) == ((), ())
    sampler.close()


def test_a_driver_that_does_not_answer_is_a_reason(sample):
    sampler = sample(INIT=9)
    assert not sampler.open()
    assert sampler.why == (
        "the NVIDIA driver does not answer (nvmlInit_v2: the driver is not loaded)"
    )
    sampler = sample(INIT=77)
    sampler.open()
    assert "nvmlInit_v2: error 77" in sampler.why


def test_a_driver_without_gpus_is_a_reason(sample):
    sampler = sample(GPUS=0)
    assert not sampler.open()
    assert sampler.why == "the NVIDIA driver shows this process no GPU"
    assert sampler.read() == ()


def test_a_gpu_cut_by_mig_is_its_instances(sample):
    sampler = sample(MIG=2)
    sampler.open()
    assert len(sampler.devices) == 10
    instances = [device for device in sampler.devices if device.parent_id]
    assert {device.parent_id[:12] for device in instances} == {"GPU-abc00002"}
    assert {device.index for device in instances} == {2}
    assert all(device.id.startswith("MIG-") for device in instances)
    shares = [Fraction(device.slices, device.slices_of) for device in instances]
    assert shares == [Fraction(3, 7), Fraction(2, 7), Fraction(1, 7)]
    assert instances[0].memory_bytes == 40448 * 2**20


def test_activity_and_energy_of_a_mig_instance_are_unknown_not_zero(sample):
    """NVML measures neither for an instance; 0 would say that a busy one is idle."""
    sampler = sample(MIG=0, GPUS=1)
    sampler.open()
    for reading in sampler.read():
        assert reading.gpu_activity_percent is None
        assert reading.activity_source is None
        assert (reading.energy_millijoules, reading.energy_source) == (None, None)
        assert reading.memory_used_bytes == GIB


def test_a_gpu_in_mig_mode_without_instances_is_still_there(sample):
    sampler = sample(MIG=0, UNCUT=1, GPUS=1)
    sampler.open()
    (device,) = sampler.devices
    assert device.id.startswith("GPU-")
    assert sampler.read()[0].gpu_activity_percent is None


def test_the_energy_counter_counts_from_the_opening_and_power_is_told_beside_it(sample):
    sampler = sample(GPUS=1)
    sampler.open()
    sampler.clock.now_ns = 10**9
    first = sampler.read()[0]
    assert (first.energy_millijoules, first.energy_source) == (400_000, "counter")
    assert first.power_milliwatts == 300_000
    sampler.clock.now_ns += 2 * 10**9
    assert sampler.read()[0].energy_millijoules == 800_000


def test_a_dear_energy_counter_is_read_rarely_and_power_goes_on_from_it(sample, build):
    """3 ms of CPU each: every minute, and once more at the end; 300 W between."""
    taken = iter(range(0, 10**12, 3_000_000))
    sampler = sample(GPUS=1, cpu_ns=lambda: next(taken))
    sampler.open()
    reads = ctypes.CDLL(build()).energyReads
    seen = []
    for second in range(1, 60):
        sampler.clock.now_ns = second * 10**9
        seen.append((reads(0), sampler.read()[0].energy_millijoules))
    assert {count for count, _ in seen} == {1}
    assert seen[49][1] == 50 * 300_000
    assert all(a[1] <= b[1] for a, b in zip(seen, seen[1:], strict=False))
    sampler.clock.now_ns += 10**9
    assert sampler.read(is_last=True)[0].energy_source == "counter"
    assert reads(0) == 2


@pytest.mark.parametrize("flag", ["-DNO_ENERGY", "-DOLD_DRIVER"])
def test_without_a_counter_power_is_added_up_over_time(sample, flag):
    sampler = sample(flag, GPUS=2)
    sampler.open()
    for second in range(1, 61):
        sampler.clock.now_ns = second * 10**9
        readings = sampler.read()
    assert [reading.energy_millijoules for reading in readings] == [60 * 300_000, 60 * 301_000]
    assert {reading.energy_source for reading in readings} == {"power"}
    assert readings[1].power_milliwatts == 301_000


def test_what_an_old_driver_lacks_is_unknown_and_the_rest_is_read(sample):
    sampler = sample("-DOLD_DRIVER", GPUS=1, MIG=0, PROCESSES=f"0:{os.getpid()}:10:5")
    assert sampler.open()
    (device,) = sampler.devices
    assert (device.parent_id, device.memory_bytes) == (None, 80 * GIB)
    reading = sampler.read()[0]
    assert (reading.memory_used_bytes, reading.process_share) == (GIB, 1)
    assert sampler.take_events() == []


def test_a_gpu_lost_in_mid_run_goes_silent_once_and_the_others_go_on(sample):
    sampler = sample(LOST="3:10")
    sampler.open()
    seen = [sampler.read() for _ in range(20)]
    assert seen[0][3].gpu_activity_percent == 35
    lost = seen[-1][3]
    assert lost.id == sampler.devices[3].id
    assert set(lost[1:]) == {None}
    others = [reading for i, reading in enumerate(seen[-1]) if i != 3]
    assert all(reading.gpu_activity_percent is not None for reading in others)
    assert all(reading.energy_millijoules == 20 * 400_000 for reading in others)
    (event,) = sampler.take_events()
    assert event.startswith("GPU 3 (GPU-abc00003-")
    assert event.endswith(": the GPU is lost)")
    assert "stopped answering (nvmlDeviceGet" in event
    assert sampler.take_events() == []


def test_a_gpu_that_cannot_be_opened_is_told_and_the_others_are_found(sample):
    sampler = sample(BROKEN=1, GPUS=3)
    assert sampler.open()
    assert [device.index for device in sampler.devices] == [0, 2]
    (event,) = sampler.take_events()
    assert event.startswith("GPU 1 does not answer (nvmlDeviceGetHandleByIndex_v2")


def test_a_gpu_that_only_we_use_is_all_ours(sample):
    sampler = sample(GPUS=2, PROCESSES=f"0:{os.getpid()}:100:0")
    sampler.open()
    assert [reading.process_share for reading in sampler.read()] == [1, None]


def test_a_gpu_that_others_use_too_is_divided_by_activity(sample):
    """By memory until the driver has told activity three times: one moment says too little."""
    ours, theirs = os.getpid(), os.getppid()
    sampler = sample(GPUS=1, PROCESSES=f"0:{ours}:100:30,0:{theirs}:300:10")
    sampler.open()
    assert sampler.read()[0].process_share == Fraction(1, 4)
    assert [slow_reading(sampler)[0].process_share for _ in range(2)] == [
        Fraction(1, 4),
        Fraction(3, 4),
    ]


def test_a_process_that_one_moment_does_not_show_keeps_its_share(sample, monkeypatch):
    ours, theirs = os.getpid(), os.getppid()
    sampler = sample(GPUS=1, PROCESSES=f"0:{ours}:100:10,0:{theirs}:100:90")
    sampler.open()
    slow_reading(sampler)
    slow_reading(sampler)
    monkeypatch.setenv("FAKE_NVML_PROCESSES", f"0:{ours}:100:0,0:{theirs}:100:60")
    assert slow_reading(sampler)[0].process_share == Fraction(30, 30 + 3 * 90 + 60)


def test_a_driver_of_dear_answers_tells_a_dozen_shares_soon_and_others_rarely(sample, build):
    """3 ms of CPU each: a short run has a share, and a long one asks every two minutes."""
    ours, theirs = os.getpid(), os.getppid()
    taken = iter(range(0, 10**12, 3_000_000))
    processes = f"0:{ours}:100:30,0:{theirs}:300:10"
    sampler = sample(GPUS=1, PROCESSES=processes, cpu_ns=lambda: next(taken))
    asked = ctypes.CDLL(build()).sampleReads
    before = asked()
    sampler.open()
    counts, shares = [], []
    for second in range(1, 601):
        sampler.clock.now_ns = second * 10**9
        shares.append(sampler.read()[0].process_share)
        counts.append(asked() - before)
    assert shares[29] == Fraction(3, 4)
    assert counts[119] == 12
    assert 15 <= counts[-1] <= 17


def test_without_activity_by_process_memory_divides(sample):
    ours, theirs = os.getpid(), os.getppid()
    processes = f"0:{ours}:100:30,0:{theirs}:900:10"
    sampler = sample("-DNO_SAMPLES", GPUS=1, PROCESSES=processes)
    sampler.open()
    assert sampler.read()[0].process_share == Fraction(1, 10)


def test_processes_that_did_nothing_lately_are_divided_by_memory(sample):
    ours, theirs = os.getpid(), os.getppid()
    sampler = sample(GPUS=1, PROCESSES=f"0:{ours}:100:0,0:{theirs}:300:0")
    sampler.open()
    assert sampler.read()[0].process_share == Fraction(1, 4)


def test_a_share_that_the_driver_does_not_tell_is_unknown(sample):
    ours, theirs = os.getpid(), os.getppid()
    processes = f"0:{ours}:-1:0,0:{theirs}:300:0"
    sampler = sample("-DNO_SAMPLES", GPUS=1, PROCESSES=processes)
    sampler.open()
    assert sampler.read()[0].process_share is None


def test_a_gpu_that_only_others_use_is_not_ours(sample):
    sampler = sample(GPUS=1, PROCESSES=f"0:{os.getppid()}:100:50")
    sampler.open()
    assert sampler.read()[0].process_share == 0


def test_process_ids_of_another_name_space_say_nothing(sample):
    """In a container the driver may list the host's ids; none of them is known in here."""
    stranger = subprocess.Popen([sys.executable, "-c", ""])
    stranger.wait()
    sampler = sample(GPUS=1, PROCESSES=f"0:{stranger.pid}:100:50")
    sampler.open()
    assert sampler.read()[0].process_share is None


def test_what_a_child_process_uses_is_ours(sample):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        processes = f"0:{child.pid}:100:30,0:{os.getppid()}:100:10"
        sampler = sample(GPUS=1, PROCESSES=processes)
        sampler.open()
        slow_reading(sampler)
        assert slow_reading(sampler)[0].process_share == Fraction(3, 4)
        child.communicate(b"\n")


def test_more_processes_than_expected_are_all_counted(sample):
    ours = os.getpid()
    processes = ",".join([f"0:{ours}:10:1", *(f"0:{os.getppid()}:10:1" for _ in range(70))])
    sampler = sample("-DNO_SAMPLES", GPUS=1, PROCESSES=processes)
    sampler.open()
    assert sampler.read()[0].process_share == Fraction(1, 2)


def test_memory_and_processes_are_asked_for_at_every_tenth_reading(sample, monkeypatch):
    sampler = sample(GPUS=1)
    sampler.open()
    monkeypatch.setenv("FAKE_NVML_PROCESSES", f"0:{os.getpid()}:1:1")
    assert [sampler.read()[0].process_share for _ in range(11)] == [*[None] * 9, 1, 1]


def test_dear_readings_are_taken_less_often(sample):
    """A slow driver must not cost the training more CPU than a fast one."""
    taken = iter(range(0, 10**12, 450_000))
    sampler = sample("-DNO_ENERGY", GPUS=1, cpu_ns=lambda: next(taken))
    sampler.open()
    joules = []
    for second in range(1, 8):
        sampler.clock.now_ns = second * 10**9
        joules.append(sampler.read()[0].energy_millijoules // 300_000)
    assert joules == [1, 1, 1, 1, 1, 6, 6]


def test_what_a_dear_reading_told_of_the_profile_is_not_told_again(sample):
    """Its repetitions fall into the next record, whose time it is not of."""
    taken = iter(range(0, 10**12, 450_000))
    sampler = sample(GPM=1, GPUS=1, cpu_ns=lambda: next(taken))
    sampler.open()
    told = []
    for tick in range(1, 31):
        sampler.clock.now_ns = tick * 10**10
        told += [tick] if sampler.read()[0].profile else []
    assert told == [10, 20, 30]


def test_the_last_reading_asks_for_everything(sample, monkeypatch):
    sampler = sample(GPUS=1, GPM=1)
    sampler.open()
    sampler.read()
    monkeypatch.setenv("FAKE_NVML_PROCESSES", f"0:{os.getpid()}:1:1")
    last = sampler.read(is_last=True)[0]
    assert (last.process_share, last.profile[0]) == (1, 80.5)


def test_after_closing_the_last_reading_stays(sample):
    sampler = sample(GPUS=1)
    sampler.open()
    last = sampler.read()
    sampler.close()
    sampler.close()
    assert sampler.read() == last
    assert len(sampler.devices) == 1


def test_opening_twice_finds_the_devices_once(sample):
    sampler = sample(GPUS=2)
    assert sampler.open()
    assert sampler.open()
    assert len(sampler.devices) == 2


ASK_BOTH = """
import json, os, pynvml
from trainfare.metering.nvml import Nvml
ours, theirs = Nvml(), []
pynvml.nvmlInit()
pairs = [(ours.driver_version(), pynvml.nvmlSystemGetDriverVersion())]
pairs.append((ours.device_count(), pynvml.nvmlDeviceGetCount()))
for i in range(ours.device_count()):
    mine, handle = ours.device(i), pynvml.nvmlDeviceGetHandleByIndex(i)
    info = pynvml.nvmlDeviceGetMemoryInfo(handle)
    pairs += [
        (ours.uuid(mine), pynvml.nvmlDeviceGetUUID(handle)),
        (ours.name(mine), pynvml.nvmlDeviceGetName(handle)),
        (list(ours.memory(mine)), [info.total, info.used]),
        (ours.power_milliwatts(mine), pynvml.nvmlDeviceGetPowerUsage(handle)),
        (ours.energy_millijoules(mine) + 400000,
         pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)),
        (ours.is_mig(mine), pynvml.nvmlDeviceGetMigMode(handle)[0] == 1),
        (sorted(ours.processes(mine).items()), sorted(
            (p.pid, p.usedGpuMemory) for p in pynvml.nvmlDeviceGetComputeRunningProcesses(handle))),
    ]
    if ours.is_mig(mine):
        pairs.append((ours.max_mig_devices(mine), pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)))
        part, other = ours.mig_device(mine, 1), pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, 1)
        shape = pynvml.nvmlDeviceGetAttributes(other)
        pairs.append((list(ours.mig_shape(part)),
                      [shape.computeInstanceSliceCount, shape.memorySizeMB * 2**20]))
        pairs.append((ours.uuid(part), pynvml.nvmlDeviceGetUUID(other)))
    else:
        pairs.append((ours.activity_percent(mine), pynvml.nvmlDeviceGetUtilizationRates(handle).gpu))
        if i == 0:
            samples = pynvml.nvmlDeviceGetProcessUtilization(handle, 0)
            pairs.append((sorted(ours.process_activity(mine, 0)[0].items()),
                          sorted((s.pid, s.smUtil) for s in samples)))
print(json.dumps(pairs))
"""


def test_our_binding_reads_what_nvidias_own_binding_reads(build):
    """Found by the loader under the driver's own name; every struct and signature agrees."""
    pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    environ = {
        **os.environ,
        "LD_LIBRARY_PATH": str(Path(build()).parent),
        "FAKE_NVML_MIG": "2",
        "FAKE_NVML_PROCESSES": "0:11:100:30,0:12:-1:7,1:13:5:1",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK_BOTH], env=environ, capture_output=True, text=True, check=True
    )
    pairs = json.loads(done.stdout)
    assert len(pairs) > 60
    for ours, theirs in pairs:
        assert ours == theirs


def test_the_sampler_loads_nothing_but_the_standard_library(build):
    environ = {**os.environ, "LD_LIBRARY_PATH": str(Path(build()).parent)}
    body = """
import sys
from trainfare.metering.gpu import GpuSampler
sampler = GpuSampler()
assert sampler.open() and len(sampler.read()) == 8
foreign = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
print(sorted(name for name in foreign if not name.startswith(("_", "trainfare"))))
"""
    done = subprocess.run(
        [sys.executable, "-c", body], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_ours_is_the_tree_of_the_process_that_is_metered(build, monkeypatch):
    """``trainfare run`` meters a child: what its own process does on a GPU is not the run's."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        processes = f"0:{child.pid}:100:20,0:{os.getpid()}:100:60"
        monkeypatch.setenv("FAKE_NVML_PROCESSES", processes)
        sampler = GpuSampler(child.pid, library=build(), cpu_ns=lambda: 0)
        sampler.open()
        slow_reading(sampler)
        assert slow_reading(sampler)[0].process_share == Fraction(1, 4)
        sampler.close()
        child.communicate(b"\n")


def test_the_profile_of_a_gpu_is_told_every_tenth_time(sample):
    """Its mean covers all the time between, so nothing is lost; memory above 100 % is no measure."""
    sampler = sample(GPM=1, GPUS=2)
    sampler.open()
    assert sampler.profile_why == ""
    seen = [sampler.read() for _ in range(20)]
    told = [i for i, readings in enumerate(seen, start=1) if readings[1].profile]
    assert told == [10, 20]
    assert seen[9][1].profile == (81.5, 41.25, 31.0, None)
    assert seen[19][0].profile.tensor_active == 30.0


@pytest.mark.parametrize(
    ("flag", "setting", "why"),
    [
        ("-DNO_GPM", 1, "the driver is too old for this call"),
        ("-DOLD_DRIVER", 1, "the driver is too old for this call"),
        ("-O1", 0, "not supported"),
        ("-O1", 4, "no permission"),
    ],
)
def test_without_a_profile_the_rest_is_read_and_the_reason_kept(sample, flag, setting, why):
    sampler = sample(flag, GPM=setting, GPUS=1)
    assert sampler.open()
    assert why in sampler.profile_why
    readings = slow_reading(sampler)
    assert (readings[0].profile, readings[0].gpu_activity_percent) == (None, 5)
    assert sampler.take_events() == []


def test_a_profile_that_the_driver_takes_back_is_not_asked_for_again(sample, monkeypatch):
    sampler = sample(GPM=1, GPUS=1)
    sampler.open()
    assert slow_reading(sampler)[0].profile
    monkeypatch.setenv("FAKE_NVML_GPM", "4")
    assert slow_reading(sampler)[0].profile is None
    assert sampler.profile_why == "the driver refused it after a while"
    monkeypatch.setenv("FAKE_NVML_GPM", "1")
    assert slow_reading(sampler)[0].profile is None


def test_samples_of_the_driver_are_given_back(sample, build):
    sampler = sample(GPM=1, GPUS=3)
    sampler.open()
    slow_reading(sampler)
    library = ctypes.CDLL(build())
    assert library.gpmSamplesLeft() == 6
    sampler.close()
    assert library.gpmSamplesLeft() == 0
    refused = sample(GPM=4, GPUS=1)
    refused.open()
    assert library.gpmSamplesLeft() == 0


def test_a_mig_instance_has_no_profile(sample):
    sampler = sample(GPM=1, MIG=0, GPUS=1)
    sampler.open()
    assert "MIG" in sampler.profile_why
    assert {reading.profile for reading in slow_reading(sampler)} == {None}


def test_the_doctor_names_the_driver_and_where_prices_of_such_gpus_are(build, tmp_path):
    environ = {
        **os.environ,
        "LD_LIBRARY_PATH": str(Path(build()).parent),
        "TRAINFARE_HOME": str(tmp_path),
        "TRAINFARE_METADATA": "off",
    }
    command = [sys.executable, "-m", "trainfare", "doctor"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "8 × NVIDIA H100 80GB HBM3" in done.stdout
    assert "driver 550.54.15" in done.stdout
    assert "→ trainfare prices find H100" in done.stdout
