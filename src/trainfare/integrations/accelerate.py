"""Hugging Face Accelerate: a training of one's own loop around an ``Accelerator``.

accelerator = Accelerator()
run = trainfare.integrations.accelerate.track(accelerator, price="3.6/h", budget="25")
"""

from __future__ import annotations

from typing import Any

from accelerate.tracking import GeneralTracker

from trainfare.integrations import torch as ranks
from trainfare.metering.callback import LoopCallback


def track(accelerator: Any, name: str | None = None, **words: Any) -> Any:
    """Meter what goes on around *accelerator* as a run, until ``accelerator.end_training()``.

    Optimizer steps, ``accelerator.log`` and ``save_state`` are seen by themselves. A spent budget
    sets accelerate's own trigger: ``if accelerator.check_trigger(): break`` ends all processes at the
    same step. ``run.epochs(…)``, ``run.stage("eval")`` and ``run.advance(0, tokens=…)`` say the rest.

    Args:
        accelerator: as made; its ``prepare`` may come before or after.
        name: how people call the run.
        words: as :func:`trainfare.track` has them.

    Raises:
        BadInput: a label, price or budget is malformed; nothing was started.
    """
    tracker = TrainfareTracker(accelerator, LoopCallback(name, **words))
    accelerator.log_with.append(tracker)  # from which init_trackers takes its trackers anew
    accelerator.trackers.append(tracker)
    return tracker.tracker


class TrainfareTracker(GeneralTracker):  # type: ignore[misc]  # untyped
    """What an accelerator tells of its training; :func:`track` makes it."""

    name = "trainfare"
    requires_logging_directory = False
    main_process_only = False

    def __init__(self, accelerator: Any, loop: LoopCallback) -> None:
        super().__init__()
        from torch.optim.optimizer import register_optimizer_step_post_hook

        self._accelerator, self._loop = accelerator, loop
        self._first: int | None = None
        is_alone = not ranks.is_distributed()
        loop.begin(run_id=None if is_alone else ranks.common_run_id())
        loop.watch_saves(accelerator, "save_state")
        self._hook = register_optimizer_step_post_hook(self._count)

    @property
    def tracker(self) -> Any:
        """The run."""
        return self._loop.run

    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """Record those values that are numbers."""
        self._loop.log(values)

    def finish(self) -> None:
        """End the run."""
        self._hook.remove()
        self._loop.end()

    def _count(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """A step of the first optimizer is one of the training, also where it has several."""
        self._first = self._first or id(optimizer)
        if id(optimizer) == self._first:
            self._loop.step()
            if self._loop.should_stop:
                self._accelerator.set_trigger()
