"""The doctor's screen: a known machine, an unknown one, and JSON whose keys stay."""

import json
import os
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from metering import clouds
from metering.loopback import serving
from trainfare.cli.doctor import command, doctor_text
from trainfare.cli.main import main
from trainfare.core.machine import Accelerator, Machine
from trainfare.core.price import NoPrice, Price
from trainfare.metering.cgroup import Allowance
from trainfare.metering.checkup import CheckUp, Missing
from trainfare.metering.environment import Surroundings

GPUS = tuple(Accelerator(n, f"GPU-{n}", "NVIDIA H100 80GB HBM3") for n in range(8))
CLOUD = CheckUp(
    machine=Machine(
        "i-0123456789abcdef0",
        "ip-10-0-0-7",
        provider="aws",
        region="us-east-1",
        zone="us-east-1b",
        instance_type="p5.48xlarge",
        purchase_option="spot",
        account="123456789012",
        cpu_model="Intel(R) Xeon(R) Platinum 8480C",
        memory_bytes=2 << 40,
        in_container=True,
        accelerators=GPUS,
        facts={
            "instance_type": "aws-imds-v2",
            "region": "aws-imds-v2",
            "resource_id": "aws-imds-v2",
        },
    ),
    share=Fraction(1, 2),
    held=("GPU-0", "GPU-1", "GPU-2", "GPU-3"),
    around=Surroundings(
        run_id="slurm-hpc-4711",
        run_id_source="SLURM_JOB_ID",
        scheduler="slurm",
        job_id="4711",
        rank=11,
        world_size=16,
        node_rank=1,
        nodes=2,
        restart_count=1,
    ),
    allowance=Allowance(Fraction(192), "host", 2 << 40, "host", in_container=True),
    price=Price(
        "aws/us-east-1/p5.48xlarge/spot",
        Decimal("16.95"),
        "h",
        source="least of 4 zones",
        as_of=date(2026, 4, 1),
        origin="shipped",
        is_reference=True,
        quality="stale",
    ),
    home=Path("/data/ada/trainfare"),
    home_trouble=None,
    free_bytes=120 << 30,
    driver="driver 550.54.15",
    missing=(
        Missing("price", False, "a published spot price is for orientation", "trainfare prices x"),
    ),
)
BARE = replace(
    CLOUD,
    machine=Machine(
        "host:0a1b2c3d4e5f",
        "ada-laptop",
        cpu_model="Any CPU",
        memory_bytes=16 << 30,
        facts={
            "resource_id": "hardware",
            "metadata": "aws: no answer in time; gcp: connection refused",
        },
    ),
    share=Fraction(1),
    held=(),
    around=Surroundings(),
    price=NoPrice("?/?/?/on_demand", "the kind of this machine (ada-laptop) is not known"),
    driver="no NVIDIA driver",
    missing=(
        Missing(
            "price",
            True,
            "the kind of this machine (ada-laptop) is not known; say what the whole machine costs",
            "trainfare prices set --host ada-laptop --price AMOUNT",
        ),
    ),
)

CLOUD_SCREEN = """\
────────────────────────────────────────────────────────────────────────────────
✓ instance      p5.48xlarge, spot                                   AWS metadata
✓ place         aws us-east-1b, account 123456789012                AWS metadata
✓ billed as     i-0123456789abcdef0                                 AWS metadata
✓ hardware      Intel(R) Xeon(R) Platinum 8480C, 192 CPUs, 2.0 TiB     container
✓ accelerators  8 × NVIDIA H100 80GB HBM3; a run here holds 4   driver 550.54.15
✓ scheduler     slurm job 4711, rank 11 of 16, node 1 of 2, restarted once
✓ run id        slurm-hpc-4711                                      SLURM_JOB_ID
! price         $16.95/h (shipped, 2026-04-01, stale, reference only); a run
                here pays 1/2 of it
                aws/us-east-1/p5.48xlarge/spot
                least of 4 zones
✓ home          /data/ada/trainfare                               120.0 GiB free
────────────────────────────────────────────────────────────────────────────────
! a published spot price is for orientation
  → trainfare prices x"""

BARE_SCREEN = """\
────────────────────────────────────────────────────────────────────────────────
– instance      unknown
– place         no cloud known; no metadata service answered
✓ billed as     host:0a1b2c3d4e5f                                      this host
✓ hardware      Any CPU, 192 CPUs, 16.0 GiB
– accelerators  none found: no NVIDIA driver
✗ price         unknown
✓ home          /data/ada/trainfare                               120.0 GiB free
────────────────────────────────────────────────────────────────────────────────
✗ the kind of this machine (ada-laptop) is not known; say what the whole machine
  costs
  → trainfare prices set --host ada-laptop --price AMOUNT"""


