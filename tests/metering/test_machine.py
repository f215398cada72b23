"""The machine: four voices in order, unknown stays unknown, and every answer has a source."""

import json

import pytest

from metering import clouds
from metering.loopback import behaving, hang, serving
from trainfare.core.machine import Accelerator
from trainfare.metering.machine import detect_machine, provider_of_instance, quick_machine

OFF = {"TRAINFARE_METADATA": "off"}
GPU = Accelerator(0, "GPU-1", "NVIDIA H100 80GB HBM3")

CPUINFO = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R)  Platinum 8480C
flags\t\t: fpu vme {flags}

processor\t: 1
model name\t: another
"""


def make_root(folder, *, flags="", **files):
    """A file system with the files that a machine is known by."""
    texts = {
        "proc/cpuinfo": CPUINFO.format(flags=flags),
        "proc/meminfo": "MemTotal:       16384 kB\nMemFree:  1 kB\n",
        "proc/sys/kernel/hostname": "node-7\n",
        "proc/sys/kernel/random/boot_id": "11111111-2222-3333-4444-555555555555\n",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        **files,
    }
    for path, text in texts.items():
        if text is not None:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    return folder


NITRO = {
    "sys/class/dmi/id/sys_vendor": "Amazon EC2\n",
    "sys/class/dmi/id/product_name": "p5.48xlarge\n",
    "sys/class/dmi/id/board_asset_tag": "i-0123456789abcdef0\n",
}
LAPTOP = {"sys/class/dmi/id/sys_vendor": "LENOVO\n", "sys/class/dmi/id/product_name": "20XW\n"}


def at(service, **env):
    return {"TRAINFARE_METADATA_URL": service.url, **env}


@pytest.fixture
def patience(monkeypatch):
    """Time enough for a service on a crowded test machine to answer."""
    monkeypatch.setattr("trainfare.metering.metadata.BOUND_S", 5.0)


@pytest.fixture
def root(tmp_path):
    return make_root(tmp_path)


# What the machine itself says


def test_own_hardware_is_described_and_nothing_is_guessed(root):
    machine = quick_machine(env={}, root=root, devices=[GPU])
    assert machine.hostname == "node-7"
    assert machine.cpu_model == "Intel(R) Xeon(R) Platinum 8480C"
    assert machine.cpu_count is not None
    assert machine.accelerators == (GPU,)
    assert machine.resource_id.startswith("host:")
    unknown = (
        machine.provider,
        machine.region,
        machine.zone,
        machine.instance_type,
        machine.purchase_option,
        machine.account,
    )
    assert unknown == (None,) * 6
    assert not machine.in_container
    assert machine.facts["source"] == "hardware"
    assert machine.facts["metadata"] == "not asked yet"


def test_the_machine_id_itself_is_not_told(root):
    assert "0123456789abcdef" not in repr(quick_machine(env={}, root=root))


def test_the_id_of_a_host_is_stable_over_reboots_and_differs_between_hosts(tmp_path):
    def resource_id(name, **files):
        return quick_machine(env={}, root=make_root(tmp_path / name, **files)).resource_id

    first = resource_id("a")
    assert resource_id("b", **{"proc/sys/kernel/random/boot_id": "another"}) == first
    assert resource_id("c", **{"etc/machine-id": "f" * 32}) != first
    assert resource_id("d", **{"proc/sys/kernel/hostname": "node-8"}) != first


def test_all_containers_on_one_running_machine_are_one_resource(tmp_path):
    """Their host names are made up per container, and their image's machine-id is everybody's."""

    def container(name, boot="b-1"):
        files = {
            ".dockerenv": "",
            "proc/sys/kernel/hostname": name,
            "etc/machine-id": None,
            "proc/sys/kernel/random/boot_id": boot,
        }
        return quick_machine(env={}, root=make_root(tmp_path / (name + boot), **files))

    assert container("c1").in_container
    assert container("c1").resource_id == container("c2").resource_id
    assert container("c1").resource_id != container("c1", boot="b-2").resource_id


def test_host_and_containers_of_one_running_machine_share_the_boot_fact(tmp_path):
    outside = quick_machine(env={}, root=make_root(tmp_path / "host"))
    inside = quick_machine(env={}, root=make_root(tmp_path / "box", **{".dockerenv": ""}))
    assert outside.facts["boot"] == inside.facts["boot"]
    assert outside.resource_id != inside.resource_id


@pytest.mark.parametrize(
    ("env", "files", "is_inside"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, {}, True),
        ({"container": "podman"}, {}, True),
        ({}, {"run/.containerenv": ""}, True),
        ({}, {"proc/self/cgroup": "0::/kubepods.slice/kubepods-pod1.slice\n"}, True),
        ({}, {"proc/self/cgroup": "0::/init.scope\n"}, False),
    ],
)
def test_containers_are_recognised(tmp_path, env, files, is_inside):
    assert quick_machine(env=env, root=make_root(tmp_path, **files)).in_container is is_inside


def test_apptainer_keeps_the_names_of_its_host(tmp_path):
    """A node's processes inside and outside of an image are on one resource."""
    root = make_root(tmp_path)
    inside = quick_machine(env={"APPTAINER_CONTAINER": "/images/torch.sif"}, root=root)
    assert inside.resource_id == quick_machine(env={}, root=root).resource_id


