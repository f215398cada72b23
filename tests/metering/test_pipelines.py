"""A step of one execution of a pipeline is one run, its retries are attempts, and no other is it."""

import pytest

import trainfare
from trainfare.metering.environment import read_surroundings
from trainfare.metering.pipelines import metaflow_job, step_job
from trainfare.metering.step import track_step

AIRFLOW = {
    "AIRFLOW_CTX_DAG_ID": "nightly",
    "AIRFLOW_CTX_TASK_ID": "train",
    "AIRFLOW_CTX_DAG_RUN_ID": "manual__2026-10-01T00:00:00+00:00",
    "AIRFLOW_CTX_TRY_NUMBER": "1",
}
METAFLOW = {"MF_PATHSPEC": "Nightly/1729/train/7", "MF_ATTEMPT": "0"}
SKYPILOT = {
    "SKYPILOT_TASK_ID": "sky-managed-2026-10-01-08-00-00-467694_nightly_train_17-1",
    "SKYPILOT_TASK_IDS": "sky-managed-2026-10-01-08-00-00-467694_nightly_prepare_17-0\n"
    "sky-managed-2026-10-01-08-00-00-467694_nightly_train_17-1",
    "SKYPILOT_NODE_RANK": "1",
    "SKYPILOT_NUM_NODES": "2",
    "SKYPILOT_NUM_GPUS_PER_NODE": "8",
}
DSTACK = {
    "DSTACK_RUN_NAME": "llama",
    "DSTACK_RUN_ID": "5a9e1a3c-7b50-4b6e-9a1a-0c7d4f6f1b11",
    "DSTACK_JOB_ID": "0b1c2d3e-7b50-4b6e-9a1a-0c7d4f6f1b11",
    "DSTACK_NODE_RANK": "0",
    "DSTACK_NODES_NUM": "2",
    "DSTACK_GPUS_PER_NODE": "8",
}
SLURM = {"SLURM_JOB_ID": "4711", "SLURM_CLUSTER_NAME": "hpc", "ENVIRONMENT": "BATCH"}

ENGINES = {"airflow": AIRFLOW, "metaflow": METAFLOW, "skypilot": SKYPILOT, "dstack": DSTACK}
PARTS = {
    "airflow": ("AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_TASK_ID", "AIRFLOW_CTX_DAG_RUN_ID"),
    "metaflow": ("MF_PATHSPEC",),
    "skypilot": ("SKYPILOT_TASK_ID",),
    "dstack": ("DSTACK_RUN_ID",),
}
AGAIN = {
    "airflow": {"AIRFLOW_CTX_TRY_NUMBER": "2"},
    "metaflow": {"MF_ATTEMPT": "1"},
    "skypilot": {"SKYPILOT_NODE_RANK": "0"},
    "dstack": {"DSTACK_JOB_ID": "another submission", "DSTACK_NODE_RANK": "1"},
}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_retry_or_another_node_is_the_same_run(engine):
    env = ENGINES[engine]
    first, again = read_surroundings(env), read_surroundings({**env, **AGAIN[engine]})
    assert first.scheduler == engine
    assert first.run_id == again.run_id
    assert str(first.run_id).startswith(engine)


@pytest.mark.parametrize(("engine", "part"), [(e, p) for e, parts in PARTS.items() for p in parts])
def test_another_step_or_execution_is_another_run(engine, part):
    env = ENGINES[engine]
    other = read_surroundings({**env, part: env[part] + "2"})
    assert other.run_id not in (None, read_surroundings(env).run_id)


@pytest.mark.parametrize("engine", ["airflow", "metaflow", "skypilot"])
def test_its_money_sums_up_by_pipeline_execution_and_step(engine):
    labels = read_surroundings(ENGINES[engine]).labels
    found = tuple(labels.get(key) for key in ("pipeline", "pipeline.run", "pipeline.step"))
    expected = {
        "airflow": ("nightly", "manual__2026-10-01T00:00:00+00:00", "train"),
        "metaflow": ("Nightly", "1729", "train"),
        "skypilot": (None, "sky-managed-2026-10-01-08-00-00-467694_17", "nightly_train"),
    }
    assert found == expected[engine]


