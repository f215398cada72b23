"""Laws of trackable resources: a GPU counts once, whatever its types say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.clusters.tres import (
    WHOLE_GPU,
    Capacity,
    capacity_of,
    gpu_models,
    gpu_units,
    parse_tres,
)
from trainfare.core.errors import BadInput

tres_names = st.sampled_from(["cpu", "mem", "node", "billing", "gres/gpu", "gres/gpu:h100"])


@given(st.dictionaries(tres_names, st.integers(0, 10**12)))
def test_reading_undoes_writing(counts):
    assert parse_tres(",".join(f"{name}={count}" for name, count in counts.items())) == counts


@given(st.lists(st.integers(0, 16), max_size=4))
def test_a_total_and_its_types_are_the_same_gpus(per_type):
    typed = {f"gres/gpu:model{n}": count for n, count in enumerate(per_type)}
    with_total = {"gres/gpu": sum(per_type), **typed}
    assert capacity_of(with_total) == capacity_of(typed)
    assert capacity_of(with_total).gpu_units == sum(per_type) * WHOLE_GPU


def test_the_oracle_eight_h100_are_eight_gpus():
    tres = parse_tres("billing=12,cpu=12,gres/gpu=8,gres/gpu:h100=8,mem=31000M,node=1")
    assert capacity_of(tres) == Capacity(cpus=12, gpu_units=8 * WHOLE_GPU, shards=0, mps=0)
    assert gpu_models(tres) == ("h100",)


def test_gpu_memory_and_utilization_counters_are_no_gpus():
    tres = parse_tres("cpu=4,gres/gpumem=70000M,gres/gpuutil=97")
    assert capacity_of(tres).gpu_units == 0


def test_types_that_name_fewer_than_the_total_leave_whole_gpus():
    assert capacity_of({"gres/gpu": 3, "gres/gpu:a100_3g.20gb": 1}).gpu_units == 12 + 2 * WHOLE_GPU


def test_seven_smallest_slices_are_one_gpu():
    assert 7 * gpu_units("nvidia_h100_80gb_hbm3_1g.10gb") == WHOLE_GPU
    assert 4 * gpu_units("a30_1g.6gb") == WHOLE_GPU
    assert gpu_units("a100_7g.40gb") == WHOLE_GPU


@pytest.mark.parametrize("text", ["cpu", "cpu=", "=3", "cpu=many", "cpu=-1"])
def test_an_entry_that_is_no_count_is_refused(text):
    with pytest.raises(BadInput, match="is not name=count"):
        parse_tres(text)
