"""Distributed trainings of two real processes, by torchrun and gloo."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from trainfare.core.money import Money
from trainfare.metering.history import read_receipt

SCRIPT = str(Path(__file__).parent / "ranks.py")


def torchrun(kind, *, steps=20, pause=0.0, words=None, options=("--standalone",)):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", *options, "--nproc-per-node=2"),
            *(SCRIPT, kind, str(steps), str(pause), json.dumps(words or {})),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(one) for one in done.stdout.splitlines() if one.startswith("{")]
    return sorted(lines, key=lambda one: one["rank"])


def test_two_processes_are_one_run_paid_once_that_ends_at_one_step(home):
    """Rank 1 is slower, and its meter may see the budget later; none waits for the other in vain."""
    words = {"price": "1000000/h", "budget": "300"}
    ranks = torchrun("ddp", steps=3000, pause=0.01, words=words)
    assert [one["ended"] for one in ranks] == ["stopped", "stopped"]
    assert ranks[0]["made"] == ranks[1]["made"] < 3000
    [run] = {one["run"] for one in ranks}
    receipt = read_receipt(home, run)
    assert sorted(segment.rank for segment in receipt.run.segments) == [0, 1]
    assert len(receipt.run.attempts) == 1
    document, made = receipt.to_json(), ranks[0]["made"]
    assert document["status"] == "stopped_by_budget"
    assert (document["steps"], document["samples"]) == (made, 2 * made)
    seconds = Fraction(receipt.run.attempts[0].interval.duration_ns, 10**9)
    paid = Money.nearest(seconds * 1_000_000 / 3600)
    assert receipt.estimate.components["compute"] == paid


@pytest.mark.long
@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_weights_are_bit_identical_with_and_without(home, kind):
    bare = torchrun(kind)
    metered = torchrun(kind, words={"price": "1", "budget": "100"})
    assert {one["weights"] for one in bare} == {one["weights"] for one in metered}
    assert len({one["weights"] for one in bare}) == 1


@pytest.mark.long
def test_sharded_processes_are_one_run_and_end_together(home):
    words = {"price": "1000000/h", "budget": "300"}
    ranks = torchrun("fsdp", steps=3000, pause=0.01, words=words)
    assert ranks[0]["made"] == ranks[1]["made"] < 3000
    assert ranks[0]["run"] == ranks[1]["run"]


@pytest.mark.long
def test_processes_whose_launcher_has_no_id_agree_on_one(home):
    """As on several nodes, where torchrun's own rendezvous id comes again."""
    options = ("--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "--rdzv-id=100")
    ranks = torchrun("ddp", words={"price": "1"}, options=options)
    assert len({one["run"] for one in ranks}) == 1
