"""Managed jobs as claims: the job is the resource, from its billed start to its billed end."""

import json

import pytest

from clusters.exports import ARN, WORKSPACE, azureml, sagemaker, vertex
from clusters.readers import NOW, options, write
from trainfare.clusters.managed_jobs import read_azureml, read_sagemaker, read_vertex
from trainfare.core.period import Interval
from trainfare.core.stage import Status
from trainfare.core.tally import BadRecords
from trainfare.metering.environment import read_surroundings


def read(reader, tmp_path, *jobs, lines=False):
    text = "\n".join(map(json.dumps, jobs)) if lines or len(jobs) == 1 else json.dumps(jobs)
    return reader(write(tmp_path, text, "jobs.json"), options())


def test_a_training_job_is_claimed_whole_by_its_arn(tmp_path):
    (record,) = read(read_sagemaker, tmp_path, sagemaker()).records
    assert (record.resource_id, record.share, record.status) == (ARN, 1, Status.FINISHED)
    assert record.interval == Interval.parse("2026-10-01T10:00:00.5Z", "2026-10-01T11:00:00Z")
    assert record.reported == {"instances": "2xml.p4d.24xlarge", "billable_seconds": "3600"}


def test_imported_and_metered_jobs_have_the_same_run_id(tmp_path):
    (imported,) = read(read_sagemaker, tmp_path, sagemaker()).records
    metered = read_surroundings({"TRAINING_JOB_ARN": ARN, "TRAINING_JOB_NAME": "llama-7"})
    assert imported.run == metered.run_id
    (vertexed,) = read(read_vertex, tmp_path, vertex()).records
    place = {
        "CLOUD_ML_PROJECT_ID": "123",
        "CLOUD_ML_REGION": "us-central1",
        "CLOUD_ML_JOB_ID": "456",
    }
    assert vertexed.run == read_surroundings(place).run_id
    (azured,) = read(read_azureml, tmp_path, azureml()).records
    workspace = {
        "AZUREML_RUN_ID": "brave_sky_1",
        "AZUREML_ARM_SUBSCRIPTION": "sub",
        "AZUREML_ARM_RESOURCEGROUP": "rg",
        "AZUREML_ARM_WORKSPACE_NAME": "ws",
    }
    assert azured.run == read_surroundings(workspace).run_id


@pytest.mark.parametrize(
    "named",
    [
        {"Tags": [{"Key": "run_id", "Value": "own-run"}, {"Key": "team", "Value": "nlp"}]},
        {"Environment": {"TRAINFARE_RUN_ID": "own-run"}, "Tags": [{"Key": "team", "Value": "nlp"}]},
    ],
)
def test_a_tag_or_variable_names_the_run(tmp_path, named):
    (record,) = read(read_sagemaker, tmp_path, sagemaker(**named)).records
    assert record.run == "own-run"
    assert record.labels == {"sagemaker.job": "llama-7", "team": "nlp"}


@pytest.mark.parametrize("lines", [False, True])
def test_a_list_and_json_lines_read_alike(tmp_path, lines):
    other = sagemaker(TrainingJobArn=ARN + "b", TrainingJobName="llama-7b")
    reading = read(read_sagemaker, tmp_path, sagemaker(), other, lines=lines)
    assert [r.source_row for r in reading.records] == [1, 2]


def test_a_spot_interruption_parts_attempts_and_its_wait_is_not_claimed(tmp_path):
    def step(status, start):
        return {"Status": status, "StartTime": f"2026-10-01T10:{start}:00Z"}

    steps = [step("Starting", "00"), step("Training", "05"), step("Interrupted", "20")]
    steps += [step("Starting", "30"), step("Training", "35"), step("Uploading", "55")]
    job = sagemaker(
        TrainingStartTime="2026-10-01T10:00:00Z",
        SecondaryStatusTransitions=steps,
        EnableManagedSpotTraining=True,
        TrainingTimeInSeconds=3600,
    )
    first, second = read(read_sagemaker, tmp_path, job).records
    assert first.interval == Interval.parse("2026-10-01T10:00:00Z", "2026-10-01T10:20:00Z")
    assert second.interval == Interval.parse("2026-10-01T10:30:00Z", "2026-10-01T11:00:00Z")
    assert (first.status, second.status) == (Status.KILLED, Status.FINISHED)
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.reported["is_spot"] == "true"