def test_a_step_of_a_sagemaker_pipeline_is_its_training_job_with_labels_of_the_step():
    name = "pipelines-4aqgnyhyvmhr-Train-Model-kBmDbWBRpj"
    labels = read_surroundings({"TRAINING_JOB_NAME": name}).labels
    assert (labels["pipeline.run"], labels["pipeline.step"]) == ("4aqgnyhyvmhr", "Train-Model")
    assert "pipeline.run" not in read_surroundings({"TRAINING_JOB_NAME": "bert-2026"}).labels


def test_a_step_of_an_azure_pipeline_names_the_job_that_it_is_a_step_of():
    step = {"AZUREML_RUN_ID": "step-1", "AZUREML_ARM_PROJECT_NAME": "nightly"}
    labels = read_surroundings({**step, "AZUREML_ROOT_RUN_ID": "root-1"}).labels
    assert (labels["pipeline"], labels["pipeline.run"]) == ("nightly", "root-1")
    for alone in (step, {**step, "AZUREML_ROOT_RUN_ID": "step-1"}):
        assert "pipeline.run" not in read_surroundings(alone).labels


def test_a_retry_says_how_often_it_was_tried():
    assert read_surroundings({**AIRFLOW, "AIRFLOW_CTX_TRY_NUMBER": "3"}).restart_count == 2
    assert read_surroundings({**METAFLOW, "MF_ATTEMPT": "2"}).restart_count == 2


def test_nodes_and_gpus_are_known_where_the_engine_says_them():
    for env, rank in ((SKYPILOT, 1), (DSTACK, 0)):
        here = read_surroundings(env)
        assert (here.node_rank, here.nodes, here.allotted_gpus) == (rank, 2, 8)


def test_a_slurm_job_is_the_run_that_sacct_knows_and_has_the_steps_labels():
    here = read_surroundings({**AIRFLOW, **SLURM})
    assert (here.run_id, here.scheduler) == ("slurm-hpc-4711", "slurm")
    assert here.labels["pipeline.step"] == "train"


def test_a_step_without_all_its_names_is_none():
    for name in PARTS["airflow"]:
        assert read_surroundings({k: v for k, v in AIRFLOW.items() if k != name}).run_id is None
    assert read_surroundings({"MF_PATHSPEC": "Nightly/1729/train"}).run_id is None


def test_stated_labels_win_over_an_engines_and_empty_ones_are_passed_over():
    stated = "pipeline=weekly, team = nlp ,queue=,9=x,seed"
    labels = read_surroundings({**AIRFLOW, "TRAINFARE_LABELS": stated}).labels
    assert (labels["pipeline"], labels["team"]) == ("weekly", "nlp")
    assert {"queue", "9", "seed"}.isdisjoint(labels)


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A home of its own, and no run around."""
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.delenv("TRAINFARE_RUN_ID", raising=False)


def test_steps_of_one_process_are_runs_and_a_retry_is_an_attempt(alone):
    ids = []
    for step in ("prepare", "train", "train"):
        with track_step(step_job("prefect", "nightly", "run-1", step), price="3.6") as run:
            ids.append(run.id)
    assert ids[0] != ids[1] == ids[2]
    found = trainfare.receipt(ids[1]).run
    assert (len(found.attempts), found.name, found.labels["pipeline"]) == (2, "train", "nightly")


def test_a_run_id_from_outside_stands(alone, monkeypatch):
    monkeypatch.setenv("TRAINFARE_RUN_ID", "r-outer")
    with track_step(metaflow_job("Nightly", "1", "train", "7"), labels={"team": "nlp"}) as run:
        assert run.id == "r-outer"
    assert trainfare.receipt("r-outer").run.labels["pipeline.step"] == "train"
