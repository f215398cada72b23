"""Ray's own workers and trials as runs, on a real local cluster."""

import contextlib
import os
import time
from pathlib import Path

import pytest
import ray
from ray import train, tune

import trainfare
from trainfare.integrations.ray import BudgetStopper, cost_words, track
from trainfare.metering.history import read_receipt, run_ids


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    home = tmp_path_factory.mktemp("ray") / "home"
    source = str(Path(trainfare.__file__).parents[1])
    variables = {
        "TRAINFARE_HOME": str(home),
        "TRAINFARE_METADATA": "off",
        "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]),
        "RAY_TRAIN_V2_ENABLED": "1",
        "OMP_NUM_THREADS": "1",
    }
    os.environ["RAY_TRAIN_V2_ENABLED"] = "1"
    ray.init(num_cpus=2, include_dashboard=False, runtime_env={"env_vars": variables})
    yield home
    ray.shutdown()


def trial(config):
    with track(price="1000000/h") as run:
        for step in range(config["steps"]):
            time.sleep(0.02)
            run.step(samples=4)
            tune.report({"loss": 1 / (1 + step), **cost_words(run)})


@pytest.mark.long
def test_every_trial_is_a_run_of_the_tunings_experiment(cluster, tmp_path):
    tuner = tune.Tuner(
        trial,
        param_space={"steps": tune.grid_search([3, 5])},
        run_config=tune.RunConfig(name="sweep", storage_path=str(tmp_path), verbose=0),
    )
    before = set(run_ids(cluster))
    assert not tuner.fit().errors
    receipts = [read_receipt(cluster, run) for run in set(run_ids(cluster)) - before]
    assert sorted(one.steps for one in receipts) == [3, 5]
    assert {one.run.labels["experiment"] for one in receipts} == {"sweep"}
    assert all(one.run.id.startswith("ray-") for one in receipts)


@pytest.mark.long
def test_a_tuning_ends_by_its_own_stopper_when_its_trials_have_cost_the_budget(cluster, tmp_path):
    tuner = tune.Tuner(
        trial,
        param_space={"steps": tune.grid_search([100_000, 100_000])},
        run_config=tune.RunConfig(
            name="stopped", storage_path=str(tmp_path), stop=BudgetStopper("500"), verbose=0
        ),
    )
    before = set(run_ids(cluster))
    assert not tuner.fit().errors
    steps = [read_receipt(cluster, run).steps for run in set(run_ids(cluster)) - before]
    assert 0 < max(steps) < 100_000


def test_a_stopper_adds_up_the_last_word_of_every_trial():
    stopper = BudgetStopper("1")
    key = "trainfare.estimated_cost"
    assert not stopper("a", {key: "0.4 USD"})
    assert not stopper("a", {key: "0.6 USD"})
    assert not stopper("b", {})
    assert not stopper("b", {key: "9 EUR"})
    assert stopper("b", {key: "0.4 USD"})
    assert stopper.stop_all()


def work(config):
    import torch

    torch.manual_seed(0)
    layer = train.torch.prepare_model(torch.nn.Linear(4, 2))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    rows = torch.randn(100_000, 4)
    with contextlib.suppress(trainfare.BudgetExceeded), track(**config) as run:
        for row in run.steps(rows[: 20 if "budget" not in config else None]):
            time.sleep(0.01)
            layer(row[None]).pow(2).mean().backward()
            optimizer.step()
            optimizer.zero_grad()


@pytest.mark.long
@pytest.mark.parametrize(
    "words", [{"price": "3.6/h"}, {"price": "1000000/h", "budget": "300"}], ids=["whole", "budget"]
)
def test_all_workers_of_a_training_are_one_run_that_ends_at_one_step(cluster, tmp_path, words):
    from ray.train.torch import TorchTrainer

    before = set(run_ids(cluster))
    TorchTrainer(
        work,
        train_loop_config=words,
        scaling_config=train.ScalingConfig(num_workers=2),
        run_config=train.RunConfig(name="pair", storage_path=str(tmp_path)),
    ).fit()
    [run] = set(run_ids(cluster)) - before
    receipt = read_receipt(cluster, run)
    assert len(receipt.run.segments) == 2
    assert len({segment.steps for segment in receipt.run.segments}) == 1
    ending = "stopped_by_budget" if "budget" in words else "finished"
    assert receipt.to_json()["status"] == ending
