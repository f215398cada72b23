"""Driver names become canonical models; what is ambiguous stays unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prices.servers import need_data
from trainfare.prices.accelerators import find_accelerator, models, tpu_chips

MIB = 2**20


@pytest.mark.parametrize(
    ("name", "mib", "model"),
    [
        ("NVIDIA H100 80GB HBM3", 81_559, "H100"),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9_856, "H100"),
        ("NVIDIA H100 PCIe", 81_559, "H100-PCIe"),
        ("NVIDIA H100 NVL", 95_830, "H100-NVL"),
        ("NVIDIA H200", 143_771, "H200"),
        ("NVIDIA B200", 183_359, "B200"),
        ("NVIDIA B300 SXM6 AC", 275_040, "B300"),
        ("NVIDIA GB200", 189_471, "GB200"),
        ("NVIDIA A100-SXM4-80GB", None, "A100-80GB"),
        ("NVIDIA A100-SXM4-40GB", 40_960, "A100"),
        ("NVIDIA A100-PCIE-40GB", 40_960, "A100-PCIe"),
        ("NVIDIA A100 80GB PCIe", 81_920, "A100-80GB-PCIe"),
        ("A100-SXM4", 81_920, "A100-80GB"),
        ("NVIDIA A10G", 22_888, "A10G"),
        ("NVIDIA A10", 23_028, "A10"),
        ("NVIDIA L4", 23_034, "L4"),
        ("NVIDIA L40", 45_776, "L40"),
        ("NVIDIA L40S", 45_776, "L40S"),
        ("Tesla T4", 15_360, "T4"),
        ("Tesla V100-SXM2-16GB", 16_160, "V100"),
        ("Tesla V100-SXM3-32GB", 32_510, "V100-32GB"),
        ("NVIDIA GeForce RTX 4090", 24_564, "RTX4090"),
        ("NVIDIA RTX A6000", 49_140, "A6000"),
        ("AMD Instinct MI300X OAM", 196_592, "MI300X"),
        ("TPU v4", None, "tpu-v4"),
        ("h100", None, "H100"),
    ],
)
def test_drivers_names_find_their_model(name, mib, model):
    found = find_accelerator(name, mib * MIB if mib else None)
    assert found is not None
    assert found.name == model


@pytest.mark.parametrize(
    ("name", "mib"),
    [
        ("NVIDIA A100", None),  # 40 or 80 GB
        ("NVIDIA A100-SXM-64GB", 65_536),  # a model of its own
        ("NVIDIA L400", None),
        ("NVIDIA GeForce RTX 4090 D", 24_564),
        ("NVIDIA RTX 6000 Ada Generation", 49_140),
        ("NVIDIA H20", 97_871),
        ("Tesla V100-PCIE-32GB", 32_510),
        ("", None),
    ],
)
def test_what_is_ambiguous_or_new_stays_unknown(name, mib):
    assert find_accelerator(name, mib * MIB if mib else None) is None


@given(st.integers(-20, 20).filter(lambda percent: abs(percent) != 7))
def test_memory_decides_within_seven_per_cent(percent):
    found = find_accelerator("A100-SXM4", 80 * 2**30 * (100 + percent) // 100)
    assert (found is not None and found.name == "A100-80GB") == (-7 <= percent <= 7)


@given(st.text(max_size=30))
def test_no_name_breaks_the_search(text):
    found = find_accelerator(text)
    assert found is None or found.name in models()


def test_every_specified_model_is_shipped_and_found_by_its_drivers_names():
    lines = (need_data() / "gpu_specs.csv").read_text().splitlines()[1:]
    assert len(lines) == 34
    for line in lines:
        name, aliases = line.split(",")[:2]
        assert name in models()
        for alias in aliases.split("|"):
            assert find_accelerator(alias).name == name


def test_peak_figures_are_dense():
    assert models()["H100"].bf16_tflops == 989
    assert models()["H200"].bf16_tflops == 989
    assert models()["T4"].bf16_tflops is None


@pytest.mark.parametrize(
    ("text", "chips"),
    [
        ("v4-8", ("tpu-v4", 4)),
        ("tpu-v5p-128", ("tpu-v5p", 64)),
        ("v5litepod-16", ("tpu-v5litepod", 16)),
        ("v5e-4", ("tpu-v5litepod", 4)),
        ("ct5lp-hightpu-4t", ("tpu-v5litepod", 4)),
        ("ct6e-standard-8t", ("tpu-v6e", 8)),
        ("n1-standard-8", None),
    ],
)
def test_tpu_slices_are_counted_in_chips(text, chips):
    assert tpu_chips(text) == chips
