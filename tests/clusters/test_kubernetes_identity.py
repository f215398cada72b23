"""Pods of the example manifests: the run that the meter derives in them is the one OpenCost shows."""

import json
import re
from pathlib import Path

import pytest

from clusters.exports import allocation
from clusters.readers import options, write
from trainfare.clusters.opencost import read_opencost
from trainfare.metering.environment import read_surroundings

yaml = pytest.importorskip("yaml")

FOLDER = Path(__file__).parents[2] / "examples" / "kubernetes"
UID = "5a9e1a3c-7b50-4b6e-9a1a-0c7d4f6f1b11"
AIRFLOW = {
    "AIRFLOW_CTX_DAG_ID": "nightly",
    "AIRFLOW_CTX_TASK_ID": "train",
    "AIRFLOW_CTX_DAG_RUN_ID": "manual__2026-10-01T00:00:00+00:00",
}


def environment(template, given):
    """What Kubernetes puts into the first container: the downward API, then ``$(NAME)``."""
    labels = {**template["metadata"]["labels"], **given}
    env = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    for entry in template["spec"]["containers"][0]["env"]:
        text = entry.get("value", "")
        field = entry.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath", "")
        if named := re.fullmatch(r"metadata\.labels\['(.+)'\]", field):
            text = labels.get(named[1], "")
        env[entry["name"]] = re.sub(r"\$\((\w+)\)", lambda m: env[m[1]], text)
    return env, labels


def claimed(tmp_path, labels, **properties):
    """The run that OpenCost's answer gives the pod, whose label keys it rewrites as Prometheus does."""
    named = {re.sub(r"\W", "_", key): value for key, value in labels.items()}
    answer = {"code": 200, "data": [{"a": allocation(labels=named, **properties)}]}
    path = write(tmp_path, json.dumps(answer), "allocation.json")
    [record] = read_opencost(path, options()).records
    return record


def test_a_job_is_its_controllers_uid_to_both(tmp_path):
    job = yaml.safe_load((FOLDER / "job.yaml").read_text())
    given = {"batch.kubernetes.io/controller-uid": UID, "batch.kubernetes.io/job-name": "train"}
    env, labels = environment(job["spec"]["template"], given)
    here = read_surroundings(env)
    assert here.run_id == claimed(tmp_path, labels).run == UID
    assert (here.labels["team"], here.labels["kueue.queue"]) == ("nlp", "research")
    assert here.notes == ()


def test_all_replicas_of_a_pytorchjob_are_the_run_that_their_label_names(tmp_path):
    job = yaml.safe_load((FOLDER / "pytorchjob.yaml").read_text())
    for name, replica in job["spec"]["pytorchReplicaSpecs"].items():
        given = {"training.kubeflow.org/replica-type": name.lower()}
        env, labels = environment(replica["template"], given)
        torch = {"RANK": "1", "WORLD_SIZE": "4"}
        assert read_surroundings({**env, **torch}).run_id == "llama-7"
        assert claimed(tmp_path, labels).run == "llama-7"


def test_a_label_that_a_job_lacks_states_nothing():
    job = yaml.safe_load((FOLDER / "job.yaml").read_text())
    template = job["spec"]["template"]
    del template["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]
    env, _ = environment(template, {"batch.kubernetes.io/controller-uid": UID})
    assert "kueue.queue" not in read_surroundings(env).labels


def test_all_jobs_of_a_jobset_are_one_run(tmp_path):
    whole = {"jobset.sigs.k8s.io/jobset-uid": UID}
    for number in ("1", "2"):
        labels = {**whole, "batch.kubernetes.io/controller-uid": f"job-{number}"}
        assert claimed(tmp_path, labels).run == UID


def test_a_pod_of_airflow_is_the_task_and_not_the_whole_dag_run(tmp_path):
    # Labels as Airflow's own make_safe_label_value writes them.
    labels = {
        "dag_id": "nightly",
        "task_id": "train",
        "run_id": "manual__2026-10-01T0000000000-68c098335",
        "try_number": "1",
    }
    first = claimed(tmp_path, labels, controllerKind="", controller="", pod="nightly-train-x1")
    again = claimed(tmp_path, {**labels, "try_number": "2"}, pod="nightly-train-x2")
    other = claimed(tmp_path, {**labels, "task_id": "prepare"})
    assert first.run == again.run == read_surroundings(AIRFLOW).run_id
    assert other.run != first.run
    assert (first.labels["pipeline"], first.labels["pipeline.step"]) == ("nightly", "train")
    assert "run_id" not in first.labels
