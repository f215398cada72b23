# /// script
# requires-python = ">=3.11"
# dependencies = ["kubernetes-validate==1.37.0", "pyyaml==6.0.4", "cel-python==0.5.0"]
# ///
"""Check the manifests in kubernetes/ as far as it goes without a cluster: schemas, and CEL.

Every document is held against Kubernetes' own schema, strictly; of the PyTorchJob, whose schema is
not Kubernetes', the pod. The policy's conditions are evaluated on pods; its mutation is only parsed.
"""

from pathlib import Path

import celpy
import kubernetes_validate
import yaml

FOLDER = Path(__file__).parent / "kubernetes"
VERSION = "1.37"


def documents(name):
    return [one for one in yaml.safe_load_all((FOLDER / name).read_text()) if one]


def check(document):
    kubernetes_validate.validate(document, VERSION, strict=True)
    print("valid", document["kind"])


def is_matched(policy, pod):
    environment = celpy.Environment()
    what = {"object": celpy.json_to_cel(pod)}
    texts = [one["expression"] for one in policy["spec"]["matchConditions"]]
    return all(environment.program(environment.compile(one)).evaluate(what) for one in texts)


if __name__ == "__main__":
    for name in ("job.yaml", "policy.yaml", "sync.yaml"):
        for document in documents(name):
            check(document)
    [training] = documents("pytorchjob.yaml")
    for replica in training["spec"]["pytorchReplicaSpecs"].values():
        check({"apiVersion": "v1", "kind": "PodTemplate", "template": replica["template"]})
    policy = documents("policy.yaml")[0]
    mutation = policy["spec"]["mutations"][0]["applyConfiguration"]["expression"]
    celpy.Environment().compile(mutation)
    labels = {"batch.kubernetes.io/controller-uid": "5a9e1a3c-7b50-4b6e-9a1a-0c7d4f6f1b11"}
    plain = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "train"}]}}
    stated = [{"name": "train", "env": [{"name": "TRAINFARE_RUN_ID", "value": "mine"}]}]
    assert is_matched(policy, plain)
    assert not is_matched(policy, {**plain, "spec": {"containers": stated}})
    assert not is_matched(policy, {"metadata": {}, "spec": plain["spec"]})
    print("the policy takes pods of Jobs that do not name their run, and no others")
