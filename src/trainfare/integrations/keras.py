"""Keras 3: a callback of ``fit``, with every backend.

model.fit(…, callbacks=[TrainfareCallback(price="3.6/h", budget="25")])
"""

from __future__ import annotations

from typing import Any

from keras.callbacks import Callback

from trainfare.core.stage import EVAL
from trainfare.metering.callback import LoopCallback


class TrainfareCallback(Callback):  # type: ignore[misc]  # untyped
    """Meters ``fit`` as a run: epochs, steps, validation, checkpoints and what Keras logs.

    A budget sets ``model.stop_training``, which Keras looks at after every batch.

    Args:
        name: how people call the run, as all *words* an argument of :func:`trainfare.track`; the
            label model is the model's name where it is not given.
    """

    def __init__(self, name: str | None = None, **words: Any) -> None:
        super().__init__()
        self._loop = LoopCallback(name, **words)
        self._batch = -1

    @property
    def run(self) -> Any:
        """The run of this training, or of the last one."""
        return self._loop.run

    def on_train_begin(self, logs: Any = None) -> None:
        epochs = self.params.get("epochs")
        self._loop.begin(model=self.model.name, epochs=epochs)
        for name in ("save", "save_weights"):
            self._loop.watch_saves(self.model, name)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._batch = -1
        self._loop.epoch(epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # More than one where Keras runs several at once; the last ones may be fewer than it says.
        last = min(batch, (self.params.get("steps") or batch + 1) - 1)
        self._loop.step(max(0, last - self._batch))
        self._batch = last
        if self._loop.should_stop:
            self.model.stop_training = True

    def on_test_begin(self, logs: Any = None) -> None:
        self._loop.enter(EVAL)

    def on_test_end(self, logs: Any = None) -> None:
        self._loop.leave()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._loop.log(logs or {})

    def on_train_end(self, logs: Any = None) -> None:
        self._loop.end()
