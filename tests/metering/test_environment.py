"""Surroundings: the same run id for all of one launch and never for two, and no id where unsure."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.labels import check_run_id
from trainfare.metering.environment import (
    Surroundings,
    derive_run_id,
    fingerprint,
    read_surroundings,
)

SBATCH = {
    "ENVIRONMENT": "BATCH",
    "SLURM_JOB_ID": "4711",
    "SLURM_CLUSTER_NAME": "hpc",
    "SLURM_JOB_NAME": "bert",
    "SLURM_JOB_PARTITION": "gpu",
    "SLURM_JOB_ACCOUNT": "nlp",
    "SLURM_JOB_USER": "ada",
    "SLURM_JOB_NUM_NODES": "2",
    "SLURM_NODEID": "0",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
}
SRUN = {
    **SBATCH,
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "16",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_NODEID": "1",
    "SLURM_PROCID": "11",
    "SLURM_LOCALID": "3",
    "SLURM_GPUS_ON_NODE": "8",
    "SLURM_CPUS_ON_NODE": "96",
}
TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "TORCHELASTIC_ERROR_FILE": "/tmp/torchelastic_q1w2e3r4/none_a1b2c3d4/attempt_0/3/error.json",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
    "RANK": "3",
    "LOCAL_RANK": "3",
    "WORLD_SIZE": "8",
    "LOCAL_WORLD_SIZE": "8",
    "GROUP_RANK": "0",
    "GROUP_WORLD_SIZE": "1",
}
TWO_NODES = {
    **TORCHRUN,
    "RANK": "11",
    "WORLD_SIZE": "16",
    "GROUP_RANK": "1",
    "GROUP_WORLD_SIZE": "2",
}
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/BERT-base-2026-11-01-10-00-00-123"
SAGEMAKER = {
    "TRAINING_JOB_NAME": "BERT-base-2026-11-01-10-00-00-123",
    "TRAINING_JOB_ARN": ARN,
    "SM_HOSTS": '["algo-2", "algo-1"]',
    "SM_CURRENT_HOST": "algo-2",
    "SM_CURRENT_INSTANCE_TYPE": "ml.p4d.24xlarge",
    "AWS_REGION": "eu-west-1",
}


def test_an_empty_environment_is_one_process_on_one_machine():
    assert read_surroundings({}) == Surroundings()
    assert read_surroundings({}).run_id is None


# Explicit words


def test_a_stated_run_id_wins_over_every_scheduler():
    here = read_surroundings({**SRUN, **TORCHRUN, **SAGEMAKER, "TRAINFARE_RUN_ID": "r-mine"})
    assert (here.run_id, here.run_id_source) == ("r-mine", "TRAINFARE_RUN_ID")
    assert here.scheduler == "sagemaker"


def test_a_stated_run_id_that_is_none_is_rewritten_the_same_way_everywhere():
    first = read_surroundings({"TRAINFARE_RUN_ID": "My Run/7"}).run_id
    assert first == read_surroundings({"TRAINFARE_RUN_ID": "My Run/7"}).run_id
    assert first is not None
    assert check_run_id(first).startswith("my-run-7--")
    assert first != read_surroundings({"TRAINFARE_RUN_ID": "my run 7"}).run_id


# Slurm


def test_a_batch_job_is_one_run_over_all_ranks_nodes_and_requeues():
    ranks = [{**SRUN, "SLURM_PROCID": str(n), "SLURM_LOCALID": str(n % 8)} for n in range(16)]
    requeued = {**SRUN, "SLURM_RESTART_COUNT": "2", "SLURM_NODEID": "0"}
    everyone = [read_surroundings(env) for env in [SBATCH, *ranks, requeued]]
    assert {here.run_id for here in everyone} == {"slurm-hpc-4711"}
    assert everyone[-1].restart_count == 2


def test_slurm_says_rank_node_share_and_labels():
    here = read_surroundings(SRUN)
    assert (here.rank, here.local_rank, here.world_size) == (11, 3, 16)
    assert (here.node_rank, here.nodes) == (1, 2)
    assert (here.allotted_gpus, here.allotted_cpus) == (8, 96)
    assert here.job_id == "4711"
    assert here.labels["slurm.partition"] == "gpu"
    assert here.labels["slurm.user"] == "ada"
    assert "slurm.qos" not in here.labels


def test_a_batch_script_itself_is_a_single_process():
    here = read_surroundings({**SBATCH, "SLURM_NTASKS": "16"})
    assert (here.rank, here.world_size) == (0, 1)


def test_array_tasks_are_runs_of_their_own():
    def task(number):
        job = str(4711 + number)
        more = {"SLURM_ARRAY_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": str(number)}
        return read_surroundings({**SBATCH, "SLURM_JOB_ID": job, **more})

    assert task(3).run_id == "slurm-hpc-4711-3"
    assert task(3).job_id == "4711_3"
    assert len({task(n).run_id for n in range(50)}) == 50


def test_the_same_job_number_on_two_clusters_is_two_runs():
    assert (
        read_surroundings({**SBATCH, "SLURM_CLUSTER_NAME": "a"}).run_id
        != read_surroundings({**SBATCH, "SLURM_CLUSTER_NAME": "b"}).run_id
    )


def test_components_of_a_heterogeneous_job_are_one_run():
    second = {**SBATCH, "SLURM_JOB_ID": "4712", "SLURM_HET_JOB_ID": "4711"}
    assert read_surroundings(second).run_id == "slurm-hpc-4711"


INTERACTIVE = {key: text for key, text in SRUN.items() if key != "ENVIRONMENT"}


def test_in_an_interactive_allocation_each_srun_is_a_run_and_a_shell_is_none():
    first = read_surroundings(INTERACTIVE)
    second = read_surroundings({**INTERACTIVE, "SLURM_STEP_ID": "1"})
    assert (first.run_id, second.run_id) == ("slurm-hpc-4711-s0", "slurm-hpc-4711-s1")
    shell = {key: text for key, text in INTERACTIVE.items() if "STEP" not in key}
    assert read_surroundings(shell).run_id is None
    assert read_surroundings({**INTERACTIVE, "SLURM_PTY_PORT": "4"}).run_id is None
    assert read_surroundings({**INTERACTIVE, "SLURM_STEP_ID": "4294967290"}).run_id is None
    assert read_surroundings(shell).scheduler == "slurm"


@pytest.mark.parametrize(
    ("words", "gpus"),
    [
        ({"SLURM_GPUS_ON_NODE": "4", "SLURM_JOB_GPUS": "0,1"}, 4),
        ({"SLURM_JOB_GPUS": "0,1,5"}, 3),
        ({"SLURM_STEP_GPUS": "2", "SLURM_JOB_GPUS": "0,1"}, 1),
        ({}, None),
        ({"SLURM_GPUS_ON_NODE": "many"}, None),
    ],
)
def test_allotted_gpus_are_counted(words, gpus):
    assert read_surroundings({**SBATCH, **words}).allotted_gpus == gpus


# torchrun


def test_on_one_node_the_launch_is_told_by_its_log_folder():
    def rank(number, attempt="0", launch="a1b2c3d4"):
        file = f"/tmp/torchelastic_q1w2e3r4/none_{launch}/attempt_{attempt}/{number}/error.json"
        return read_surroundings({**TORCHRUN, "RANK": number, "TORCHELASTIC_ERROR_FILE": file})

    ids = {rank(str(n)).run_id for n in range(8)}
    assert len(ids) == 1
    assert rank("0", attempt="3").run_id in ids
    assert rank("0", launch="zzzzzzzz").run_id not in ids


def test_a_rendezvous_id_that_is_a_uuid_is_shared_by_all_nodes():
    one = {**TWO_NODES, "TORCHELASTIC_RUN_ID": "3f2b7d0e-1111-4222-8333-444455556666"}
    other = {**one, "GROUP_RANK": "0", "TORCHELASTIC_ERROR_FILE": "/elsewhere", "MASTER_PORT": "1"}
    assert read_surroundings(one).run_id == read_surroundings(other).run_id
    assert read_surroundings(one).run_id == "torchrun-3f2b7d0e111142228333444455556666"


@pytest.mark.parametrize("rendezvous", ["none", "100", "my-job"])
def test_over_several_nodes_an_id_that_may_come_again_is_none_and_a_note_says_what_to_do(
    rendezvous,
):
    here = read_surroundings({**TWO_NODES, "TORCHELASTIC_RUN_ID": rendezvous})
    assert here.run_id is None
    assert "uuidgen" in here.notes[0]
    assert (here.rank, here.world_size, here.node_rank, here.nodes) == (11, 16, 1, 2)


def test_an_error_file_of_the_users_own_is_no_launch():
    mine = {**TORCHRUN, "TORCHELASTIC_ERROR_FILE": "/tmp/torch-elastic-error.json"}
    assert read_surroundings(mine).run_id is None


def test_slurm_names_the_run_and_torchrun_the_rank():
    here = read_surroundings({**SBATCH, **TWO_NODES, "SLURM_RESTART_COUNT": "1"})
    assert here.run_id == "slurm-hpc-4711"
    assert (here.rank, here.local_rank, here.world_size) == (11, 3, 16)
    assert (here.node_rank, here.nodes) == (1, 2)
    assert here.notes == ()


def test_restarts_of_slurm_and_torchrun_add_up():
    env = {**SBATCH, **TWO_NODES, "SLURM_RESTART_COUNT": "1", "TORCHELASTIC_RESTART_COUNT": "2"}
    assert read_surroundings(env).restart_count == 3


# Managed jobs


def test_sagemaker_hosts_share_a_run_and_know_their_place():
    hosts = [read_surroundings({**SAGEMAKER, "SM_CURRENT_HOST": f"algo-{n}"}) for n in (1, 2)]
    assert len({here.run_id for here in hosts}) == 1
    assert [here.node_rank for here in hosts] == [0, 1]
    here = hosts[0]
    assert here.nodes == 2
    assert here.managed_job == ARN
    assert (here.provider, here.region) == ("aws", "eu-west-1")
    assert here.instance_type == "ml.p4d.24xlarge"
    assert here.run_id is not None
    assert here.run_id.startswith("sagemaker-bert-base-2026-11-01")


def test_the_same_sagemaker_name_in_two_accounts_is_two_runs():
    other = {**SAGEMAKER, "TRAINING_JOB_ARN": ARN.replace("123456789012", "210987654321")}
    assert read_surroundings(SAGEMAKER).run_id != read_surroundings(other).run_id


def test_sagemaker_is_known_by_its_training_environment_alone():
    words = {
        "job_name": "j1",
        "resource_config": {
            "current_host": "algo-1",
            "hosts": ["algo-1"],
            "current_instance_type": "ml.g5.xlarge",
        },
    }
    here = read_surroundings({"SM_TRAINING_ENV": json.dumps(words)})
    assert (here.scheduler, here.job_id, here.nodes) == ("sagemaker", "j1", 1)
    assert here.instance_type == "ml.g5.xlarge"
    assert here.region is None


def test_sagemaker_reads_its_mounted_file_where_the_variables_are_silent(tmp_path):
    folder = tmp_path / "opt/ml/input/config"
    folder.mkdir(parents=True)
    config = {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}
    (folder / "resourceconfig.json").write_text(
        json.dumps({**config, "current_instance_type": "ml.p5.48xlarge"})
    )
    here = read_surroundings({"TRAINING_JOB_ARN": ARN}, root=tmp_path)
    assert (here.instance_type, here.nodes) == ("ml.p5.48xlarge", 2)


def test_vertex_counts_its_worker_pools():
    spec = {
        "cluster": {"workerpool0": ["a:2222"], "workerpool1": ["b:2222", "c:2222"]},
        "task": {"type": "workerpool1", "index": 1},
    }
    env = {
        "CLOUD_ML_JOB_ID": "1234567890",
        "CLOUD_ML_PROJECT_ID": "prod",
        "CLOUD_ML_REGION": "europe-west4",
        "CLUSTER_SPEC": json.dumps(spec),
    }
    here = read_surroundings(env)
    assert (here.node_rank, here.nodes) == (2, 3)
    assert here.managed_job == "projects/prod/locations/europe-west4/customJobs/1234567890"
    assert (here.provider, here.region) == ("gcp", "europe-west4")
    assert here.run_id is not None
    assert here.run_id.startswith("vertex-1234567890--")


def test_azure_ml_jobs_are_unique_within_their_workspace():
    env = {
        "AZUREML_RUN_ID": "frank_sprout_12ab",
        "AZUREML_ARM_SUBSCRIPTION": "s",
        "AZUREML_ARM_RESOURCEGROUP": "g",
        "AZUREML_ARM_WORKSPACE_NAME": "w",
        "AZUREML_NODE_COUNT": "4",
        "NODE_RANK": "2",
        "RANK": "17",
        "WORLD_SIZE": "32",
    }
    here = read_surroundings(env)
    assert (here.scheduler, here.nodes, here.node_rank) == ("azureml", 4, 2)
    elsewhere = {**env, "AZUREML_ARM_WORKSPACE_NAME": "other"}
    assert here.run_id != read_surroundings(elsewhere).run_id
    assert here.labels["azureml.workspace"] == "w"


# Ray, Kubernetes, MPI


def test_a_ray_submission_drawn_by_lot_is_a_run_and_a_counter_is_not():
    def submitted(name):
        config = {"metadata": {"job_submission_id": name}}
        return read_surroundings({"RAY_JOB_CONFIG_JSON_ENV_VAR": json.dumps(config)})

    lot = submitted("raysubmit_Zx9yTq7wVu5sRn3m")
    assert lot.run_id is not None
    assert lot.run_id.startswith("ray-raysubmit-zx9")
    assert submitted("nightly").run_id is None
    assert submitted("nightly").job_id == "nightly"
    worker = read_surroundings({"RAY_JOB_ID": "01000000", "RANK": "0", "WORLD_SIZE": "4"})
    assert worker.run_id is None
    assert "runtime_env" in worker.notes[0]


def test_a_pod_is_labelled_and_numbered_but_no_run(tmp_path):
    folder = tmp_path / "var/run/secrets/kubernetes.io/serviceaccount"
    folder.mkdir(parents=True)
    (folder / "namespace").write_text("ml-prod\n")
    env = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "bert-worker-1"}
    here = read_surroundings({**env, "RANK": "2", "WORLD_SIZE": "4"}, root=tmp_path)
    assert here.scheduler == "kubernetes"
    assert here.labels == {"k8s.namespace": "ml-prod", "k8s.pod": "bert-worker-1"}
    assert (here.node_rank, here.nodes) == (2, 4)
    assert here.run_id is None
    assert "controller-uid" in here.notes[0]
    alone = read_surroundings({**env, "JOB_COMPLETION_INDEX": "3"})
    assert alone.node_rank == 3
    assert alone.notes == ()


def test_one_mpi_launch_is_one_run():
    def rank(number, head="1364525056.0;tcp://10.0.0.1:52311"):
        return read_surroundings(
            {
                "OMPI_COMM_WORLD_RANK": number,
                "OMPI_COMM_WORLD_SIZE": "16",
                "OMPI_COMM_WORLD_LOCAL_RANK": "1",
                "OMPI_COMM_WORLD_LOCAL_SIZE": "8",
                "OMPI_MCA_orte_hnp_uri": head,
            }
        )

    assert rank("1").run_id == rank("9").run_id
    assert rank("1").run_id != rank("1", "99.0;tcp://10.0.0.1:40000").run_id
    assert (rank("9").rank, rank("9").local_rank, rank("9").nodes) == (9, 1, 2)


def test_hydra_ranks_are_read_and_without_an_id_a_note_says_so():
    here = read_surroundings({"PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1"})
    assert (here.rank, here.local_rank, here.world_size) == (3, 1, 4)
    assert here.run_id is None
    assert "TRAINFARE_RUN_ID" in here.notes[0]


# Laws


NAMES = sorted(
    {
        *SRUN,
        *TWO_NODES,
        *SAGEMAKER,
        "AZUREML_RUN_ID",
        "CLOUD_ML_JOB_ID",
        "CLUSTER_SPEC",
        "KUBERNETES_SERVICE_HOST",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_MCA_orte_hnp_uri",
        "RAY_JOB_CONFIG_JSON_ENV_VAR",
        "RAY_JOB_ID",
        "SM_TRAINING_ENV",
        "TRAINFARE_RUN_ID",
    }
)
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["0", "1", "-1", "²", "9" * 30, "{}", "[]", "null", '{"cluster": [1]}', "BATCH"]
    ),
    st.from_regex(r"\A[\[{].{0,20}\Z"),
)


@given(st.dictionaries(st.sampled_from(NAMES), TEXTS))
def test_no_environment_is_too_odd_to_be_read(env):
    here = read_surroundings(env)
    assert here.run_id is None or check_run_id(here.run_id)
    assert here.nodes >= 1
    assert 0 <= here.rank < here.world_size
    assert (here.run_id is None) == (here.run_id_source is None)


PARTS = st.lists(st.text(max_size=40), min_size=1, max_size=4)


@given(PARTS, PARTS)
def test_different_parts_never_derive_the_same_id(first, second):
    assert (derive_run_id(*first) == derive_run_id(*second)) == (first == second)
    assert check_run_id(derive_run_id(*first))


@given(st.text(max_size=10), st.text(max_size=10), st.text(max_size=10))
def test_what_is_shown_and_what_it_is_within_do_not_run_together(a, b, c):
    assert derive_run_id(a, b, within=(c,)) != derive_run_id(a, within=(b, c))
    assert derive_run_id(a, within=(b, c)) != derive_run_id(a, within=(c, b)) or b == c


def test_a_long_name_is_cut_and_still_told_apart():
    one, other = "x" * 100, "x" * 99 + "y"
    assert len(derive_run_id("job", one)) <= 63
    assert derive_run_id("job", one) != derive_run_id("job", other)


def test_a_fingerprint_is_twelve_hex_digits_and_the_same_on_every_machine():
    assert re.fullmatch(r"[0-9a-f]{12}", fingerprint("a"))
    assert fingerprint("slurm", "hpc") == "d4a1e3847ba2"
