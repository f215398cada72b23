"""PyTorch: what the processes of one distributed training agree on (DDP, FSDP, DeepSpeed).

    run = trainfare.integrations.torch.track(model="bert", price="3.6/h")
    for batch in run.steps(loader):

One process needs ``trainfare.track()`` only. Several are one run when they know one run id, which
rank 0 tells the others, and they end well when all end at the same step, which they vote on.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from trainfare.metering.environment import read_surroundings
from trainfare.metering.home import make_run_id
from trainfare.metering.inheritance import parent_environment
from trainfare.metering.ongoing import thread_run
from trainfare.metering.track import Run
from trainfare.metering.track import track as track_one

VOTE_SECONDS = 1.0
"""How often processes vote; the meter looks at budgets as often."""

MOST_STEPS = 10_000
"""Between two votes, however short the steps are."""


def track(name: str | None = None, **words: Any) -> Run:
    """:func:`trainfare.track` for each process of a training, after ``init_process_group``.

    Raises:
        BadInput: a label, price or run id is malformed; nothing was started.
    """
    if not is_distributed():
        return track_one(name, **words)
    words["run_id"] = common_run_id(words.get("run_id"))
    run = track_one(name, **words)
    run.stop_together(Vote())
    return run


def is_distributed() -> bool:
    """Whether this process trains together with others."""
    import torch.distributed as dist

    return bool(dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1)


def common_run_id(stated: str | None = None) -> str:
    """The run id of all processes: what rank 0 was told, is in, or finds in its environment."""
    import torch.distributed as dist

    told: list[str | None] = [None]
    if dist.get_rank() == 0:
        live = thread_run()
        around = read_surroundings(parent_environment(), root=Path("/"))
        told = [stated or (live.id if live else None) or around.run_id or make_run_id()]
    dist.broadcast_object_list(told, src=0)
    return str(told[0])


class Vote:
    """Every process asks it at every step; all get the same answer at the same step.

    They really talk only once a second or so: the next vote is at a step that all agreed on in the
    last one, by the pace of the slowest.
    """

    def __init__(self) -> None:
        self._asked = self._next = 0
        self._since: float | None = None
        self._last = (0, 0.0)

    def __call__(self, stop: bool, checkpoint: bool) -> tuple[bool, bool]:
        self._asked += 1
        if self._asked <= self._next:
            return False, False
        import torch
        import torch.distributed as dist

        steps, now = self._asked - self._last[0], time.monotonic()
        pace = (now - self._last[1]) / steps if self._last[1] else VOTE_SECONDS
        self._last = self._asked, now
        ballot = torch.tensor([stop, checkpoint, pace], dtype=torch.float64, device=_device())
        dist.all_reduce(ballot, dist.ReduceOp.MAX)
        stop, checkpoint, slowest = ballot.tolist()
        ahead = int(VOTE_SECONDS / max(slowest, 1e-9))
        self._next = self._asked + min(max(ahead, 1), MOST_STEPS) - 1
        return bool(stop), bool(checkpoint)


def _device() -> Any:
    """Where the processes' backend can reduce a number."""
    import torch
    import torch.distributed as dist

    if "cpu:" in str(dist.distributed_c10d.get_backend_config()):
        return torch.device("cpu")
    return torch.device(
        torch.accelerator.current_accelerator(), torch.accelerator.current_device_index()
    )
