"""Hugging Face Transformers: a callback of its ``Trainer``.

Trainer(…, callbacks=[TrainfareCallback(price="3.6/h", budget="25")])
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from trainfare.core.stage import CHECKPOINT, EVAL
from trainfare.integrations import torch as ranks
from trainfare.metering.callback import LoopCallback


class TrainfareCallback(TrainerCallback):  # type: ignore[misc]  # untyped
    """Meters a training as a run: epochs, steps, evaluations, checkpoints, tokens and FLOPs.

    A budget sets ``control.should_training_stop`` or ``control.should_save``.

    Args:
        name: how people call the run, as all *words* an argument of :func:`trainfare.track`; the
            label model is the model's name or class where it is not given.
    """

    def __init__(self, name: str | None = None, **words: Any) -> None:
        self._loop = LoopCallback(name, **words)
        self._before = (0, 0.0, 0)
        self._tokens = 0

    @property
    def run(self) -> Any:
        """The run of this training, or of the last one."""
        return self._loop.run

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        model = kwargs.get("model")
        is_alone = not ranks.is_distributed()
        self._loop.begin(
            model=getattr(getattr(model, "config", None), "name_or_path", "")
            or type(model).__name__,
            steps=state.max_steps,
            epochs=state.num_train_epochs if state.num_train_epochs < 2**31 else None,
            resumed_at=state.global_step,
            run_id=None if is_alone else ranks.common_run_id(),
            vote=None if is_alone else ranks.Vote(),
        )
        self._before = state.global_step, state.total_flos, state.num_input_tokens_seen
        self._tokens = 0

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._loop.epoch(int(state.epoch or 0))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._loop.step()
        stop, checkpoint = self._loop.wishes()
        if stop:
            control.should_training_stop = True
        if checkpoint:
            control.should_save = True
        self._go_on(control)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._go_on(control)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._loop.leave()
        self._go_on(control)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._loop.leave()
        self._loop.checkpoint(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._loop.log(kwargs.get("logs") or {})
        self._count(args, state, kwargs.get("model"))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._count(args, state, kwargs.get("model"))
        self._loop.end()

    def _go_on(self, control: Any) -> None:
        """Enter what the trainer does next: it evaluates, then it saves."""
        if control.should_evaluate:
            self._loop.enter(EVAL)
        elif control.should_save:
            self._loop.enter(CHECKPOINT)

    def _count(self, args: Any, state: Any, model: Any) -> None:
        """Say the FLOPs and tokens that the trainer counted in all its processes, once for all.

        It counts tokens only where it is told to; its FLOPs are 6 × its parameters × tokens.
        """
        steps, flops = state.global_step - self._before[0], state.total_flos - self._before[1]
        if not state.is_world_process_zero or steps <= 0 or flops <= 0:
            return
        dtype = "bf16" if args.bf16 else "fp16" if args.fp16 else getattr(model, "dtype", "fp32")
        self._loop.flops(per_step=flops / steps, dtype=dtype)
        tokens = state.num_input_tokens_seen - self._before[2]
        if tokens <= 0 and getattr(model, "main_input_name", "") == "input_ids":
            tokens = round(flops / (6 * model.num_parameters(exclude_embeddings=True)))
        if tokens > self._tokens:
            self._loop.step(0, tokens=tokens - self._tokens)
            self._tokens = tokens
