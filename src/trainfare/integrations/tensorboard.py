"""TensorBoard: what a run costs, as scalars beside those of the training.

    writer = SummaryWriter("runs/lm")
    trainfare.integrations.tensorboard.send_costs(writer)

Any writer with ``add_scalar`` and ``add_text`` will do: PyTorch's, tensorboardX's, Lightning's
``logger.experiment``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainfare.metering.figures import words_of
from trainfare.metering.receipt import Receipt
from trainfare.metering.teller import EVERY_SECONDS, tell_costs
from trainfare.metering.track import Run

SYSTEM = "tensorboard"


def send_costs(writer: Any, *, every_seconds: float = EVERY_SECONDS) -> Run:
    """Write what the live run costs with *writer* from now on; where no run is live, one begins.

    Args:
        writer: a SummaryWriter.
        every_seconds: between one word and the next.
    """
    return tell_costs(lambda run: TensorboardRun(run, writer), SYSTEM, every_seconds)


class TensorboardRun:
    """The event files of a folder."""

    def __init__(self, run: Run, writer: Any) -> None:
        folder = Path(getattr(writer, "log_dir", None) or writer.logdir).absolute()
        self._writer, self._name = writer, run.id
        run.tracked(SYSTEM, folder.name, place=str(folder))

    def meet(self) -> None:
        """Write our id as a text."""
        self._writer.add_text("trainfare/run", self._name)

    def tell(self, figures: Mapping[str, float], step: int) -> None:
        """Add the figures as scalars of the present step."""
        for key, value in figures.items():
            self._writer.add_scalar(key, value, step)

    def conclude(self, receipt: Receipt, figures: Mapping[str, float]) -> None:
        """Add the last figures, exact amounts and the receipt as people read it."""
        self.tell(figures, receipt.steps)
        for key, word in words_of(receipt).items():
            self._writer.add_text(key.replace(".", "/"), word, receipt.steps)
        self._writer.add_text("trainfare/receipt", f"```\n{receipt}\n```", receipt.steps)
        self._writer.flush()
