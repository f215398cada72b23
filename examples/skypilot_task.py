# /// script
# requires-python = ">=3.11"
# dependencies = ["skypilot==0.14.1"]
# ///
"""A SkyPilot task: its own client reads it, and its command runs here with SkyPilot's variables.

Two tries with one task id are what a managed job's recovery from a preemption looks like.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import sky

import trainfare

FOLDER = Path(__file__).parent / "services"
TASK = "sky-managed-2026-10-01-08-00-00-467694_nightly_train_17-1"

if __name__ == "__main__":
    os.environ["TRAINFARE_HOME"] = tempfile.mkdtemp(prefix="trainfare-skypilot-")
    task = sky.Task.from_yaml(str(FOLDER / "sky.yaml"))
    others = f"{TASK.replace('train_17-1', 'prepare_17-0')}\n{TASK}"
    words = {**task.envs, "SKYPILOT_TASK_ID": TASK, "SKYPILOT_TASK_IDS": others}
    words |= {"SKYPILOT_NODE_RANK": "0", "SKYPILOT_NUM_NODES": "1", "TRAINFARE_PRICE": "24/h"}
    command = [sys.executable, *shlex.split(task.run)[1:]]
    for _ in range(2):
        subprocess.run(command, check=True, cwd=FOLDER, env={**os.environ, **words})
    assert len(trainfare.receipt("last").run.attempts) == 2
    print(trainfare.report(by=("team", "pipeline.run", "pipeline.step")))
