"""The callback of Hugging Face's Trainer, in real trainings of a tiny model."""

import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from transformers.trainer_utils import set_seed

import trainfare
from integrations.receipts import assert_epochs_sum, epochs, stages
from trainfare.core.work import work_of
from trainfare.integrations.transformers import TrainfareCallback
from trainfare.metering.history import read_receipt, run_ids

ROWS, LENGTH, BATCH = 24, 8, 4


class Sentences(torch.utils.data.Dataset):
    def __init__(self, pause=0.0):
        numbers = torch.Generator().manual_seed(1)
        self.ids = torch.randint(0, 50, (ROWS, LENGTH), generator=numbers)
        self.pause = pause

    def __len__(self):
        return ROWS

    def __getitem__(self, row):
        time.sleep(self.pause)
        return {"input_ids": self.ids[row], "labels": int(self.ids[row].sum()) % 2}


def train(folder, *callbacks, epochs=2, resume=None, pause=0.0, **more):
    set_seed(0)
    config = BertConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
        per_device_train_batch_size=BATCH,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        logging_steps=2,
        **{"save_strategy": "no", **more},
    )
    trainer = Trainer(
        BertForSequenceClassification(config),
        arguments,
        train_dataset=Sentences(pause),
        eval_dataset=Sentences(),
        callbacks=list(callbacks),
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def weights(trainer):
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def test_a_training_is_a_run_with_its_epochs_steps_evaluations_and_checkpoints(home, tmp_path):
    callback = TrainfareCallback("tiny", team="nlp", price="3.6/h")
    train(tmp_path / "out", callback, eval_strategy="epoch", save_strategy="epoch")
    receipt = callback.run.receipt().to_json()
    assert (receipt["status"], receipt["name"], receipt["steps"]) == ("finished", "tiny", 12)
    assert receipt["labels"]["model"] == "BertForSequenceClassification"
    assert {"setup", "train", "eval", "checkpoint", "finish"} <= stages(receipt)
    assert epochs(receipt) == [0, 1]
    assert_epochs_sum(receipt)
    assert [one["uri"].rpartition("/")[2] for one in receipt["artifacts"]] == [
        "checkpoint-6",
        "checkpoint-12",
    ]


def test_the_trainers_flops_and_tokens_are_on_the_receipt(home, tmp_path):
    callback = TrainfareCallback(price="3.6/h")
    trainer = train(tmp_path / "out", callback)
    receipt = callback.run.receipt()
    assert trainer.state.num_input_tokens_seen == 0  # what the Trainer counts unless it is told to
    assert receipt.to_json()["tokens"] == 2 * ROWS * LENGTH
    [segment] = receipt.run.segments
    assert segment.flops.per == "step"
    assert segment.flops.count == int(trainer.state.total_flos / 12)


@pytest.mark.parametrize("words", [{}, {"budget": "100", "price": "1"}], ids=["free", "budget"])
def test_weights_are_bit_identical_with_and_without(home, tmp_path, words):
    bare = weights(train(tmp_path / "a"))
    metered = weights(train(tmp_path / "b", TrainfareCallback(**words)))
    assert all(torch.equal(bare[name], metered[name]) for name in bare)


def test_a_spent_budget_stops_the_trainer_by_its_own_flag(home, tmp_path):
    callback = TrainfareCallback(price="1000000/h", budget="100")
    trainer = train(tmp_path / "out", callback, epochs=1000, pause=0.01)
    assert 0 < trainer.state.global_step < 6000
    receipt = callback.run.receipt().to_json()
    assert (receipt["status"], receipt["steps"]) == (
        "stopped_by_budget",
        trainer.state.global_step,
    )


def test_a_resumed_training_says_where_it_goes_on(home, tmp_path):
    train(tmp_path / "out", TrainfareCallback(run_id="r-1"), save_strategy="steps", save_steps=4)
    again = TrainfareCallback(run_id="r-1")
    train(tmp_path / "out", again, resume=str(tmp_path / "out" / "checkpoint-8"))
    work = work_of(again.run.receipt().run)
    assert (work.steps, work.redone_steps) == (16, 4)


def test_the_callback_joins_the_run_around_it(home, tmp_path):
    callback = TrainfareCallback()
    with trainfare.track("around", price="1") as run:
        train(tmp_path / "out", callback)
        assert callback.run is run
        assert run.receipt().to_json()["status"] == "running"
    assert run.receipt().to_json()["steps"] == 12


def test_a_home_that_cannot_be_written_stops_no_training(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "file" / "home"))
    with caplog.at_level(logging.WARNING, logger="trainfare"):
        trainer = train(tmp_path / "out", TrainfareCallback(price="1"))
    assert trainer.state.global_step == 12
    assert len([one for one in caplog.records if one.name == "trainfare"]) == 1


@pytest.mark.long
def test_two_trainers_of_one_training_are_one_run_that_ends_at_one_step(home, tmp_path):
    text = (Path(__file__).parents[2] / "examples" / "transformers_trainer.py").read_text()
    text = text.replace('price="3.6/h", budget="25"', 'price="1000000/h", budget="900"')
    script = tmp_path / "train.py"
    script.write_text(text.replace("num_train_epochs=2", "num_train_epochs=2000"))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*launcher, "--nproc-per-node=2", str(script)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [run] = run_ids(home)
    receipt = read_receipt(home, run)
    assert receipt.to_json()["status"] == "stopped_by_budget"
    assert len(receipt.run.segments) == 2
    assert len({segment.steps for segment in receipt.run.segments}) == 1


def test_words_that_make_no_sense_are_refused_before_anything_is_trained():
    with pytest.raises(trainfare.BadInput):
        TrainfareCallback(price="cheap")
    with pytest.raises(TypeError):
        TrainfareCallback(colour="red")