def screen(found, columns=80):
    return click.unstyle(doctor_text(found, columns))


@pytest.mark.parametrize(("found", "text"), [(CLOUD, CLOUD_SCREEN), (BARE, BARE_SCREEN)])
def test_the_screen_reads_as_written(found, text):
    head, _, body = screen(found).partition("\n")
    assert head.startswith("trainfare ")
    assert body == text


def test_the_head_counts_what_is_left_to_do():
    def head(found):
        return screen(found).splitlines()[0]

    assert head(CLOUD).endswith("1 hint")
    assert head(BARE).endswith("1 to settle")
    assert head(replace(CLOUD, missing=())).endswith("all well")
    both = (*BARE.missing, *CLOUD.missing, *CLOUD.missing)
    assert head(replace(CLOUD, missing=both)).endswith("1 to settle, 2 hints")


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("found", [CLOUD, BARE])
def test_no_line_is_wider_than_the_terminal(found, columns):
    lines = screen(found, columns).splitlines()
    assert max(map(len, lines)) <= columns


def test_a_command_to_copy_stays_on_one_line():
    long = "aws ec2 modify-instance-metadata-options " + "x" * 90
    missing = (Missing("metadata", True, "silent", long),)
    assert f"→ {long}" in screen(replace(CLOUD, missing=missing))


def test_what_is_no_command_is_wrapped_and_names_stay_whole():
    words = "say " + "eu-north-1 " * 30
    text = screen(replace(CLOUD, missing=(Missing("region", True, words, words),)))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("eu-north-1") == 60


def test_without_a_region_the_price_is_marked_too():
    missing = (Missing("region", True, "the region is unknown", "say --region"),)
    lines = screen(replace(BARE, missing=missing)).splitlines()
    assert any(line.startswith("✗ place") for line in lines)
    assert any(line.startswith("✗ price") for line in lines)


def test_limits_of_a_container_are_named():
    allowance = Allowance(Fraction(3, 2), "quota", 4 << 30, "cgroup", in_container=True)
    machine = replace(CLOUD.machine, memory_bytes=4 << 30)
    text = screen(replace(CLOUD, allowance=allowance, machine=machine))
    assert f"1.5 of {os.cpu_count()} CPUs by quota" in text
    assert "4.0 GiB by cgroup limit" in " ".join(text.split())


# The command


@pytest.fixture
def outside(monkeypatch, tmp_path):
    """A bare environment: no cloud, no GPU, no price, an empty home."""
    for name in list(os.environ):
        if name.startswith(("TRAINFARE_", "SLURM_", "KUBERNETES_", "SM_", "OMPI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    return result.output


KEYS = {
    "version", "python", "platform", "machine", "cpus", "share", "held", "driver",
    "surroundings", "price", "unpriced", "home", "missing",
}  # fmt: skip


def test_json_has_the_keys_that_scripts_rely_on(outside):
    document = json.loads(run("--format", "json"))
    assert set(document) == KEYS
    assert document["price"] is None
    assert document["unpriced"]["why"]
    assert document["home"]["is_writable"] is True
    (price,) = [one for one in document["missing"] if one["what"] == "price"]
    assert set(price) == {"what", "is_trouble", "why", "remedy"}
    assert price["remedy"].startswith("trainfare prices set ")


def test_nothing_is_written_by_looking(outside):
    run()
    assert list(outside.iterdir()) == []


def test_a_stated_instance_is_priced(outside):
    document = json.loads(
        run("--instance", "p5.48xlarge", "--region", "us-east-1", "--format", "json")
    )
    assert document["machine"]["provider"] == "aws"
    assert document["price"]["amount"] == "55.04"
    assert document["price"]["currency"] == "USD"
    assert document["machine"]["facts"]["instance_type"] == "stated"


def test_a_cloud_that_answers_is_shown_and_priced(outside, monkeypatch):
    monkeypatch.setattr("trainfare.metering.metadata.BOUND_S", 5.0)
    with serving(clouds.aws()) as service:
        monkeypatch.setenv("TRAINFARE_METADATA", "on")
        monkeypatch.setenv("TRAINFARE_METADATA_URL", service.url)
        text = run()
    assert "p5.48xlarge, on demand" in text
    assert "i-0123456789abcdef0" in text
    assert "AWS metadata" in text
    assert "$55.04/h" in text


def test_wrong_use_is_the_only_failure(outside, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--nonsense"])
    assert ended.value.code == 2
    assert "--nonsense" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    assert ended.value.code == 0