def test_a_container_s_limits_are_the_machine_s_size(tmp_path):
    limits = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cgroup.controllers": "cpu memory",
        "sys/fs/cgroup/cpu.max": "50000 100000",
        "sys/fs/cgroup/memory.max": "8388608",
    }
    machine = quick_machine(env={}, root=make_root(tmp_path, **limits))
    assert machine.cpu_count == 1
    assert machine.memory_bytes == 8388608
    assert (machine.facts["cpu_count"], machine.facts["memory_bytes"]) == ("quota", "cgroup")


def test_an_arm_cpu_is_named_by_maker_and_part(tmp_path):
    text = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n\nprocessor\t: 1\n"
    machine = quick_machine(env={}, root=make_root(tmp_path, **{"proc/cpuinfo": text}))
    assert machine.cpu_model == "ARM Neoverse-V2"


def test_a_machine_without_any_of_the_files_is_still_a_machine(tmp_path):
    machine = quick_machine(env={}, root=tmp_path)
    assert machine.resource_id.startswith("host:")
    assert machine.hostname
    assert machine.cpu_model is None


def test_a_nitro_board_names_the_instance_without_a_network(tmp_path):
    machine = quick_machine(env={}, root=make_root(tmp_path, **NITRO))
    assert machine.resource_id == "i-0123456789abcdef0"
    assert (machine.provider, machine.instance_type) == ("aws", "p5.48xlarge")
    assert machine.region is None
    assert machine.facts["instance_type"] == "dmi"


# What the metadata service says


@pytest.mark.parametrize(
    ("routes", "provider", "region", "kind"),
    [
        (clouds.aws("spot"), "aws", "us-east-1", "p5.48xlarge"),
        (clouds.gcp("TRUE"), "gcp", "us-central1", "a3-highgpu-8g"),
        (clouds.azure(priority="Spot"), "azure", "eastus", "Standard_ND96isr_H100_v5"),
    ],
)
def test_the_cloud_fills_in_what_it_knows_and_is_named_as_the_source(
    patience, root, routes, provider, region, kind
):
    with serving(routes) as service:
        machine = detect_machine(env=at(service), root=root)
    assert (machine.provider, machine.region, machine.instance_type) == (provider, region, kind)
    assert machine.purchase_option == "spot"
    assert not machine.resource_id.startswith("host:")
    assert machine.facts["host"].startswith("host:")
    assert machine.facts["region"] == machine.facts["resource_id"] == machine.facts["source"]
    assert machine.facts["metadata"].endswith("answered")
    assert machine.cpu_model == "Intel(R) Xeon(R) Platinum 8480C"


def test_in_kubernetes_the_instance_is_still_the_resource(patience, root):
    with serving(clouds.aws()) as service:
        env = at(service, KUBERNETES_SERVICE_HOST="10.0.0.1", HOSTNAME="bert-0")
        machine = detect_machine(env=env, root=root)
    assert machine.resource_id == "i-0123456789abcdef0"
    assert machine.in_container
    assert machine.facts["scheduler"] == "kubernetes"


def test_a_hanging_service_leaves_the_firmware_s_word_and_says_why(tmp_path):
    root = make_root(tmp_path, **NITRO)
    with behaving(hang) as url:
        machine = detect_machine(env={"TRAINFARE_METADATA_URL": url}, root=root)
    assert machine.resource_id == "i-0123456789abcdef0"
    assert machine.instance_type == "p5.48xlarge"
    assert machine.region is None
    assert "no answer in time" in machine.facts["metadata"]


def test_switched_off_nobody_is_asked(patience, root):
    with serving(clouds.aws()) as service:
        machine = detect_machine(env=at(service, **OFF), root=root)
        assert service.requests == []
    assert machine.provider is None
    assert machine.facts["metadata"] == "switched off by TRAINFARE_METADATA"


