"""The check-up: every gap has its reason and a remedy that can be typed, and nothing is written."""

import os
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from trainfare.core.machine import Accelerator, Machine
from trainfare.core.price import NoPrice, Price
from trainfare.metering.checkup import CheckUp, check_up, pci_accelerators, set_price_command
from trainfare.metering.instrument import Instruments, Place
from trainfare.metering.place import Stated

LAPTOP = Machine("host:0a1b2c3d4e5f", "ada-laptop", cpu_model="Any CPU", cpu_count=8)
CLOUD = Machine(
    "i-0123456789abcdef0",
    "ip-10-0-0-7",
    provider="aws",
    region="us-east-1",
    zone="us-east-1b",
    instance_type="p5.48xlarge",
    purchase_option="on_demand",
    accelerators=(Accelerator(0, "GPU-1", "NVIDIA H100 80GB HBM3"),),
    facts={"provider": "aws-imds-v2", "region": "aws-imds-v2", "metadata": "aws-imds-v2 answered"},
)
FRESH = Price("aws/us-east-1/p5.48xlarge/on_demand", Decimal("55.04"), "h", origin="shipped")
UNKNOWN = NoPrice(
    "?/?/?/on_demand",
    "the kind of this machine (ada-laptop) is not known; state what it costs: "
    "trainfare prices set --host ada-laptop --price AMOUNT",
)


class Devices:
    driver_version = "550.54.15"

    def __init__(self, devices=(), why=""):
        self.devices = devices
        self.why = why
        self.closed = False

    def open(self):
        return bool(self.devices)

    def read(self):
        return ()

    def close(self):
        self.closed = True


def instruments(machine, price, *, share=Fraction(1), held=None, devices=None):
    names = tuple(one.id for one in machine.accelerators) if held is None else held
    return Instruments(
        host=lambda: None,
        devices=lambda: devices or Devices(machine.accelerators),
        find_place=lambda found: Place(replace(machine, accelerators=found), share, names),
        price_of=lambda machine: price,
    )


@pytest.fixture
def examine(tmp_path):
    def examine(machine, price, *, env=None, home=None, root=None, **more) -> CheckUp:
        (tmp_path / "root").mkdir(exist_ok=True)
        return check_up(
            env or {},
            home or tmp_path / "home",
            instruments(machine, price, **more),
            stated=Stated(),
            root=root or tmp_path / "root",
        )

    return examine


def whats(found):
    return [one.what for one in found.missing]


def test_a_known_machine_with_a_fresh_price_lacks_nothing(examine, tmp_path):
    found = examine(CLOUD, FRESH)
    assert found.missing == ()
    assert found.price is FRESH
    assert found.driver == "driver 550.54.15"
    assert not (tmp_path / "home").exists()


def test_gpus_of_several_models_may_be_counted_in_another_order(examine):
    both = (*CLOUD.accelerators, Accelerator(1, "GPU-2", "NVIDIA A100-SXM4-40GB"))
    env = {"CUDA_VISIBLE_DEVICES": "1"}
    (one,) = examine(replace(CLOUD, accelerators=both), FRESH, env=env).missing
    assert (one.what, one.is_trouble) == ("accelerators", False)
    assert one.why.startswith("CUDA_VISIBLE_DEVICES=1 may name other GPUs than those counted here")
    certain = {**env, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert one.remedy == "export CUDA_DEVICE_ORDER=PCI_BUS_ID"
    assert examine(replace(CLOUD, accelerators=both), FRESH, env=certain).missing == ()


def test_without_a_price_the_command_that_settles_it_is_said_once(examine):
    (one,) = examine(LAPTOP, UNKNOWN).missing
    assert one.is_trouble
    assert one.remedy == "trainfare prices set --host ada-laptop --price AMOUNT"
    assert one.why.startswith("the kind of this machine (ada-laptop) is not known")
    assert "trainfare" not in one.why


def test_the_price_of_a_known_type_is_set_for_the_type():
    command = set_price_command(CLOUD)
    assert command == "trainfare prices set --instance p5.48xlarge --price AMOUNT"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quality": "stale", "as_of": date(2026, 1, 2)}, "stale: it was read on 2026-01-02"),
        ({"quality": "aging", "as_of": date(2026, 7, 20)}, "aging"),
        ({"is_reference": True}, "orientation"),
    ],
)
def test_an_old_or_reference_price_is_a_hint_to_refresh_it(examine, changes, said):
    (one,) = examine(CLOUD, replace(FRESH, **changes)).missing
    assert not one.is_trouble
    assert said in one.why
    assert one.remedy == "trainfare prices refresh --provider aws --region us-east-1"


