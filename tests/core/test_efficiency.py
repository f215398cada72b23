"""MFU is what the model needed over what the accelerators could do in the train stage."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from core.segments import UNPRICED, segment
from trainfare.core.attempts import make_run
from trainfare.core.efficiency import efficiency_of, waiting_device_ns
from trainfare.core.estimate import estimate_run
from trainfare.core.machine import Accelerator, Machine
from trainfare.core.money import Money
from trainfare.core.run import Flops, Totals

TERA = 10**12
GPUS = tuple(Accelerator(n, f"g{n}", "Invented 9000") for n in range(2))


def peak(device, dtype):
    """100 TFLOP/s in bf16, for the only model there is."""
    return Fraction(100 * TERA) if dtype == "bf16" and device.name == "Invented 9000" else None


def run_of(*segments):
    return make_run("r", list(segments))


STATED = Flops("step", Fraction(10**15), "bf16")


def trained(start=0, seconds=100, *, flops=STATED, **more):
    """Twenty seconds of setup, then train, on two GPUs."""
    stages = ((0, "setup"), (20, "train"))
    made = segment(start, seconds, stages=stages, held_devices=("g0", "g1"), flops=flops, **more)
    return replace(made, machine=Machine("i-0", "host", accelerators=GPUS))


def found_in(*segments):
    run = run_of(*segments)
    return efficiency_of(run, estimate_run(run), peak)


def test_a_run_by_hand():
    """Eight steps of 10¹⁵ in 80 s of train on two GPUs of 10¹⁴: 8 of 16 · 10¹⁵, for $0.08."""
    found = found_in(trained(steps=8))
    assert found.mfu == Fraction(1, 2)
    assert found.train_device_ns == 160 * 10**9
    assert found.train_cost == Money.parse("0.08")
    assert found.cost_per_exaflop == Money.parse("10")
    assert found.why == ""


def test_ranks_count_a_step_once_and_their_tokens_together():
    stated = Flops("token", Fraction(10**9), "bf16")
    ranks = [
        trained(id=str(rank), rank=rank, steps=8, tokens=4_000_000, flops=stated)
        for rank in range(2)
    ]
    assert found_in(*ranks).flops == 8 * 10**15
    by_step = [trained(id=str(rank), rank=rank, steps=8) for rank in range(2)]
    assert found_in(*by_step).flops == 8 * 10**15
    assert found_in(*by_step).mfu == Fraction(1, 2)


def test_attempts_add_up():
    found = found_in(trained(steps=8), trained(200, steps=4, id="again"))
    assert (found.flops, found.mfu) == (12 * 10**15, Fraction(12, 32))


def test_what_is_missing_is_named():
    assert "run.flops(…)" in found_in(trained(steps=8, flops=None)).why
    said = found_in(trained(steps=8, flops=Flops("step", Fraction(1), "tf32")))
    assert said.why == "no dense tf32 peak is known of Invented 9000"
    assert (said.mfu, said.flops) == (None, 8)
    uncounted = found_in(trained(steps=8, flops=Flops("token", Fraction(1), "bf16")))
    assert "does not count its tokens" in uncounted.why
    assert found_in(trained(steps=0)).why == "no step was made"
    nothing = segment(0, 10, flops=Flops("step", Fraction(1), "bf16"), steps=3)
    assert found_in(nothing).why == "the run holds no accelerator"


@given(st.integers(1, 10**6), st.integers(1, 10**20))
def test_mfu_is_the_same_however_the_work_is_said(tokens, per_token):
    by_token = trained(steps=1, tokens=tokens, flops=Flops("token", Fraction(per_token), "bf16"))
    by_step = trained(steps=1, flops=Flops("step", Fraction(per_token * tokens), "bf16"))
    assert found_in(by_token).mfu == found_in(by_step).mfu > 0


def test_an_attempt_that_ended_before_it_trained_adds_nothing():
    early = trained(steps=0, flops=None)
    found = found_in(early, trained(200, steps=4, id="again"))
    assert (found.flops, found.why) == (4 * 10**15, "")
    silent = found_in(trained(steps=3, flops=None), trained(200, steps=4, id="again"))
    assert "run.flops(…)" in silent.why


def test_without_a_price_or_without_operations_an_exaflop_has_no_price():
    assert found_in(trained(steps=8, price=UNPRICED)).cost_per_exaflop is None
    assert found_in(trained(steps=8, flops=None)).cost_per_exaflop is None


def test_waiting_is_other_stages_and_waits_for_data_of_every_accelerator():
    """Two GPUs: 30 s of data, eval and checkpoints, 7 s of waits of the slower of two ranks."""
    stages = (
        (0, "setup"),
        (20, "train"),
        (60, "data"),
        (75, "eval"),
        (85, "checkpoint"),
        (90, "train"),
    )
    ranks = [
        replace(
            trained(id=str(rank), rank=rank, totals=Totals(input_wait_ns=wait)),
            stages=segment(stages=stages).stages,
        )
        for rank, wait in enumerate((7 * 10**9, 4 * 10**9))
    ]
    run = run_of(*ranks)
    assert waiting_device_ns(run, estimate_run(run)) == 2 * (30 + 7) * 10**9


def test_waits_that_were_not_measured_are_no_waits():
    run = run_of(trained(totals=Totals()))
    assert waiting_device_ns(run, estimate_run(run)) == 0
