"""A loop around Hugging Face's Accelerator, in real trainings of a tiny model."""

import time

import pytest
import torch
from accelerate import Accelerator

import trainfare
from integrations.receipts import stages

ROWS = torch.randn(24, 4, generator=torch.Generator().manual_seed(1))


def train(folder, *, track=True, steps=6, pause=0.0, accumulate=1, **words):
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
    run = None
    if track:
        run = trainfare.integrations.accelerate.track(accelerator, **words)
    layer = torch.nn.Linear(4, 1)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(ROWS), batch_size=4)
    parts = layer, torch.optim.SGD(layer.parameters(), lr=0.1), loader
    model, optimizer, loader = accelerator.prepare(*parts)
    accelerator.init_trackers("bench")
    made = 0
    while made < steps:
        for [batch] in loader:
            time.sleep(pause)
            with accelerator.accumulate(model):
                loss = model(batch).pow(2).mean()
                accelerator.backward(loss)
                optimizer.step()
                optimizer.zero_grad()
            made += 1
            accelerator.log({"loss": loss.item()}, step=made)
            if accelerator.check_trigger():
                steps = 0
                break
    accelerator.save_state(str(folder / "state"))
    accelerator.end_training()
    return run, layer, made


def test_a_loop_is_a_run_with_its_steps_and_checkpoints(home, tmp_path):
    run, _, made = train(tmp_path, steps=12, name="line", price="3.6/h")
    receipt = run.receipt().to_json()
    assert (receipt["status"], receipt["name"], receipt["steps"]) == ("finished", "line", made)
    assert {"setup", "train", "checkpoint"} <= stages(receipt)
    [kept] = receipt["artifacts"]
    assert kept["uri"].endswith("state")
    assert kept["bytes"] > 100


def test_steps_are_those_of_the_optimizer(home, tmp_path):
    run, _, _ = train(tmp_path, steps=12, accumulate=3)
    assert run.receipt().to_json()["steps"] == 4


def test_weights_are_bit_identical_with_and_without(home, tmp_path):
    _, bare, _ = train(tmp_path / "a", track=False)
    _, metered, _ = train(tmp_path / "b", price="1", budget="100")
    assert torch.equal(bare.weight, metered.weight)
    assert torch.equal(bare.bias, metered.bias)


def test_a_spent_budget_sets_the_trigger(home, tmp_path):
    words = {"price": "1000000/h", "budget": "100"}
    run, _, made = train(tmp_path, steps=100_000, pause=0.02, **words)
    receipt = run.receipt().to_json()
    assert (receipt["status"], receipt["steps"]) == ("stopped_by_budget", made)


def test_words_that_make_no_sense_are_refused_before_the_training(home):
    with pytest.raises(trainfare.BadInput):
        trainfare.integrations.accelerate.track(Accelerator(cpu=True), price="cheap")
