# /// script
# requires-python = ">=3.11"
# dependencies = ["azure-ai-ml==1.35.2"]
# ///
"""A pipeline of Azure ML: its own client reads it, and its step runs here with the job's variables."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from azure.ai.ml import load_job

import trainfare

FOLDER = Path(__file__).parent / "services"
SERVICE = {
    "AZUREML_RUN_ID": "bold_sky_1a2b3c",
    "AZUREML_ROOT_RUN_ID": "keen_owl_4d5e6f",
    "AZUREML_ARM_SUBSCRIPTION": "00000000-0000-0000-0000-000000000000",
    "AZUREML_ARM_RESOURCEGROUP": "ml",
    "AZUREML_ARM_WORKSPACE_NAME": "nlp",
    "AZUREML_ARM_PROJECT_NAME": "nightly",
    "TRAINFARE_PRICE": "24/h",
}

if __name__ == "__main__":
    os.environ["TRAINFARE_HOME"] = tempfile.mkdtemp(prefix="trainfare-azureml-")
    step = load_job(FOLDER / "azureml.yml").jobs["train"]
    words = {**os.environ, **step.environment_variables, **SERVICE}
    command = [sys.executable, *shlex.split(step.component.command)[1:]]
    subprocess.run(command, check=True, cwd=FOLDER, env=words)
    print(trainfare.report(by=("team", "pipeline", "pipeline.run", "pipeline.step")))
