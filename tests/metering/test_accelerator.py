"""Accelerators of other makers: identity always, activity where the maker's monitor is present."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from trainfare.core.machine import Accelerator
from trainfare.metering.accelerator import AcceleratorSampler
from trainfare.metering.gpu import GpuSampler
from trainfare.metering.maker import Kind
from trainfare.metering.monitor import (
    CommandMonitor,
    Use,
    ask,
    parse_neuron_monitor,
    parse_tpu_info,
)

GIB = 2**30
HOST = os.uname().nodename


class Rack:
    """A machine of files: /dev, /sys, a folder of programs and a clock."""

    def __init__(self, top: Path):
        self.dev, self.sys, self.programs = top / "dev", top / "sys", top / "bin"
        for folder in (self.dev, self.sys, self.programs):
            folder.mkdir()
        self.environ = {"PATH": str(self.programs)}
        self.now_ns = 0

    def device(self, *names: str) -> None:
        for name in names:
            path = self.dev / name
            path.parent.mkdir(exist_ok=True)
            path.touch()

    def fact(self, path: str, text: str) -> None:
        target = self.sys / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text + "\n")

    def program(self, name: str, body: str) -> None:
        target = self.programs / name
        target.write_text(f"#!/bin/sh\n{body}\n")
        target.chmod(0o755)

    def prints(self, name: str, text: str) -> None:
        (self.programs / f"{name}.txt").write_text(text)
        self.program(name, f"exec /bin/cat {self.programs}/{name}.txt")

    def sampler(self, **environ: str) -> AcceleratorSampler:
        return AcceleratorSampler(
            gpus=GpuSampler(library="libnvidia-ml.so.absent"),
            dev=str(self.dev),
            sys=str(self.sys),
            environ=self.environ | environ,
            clock_ns=lambda: self.now_ns,
        )


@pytest.fixture
def rack(tmp_path):
    return Rack(tmp_path)


def activity_of(sampler: AcceleratorSampler, seconds: float = 10.0) -> list[float | None]:
    """Read until the monitor has answered; readings themselves never wait."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        readings = sampler.read()
        if any(reading.gpu_activity_percent is not None for reading in readings):
            return [reading.gpu_activity_percent for reading in readings]
        time.sleep(0.01)
    pytest.fail("the monitor did not answer in time")


def test_a_machine_without_accelerators_has_none_and_says_why(rack):
    sampler = rack.sampler()
    assert not sampler.open()
    assert (sampler.devices, sampler.read()) == ((), ())
    assert sampler.notes == ("libnvidia-ml.so.absent is not installed: no NVIDIA driver",)
    sampler.close()


def test_trainium_is_counted_and_its_activity_unknown_without_a_monitor(rack):
    rack.device(*(f"neuron{i}" for i in range(16)), "neuron_core")
    rack.fact("devices/virtual/neuron_device/neuron3/info/architecture/device_name", "Trainium2")
    sampler = rack.sampler()
    assert sampler.open()
    assert [device.index for device in sampler.devices] == list(range(16))
    assert {device.kind for device in sampler.devices} == {"trainium"}
    assert sampler.devices[3].name == "Trainium2"
    assert sampler.devices[2].id == f"{HOST}:2"
    assert set(sampler.read()[0][1:]) == {None}
    assert "the activity of 16 Neuron device(s) is unknown: neuron-monitor is not installed" in (
        sampler.notes
    )


NEURON_REPORT = {
    "neuron_runtime_data": [
        {
            "pid": 7,
            "report": {
                "neuroncore_counters": {
                    "neuroncores_in_use": {
                        "0": {"neuroncore_utilization": 80.0},
                        "1": {"neuroncore_utilization": 40.0},
                        "2": {"neuroncore_utilization": 10.0},
                    },
                    "error": "",
                },
                "memory_used": {
                    "neuron_runtime_used_bytes": {
                        "neuron_device": 600,
                        "usage_breakdown": {
                            "neuroncore_memory_usage": {"0": {"tensors": 200, "constants": 300}}
                        },
                    }
                },
            },
        }
    ],
    "neuron_hardware_info": {"neuron_device_count": 2, "neuroncore_per_device_count": 2},
}


