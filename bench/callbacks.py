"""What a callback costs a training, by framework, in CPU microseconds per step.

    make frameworks
    .venv-frameworks/bin/python -m bench.callbacks              all frameworks, some 5 minutes
    .venv-frameworks/bin/python -m bench.callbacks keras 10     one, ten pairs of blocks

Blocks of the same tiny training with and without take turns in one process. A block's CPU time is the
process's, the meter's thread included, from its 50th step to its last; so starts and ends are not in it.
The CPU time of its thread inside the callback's event of a step stands beside, for large steps make
small differences of blocks uncertain. A pair is two neighbours, and each pair starts with the other
kind. Trackers that the Hugging Face Trainer reports to by itself stand beside, at the same logging
interval, and so does a callback that does nothing: what the framework takes to call any. Writes
``bench/out/callbacks.md``.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

os.environ |= {
    "OMP_NUM_THREADS": "1",
    "KERAS_BACKEND": "torch",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "TRAINFARE_METADATA": "off",
    "DO_NOT_TRACK": "1",
}

from bench.table import Table, Target, machine_sentence, publish, spread

SKIPPED, STEPS = 50, 550
SETTLE_SECONDS = 2.5
"""Until the meter has found the machine and looked at the budget; that is a run's, not a step's."""
TARGET_US = 10
OURS, EMPTY = "trainfare", "empty"
OUT = Path(__file__).parent / "out"
WORDS = {"price": "3.6/h", "budget": "1000"}

Block = Callable[[str], float]
"""What is on (``""`` for nothing) → CPU µs per step."""


class Gauge:
    """Reads the process's CPU clock at two steps."""

    def __init__(self) -> None:
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == SKIPPED:
            time.sleep(SETTLE_SECONDS)
            self.begun_ns = time.process_time_ns()
        elif self.steps == STEPS:
            self.micros = (time.process_time_ns() - self.begun_ns) / 1000 / (STEPS - SKIPPED)


def timed(callback: object, *events: str) -> object:
    """*callback*, whose *events* leave their thread's CPU time in ``INSIDE``."""
    clock = time.thread_time_ns

    def timing(act):
        def call(*positional, **named):
            begun_ns = clock()
            act(*positional, **named)
            INSIDE.append(clock() - begun_ns - FLOOR_NS)

        return call

    for event in events:
        setattr(callback, event, timing(getattr(callback, event)))
    return callback


def _floor_ns() -> float:
    """What two readings of that clock, with nothing between, say."""
    readings = [-time.thread_time_ns() + time.thread_time_ns() for _ in range(10_000)]
    return statistics.median(readings)


INSIDE: list[float] = []
FLOOR_NS = _floor_ns()


def transformers() -> Block:
    import torch
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )
    from transformers.utils import logging as theirs

    from trainfare.integrations.transformers import TrainfareCallback

    theirs.set_verbosity_error()
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    rows = [{"input_ids": torch.ones(8, dtype=torch.long), "labels": 1}] * (2 * STEPS)

    def block(on: str) -> float:
        gauge = Gauge()

        class Reading(TrainerCallback):
            def on_step_end(self, *_, **__):
                gauge.step()

        with tempfile.TemporaryDirectory() as folder:
            os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
            os.environ["WANDB_DIR"] = os.environ["TENSORBOARD_LOGGING_DIR"] = folder
            arguments = TrainingArguments(
                folder,
                max_steps=STEPS,
                per_device_train_batch_size=2,
                logging_steps=10,
                save_strategy="no",
                use_cpu=True,
                disable_tqdm=True,
                report_to=[on] if on not in ("", OURS, EMPTY) else [],
            )
            trainer = Trainer(
                BertForSequenceClassification(
                    BertConfig(vocab_size=50, intermediate_size=16, **size)
                ),
                arguments,
                train_dataset=rows,
                callbacks=[
                    Reading(),
                    *([timed(TrainfareCallback(**WORDS), "on_step_end")] if on == OURS else []),
                    *([TrainerCallback()] if on == EMPTY else []),
                ],
            )
            trainer.pop_callback(_printer())
            trainer.train()
            if on == "mlflow":
                sys.modules["mlflow"].end_run()
            if on == "wandb":
                sys.modules["wandb"].finish()
        return gauge.micros

    return block


def _printer():
    from transformers import PrinterCallback

    return PrinterCallback


def lightning() -> Block:
    import lightning
    import torch

    from trainfare.integrations.lightning import TrainfareCallback

    class Line(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(16, 1)

        def training_step(self, batch, index):
            return self.layer(batch[0]).pow(2).mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    rows = torch.utils.data.TensorDataset(torch.randn(2 * STEPS, 16))

    def block(on: str) -> float:
        gauge = Gauge()

        class Reading(lightning.Callback):
            def on_train_batch_end(self, *_):
                gauge.step()

        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[
                Reading(),
                *([timed(TrainfareCallback(**WORDS), "on_train_batch_end")] if on == OURS else []),
                *([lightning.Callback()] if on == EMPTY else []),
            ],
        )
        trainer.fit(Line(), torch.utils.data.DataLoader(rows, batch_size=2))
        return gauge.micros

    return block


