"""A loop of JAX, flax and optax, metered; XLA itself says how many operations a step takes."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import trainfare
from trainfare.integrations.jax import count_flops


def main() -> None:
    batches = np.random.default_rng(0).normal(size=(64, 16, 32)).astype("float32")
    model, optimizer = nn.Dense(1), optax.sgd(0.1)
    weights = model.init(jax.random.key(0), batches[0])
    momentum = optimizer.init(weights)

    @jax.jit
    def train_step(weights, momentum, batch):
        gradient = jax.grad(lambda w: jnp.mean(model.apply(w, batch) ** 2))(weights)
        updates, momentum = optimizer.update(gradient, momentum)
        return optax.apply_updates(weights, updates), momentum

    with trainfare.track("line", team="research", price="3.6/h", budget="25") as run:
        count_flops(run, train_step, weights, momentum, batches[0])
        for _ in run.epochs(range(3)):
            for batch in run.steps(batches, samples=len):
                weights, momentum = train_step(weights, momentum, batch)
            jax.block_until_ready(weights)  # JAX works on behind; let the epoch have its time
    print(run.receipt())


if __name__ == "__main__":
    main()