def test_where_nothing_can_be_refreshed_an_old_price_is_to_be_set(examine):
    machine = replace(CLOUD, provider="lambda", instance_type="gpu_8x_h100_sxm5")
    old = replace(FRESH, quality="stale", as_of=date(2026, 1, 2))
    (one,) = examine(machine, old).missing
    assert one.remedy.startswith("trainfare prices set --instance gpu_8x_h100_sxm5")


def test_a_silent_metadata_service_on_aws_names_the_hop_limit(examine):
    facts = {"provider": "dmi", "metadata": "aws: no answer in time"}
    machine = replace(CLOUD, region=None, facts=facts)
    found = examine(machine, NoPrice("aws/?/p5.48xlarge/on_demand", "the region is unknown"))
    metadata = next(one for one in found.missing if one.what == "metadata")
    assert metadata.is_trouble
    assert "--http-put-response-hop-limit 2" in metadata.remedy
    assert metadata.remedy.endswith("i-0123456789abcdef0")
    assert "no answer in time" in metadata.why


def test_an_unknown_region_without_a_price_asks_for_the_region(examine):
    machine = replace(CLOUD, region=None, facts={"provider": "stated"})
    found = examine(machine, NoPrice("aws/?/p5.48xlarge/on_demand", "the region is unknown"))
    (one,) = found.missing
    assert (one.what, one.why) == ("region", "the region is unknown")
    assert "--region" in one.remedy
    assert not found.is_priced


def test_an_unknown_purchase_option_is_worth_knowing(examine):
    (one,) = examine(replace(CLOUD, purchase_option=None), FRESH).missing
    assert (one.what, one.is_trouble) == ("option", False)


def test_detection_that_is_switched_off_is_worth_knowing(examine):
    facts = {"metadata": "switched off by TRAINFARE_METADATA"}
    found = examine(replace(LAPTOP, facts=facts), FRESH)
    assert [one.remedy for one in found.missing] == ["unset TRAINFARE_METADATA"]


# Accelerators


def put_on_the_bus(root, *cards):
    for number, (vendor, code) in enumerate(cards):
        folder = root / f"sys/bus/pci/devices/0000:{number:02x}:00.0"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{vendor}\n")
        (folder / "class").write_text(f"{code}\n")


def test_gpus_on_the_bus_that_no_driver_shows_are_trouble(examine, tmp_path):
    put_on_the_bus(tmp_path, ("0x10de", "0x030200"), ("0x10de", "0x030200"))
    found = examine(LAPTOP, FRESH, root=tmp_path, devices=Devices(why="no NVIDIA driver"))
    (one,) = found.missing
    assert one.is_trouble
    assert "2 nvidia devices are in this machine" in one.why
    assert "nvidia-smi" in one.remedy
    assert found.driver == "no NVIDIA driver"


def test_gpus_that_the_driver_shows_are_no_trouble(examine, tmp_path):
    put_on_the_bus(tmp_path, ("0x10de", "0x030200"))
    assert examine(CLOUD, FRESH, root=tmp_path).missing == ()


def test_only_accelerators_are_counted_on_the_bus(tmp_path):
    put_on_the_bus(
        tmp_path,
        ("0x10de", "0x030200"),
        ("0x10de", "0x040300"),  # the sound of a graphics card
        ("0x10de", "0x068000"),  # an NVSwitch
        ("0x1002", "0x120000"),
        ("0x1da3", "0x120000"),
        ("0x8086", "0x030000"),
    )
    assert pci_accelerators(tmp_path) == {"nvidia": 1, "amd": 1, "gaudi": 1}
    assert not pci_accelerators(tmp_path / "nowhere")


