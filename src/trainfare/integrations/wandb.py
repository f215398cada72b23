"""Weights & Biases: what a run costs, on the W&B run that it belongs to.

    wandb.init(project="lm")
    trainfare.integrations.wandb.send_costs()

Figures join the next row that the training logs, so that its steps stay what they are. At the end they
are the summary, with exact amounts, and the receipt is the file ``trainfare-receipt.json``.
End Trainfare's run before W&B's: after ``wandb.finish()`` nothing can be added.

Source: W&B, "Log metrics: commit", "define_metric" and "Run.save".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainfare.metering.figures import ROOM, words_of
from trainfare.metering.receipt import Receipt
from trainfare.metering.teller import EVERY_SECONDS, tell_costs
from trainfare.metering.track import Run

SYSTEM = "wandb"

RECEIPT_FILE = "trainfare-receipt.json"


def send_costs(wandb_run: Any = None, *, every_seconds: float = EVERY_SECONDS) -> Run:
    """Send what the live run costs to a W&B run from now on; where no run is live, one begins.

    Args:
        wandb_run: otherwise the one that ``wandb.init()`` made last.
        every_seconds: between one word and the next.
    """
    return tell_costs(lambda run: WandbRun(run, wandb_run), SYSTEM, every_seconds)


class WandbRun:
    """A W&B run that bears the id of Trainfare's."""

    def __init__(self, run: Run, wandb_run: Any = None) -> None:
        import wandb

        self._run = wandb_run or wandb.run
        if self._run is None:
            raise RuntimeError("no W&B run is live; call wandb.init() first")
        self._name = run.id
        url = self._run.url if not self._run.offline else None
        place = "/".join(part for part in (self._run.entity, self._run.project) if part)
        run.tracked(SYSTEM, self._run.id, place=place or None, url=url)

    def meet(self) -> None:
        """Put our id into the configuration, and let figures be drawn over seconds."""
        self._run.config.update({"trainfare.run": self._name}, allow_val_change=True)
        self._run.define_metric(f"{ROOM}*", step_metric=f"{ROOM}seconds")

    def tell(self, figures: Mapping[str, float], step: int) -> None:
        """Let the figures join the next row of the training's own."""
        self._run.log(dict(figures), commit=False)

    def conclude(self, receipt: Receipt, figures: Mapping[str, float]) -> None:
        """Log the last figures, exact amounts in the summary, and the receipt as a file."""
        self._run.log(dict(figures), commit=False)
        self._run.summary.update({**figures, **words_of(receipt)})
        path = Path(self._run.dir) / RECEIPT_FILE
        path.write_text(json.dumps(receipt.to_json(), indent=1))
        self._run.save(str(path), base_path=self._run.dir, policy="now")