def test_trainium_is_read_through_neuron_monitor_and_neuron_ls(rack):
    rack.device("neuron0", "neuron1")
    rack.prints("neuron-ls", '[{"neuron_device": 0, "nc_count": 2, "memory_size": 34359738368}]')
    report = rack.programs / "report.json"
    report.write_text(json.dumps(NEURON_REPORT) + "\n")
    rack.program("neuron-monitor", f"/bin/cat {report}; exec /bin/sleep 60")
    sampler = rack.sampler()
    sampler.open()
    assert [device.memory_bytes for device in sampler.devices] == [32 * GIB, None]
    assert activity_of(sampler) == [60.0, 5.0]
    readings = sampler.read()
    assert readings[0].memory_used_bytes == 500
    assert readings[0].activity_source == "neuron-monitor"
    assert sampler.notes == ("libnvidia-ml.so.absent is not installed: no NVIDIA driver",)
    sampler.close()


def test_logical_neuron_cores_are_groups_of_physical_ones():
    report = {
        **NEURON_REPORT,
        "neuron_hardware_info": {
            "neuron_device_count": 1,
            "neuroncore_per_device_count": 8,
            "logical_neuroncore_config": 2,
        },
    }
    assert parse_neuron_monitor(json.dumps(report))[0].activity_percent == 32.5


def test_a_report_of_an_error_is_unknown_and_of_no_process_is_idle():
    counters = {"neuroncores_in_use": {}, "error": "cannot read counters"}
    broken = {"pid": 7, "report": {"neuroncore_counters": counters}}
    assert (
        parse_neuron_monitor(json.dumps({**NEURON_REPORT, "neuron_runtime_data": [broken]})) == {}
    )
    idle = parse_neuron_monitor(json.dumps({**NEURON_REPORT, "neuron_runtime_data": None}))
    assert [use.activity_percent for use in idle.values()] == [0.0, 0.0]


TPU_TABLE = """Libtpu version: 0.0.19
Accelerator type: v5e
TPU Chips
│ Chip        │ Type         │ Devices │ PID │
│ /dev/vfio/0 │ TPU v5e chip │ 1       │ 77  │
TPU Runtime Utilization
│ Chip │ HBM Usage (GiB)      │ Duty cycle │
│ 8    │ 8.00 GiB / 15.75 GiB │    100.00% │
│ 9    │ 0.50 GiB / 15.75 GiB │      2.50% │
TensorCore Utilization
│ 0       │ 13.60%                 │
"""


