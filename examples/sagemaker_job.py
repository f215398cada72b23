# /// script
# requires-python = ">=3.11"
# dependencies = ["sagemaker-training==5.1.4"]
# ///
"""A SageMaker training job, run by SageMaker's own toolkit as in its containers, without AWS.

The job's name is one that a step of a SageMaker pipeline has.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import trainfare

FOLDER = Path(__file__).parent / "services"
JOB = "pipelines-4aqgnyhyvmhr-Train-kBmDbWBRpj"
CONFIG = {
    "hyperparameters": {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": ""},
    "inputdataconfig": {},
    "resourceconfig": {
        "current_host": "localhost",  # algo-1 there; the toolkit waits until the name resolves
        "hosts": ["localhost"],
        "current_instance_type": "ml.p4d.24xlarge",
        "network_interface_name": "lo",
    },
}

if __name__ == "__main__":
    home = Path(tempfile.mkdtemp(prefix="trainfare-sagemaker-"))
    CONFIG["hyperparameters"]["sagemaker_submit_directory"] = json.dumps(str(FOLDER))
    (home / "input/config").mkdir(parents=True)
    for name, content in CONFIG.items():
        (home / f"input/config/{name}.json").write_text(json.dumps(content))
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{JOB}"
    os.environ.update(TRAINFARE_HOME=str(home), TRAINFARE_METADATA="off")
    words = {"SAGEMAKER_BASE_DIR": str(home), "TRAINING_JOB_NAME": JOB, "TRAINING_JOB_ARN": arn}
    command = [sys.executable, "-m", "sagemaker_training.cli.train"]
    subprocess.run(command, check=True, env={**os.environ, **words})
    print(trainfare.report(by=("pipeline.run", "pipeline.step")))