def test_a_failing_driver_is_trouble_and_everything_else_is_still_found(examine):
    class Broken(Devices):
        def open(self):
            raise OSError("the driver crashed")

    found = examine(LAPTOP, FRESH, devices=Broken())
    (one,) = found.missing
    assert "the driver crashed" in one.why
    assert found.machine.hostname == "ada-laptop"


def test_when_even_the_place_cannot_be_found_the_machine_is_described(tmp_path):
    def fail(found):
        raise RuntimeError("no place")

    broken = instruments(LAPTOP, FRESH)._replace(find_place=fail)
    env = {"TRAINFARE_METADATA": "off"}
    found = check_up(env, tmp_path, broken, stated=Stated(instance="p5.48xlarge"))
    assert found.machine.instance_type == "p5.48xlarge"
    assert "no place" in found.missing[0].why


# Prices and shares


def test_a_price_in_the_environment_is_the_price(examine):
    found = examine(LAPTOP, UNKNOWN, env={"TRAINFARE_PRICE": "2.5EUR/h"})
    assert isinstance(found.price, Price)
    assert (found.price.amount, found.price.currency) == (Decimal("2.5"), "EUR")
    assert found.missing == ()


def test_a_price_in_the_environment_that_is_none_changes_nothing(examine):
    assert examine(LAPTOP, UNKNOWN, env={"TRAINFARE_PRICE": "cheap"}).price is UNKNOWN


def small_container(root):
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cgroup.controllers": "cpu memory",
        "sys/fs/cgroup/cpu.max": "50000 100000",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_a_small_container_that_is_charged_a_whole_machine_is_told_so(examine, tmp_path):
    found = examine(CLOUD, FRESH, root=small_container(tmp_path))
    (one,) = found.missing
    assert (one.what, one.is_trouble) == ("share", False)
    assert f"0.5 of {os.cpu_count()} CPUs" in one.why


def test_a_container_that_holds_its_share_is_not(examine, tmp_path):
    root = small_container(tmp_path)
    assert examine(CLOUD, FRESH, root=root, share=Fraction(1, 2)).missing == ()


# Runs and home


def test_ranks_without_a_common_run_are_told_what_to_set(examine):
    env = {"RANK": "1", "WORLD_SIZE": "4"}
    (one,) = examine(CLOUD, FRESH, env=env).missing
    assert one.what == "run_id"
    assert one.remedy == "set TRAINFARE_RUN_ID to one value for all of them"
    assert one.remedy not in one.why


def test_a_home_below_a_file_is_trouble(examine, tmp_path):
    (tmp_path / "file").write_text("")
    found = examine(CLOUD, FRESH, home=tmp_path / "file" / "home")
    (one,) = found.missing
    assert one.is_trouble
    assert "is not a folder" in one.why
    assert one.remedy.startswith("export TRAINFARE_HOME=")


def test_a_home_that_may_not_be_written_is_trouble(examine, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    (one,) = examine(CLOUD, FRESH).missing
    assert "may not be written to" in one.why


def test_a_full_disk_is_trouble(examine, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 5 << 20}))
    (one,) = examine(CLOUD, FRESH).missing
    assert one.is_trouble
    assert "5 MiB" in one.why


def test_troubles_stand_before_hints(examine):
    found = examine(replace(CLOUD, purchase_option=None), FRESH, env={}, home=None)
    assert whats(found) == ["option"]
    env = {"RANK": "1", "WORLD_SIZE": "4"}
    found = examine(LAPTOP, UNKNOWN, env=env)
    assert [one.is_trouble for one in found.missing] == [True, False]


def test_a_variable_that_looks_like_ours_and_is_none_is_named(examine):
    [slip] = [one for one in examine(LAPTOP, UNKNOWN, env={"TRAINFARE_LABLES": "team=a"}).missing
              if one.what == "variable"]  # fmt: skip
    assert (slip.is_trouble, slip.remedy) == (False, "unset TRAINFARE_LABLES")
    assert slip.why.endswith("TRAINFARE_LABELS is near")
