"""Keras 3, metered by one line; KERAS_BACKEND says on what."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

import trainfare


def main() -> None:
    rows = np.random.default_rng(0).normal(size=(512, 16)).astype("float32")
    model = keras.Sequential([keras.layers.Dense(32, "relu"), keras.layers.Dense(1)], name="sums")
    model.compile("sgd", "mse")
    metered = trainfare.integrations.keras.TrainfareCallback(
        team="vision", price="3.6/h", budget="25"
    )
    model.fit(rows, rows.sum(1), epochs=3, validation_split=0.2, callbacks=[metered])
    print(metered.run.receipt())


if __name__ == "__main__":
    main()
