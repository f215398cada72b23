# /// script
# requires-python = ">=3.11"
# dependencies = ["kfp==2.17.3"]
# ///
"""A Kubeflow pipeline, also as Vertex AI runs it, whose tasks are metered as one run each.

Its placeholders name the pipeline and this run of it; here they are filled in by kfp's local runner.
"""

import os
import tempfile

from kfp import dsl, local

import trainfare

HOME = tempfile.mkdtemp(prefix="trainfare-kfp-")
os.environ.setdefault("TRAINFARE_HOME", HOME)
os.environ.setdefault("TRAINFARE_PRICE", "3.6/h")
# The local runner finds all packages here; a pod needs kfp, trainfare and a base image that has them.
HERE = dsl.component(base_image="python:3.12", install_kfp_package=False)


@HERE
def prepare(pipeline: str, run: str, step: str) -> int:
    from trainfare.integrations.kubeflow import track

    with track(pipeline, run, step, stage="data"):
        return sum(range(100_000))


@HERE
def train(pipeline: str, run: str, step: str, rows: int) -> int:
    from trainfare.integrations.kubeflow import track

    with track(pipeline, run, step, model="tiny") as metered:
        for _ in metered.steps(range(100)):
            rows += 1
    return rows


@dsl.pipeline(name="nightly")
def nightly() -> int:
    who = {
        "pipeline": "nightly",
        "run": dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        "step": dsl.PIPELINE_TASK_NAME_PLACEHOLDER,
    }
    rows = prepare(**who)
    return train(rows=rows.output, **who).output


if __name__ == "__main__":
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=HOME)
    nightly()
    print(trainfare.report(by=("pipeline", "pipeline.step")))
