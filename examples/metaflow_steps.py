# /// script
# requires-python = ">=3.11"
# dependencies = ["metaflow==2.19.39"]
# ///
"""A Metaflow flow whose steps are metered: each task is one run, and a retry is an attempt of it."""

import os
import subprocess
import sys
import tempfile

from metaflow import FlowSpec, current, retry, step

import trainfare
from trainfare.integrations.metaflow import track


class Nightly(FlowSpec):
    @step
    def start(self):
        with track(stage="data"):
            self.rows = sum(range(100_000))
        self.next(self.train)

    @retry(times=1, minutes_between_retries=0)
    @step
    def train(self):
        with track(model="tiny") as run:
            for _ in run.steps(range(100)):
                self.rows += 1
            if current.retry_count == 0:
                raise RuntimeError("the first try fails")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Nightly()
    else:
        home = tempfile.mkdtemp(prefix="trainfare-metaflow-")
        words = {"TRAINFARE_HOME": home, "METAFLOW_DATASTORE_SYSROOT_LOCAL": home, "USER": "me"}
        os.environ.update(words, TRAINFARE_PRICE="3.6/h")
        subprocess.run([sys.executable, __file__, "run"], check=True, cwd=home)
        trained = trainfare.receipt("last").run
        assert [attempt.status.value for attempt in trained.attempts] == ["failed", "finished"]
        print(trainfare.report(by=("pipeline", "pipeline.step")))
