"""Invented exports of each system, in the shape that the real one has."""

from __future__ import annotations

import json

SACCT_HEADER = "JobID|Cluster|User|Account|Start|End|Elapsed|State|AllocTRES|NodeList|JobName"
ONE_HOUR = "2026-10-01T10:00:00|2026-10-01T11:00:00|01:00:00"
GPUS = "billing=8,cpu=48,gres/gpu=4,gres/gpu:h100=4,mem=1T,node=1"


def sacct_row(
    job="7", times=ONE_HOUR, state="COMPLETED", tres=GPUS, nodes="gpu01", name="train", user="ada"
):
    """A row under SACCT_HEADER."""
    return f"{job}|hpc|{user}|nlp|{times}|{state}|{tres}|{nodes}|{name}"


def sacct_job(number=7, **changes):
    """A job as ``sacct --json`` has it."""
    base = {
        "job_id": number,
        "cluster": "hpc",
        "user": "ada",
        "account": "nlp",
        "name": "train",
        "partition": "gpu",
        "qos": "normal",
        "nodes": "gpu[01-02]",
        "comment": {"administrator": "", "job": "", "system": ""},
        "array": {"job_id": 0, "task_id": {"set": False, "infinite": False, "number": 0}},
        "het": {"job_id": 0, "job_offset": {"set": False, "infinite": False, "number": 0}},
        "restart_cnt": 0,
        "state": {"current": ["COMPLETED"], "reason": "None"},
        "time": {"start": 1790848800, "end": 1790852400, "elapsed": 3600, "suspended": 0},
        "tres": {
            "allocated": [
                {"type": "cpu", "name": "", "id": 1, "count": 96},
                {"type": "gres", "name": "gpu", "id": 1001, "count": 8},
                {"type": "gres", "name": "gpu:h100", "id": 1002, "count": 8},
            ]
        },
        "steps": [{"step": {"id": "7.batch"}}],
    }
    return {**base, **changes}


DAY = ("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z")


def allocation(pod="train-0", start=DAY[0], end="2026-10-01T12:00:00Z", gpus=4.0, **properties):
    hours = (int(end[11:13]) - int(start[11:13])) % 24 or 24
    return {
        "name": f"prod/node-1/ml/{pod}/main",
        "properties": {
            "cluster": "prod",
            "node": "node-1",
            "namespace": "ml",
            "controller": "train",
            "controllerKind": "job",
            "pod": pod,
            "container": "main",
            "providerID": "i-0123456789abcdef0",
            "labels": {"team": "nlp"},
            **properties,
        },
        "window": {"start": DAY[0], "end": DAY[1]},
        "start": start,
        "end": end,
        "minutes": hours * 60,
        "cpuCores": 24.0,
        "cpuCoreHours": 24.0 * hours,
        "gpuCount": gpus,
        "gpuHours": gpus * hours,
        "totalCost": 31.41593,
        "gpuCost": 0.1,
    }


OPENCOST_HEADER = (
    "Date,Namespace,ControllerKind,ControllerName,Pod,Container,Labels,CPUCoreUsageAverage,"
    "CPUCoreRequestAverage,RAMBytesUsageAverage,RAMBytesRequestAverage,NetworkReceiveBytes,"
    "NetworkTransferBytes,GPUs,PVBytes,CPUCost,RAMCost,NetworkCost,PVCost,GPUCost,TotalCost\n"
)


def opencost_row(labels, gpus="2", kind="job"):
    quoted = '"' + json.dumps(labels).replace('"', '""') + '"'
    return f"2026-10-01,ml,{kind},train,train-0,main,{quoted},1,12,0,0,0,0,{gpus},0,1.5,0,0,0,7.25,8.75\n"


ARN = "arn:aws:sagemaker:us-east-1:123456789012:training-job/llama-7"


def sagemaker(**changes):
    return {
        "TrainingJobName": "llama-7",
        "TrainingJobArn": ARN,
        "TrainingJobStatus": "Completed",
        "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2},
        "CreationTime": "2026-10-01T09:50:00.123000+00:00",
        "TrainingStartTime": "2026-10-01T10:00:00.500000+00:00",
        "TrainingEndTime": "2026-10-01T11:00:00+00:00",
        "BillableTimeInSeconds": 3600,
        **changes,
    }


def vertex(**changes):
    pool = {
        "machineSpec": {
            "machineType": "a3-highgpu-8g",
            "acceleratorType": "NVIDIA_H100_80GB",
            "acceleratorCount": 8,
        },
        "replicaCount": "2",
        "containerSpec": {"imageUri": "i", "env": [{"name": "SEED", "value": "1"}]},
    }
    return {
        "name": "projects/123/locations/us-central1/customJobs/456",
        "displayName": "llama",
        "jobSpec": {"workerPoolSpecs": [pool]},
        "state": "JOB_STATE_SUCCEEDED",
        "startTime": "2026-10-01T10:00:00.123456789Z",
        "endTime": "2026-10-01T12:00:00Z",
        "labels": {"team": "nlp"},
        **changes,
    }


WORKSPACE = (
    "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws"
)


def azureml(**changes):
    return {
        "id": f"{WORKSPACE}/jobs/brave_sky_1",
        "name": "brave_sky_1",
        "properties": {
            "jobType": "Command",
            "status": "Completed",
            "experimentName": "llama",
            "computeId": f"{WORKSPACE}/computes/gpu-cluster",
            "tags": {"team": "nlp"},
            "resources": {"instanceCount": 2, "instanceType": "Standard_ND96amsr_A100_v4"},
            "properties": {
                "StartTimeUtc": "2026-10-01T10:00:00.1234567Z",
                "EndTimeUtc": "2026-10-01T11:00:00Z",
            },
        },
        **changes,
    }


def scrape(second, *lines):
    stamp = f"2026-10-01T00:{second // 60:02d}:{second % 60:02d}Z"
    return "\n".join([f"# at {stamp}", *lines]) + "\n"


def util(uuid, value=80, **labels):
    block = ",".join(f'{k}="{v}"' for k, v in {"UUID": uuid, "Hostname": "gpu01", **labels}.items())
    return f"DCGM_FI_DEV_GPU_UTIL{{{block}}} {value}"


CLAIMS_HEADER = "run,resource,start,end,share,attempt,label.team\n"


CLAIMS_ROW = "r-1,i-0,2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,0.5,1,nlp\n"
