# /// script
# requires-python = ">=3.11"
# dependencies = ["kubernetes-validate==1.37.0", "pyyaml==6.0.4", "cel-python==0.5.0"]
# ///
"""Check the manifests in kubernetes/ and ../deploy/kubernetes/ as far as it goes without a cluster: schemas, and CEL.

Every document is held against Kubernetes' own schema, strictly; of the PyTorchJob, whose schema is
not Kubernetes', the pod. The policy's conditions and the run id that it gives are evaluated on pods; its mutation is only
parsed.
"""

from pathlib import Path

import celpy
import kubernetes_validate
import yaml

FOLDER = Path(__file__).parent / "kubernetes"
VERSION = "1.37"


def documents(path):
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def evaluate(expression, pod):
    environment = celpy.Environment()
    what = {"object": celpy.json_to_cel(pod)}
    return environment.program(environment.compile(expression)).evaluate(what)


def given_run(policy, pod):
    """The run id that the policy gives *pod*; None where it leaves it alone."""
    conditions = [one["expression"] for one in policy["spec"]["matchConditions"]]
    if not all(evaluate(one, pod) for one in conditions):
        return None
    return str(evaluate(policy["spec"]["variables"][0]["expression"], pod))


if __name__ == "__main__":
    deployed = sorted(FOLDER.parents[1].glob("deploy/kubernetes/*.yaml"))
    for path in (FOLDER / "job.yaml", FOLDER / "policy.yaml", *deployed):
        for document in documents(path):
            kubernetes_validate.validate(document, VERSION, strict=True)
    [training] = documents(FOLDER / "pytorchjob.yaml")
    for replica in training["spec"]["pytorchReplicaSpecs"].values():
        pod = {"apiVersion": "v1", "kind": "PodTemplate", "template": replica["template"]}
        kubernetes_validate.validate(pod, VERSION, strict=True)
    policy = documents(FOLDER / "policy.yaml")[0]
    celpy.Environment().compile(policy["spec"]["mutations"][0]["applyConfiguration"]["expression"])
    containers = [{"name": "train"}]
    stated = [{"name": "train", "env": [{"name": "TRAINFARE_RUN_ID", "value": "mine"}]}]
    job = {"batch.kubernetes.io/controller-uid": "job-1"}
    jobset = {**job, "jobset.sigs.k8s.io/jobset-uid": "set-1"}
    for labels, own, run in (
        (job, containers, "job-1"),
        (jobset, containers, "set-1"),
        ({**jobset, "trainfare.io/run": "llama-7"}, containers, "llama-7"),
        (job, stated, None),
        ({"team": "nlp"}, containers, None),
    ):
        pod = {"metadata": {"labels": labels}, "spec": {"containers": own}}
        assert given_run(policy, pod) == run
    assert given_run(policy, {"metadata": {}, "spec": {"containers": containers}}) is None
    print("all manifests are valid, and the policy gives a pod the run that OpenCost's rows are")