def keras() -> Block:
    import keras
    import numpy as np

    from trainfare.integrations.keras import TrainfareCallback

    rows = np.ones((2 * STEPS, 16), "float32")

    def block(on: str) -> float:
        gauge = Gauge()

        class Reading(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                gauge.step()

        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=False)
        callbacks = [
            Reading(),
            *([timed(TrainfareCallback(**WORDS), "on_train_batch_end")] if on == OURS else []),
            *([keras.callbacks.Callback()] if on == EMPTY else []),
        ]
        model.fit(rows, rows[:, :1], batch_size=2, verbose=0, callbacks=callbacks)
        return gauge.micros

    return block


def accelerate() -> Block:
    import torch
    from accelerate import Accelerator

    import trainfare

    def block(on: str) -> float:
        gauge, accelerator = Gauge(), Accelerator(cpu=True)
        if on:
            trainfare.integrations.accelerate.track(accelerator, **WORDS)
        layer = torch.nn.Linear(16, 1)
        model, optimizer = accelerator.prepare(layer, torch.optim.SGD(layer.parameters(), lr=0.1))
        for batch in torch.randn(STEPS, 2, 16):
            accelerator.backward(model(batch).pow(2).mean())
            optimizer.step()
            optimizer.zero_grad()
            gauge.step()
        accelerator.end_training()
        return gauge.micros

    return block


def torch() -> Block:
    import torch

    import trainfare

    def block(on: str) -> float:
        gauge, layer = Gauge(), torch.nn.Linear(16, 1)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        rows = torch.utils.data.TensorDataset(torch.randn(2 * STEPS, 16))
        loader = torch.utils.data.DataLoader(rows, batch_size=2)
        with trainfare.track(**WORDS) if on else nullcontext() as run:
            for [batch] in run.steps(loader, samples=lambda one: len(one[0])) if on else loader:
                layer(batch).pow(2).mean().backward()
                optimizer.step()
                optimizer.zero_grad()
                gauge.step()
        return gauge.micros

    return block


def jax() -> Block:
    import jax
    import numpy as np

    import trainfare

    step = jax.jit(lambda w, batch: w - 0.1 * jax.grad(lambda v: ((batch @ v) ** 2).mean())(w))
    batches, first = np.ones((STEPS, 2, 16), "float32"), np.ones(16, "float32")

    def block(on: str) -> float:
        gauge, weights = Gauge(), first
        with trainfare.track(**WORDS) if on else nullcontext() as run:
            for batch in run.steps(batches, samples=len) if on else batches:
                weights = step(weights, batch).block_until_ready()
                gauge.step()
        return gauge.micros

    return block


FRAMEWORKS = {one.__name__: one for one in (torch, jax, accelerate, lightning, keras, transformers)}
PEERS = {
    "lightning": (EMPTY,),
    "keras": (EMPTY,),
    "transformers": (EMPTY, "tensorboard", "mlflow", "wandb"),
}


def compare(block: Block, on: str, pairs: int) -> tuple[list[float], list[float]]:
    """CPU µs per step that *on* adds, pair by pair, and those of the bare training."""
    added, bare = [], []
    block(on), block("")
    for number in range(pairs):
        order = ("", on) if number % 2 else (on, "")
        taken = {kind: block(kind) for kind in order}
        added.append(taken[on] - taken[""])
        bare.append(taken[""])
    return added, bare


def main(names: list[str], pairs: int) -> None:
    table = Table(
        "callbacks",
        "CPU µs per step that a callback adds",
        ("framework", "callback", "bare step", "added", "inside the callback"),
    )
    begun, table.load_before = time.monotonic(), os.getloadavg()[0]
    for name in names:
        block = FRAMEWORKS[name]()
        INSIDE.clear()
        for on in (OURS, *PEERS.get(name, ())):
            print(f"… {name} {on}", file=sys.stderr, flush=True)
            added, bare = (spread(one) for one in compare(block, on, pairs))
            is_timed = on == OURS and INSIDE
            inside = statistics.median(INSIDE) / 1000 if is_timed else None
            table.add(name, on, bare, added, inside)
            if on == OURS:
                said = f"{added.median:.1f} µs"
                is_met = added.median <= TARGET_US
                what = f"a step of the callback for {name}"
                table.targets.append(Target(what, f"≤ {TARGET_US} µs of CPU", said, is_met))
            table.load_after, table.seconds = os.getloadavg()[0], time.monotonic() - begun
            write(table)
    print((OUT / "callbacks.md").read_text(encoding="utf-8"))


def write(table: Table) -> None:
    """Keep what is measured so far, so that an interrupted call leaves it."""
    text = f"{machine_sentence()}\n\n{table.as_markdown()}\n"
    OUT.mkdir(exist_ok=True)
    (OUT / "callbacks.md").write_text(text, encoding="utf-8")
    publish(table)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    chosen = [one for one in sys.argv[1:] if one in FRAMEWORKS] or list(FRAMEWORKS)
    counts = [int(one) for one in sys.argv[1:] if one.isdigit()]
    with tempfile.TemporaryDirectory() as home:
        os.environ["TRAINFARE_HOME"] = home
        main(chosen, counts[0] if counts else 20)
