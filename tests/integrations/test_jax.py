"""A loop of JAX, flax and optax, metered."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import trainfare
from trainfare.integrations.jax import count_flops

ROWS = np.random.default_rng(1).normal(size=(8, 4, 16)).astype("float32")


def train(run=None):
    model, optimizer = nn.Dense(1), optax.sgd(0.1)
    state = model.init(jax.random.key(0), ROWS[0])
    state = state, optimizer.init(state)

    @jax.jit
    def step(state, batch):
        weights, momentum = state
        gradient = jax.grad(lambda w: jnp.mean(model.apply(w, batch) ** 2))(weights)
        updates, momentum = optimizer.update(gradient, momentum)
        return optax.apply_updates(weights, updates), momentum

    if run is not None:
        count_flops(run, step, state, ROWS[0])
    for batch in run.steps(ROWS, samples=4) if run is not None else ROWS:
        state = step(state, batch)
    return state[0]


def test_a_loop_is_a_run_with_its_steps_samples_and_flops(home):
    with trainfare.track(price="3.6/h") as run:
        train(run)
    receipt = run.receipt()
    document = receipt.to_json()
    assert (document["steps"], document["samples"]) == (8, 32)
    [segment] = receipt.run.segments
    products = 3 * 2 * 4 * 16  # forward, and backward for weights; XLA leaves out the input's
    assert products * 2 / 3 <= segment.flops.count <= products * 4
    assert segment.flops.dtype == "fp32"


def test_weights_are_bit_identical_with_and_without(home):
    bare = train()
    with trainfare.track(price="1", budget="100") as run:
        metered = train(run)
    pairs = zip(jax.tree.leaves(bare), jax.tree.leaves(metered), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_a_step_that_cannot_be_analysed_costs_one_warning(home, caplog):
    with trainfare.track() as run:
        count_flops(run, lambda state: state, 1)
    assert len(caplog.records) == 1
    assert run.receipt().run.segments[0].flops is None
