"""The callback of PyTorch Lightning, in real trainings of a tiny module."""

import logging
import time

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

import trainfare
from integrations.receipts import assert_epochs_sum, epochs, stages
from trainfare.integrations.lightning import TrainfareCallback

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Line(lightning.LightningModule):
    flops_per_batch = 6 * 5 * 4

    def __init__(self, pause=0.0, fails=False):
        super().__init__()
        self.layer = nn.Linear(4, 1)
        self.pause, self.fails = pause, fails

    def training_step(self, batch, index):
        time.sleep(self.pause)
        if self.fails and index == 2:
            raise ValueError("the loss exploded")
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", self.layer(batch[0]).abs().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def loader(batches=6):
    rows = torch.randn(batches * 4, 4, generator=torch.Generator().manual_seed(1))
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(rows), batch_size=4)


def fit(folder, *callbacks, module=None, validate=True, **more):
    lightning.seed_everything(0, verbose=False)
    module = module or Line()
    trainer = lightning.Trainer(
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **{"max_epochs": 2, "enable_checkpointing": False, **more},
    )
    trainer.fit(module, loader(), loader(2) if validate else None)
    return trainer, module


def test_a_fit_is_a_run_with_its_epochs_steps_validation_and_checkpoints(home, tmp_path):
    callback = TrainfareCallback("line", team="nlp", price="3.6/h")
    saver = ModelCheckpoint(dirpath=tmp_path / "kept", save_top_k=-1)
    fit(tmp_path, saver, callback, enable_checkpointing=True)
    receipt = callback.run.receipt().to_json()
    assert (receipt["status"], receipt["steps"], receipt["samples"]) == ("finished", 12, 48)
    assert receipt["labels"]["model"] == "Line"
    assert {"setup", "train", "eval", "checkpoint", "finish"} <= stages(receipt)
    assert epochs(receipt) == [0, 1]
    assert_epochs_sum(receipt)
    assert len(receipt["artifacts"]) == 2
    assert all(one["bytes"] > 100 for one in receipt["artifacts"])


def test_steps_are_those_of_the_optimizer_and_flops_those_of_the_module(home, tmp_path):
    callback = TrainfareCallback()
    trainer, _ = fit(tmp_path, callback, accumulate_grad_batches=3)
    receipt = callback.run.receipt()
    assert receipt.to_json()["steps"] == trainer.global_step == 4
    [segment] = receipt.run.segments
    assert (segment.flops.count, segment.flops.dtype) == (3 * Line.flops_per_batch, "fp32")


def test_weights_are_bit_identical_with_and_without(home, tmp_path):
    _, bare = fit(tmp_path)
    _, metered = fit(tmp_path, TrainfareCallback(price="1", budget="100"))
    assert torch.equal(bare.layer.weight, metered.layer.weight)
    assert torch.equal(bare.layer.bias, metered.layer.bias)


def test_a_spent_budget_stops_the_trainer_by_its_own_flag(home, tmp_path):
    callback = TrainfareCallback(price="1000000/h", budget="100")
    trainer, _ = fit(tmp_path, callback, module=Line(pause=0.02), max_epochs=1000)
    assert trainer.should_stop
    receipt = callback.run.receipt().to_json()
    assert (receipt["status"], receipt["steps"]) == ("stopped_by_budget", trainer.global_step)


def test_a_fit_that_fails_is_a_failed_run_and_leaves_the_trainer_as_it_was(home, tmp_path):
    callback = TrainfareCallback()
    with pytest.raises(ValueError, match="exploded"):
        fit(tmp_path, callback, module=Line(fails=True))
    receipt = callback.run.receipt().to_json()
    assert (receipt["status"], receipt["steps"]) == ("failed", 2)
    with trainfare.track() as run:
        assert run.id != callback.run.id
