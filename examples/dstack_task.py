# /// script
# requires-python = ">=3.11"
# dependencies = ["dstack==0.22.5"]
# ///
"""A dstack task: its own client reads it, and its command runs here with dstack's variables.

Two job ids with one run id are what a retry after an interruption looks like.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from dstack._internal.core.models.configurations import parse_apply_configuration

import trainfare

FOLDER = Path(__file__).parent / "services"

if __name__ == "__main__":
    os.environ["TRAINFARE_HOME"] = tempfile.mkdtemp(prefix="trainfare-dstack-")
    task = parse_apply_configuration(yaml.safe_load((FOLDER / "task.dstack.yml").read_text()))
    words = {**task.env.as_dict(), "DSTACK_RUN_NAME": task.name, "DSTACK_RUN_ID": "5a9e1a3c-7b50"}
    words |= {
        "DSTACK_NODE_RANK": "0",
        "DSTACK_NODES_NUM": str(task.nodes),
        "TRAINFARE_PRICE": "24/h",
    }
    command = [sys.executable, *shlex.split(task.commands[-1])[1:]]
    for job in ("0b1c2d3e", "4f5a6b7c"):
        env = {**os.environ, **words, "DSTACK_JOB_ID": job}
        subprocess.run(command, check=True, cwd=FOLDER, env=env)
    assert len(trainfare.receipt("last").run.attempts) == 2
    print(trainfare.report(by=("team", "dstack.run")))
