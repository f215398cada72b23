"""PyTorch Lightning: a callback of its ``Trainer``.

Trainer(…, callbacks=[TrainfareCallback(price="3.6/h", budget="25")])
"""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback

from trainfare.core.stage import EVAL, Status
from trainfare.integrations import torch as ranks
from trainfare.metering.callback import LoopCallback, rows_in, tokens_in


class TrainfareCallback(Callback):  # type: ignore[misc]  # untyped
    """Meters ``fit`` as a run: epochs, optimizer steps, validation, checkpoints, samples and tokens.

    A budget sets ``trainer.should_stop``. FLOPs are those of the module's ``flops_per_batch``, as
    Lightning's own ThroughputMonitor has them.

    Args:
        name: how people call the run, as all *words* an argument of :func:`trainfare.track`; the
            label model is the module's class where it is not given.
    """

    def __init__(self, name: str | None = None, **words: Any) -> None:
        self._loop = LoopCallback(name, **words)
        self._reached = 0

    @property
    def run(self) -> Any:
        """The run of this training, or of the last one."""
        return self._loop.run

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        is_alone = not ranks.is_distributed()
        self._loop.begin(
            model=type(pl_module).__name__,
            epochs=trainer.max_epochs if (trainer.max_epochs or -1) > 0 else None,
            steps=trainer.max_steps if trainer.max_steps > 0 else None,
            resumed_at=trainer.global_step,
            run_id=None if is_alone else ranks.common_run_id(),
            vote=None if is_alone else ranks.Vote(),
        )
        self._loop.watch_saves(trainer, "save_checkpoint")
        self._reached = trainer.global_step
        per_batch = getattr(pl_module, "flops_per_batch", None)
        if isinstance(per_batch, int | float) and per_batch:
            batches = trainer.accumulate_grad_batches * trainer.world_size
            self._loop.flops(per_step=per_batch * batches, dtype=pl_module.dtype)

    def on_sanity_check_start(self, trainer: Any, pl_module: Any) -> None:
        self._loop.enter(EVAL)

    def on_sanity_check_end(self, trainer: Any, pl_module: Any) -> None:
        self._loop.leave()

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._loop.epoch(trainer.current_epoch)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        reached = trainer.global_step
        made, self._reached = int(reached > self._reached), reached
        self._loop.step(made, samples=rows_in(batch), tokens=tokens_in(batch))
        if self._loop.should_stop:
            trainer.should_stop = True

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.sanity_checking:
            self._loop.enter(EVAL)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.sanity_checking:
            self._loop.leave()
            self._log(trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._log(trainer)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self._loop.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._loop.end(Status.FAILED, exception)

    def _log(self, trainer: Any) -> None:
        """Record what the module logged; a metric is a tensor, read at the end of an epoch only."""
        self._loop.log({key: float(value) for key, value in trainer.callback_metrics.items()})
