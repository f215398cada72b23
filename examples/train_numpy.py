"""A real little training: a two-layer network learns to tell ten shapes of noisy waves apart.

Run it alone, or under ``trainfare run --price 3.6/h -- python examples/train_numpy.py``.
"""

import os
import time
from pathlib import Path

import numpy as np

import trainfare

SECONDS = float(os.environ.get("TRAINFARE_DEMO_SECONDS", "60"))
FOLDER = Path(os.environ.get("TRAINFARE_DEMO_FOLDER", "."))
EPOCHS, WIDTH, CLASSES, BATCH = 6, 256, 10, 128


def make_data(rng: np.random.Generator, count: int = 8192) -> tuple[np.ndarray, np.ndarray]:
    """(count, WIDTH) waves of one of CLASSES frequencies in noise, and their classes."""
    labels = rng.integers(0, CLASSES, count)
    turn = np.linspace(0, 2 * np.pi, WIDTH) * (1 + labels[:, None])
    waves = np.sin(turn + rng.uniform(0, 6, (count, 1)))
    return waves + rng.normal(0, 5.0, waves.shape), labels


def train_step(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray, rate: float) -> float:
    """One step of gradient descent on the cross-entropy; returns the loss."""
    hidden = np.maximum(x @ weights[0], 0)
    scores = hidden @ weights[1]
    odds = np.exp(scores - scores.max(1, keepdims=True))
    odds /= odds.sum(1, keepdims=True)
    loss = -np.log(odds[np.arange(len(y)), y] + 1e-12).mean()
    odds[np.arange(len(y)), y] -= 1
    back = (odds @ weights[1].T) * (hidden > 0)
    weights[1] -= rate / len(y) * hidden.T @ odds
    weights[0] -= rate / len(y) * x.T @ back
    return float(loss)


def main() -> None:
    rng = np.random.default_rng(0)
    with trainfare.track("waves", model="mlp-256", experiment="demo", team="examples") as run:
        with run.stage("data"):
            x, y = make_data(rng)
        weights = [rng.normal(0, 0.05, (WIDTH, 512)), rng.normal(0, 0.05, (512, CLASSES))]
        for epoch in run.epochs(range(EPOCHS)):
            until = time.monotonic() + SECONDS / EPOCHS
            while time.monotonic() < until:
                rows = rng.integers(0, len(x), BATCH)
                loss = train_step(weights, x[rows], y[rows], 0.1)
                run.step(samples=BATCH)
            with run.stage("eval"):
                right = (np.maximum(x @ weights[0], 0) @ weights[1]).argmax(1) == y
            run.log(loss=loss, accuracy=right.mean())
            print(f"epoch {epoch}  loss {loss:.3f}  accuracy {right.mean():.3f}  so far {run.cost}")
            np.savez(FOLDER / "waves.npz", *weights)
            run.checkpoint(FOLDER / "waves.npz")


if __name__ == "__main__":
    main()
