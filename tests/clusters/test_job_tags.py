"""Job tags: what we tell a user to put on a job is what our readers find again."""

import json
import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.exports import SACCT_HEADER, allocation, sacct_row, sagemaker
from clusters.readers import options, write
from trainfare.clusters.job_tags import TARGETS, job_tags
from trainfare.clusters.managed_jobs import read_sagemaker
from trainfare.clusters.opencost import read_opencost
from trainfare.clusters.run_tag import find_run_id
from trainfare.clusters.sacct import read_sacct
from trainfare.core.errors import BadInput
from trainfare.metering.environment import read_surroundings

runs = st.from_regex(r"[a-z0-9-]{1,63}", fullmatch=True)
words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 .'|$_-]{0,20}[A-Za-z0-9]", fullmatch=True)
labels = st.dictionaries(st.sampled_from(["model", "team", "experiment"]), words, max_size=3)


@given(runs, labels)
def test_a_slurm_comment_names_the_run_in_sacct(tmp_path_factory, run, stated):
    (line,) = job_tags("slurm", run, stated)
    comment = re.fullmatch(r'#SBATCH --comment="(.*)"', line)[1]
    text = f"{SACCT_HEADER}|Comment\n{sacct_row()}|{comment}\n"
    path = write(tmp_path_factory.mktemp("slurm"), text)
    (record,) = read_sacct(path, options()).records
    assert record.run == run
    assert set(stated) <= set(record.labels)


@given(runs.filter(lambda run: run == run.strip("-")), labels)
def test_a_pods_labels_name_the_run_in_opencost_and_its_variable_in_the_meter(
    tmp_path_factory, run, stated
):
    lines = job_tags("kubernetes", run, stated)
    found = dict(re.findall(r'^    (\w+): "(.*)"$', "\n".join(lines), re.MULTILINE))
    assert all(
        re.fullmatch(r"[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?", v)
        for v in set(found.values()) - {run}
    )
    answer = {"data": [{"a": allocation(labels=found)}]}
    path = write(tmp_path_factory.mktemp("k8s"), json.dumps(answer))
    (record,) = read_opencost(path, options()).records
    assert record.run == run
    variable = re.search(r"name: (\w+), value: \"(.*)\"", lines[-1])
    assert read_surroundings({variable[1]: variable[2]}).run_id == run


@given(runs, labels)
def test_sagemaker_tags_and_variable_name_the_run(tmp_path_factory, run, stated):
    tags, environment = (
        line.partition("=")[2].rstrip(",") for line in job_tags("sagemaker", run, stated)
    )
    for named in ({"Tags": json.loads(tags)}, {"Environment": json.loads(environment)}):
        job = sagemaker(**named)
        path = write(tmp_path_factory.mktemp("sm"), json.dumps(job))
        (record,) = read_sagemaker(path, options()).records
        assert record.run == run


@given(runs, labels)
def test_google_labels_keep_to_its_characters_and_name_the_run(run, stated):
    (line,) = job_tags("gcp", run, stated)
    pairs = dict(pair.split("=") for pair in line.removeprefix("--labels=").split(","))
    assert all(re.fullmatch(r"[a-z0-9_-]{0,63}", text) for pair in pairs.items() for text in pair)
    assert find_run_id(pairs) == run


@given(runs, labels)
def test_azure_and_aws_lines_survive_the_shell(run, stated):
    (azure,) = job_tags("azure", run, stated)
    pairs = dict(word.split("=", 1) for word in shlex.split(azure)[1:])
    assert pairs == {"run_id": run, **stated}
    line, hint = job_tags("aws", run, stated)
    flag, instance, volume = shlex.split(line)
    assert flag == "--tag-specifications"
    assert volume == instance.replace("instance", "volume", 1)
    assert f"{{Key=run_id,Value={run}}}" in instance.replace('"', "")
    assert hint.startswith("# once per account")


def test_a_wrong_target_run_or_label_is_refused():
    with pytest.raises(BadInput, match="'ovh' is not one of aws, gcp, azure"):
        job_tags("ovh", "r")
    with pytest.raises(BadInput, match="Kubernetes takes in no label"):
        job_tags("kubernetes", "r-")
    for target in TARGETS:
        with pytest.raises(BadInput, match="run id 'Run 1'"):
            job_tags(target, "Run 1")
        with pytest.raises(BadInput, match="label key"):
            job_tags(target, "r", {"1": "x"})