def test_tpu_chips_are_found_on_the_bus_and_read_through_tpu_info(rack):
    rack.device("vfio/0", "vfio/1", "vfio/vfio")
    for slot in ("0000:00:04.0", "0000:00:05.0"):
        rack.fact(f"bus/pci/devices/{slot}/vendor", "0x1ae0")
        rack.fact(f"bus/pci/devices/{slot}/device", "0x0063")
        rack.fact(f"bus/pci/devices/{slot}/subsystem_device", "0x0001")
    rack.fact("bus/pci/devices/0000:00:06.0/vendor", "0x8086")
    rack.prints("tpu-info", TPU_TABLE)
    sampler = rack.sampler()
    sampler.open()
    found = [(device.name, device.kind, device.memory_bytes) for device in sampler.devices]
    assert found == [("TPU v5e", "tpu", 16 * GIB)] * 2
    assert activity_of(sampler) == [100.0, 2.5]
    assert [reading.memory_used_bytes for reading in sampler.read()] == [8 * GIB, GIB // 2]
    sampler.close()


def test_a_tpu_chip_of_two_cores_has_two_rows():
    rows = "| 0 | 1.00 GiB / 8.00 GiB | 50.00% |\n| 1 | 2.00 GiB / 8.00 GiB | 50.00% |\n"
    use = parse_tpu_info(rows, chips=1)[0]
    assert (use.activity_percent, use.memory_used_bytes) == (50.0, 3 * GIB)
    assert parse_tpu_info("no workload is running", chips=4) == {}


def test_tpu_chips_that_the_bus_hides_are_as_many_as_files_or_as_stated(rack):
    rack.device("accel0", "accel1", "accel2", "accel3")
    sampler = rack.sampler(TPU_ACCELERATOR_TYPE="v4-16")
    sampler.open()
    assert [device.name for device in sampler.devices] == ["TPU v4"] * 4
    assert "tpu-info is not installed" in sampler.notes[-1]


def test_tpu_chips_without_files_are_as_the_environment_states(rack):
    stated = {"TPU_ACCELERATOR_TYPE": "v5litepod-16", "TPU_CHIPS_PER_HOST_BOUNDS": "2,2,1"}
    sampler = rack.sampler(**stated)
    sampler.open()
    assert [device.name for device in sampler.devices] == ["TPU v5e"] * 4
    assert not rack.sampler(TPU_ACCELERATOR_TYPE="v5litepod-16").open()


def test_a_passed_through_device_that_is_no_tpu_is_none(rack):
    rack.device("vfio/12", "vfio/vfio")
    assert not rack.sampler().open()


def test_gaudi_is_listed_and_read_by_hl_smi(rack):
    rack.device("accel/accel0", "accel/accel1")
    for i in range(2):
        rack.fact(f"class/accel/accel{i}/device/vendor", "0x1da3")
    rack.program(
        "hl-smi",
        """case "$2" in
        *uuid*) echo "0, 01P0-HL2080A0-15, HL-225, 98304"; echo "1, 01P0-HL2080A0-16, HL-225, 98304" ;;
        *) echo "0, 78, 768, 285"; echo "1, N/A, 512, 90" ;;
        esac""",
    )
    sampler = rack.sampler()
    sampler.open()
    first = sampler.devices[0]
    assert (first.id, first.name, first.kind) == ("01P0-HL2080A0-15", "HL-225", "gaudi")
    assert first.memory_bytes == 96 * GIB
    assert activity_of(sampler) == [78.0, None]
    readings = sampler.read()
    assert readings[0].memory_used_bytes == 768 * 2**20
    assert [reading.power_milliwatts for reading in readings] == [285_000, 90_000]
    assert (readings[1].activity_source, readings[1].energy_source) == (None, "power")
    sampler.close()


class Stub:
    """A monitor that answers what a test says."""

    name = "stub"

    def __init__(self):
        self.uses = {}

    def poll(self):
        return self.uses

    def close(self):
        pass


def test_energy_from_a_monitors_power_grows_only_with_its_answers(rack):
    """An answer that is repeated until the next one came must not count as a new measurement."""
    stub = Stub()
    sampler = rack.sampler()
    sampler._kinds = [Kind((Accelerator(0, "hpu", "HL-225", "gaudi"),), stub)]
    energies = []
    for second, milliwatts in enumerate([None, 300_000, None, None, 500_000, None]):
        rack.now_ns = second * 10**9
        if milliwatts is not None:
            stub.uses = {0: Use(power_milliwatts=milliwatts)}
        energies.append(sampler.read()[0].energy_millijoules)
    assert energies == [None, 0, 0, 0, 3 * 400_000, 3 * 400_000]
    stub.uses = {}
    silent = sampler.read()[0]
    assert (silent.energy_millijoules, silent.power_milliwatts) == (3 * 400_000, None)


def test_gaudi_without_its_tool_is_counted(rack):
    rack.device("hl0", "hl1", "hl_controlD0")
    sampler = rack.sampler()
    sampler.open()
    assert [device.id for device in sampler.devices] == [f"{HOST}:0", f"{HOST}:1"]
    assert "hl-smi is not installed" in sampler.notes[-1]


def test_an_accelerator_of_an_unknown_maker_is_not_called_gaudi(rack):
    rack.device("accel/accel0")
    rack.fact("class/accel/accel0/device/vendor", "0x8086")
    assert not rack.sampler().open()


class AmdSmiException(Exception):
    pass


@pytest.fixture
def amdsmi(monkeypatch):
    """A module such as AMD's, with two GPUs; *state* holds what it answers."""
    module = ModuleType("amdsmi")
    state = {
        "count": 1_000_000,
        "power": {"current_socket_power": "N/A", "average_socket_power": 400},
    }
    module.state = state
    module.AmdSmiException = AmdSmiException
    module.amdsmi_init = lambda: None
    module.amdsmi_shut_down = lambda: state.update(closed=True)
    module.amdsmi_get_processor_handles = lambda: ["a", "b"]
    module.amdsmi_get_gpu_device_uuid = lambda handle: f"{handle}ff74a1-0000-1000-80ed-c5"
    module.amdsmi_get_gpu_asic_info = lambda handle: {"market_name": "AMD Instinct MI300X"}
    module.amdsmi_get_gpu_vram_usage = lambda handle: {"vram_total": 196592, "vram_used": 1024}
    module.amdsmi_get_gpu_activity = lambda handle: {"gfx_activity": 93 if handle == "a" else "N/A"}
    module.amdsmi_get_power_info = lambda handle: state["power"]
    module.amdsmi_get_energy_count = lambda handle: {
        "energy_accumulator": state["count"],
        "counter_resolution": 15.3,
    }
    monkeypatch.setitem(sys.modules, "amdsmi", module)
    return module


def test_amd_is_read_through_amdsmi(rack, amdsmi):
    rack.device("kfd")
    sampler = rack.sampler()
    sampler.open()
    first = sampler.devices[0]
    assert (first.name, first.kind) == ("AMD Instinct MI300X", "amd")
    assert (first.id, first.memory_bytes) == ("aff74a1-0000-1000-80ed-c5", 196592 * 2**20)
    readings = sampler.read()
    assert [reading.gpu_activity_percent for reading in readings] == [93, None]
    assert [reading.activity_source for reading in readings] == ["amdsmi", None]
    assert readings[0].memory_used_bytes == GIB
    assert readings[0].power_milliwatts == 400_000
    amdsmi.state["count"] += 2_000_000
    rack.now_ns = 4 * 10**9
    assert sampler.read()[0].energy_millijoules == 0
    rack.now_ns = 5 * 10**9
    reading = sampler.read()[0]
    assert (reading.energy_millijoules, reading.energy_source) == (30_600, "counter")
    sampler.close()
    assert amdsmi.state["closed"]


def test_what_amdsmi_refuses_is_unknown(rack, amdsmi):
    def refuse(handle):
        raise AmdSmiException("not supported")

    amdsmi.amdsmi_get_gpu_activity = refuse
    amdsmi.amdsmi_get_energy_count = lambda handle: {"power": 0, "counter_resolution": 15.3}
    amdsmi.amdsmi_get_gpu_asic_info = refuse
    del amdsmi.amdsmi_get_gpu_device_uuid
    rack.device("kfd")
    sampler = rack.sampler()
    sampler.open()
    assert (sampler.devices[0].id, sampler.devices[0].name) == (f"{HOST}:0", "AMD GPU")
    reading = sampler.read()[0]
    assert (reading.gpu_activity_percent, reading.activity_source) == (None, None)
    assert reading.energy_source == "power"


def test_amd_without_amdsmi_is_counted_from_the_kernel(rack, monkeypatch):
    monkeypatch.setitem(sys.modules, "amdsmi", None)
    rack.device("kfd")
    for card in (0, 1, 10):
        rack.fact(f"class/drm/card{card}/device/vendor", "0x1002" if card else "0x10de")
    rack.fact("class/drm/card1/device/unique_id", "5a1f")
    rack.fact("class/drm/card1/device/mem_info_vram_total", str(192 * GIB))
    rack.fact("class/drm/card1/device/product_name", "Instinct MI300X")
    rack.fact("class/drm/card1-DP-1/status", "connected")
    sampler = rack.sampler()
    sampler.open()
    first, second = sampler.devices
    assert (first.id, first.name, first.memory_bytes) == ("GPU-5a1f", "Instinct MI300X", 192 * GIB)
    assert (second.id, second.name) == (f"{HOST}:1", "AMD GPU")
    assert "amdsmi is not installed" in sampler.notes[-1]


def test_an_amd_driver_that_does_not_answer_leaves_the_count_of_the_kernel(rack, amdsmi):
    def fail():
        raise AmdSmiException("no driver")

    amdsmi.amdsmi_init = fail
    rack.device("kfd")
    assert not rack.sampler().open()


def test_a_makers_library_that_breaks_is_an_event_and_the_others_are_found(rack, amdsmi):
    def explode():
        raise ZeroDivisionError("in a driver")

    amdsmi.amdsmi_get_processor_handles = explode
    rack.device("kfd", "neuron0")
    sampler = rack.sampler()
    assert sampler.open()
    assert [device.kind for device in sampler.devices] == ["trainium"]
    assert sampler.take_events() == ["find_amd failed: ZeroDivisionError: in a driver"]
    assert sampler.take_events() == []


def test_a_tool_that_hangs_costs_a_second_when_asked_and_nothing_when_polled(rack):
    rack.device("hl0")
    rack.program("hl-smi", "exec /bin/sleep 60")
    sampler = rack.sampler()
    began = time.monotonic()
    assert sampler.open()
    assert time.monotonic() - began < 3
    for _ in range(3):
        assert sampler.read()[0].gpu_activity_percent is None
    rack.now_ns = 6 * 10**9
    sampler.read()
    began = time.monotonic()
    sampler.close()
    assert time.monotonic() - began < 2


def monitor(rack, name, parse=lambda text: {0: text}, **options):
    command = [str(rack.programs / name)]
    return CommandMonitor(command, parse, every_seconds=30, clock_ns=lambda: rack.now_ns, **options)


def answer_of(one: CommandMonitor, seconds: float = 10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not one.poll():
        time.sleep(0.01)
    return one.poll()


def test_a_monitor_that_fails_forgets_what_it_said(rack):
    rack.prints("tool", "fine")
    one = monitor(rack, "tool")
    assert one.poll() == {}
    assert answer_of(one) == {0: "fine"}
    (rack.programs / "tool").unlink()
    rack.now_ns = 29 * 10**9
    assert one.poll() == {0: "fine"}
    rack.now_ns = 30 * 10**9
    assert one.poll() == {}


def test_a_monitor_that_takes_too_long_is_ended(rack):
    rack.program("tool", "exec /bin/sleep 60")
    one = monitor(rack, "tool", seconds=5)
    one.poll()
    process = one._process
    rack.now_ns = 4 * 10**9
    one.poll()
    assert process.poll() is None
    rack.now_ns = 5 * 10**9
    assert one.poll() == {}
    assert process.wait(timeout=10) == -9


def test_a_monitor_that_prints_nonsense_is_unknown(rack):
    rack.prints("neuron-monitor", '{"neuron_runtime_data": 5}\n')
    one = monitor(rack, "neuron-monitor", parse_neuron_monitor, endless=True)
    one.poll()
    end = time.monotonic() + 10
    while one._process is not None and time.monotonic() < end:
        assert one.poll() == {}
        time.sleep(0.01)
    assert one._process is None


def test_asking_a_program_gives_its_words_or_nothing(rack):
    rack.prints("tool", "words\n")
    rack.program("fails", "echo words; exit 3")
    assert ask([str(rack.programs / "tool")]) == "words\n"
    assert ask([str(rack.programs / "fails")]) is None
    assert ask([str(rack.programs / "absent")]) is None
