"""Trainer states: steps and metrics without times, and one runtime for all of them."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from logs.samples import SECOND, refusal, write
from trainfare.core.errors import BadInput
from trainfare.core.stage import Status
from trainfare.logs.trainer_state import NAME, read_trainer_state
from trainfare.logs.training_log import Clock

HISTORY = [
    {"epoch": 0.5, "learning_rate": 5e-5, "loss": 2.5, "step": 50},
    {"epoch": 1.0, "loss": 1.5, "step": 100},
    {"epoch": 1.0, "eval_loss": 1.4, "eval_runtime": 12.5, "step": 100},
    {"epoch": 1.0, "step": 100, "train_loss": 2.0, "train_runtime": 321.25, "total_flos": 1e15},
]


def state(folder, history, **more):
    document = {"global_step": 100, "max_steps": 100, "log_history": history, **more}
    return write(folder, json.dumps(document), f"out/{NAME}")


def test_the_runtime_is_the_only_time_there_is(tmp_path):
    (log,) = read_trainer_state(state(tmp_path, HISTORY, num_input_tokens_seen=51200))
    assert (log.clock, log.duration_ns) == (Clock.TIMER, 321_250_000_000)
    assert log.timer.name == "train_runtime"
    assert [entry.at_ns for entry in log.entries] == [None, None, None, 321_250_000_000]
    assert [m.epoch for m in log.stages] == [None]  # when an epoch began stands nowhere
    assert (log.tokens, log.status) == (51200, Status.FINISHED)
    assert log.entries[2].metrics == {"eval_loss": 1.4, "eval_runtime": 12.5}


def test_a_state_from_on_the_way_has_no_time(tmp_path):
    (log,) = read_trainer_state(state(tmp_path, HISTORY[:2], global_step=100, max_steps=300))
    assert (log.clock, log.timer, log.stages) == (Clock.NONE, None, ())
    assert (log.status, log.error) == (Status.KILLED, "the state is from step 100 of 300")


def test_two_trainings_of_one_trainer_take_the_sum(tmp_path):
    again = [*HISTORY, {"step": 200, "train_runtime": 100}]
    (log,) = read_trainer_state(state(tmp_path, again))
    assert log.duration_ns == 421_250_000_000
    assert log.duration_ns > 421 * SECOND


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ([], "has an empty log_history"),
        ([{"loss": 1}], "row 1, column log_history: is no object with a step"),
        ([{"step": 1, "train_runtime": "long"}], "column train_runtime: 'long' is no number"),
        ([3], "is no object with a step"),
    ],
)
def test_a_wrong_history_is_refused_in_words(tmp_path, history, words):
    with pytest.raises(BadInput, match=words):
        read_trainer_state(state(tmp_path, history))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["log_history", "step", "epoch", "train_runtime", "global_step"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
    | st.binary(max_size=80)
)
@example(b"\x1f\x8b")
def test_any_content_is_a_state_or_one_clear_refusal(tmp_path_factory, content):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path = write(tmp_path_factory.mktemp("state"), data, NAME)
    assert NAME in (refusal(read_trainer_state, path) or NAME)