def test_a_laptop_asks_nobody(tmp_path, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("a laptop sent a request")

    monkeypatch.setattr("trainfare.metering.metadata.find_cloud_facts", never)
    machine = detect_machine(env={}, root=make_root(tmp_path, **LAPTOP))
    assert machine.provider is None
    assert "LENOVO 20XW" in machine.facts["metadata"]


@pytest.mark.parametrize(
    ("files", "flags", "asked"),
    [
        (NITRO, "hypervisor", ("aws",)),
        ({"sys/class/dmi/id/sys_vendor": "Google"}, "", ("gcp",)),
        ({"sys/class/dmi/id/sys_vendor": "QEMU"}, "hypervisor", None),
        ({"sys/class/dmi/id/sys_vendor": "Supermicro"}, "hypervisor", None),
        ({}, "", None),
    ],
)
def test_the_firmware_decides_who_is_asked(tmp_path, monkeypatch, files, flags, asked):
    from trainfare.metering.metadata import Inquiry

    calls = []

    def remember(*providers, **kwargs):
        calls.append(providers)
        return Inquiry(failures={"aws": "no answer in time"})

    monkeypatch.setattr("trainfare.metering.metadata.find_cloud_facts", remember)
    monkeypatch.setattr("sys.platform", "linux")
    detect_machine(env={}, root=make_root(tmp_path, flags=flags, **files))
    assert calls == [(asked,) if asked else ()]


# What a managed job's environment says


ARN = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/bert"
SAGEMAKER = {
    "TRAINING_JOB_ARN": ARN,
    "SM_HOSTS": json.dumps(["algo-1", "algo-2"]),
    "SM_CURRENT_HOST": "algo-2",
    "SM_CURRENT_INSTANCE_TYPE": "ml.p4d.24xlarge",
}


def test_a_sagemaker_host_is_billed_as_its_job_and_nobody_is_asked(tmp_path):
    root = make_root(tmp_path, **NITRO)
    with serving(clouds.aws()) as service:
        machine = detect_machine(env=at(service, **SAGEMAKER), root=root)
        assert service.requests == []
    assert machine.resource_id == f"{ARN}#1"
    assert (machine.instance_type, machine.region) == ("ml.p4d.24xlarge", "eu-west-1")
    assert machine.purchase_option is None
    assert machine.facts["instance_type"] == "sagemaker"
    assert machine.facts["managed_job"] == ARN


def test_a_sagemaker_job_of_one_host_is_called_as_the_bill_calls_it(root):
    env = {**SAGEMAKER, "SM_HOSTS": '["algo-1"]', "SM_CURRENT_HOST": "algo-1"}
    assert quick_machine(env=env, root=root).resource_id == ARN


def test_slurm_on_a_cloud_machine_keeps_the_instance_as_the_resource(patience, root):
    with serving(clouds.gcp()) as service:
        env = at(service, SLURM_JOB_ID="7", SLURM_GPUS_ON_NODE="4", SLURM_CPUS_ON_NODE="26")
        machine = detect_machine(env=env, root=root)
    assert machine.resource_id.endswith("/instances/5477418834823412345")
    assert machine.facts["scheduler"] == "slurm"
    assert (machine.facts["allotted_gpus"], machine.facts["allotted_cpus"]) == ("4", "26")


# What the user states


def test_a_stated_instance_on_own_hardware_settles_provider_and_option(root):
    machine = detect_machine(env=OFF, root=root, instance="p5.48xlarge", region="us-east-1")
    assert (machine.provider, machine.region) == ("aws", "us-east-1")
    assert machine.instance_type == "p5.48xlarge"
    assert machine.purchase_option == "on_demand"
    assert machine.facts["instance_type"] == "stated"
    assert machine.facts["purchase_option"] == "assumed"
    assert machine.resource_id.startswith("host:")


def test_the_users_word_wins_and_the_facts_keep_what_was_detected(patience, root):
    with serving(clouds.aws("spot")) as service:
        machine = detect_machine(env=at(service), root=root, instance="g5.xlarge")
    assert machine.instance_type == "g5.xlarge"
    assert machine.facts["detected_instance_type"] == "p5.48xlarge"
    assert (machine.region, machine.purchase_option) == ("us-east-1", "spot")
    assert machine.resource_id == "i-0123456789abcdef0"
    assert machine.facts["region"] == "aws-imds-v2"


def test_another_provider_s_region_is_never_taken_over(patience, root):
    with serving(clouds.aws()) as service:
        machine = detect_machine(env=at(service), root=root, instance="a3-highgpu-8g")
    assert (machine.provider, machine.region, machine.zone) == ("gcp", None, None)
    assert machine.account is None


def test_a_stated_option_wins_over_the_detected_one(patience, root):
    with serving(clouds.aws("on-demand")) as service:
        machine = detect_machine(env=at(service), root=root, option="reserved")
    assert machine.purchase_option == "reserved"
    assert machine.facts["purchase_option"] == "stated"


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("p5.48xlarge", "aws"),
        ("ml.p4d.24xlarge", "aws"),
        ("c5.metal", "aws"),
        ("u-6tb1.metal", "aws"),
        ("u-p6e-gb200x72", "aws"),
        ("Standard_ND96isr_H100_v5", "azure"),
        ("a2-megagpu-16g", "gcp"),
        ("n1-standard-8", "gcp"),
        ("ct5lp-hightpu-4t", "gcp"),
        ("tpu-v5litepod-8", "gcp"),
        ("BM.GPU.A100-v2.8", "oci"),
        ("VM.GPU2.1", "oci"),
        ("gpu_8x_h100_sxm5", "lambda"),
        ("gpu-h100-sxm_8gpu-128vcpu-1600gb", "nebius"),
        ("dgx-07", None),
        ("my workstation", None),
        ("", None),
    ],
)
def test_an_instance_name_tells_its_provider_by_its_form(name, provider):
    assert provider_of_instance(name) == provider
