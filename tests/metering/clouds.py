"""What each provider's metadata service answers, with invented names and numbers."""

import json

AWS_DOCUMENT = {
    "accountId": "123456789012",
    "architecture": "x86_64",
    "availabilityZone": "us-east-1b",
    "imageId": "ami-0abcdef1234567890",
    "instanceId": "i-0123456789abcdef0",
    "instanceType": "p5.48xlarge",
    "pendingTime": "2026-11-01T10:00:00Z",
    "region": "us-east-1",
    "version": "2017-09-30",
}
TOKEN = "AQAEAInventedToken_-=="

AZURE_DOCUMENT = {
    "azEnvironment": "AzurePublicCloud",
    "evictionPolicy": "",
    "location": "eastus",
    "name": "trainer-1",
    "priority": "",
    "resourceGroupName": "ML",
    "resourceId": "/subscriptions/8d10da13-8125-4ba9-a717-bf7490507b3d/resourceGroups/ML"
    "/providers/Microsoft.Compute/virtualMachines/trainer-1",
    "subscriptionId": "8d10da13-8125-4ba9-a717-bf7490507b3d",
    "vmId": "13F56399-BD52-4150-9748-7190AAE1FF21",
    "vmScaleSetName": "",
    "vmSize": "Standard_ND96isr_H100_v5",
    "zone": "2",
}

OCI_DOCUMENT = {
    "availabilityDomain": "Uocm:US-ASHBURN-1-AD-1",
    "canonicalRegionName": "us-ashburn-1",
    "id": "ocid1.instance.oc1.iad.invented",
    "metadata": {"ssh_authorized_keys": "ssh-ed25519 AAAA"},
    "region": "iad",
    "shape": "BM.GPU.H100.8",
    "tenantId": "ocid1.tenancy.oc1..invented",
}


def aws(life_cycle="on-demand", document=None, token=(200, TOKEN), version_1=False):
    """IMDS: a token is needed unless *version_1* is allowed."""

    def guarded(body):
        def answer(headers):
            has_token = headers.get("x-aws-ec2-metadata-token") == TOKEN
            return (200, body) if has_token or version_1 else (401, "Unauthorized")

        return answer

    def give_token(headers):
        return token if "x-aws-ec2-metadata-token-ttl-seconds" in headers else (400, "no TTL")

    text = json.dumps({**AWS_DOCUMENT, **(document or {})})
    routes = {
        ("PUT", "/latest/api/token"): give_token,
        ("GET", "/latest/dynamic/instance-identity/document"): guarded(text),
    }
    if life_cycle is not None:
        routes["GET", "/latest/meta-data/instance-life-cycle"] = guarded(life_cycle)
    return routes


def gcp(preemptible="FALSE", model=None, **more):
    """Compute Engine's server: refuses whoever does not say the magic header."""
    values = {
        "instance/id": "5477418834823412345",
        "instance/zone": "projects/424242/zones/us-central1-a",
        "instance/machine-type": "projects/424242/machineTypes/a3-highgpu-8g",
        "instance/scheduling/preemptible": preemptible,
        "instance/scheduling/provisioning-model": model,
        "project/project-id": "trainers-prod",
        **more,
    }

    def answer_with(body):
        def answer(headers):
            if headers.get("metadata-flavor") != "Google":
                return 403, "Missing Metadata-Flavor:Google header."
            return 200, body, {"Metadata-Flavor": "Google"}

        return answer

    return {
        ("GET", f"/computeMetadata/v1/{path}"): answer_with(body)
        for path, body in values.items()
        if body is not None
    }


def azure(**changes):
    """Azure's service, which wants its header and one of its versions."""
    text = json.dumps({**AZURE_DOCUMENT, **changes})

    def answer(headers):
        return (200, text) if headers.get("metadata") == "true" else (400, "Bad request")

    return {("GET", "/metadata/instance/compute"): answer}


def oci():
    """Oracle's service, version 2."""
    text = json.dumps(OCI_DOCUMENT)

    def answer(headers):
        return (200, text) if headers.get("authorization") == "Bearer Oracle" else (401, "")

    return {("GET", "/opc/v2/instance/"): answer}