def test_instance_groups_and_warm_pools_are_kept_as_figures(tmp_path):
    groups = [
        {"InstanceType": "ml.a", "InstanceCount": 1},
        {"InstanceType": "ml.b", "InstanceCount": 2},
    ]
    job = sagemaker(
        ResourceConfig={"InstanceGroups": groups},
        WarmPoolStatus={"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 600},
    )
    (record,) = read(read_sagemaker, tmp_path, job).records
    assert record.reported["instances"] == "1xml.a 2xml.b"
    assert record.reported["warm_pool_seconds"] == "600"
    assert (
        record.interval.end_ns
        == Interval.parse("2026-10-01T11:00:00Z", "2026-10-01T11:00:00Z").end_ns
    )


def test_epoch_times_of_the_old_aws_command_line_are_exact(tmp_path):
    job = sagemaker(TrainingStartTime=1790848800.123, TrainingEndTime=1790852400)
    (record,) = read(read_sagemaker, tmp_path, job).records
    assert record.interval == Interval(1790848800_123_000_000, 1790852400_000_000_000)


def test_jobs_that_never_started_are_counted_and_running_ones_claimed_until_now(tmp_path):
    never = {
        k: v
        for k, v in sagemaker(TrainingJobStatus="Stopped").items()
        if not k.startswith("Training")
        or k in ("TrainingJobName", "TrainingJobArn", "TrainingJobStatus")
    }
    running = sagemaker(TrainingJobStatus="InProgress", TrainingEndTime=None)
    reading = read(read_sagemaker, tmp_path, never, running)
    (record,) = reading.records
    assert reading.skipped == {"never started": 1}
    assert (record.interval.end_ns, record.status) == (NOW, Status.RUNNING)


def test_what_is_no_described_job_is_told(tmp_path):
    summary = {
        "TrainingJobArn": ARN,
        "TrainingJobName": "x",
        "CreationTime": "2026-10-01T10:00:00Z",
    }
    endless = sagemaker(TrainingEndTime=None)
    with pytest.raises(BadRecords) as caught:
        read(
            read_sagemaker,
            tmp_path,
            summary,
            {"name": "x"},
            "job",
            endless,
            sagemaker(TrainingStartTime="then"),
        )
    text = str(caught.value)
    assert "row 1: is a summary of x; save the answer of describe-training-job" in text
    assert "row 3: is not a job" in text
    assert "row 4: has a start, no end, and does not run" in text
    assert "row 5: 'then' is not an RFC 3339 time" in text
    assert caught.value.total == 5


def test_a_vertex_job_is_claimed_by_its_full_name(tmp_path):
    (record,) = read(read_vertex, tmp_path, vertex()).records
    assert record.resource_id == "projects/123/locations/us-central1/customJobs/456"
    assert record.labels == {"team": "nlp", "vertex.job": "456", "vertex.name": "llama"}
    assert record.reported == {"instances": "2xa3-highgpu-8g+8xNVIDIA_H100_80GB"}
    assert record.interval.start_ns % 10**9 == 123456789


def test_vertex_labels_and_variables_name_the_run_and_states_tell_what_happened(tmp_path):
    pool = {"containerSpec": {"env": [{"name": "TRAINFARE_RUN_ID", "value": "own-run"}]}}
    jobs = {
        "customJobs": [
            vertex(labels={"run_id": "from-label"}, state="JOB_STATE_CANCELLED"),
            vertex(jobSpec={"workerPoolSpecs": [pool]}, state="JOB_STATE_RUNNING", endTime=None),
            vertex(state="JOB_STATE_QUEUED", startTime=None, endTime=None),
        ]
    }
    reading = read(read_vertex, tmp_path, jobs)
    found = [(r.run, r.status) for r in reading.records]
    assert found == [("from-label", Status.KILLED), ("own-run", Status.RUNNING)]
    assert reading.skipped == {"never started": 1}
    with pytest.raises(BadRecords, match="is not projects/"):
        read(read_vertex, tmp_path, vertex(name="456"))


def test_an_azure_job_is_claimed_by_its_id(tmp_path):
    (record,) = read(read_azureml, tmp_path, azureml()).records
    assert record.resource_id == f"{WORKSPACE}/jobs/brave_sky_1"
    assert record.labels == {
        "azureml.compute": "gpu-cluster",
        "azureml.run": "brave_sky_1",
        "azureml.workspace": "ws",
        "experiment": "llama",
        "team": "nlp",
    }
    assert record.reported == {"nodes": "2", "instance_type": "Standard_ND96amsr_A100_v4"}
    assert record.status is Status.FINISHED


def test_a_run_history_answer_reads_too(tmp_path):
    details = {
        "runId": "brave_sky_1",
        "target": "gpu-cluster",
        "status": "Canceled",
        "startTimeUtc": "2026-10-01T10:00:00Z",
        "endTimeUtc": "2026-10-01T10:30:00Z",
        "properties": {"azureml.git.branch": "main"},
        "tags": {"run_id": "own-run"},
    }
    (record,) = read(read_azureml, tmp_path, {"value": [details]}).records
    assert (record.run, record.resource_id) == ("own-run", "brave_sky_1")
    assert record.status is Status.KILLED
    assert record.labels["azureml.compute"] == "gpu-cluster"


def test_an_answer_of_the_management_api_without_times_says_where_they_are(tmp_path):
    properties = {"status": "Completed", "jobType": "Command"}
    with pytest.raises(BadRecords, match=r"has no startTimeUtc.*run history"):
        read(read_azureml, tmp_path, azureml(properties=properties))
    queued = azureml(properties={"status": "Queued"})
    assert read(read_azureml, tmp_path, queued).skipped == {"never started": 1}
