"""A machine of which nothing was found out."""

from trainfare.core.machine import Accelerator, Machine


def test_what_nobody_found_out_is_not_known():
    bare = Machine("host:1", "node")
    assert not bare.in_container
    assert (bare.provider, bare.purchase_option, bare.cpu_count, bare.memory_bytes) == (None,) * 4
    assert (bare.accelerators, bare.facts) == ((), {})


def test_an_accelerator_is_held_whole_unless_it_says_its_slices():
    whole = Accelerator(0, "GPU-1", "NVIDIA H100")
    assert (whole.slices, whole.slices_of, whole.parent_id) == (1, 1, None)
