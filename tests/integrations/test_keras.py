"""The callback of Keras, in real trainings of a tiny model."""

import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import pytest

from integrations.receipts import assert_epochs_sum, epochs, stages
from trainfare.integrations.keras import TrainfareCallback

ROWS = np.random.default_rng(1).normal(size=(24, 4)).astype("float32")
SUMS = ROWS.sum(1, keepdims=True)


def fit(*callbacks, epochs=2, **more):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(3, "relu"), keras.layers.Dense(1)], name="sums")
    model.compile("sgd", "mse", jit_compile=False, **more)
    model.fit(
        ROWS,
        SUMS,
        batch_size=4,
        epochs=epochs,
        verbose=0,
        validation_data=(ROWS, SUMS),
        callbacks=list(callbacks),
    )
    return model


def test_a_fit_is_a_run_with_its_epochs_steps_validation_and_checkpoints(home, tmp_path):
    callback = TrainfareCallback("sums", team="nlp", price="3.6/h")
    saver = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras"))
    model = fit(callback, saver)
    receipt = callback.run.receipt().to_json()
    assert (receipt["status"], receipt["steps"]) == ("finished", 12)
    assert receipt["labels"]["model"] == "sums"
    assert {"setup", "train", "eval", "checkpoint", "finish"} <= stages(receipt)
    assert epochs(receipt) == [0, 1]
    assert_epochs_sum(receipt)
    assert len(receipt["artifacts"]) == 2
    assert all(one["bytes"] > 100 for one in receipt["artifacts"])
    assert "save" not in vars(model)


@pytest.mark.long
def test_steps_that_keras_runs_at_once_are_all_counted(home):
    """By its JAX backend, which can do that; a backend is chosen once in a process."""
    code = """if True:
        from integrations.test_keras import fit
        from trainfare.integrations.keras import TrainfareCallback
        callback = TrainfareCallback()
        fit(callback, steps_per_execution=4)
        print(callback.run.receipt().to_json()["steps"])
    """
    tests = str(Path(__file__).parents[1])
    paths = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.split() == ["12"], done.stderr


def test_a_fit_that_failed_does_not_take_in_the_next_one(home):
    def fail(batch, logs=None):
        raise ValueError("the loss exploded")

    failed, callback = TrainfareCallback(), TrainfareCallback()
    with pytest.raises(ValueError, match="exploded"):
        fit(failed, keras.callbacks.LambdaCallback(on_train_batch_end=fail))
    fit(callback)
    assert failed.run.receipt().to_json()["status"] == "failed"
    assert callback.run.receipt().to_json()["steps"] == 12


def test_weights_are_bit_identical_with_and_without(home):
    bare = fit().get_weights()
    metered = fit(TrainfareCallback(price="1", budget="100")).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(bare, metered, strict=True))


def test_a_spent_budget_stops_the_fit_by_its_own_flag(home):
    slow = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs=None: time.sleep(0.02)
    )
    callback = TrainfareCallback(price="1000000/h", budget="100")
    model = fit(callback, slow, epochs=1000)
    assert model.stop_training
    receipt = callback.run.receipt().to_json()
    assert receipt["status"] == "stopped_by_budget"
    assert 0 < receipt["steps"] < 6000
