"""The light examples run as they stand; `make examples` runs all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["jax_flax", "optuna_study", "accelerate_loop"])
def test_an_example_prints_what_its_training_cost(home, name):
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "estimated" in done.stdout
    assert "trainfare" not in done.stderr
