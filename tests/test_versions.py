"""The part that runs inside a training works on every Python that is promised, if it is here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

TRAINING = """
import sys, trainfare
with trainfare.track("v", model="m", price="3.6/h") as run:
    for _ in run.epochs(range(2)):
        for _ in run.steps(range(3)):
            pass
receipt = run.receipt().to_json()
assert receipt["steps"] == 6 and len(receipt["epochs"]) == 2, receipt
assert trainfare.Money.parse(receipt["estimated"]["total"]).nano > 0
print(*sys.version_info[:2])
"""


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_a_training_is_metered_on(version, tmp_path):
    program = shutil.which(f"python{version}")
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        program = sys.executable
    if (
        program is None
        or subprocess.run([program, "-V"], capture_output=True, check=False).returncode
    ):
        pytest.skip(f"Python {version} is not installed here")
    env = {
        **os.environ,
        "PYTHONPATH": str(SOURCE),
        "TRAINFARE_HOME": str(tmp_path),
        "TRAINFARE_METADATA": "off",
    }
    done = subprocess.run(
        [program, "-W", "error", "-c", TRAINING],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (version.split("."), "")
