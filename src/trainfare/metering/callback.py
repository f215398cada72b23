"""Callbacks: a run as the callback of a training framework drives it, event by event.

Each framework's own class (in ``trainfare.integrations``) says only which of its events is which of
these. Nothing here raises into the training: what goes wrong is said once, and the training goes on
without it. A budget is told by :attr:`LoopCallback.should_stop`, for the framework's own flag.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from trainfare.core.labels import make_labels
from trainfare.core.stage import CHECKPOINT, Status
from trainfare.metering.hold import Vote, own_budgets
from trainfare.metering.inheritance import stated_price_of
from trainfare.metering.notice import warn
from trainfare.metering.ongoing import thread_run
from trainfare.metering.track import Run, track

P = ParamSpec("P")
Result = TypeVar("Result")

_local = threading.local()
"""``callback``: the one in this thread that has begun a run and not ended it."""

_LABELS = ("model", "version", "experiment", "team", "project")
_WORDS = inspect.signature(track)


def _guarded(method: Callable[P, None]) -> Callable[P, None]:
    """*method*, whose failure is said once and never leaves."""

    @functools.wraps(method)
    def call(*positional: P.args, **named: P.kwargs) -> None:
        try:
            method(*positional, **named)
        except Exception as error:
            positional[0].lose(method.__name__, error)  # type: ignore[attr-defined]

    return call


class LoopCallback:
    """One run at a time, from :meth:`begin` to :meth:`end`; it joins the run that is live, if any.

    Args:
        name: how people call the run, as all *words* an argument of :func:`trainfare.track`.

    Raises:
        BadInput: a label, price or budget is malformed.
        TypeError: a word is none of ``track``'s.
    """

    def __init__(self, name: str | None = None, **words: Any) -> None:
        _WORDS.bind(name, **words)
        make_labels({**{key: words.get(key) for key in _LABELS}, **(words.get("labels") or {})})
        own_budgets(words.get("budget"), stated_price_of(words.get("price")))
        self._name, self._words = name, words
        self.run: Run | None = None
        """The run of this training, or of the last one."""
        self._lost: set[str] = set()
        self._forget()

    def _forget(self) -> None:
        self.is_live = False
        self._vote: Vote | None = None
        self._epochs: Iterator[int] | None = None
        self._stage: contextlib.AbstractContextManager[None] | None = None
        self._total_epochs: int | None = None
        self._wrapped: list[tuple[Any, str, Any]] = []

    def __getstate__(self) -> dict[str, Any]:
        """A copy, in another process or of another training, has no run yet."""
        fresh = LoopCallback(self._name, **self._words)
        return fresh.__dict__

    def lose(self, what: str, error: BaseException) -> None:
        """Say once that *what* of the metering failed."""
        if what not in self._lost:
            self._lost.add(what)
            warn("%s of this training is not metered: %s: %s", what, type(error).__name__, error)

    def begin(
        self,
        *,
        model: object = None,
        epochs: int | None = None,
        steps: int | None = None,
        resumed_at: int = 0,
        run_id: str | None = None,
        vote: Vote | None = None,
    ) -> None:
        """The training begins.

        Args:
            model: what the framework calls the model; the label, where the user gave none.
            epochs: how many in all.
            steps: how many in all.
            resumed_at: the step of the whole training at which it goes on.
            run_id: what the processes of this training agreed on.
            vote: how they agree to stop.
        """
        unended: LoopCallback | None = getattr(_local, "callback", None)
        if unended is not None:  # that training failed, and its framework did not say so
            unended.end(Status.FAILED)
        self._forget()
        self._vote, self._total_epochs = vote, epochs
        self._start(model, run_id)
        if self.run is not None and self.is_live:
            if resumed_at:
                self.run.resume(step=resumed_at)
            if steps is not None or epochs is not None:
                self.run.expect(steps=steps, epochs=epochs)

    @_guarded
    def _start(self, model: object, run_id: str | None) -> None:
        words = dict(self._words)
        if words.get("model") is None and model is not None:
            label = "".join(c if c.isprintable() else "-" for c in str(model)).strip()[:256]
            words["model"] = label or None
        if words.get("run_id") is None and thread_run() is None:
            words["run_id"] = run_id
        self.run = track(self._name, **words)
        self.is_live = True
        _local.callback = self

    @_guarded
    def epoch(self, number: int) -> None:
        """Epoch *number* of the training begins, counted from 0."""
        if self.run is None or not self.is_live:
            return
        self.leave()
        if self._epochs is None:
            total = self._total_epochs
            numbers = itertools.count(number) if total is None or total <= number else None
            self._epochs = iter(self.run.epochs(numbers or range(number, total or 0)))
        next(self._epochs, None)

    def step(
        self, steps: int = 1, *, samples: int | None = None, tokens: int | None = None
    ) -> None:
        """So many optimizer steps were made, and took in what is said."""
        if self.is_live:
            try:
                self.run.advance(steps, samples=samples, tokens=tokens)  # type: ignore[union-attr]
            except Exception as error:
                self.lose("step", error)

    @_guarded
    def enter(self, stage: str) -> None:
        """From here on the training is in *stage*; it leaves the one that it was in."""
        self.leave()
        if self.run is not None and self.is_live:
            self._stage = self.run.stage(stage)
            self._stage.__enter__()

    @_guarded
    def leave(self) -> None:
        """The training is no longer in the stage that it entered last."""
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.__exit__(None, None, None)

    @_guarded
    def log(self, metrics: Mapping[str, Any]) -> None:
        """Record those of *metrics* that are plain numbers."""
        if self.run is not None and self.is_live:
            self.run.log(**{
                plain: value
                for key, value in metrics.items()
                if (plain := str(key)) and _is_number(value)
            })  # fmt: skip

    @_guarded
    def flops(self, **said: Any) -> None:
        """What the training's work takes, as :meth:`trainfare.Run.flops` has it."""
        if self.run is not None and self.is_live:
            self.run.flops(**said)

    @_guarded
    def checkpoint(self, path: str | os.PathLike[str]) -> None:
        """*path* holds a checkpoint now."""
        if self.run is not None and self.is_live:
            self.run.checkpoint(path)

    def watch_saves(self, owner: Any, name: str) -> None:
        """Let *owner*'s method *name* save in the stage checkpoint, and record what it wrote.

        The first path that it is given, or what it returns, is where. :meth:`end` gives the method back.
        """
        save = getattr(owner, name)
        own = vars(owner).get(name)  # somebody's wrapper, where it is not the class's method

        @functools.wraps(save)
        def saving(*positional: Any, **named: Any) -> Any:
            self.enter(CHECKPOINT)
            try:
                returned = save(*positional, **named)
            finally:
                self.leave()
            told = [*positional, *named.values(), returned]
            path = next((one for one in told if isinstance(one, str | os.PathLike)), None)
            if path is not None:
                self.checkpoint(path)
            return returned

        try:
            setattr(owner, name, saving)
            self._wrapped.append((owner, name, own))
        except Exception as error:
            self.lose("checkpoint", error)

    @property
    def should_stop(self) -> bool:
        """Whether a budget wants the training to end; with a vote, whether it does of any process.

        Every process of the training asks it once a step.
        """
        return self.wishes()[0]

    def wishes(self) -> tuple[bool, bool]:
        """(stop, checkpoint): what budgets want of this training, of all its processes alike."""
        stop = checkpoint = False
        try:
            if self.is_live and self.run is not None:
                stop, checkpoint = self.run.should_stop, self.run.should_checkpoint
            if self._vote is not None:
                stop, checkpoint = self._vote(stop, checkpoint)
        except Exception as error:
            self.lose("its budget", error)
        return stop, checkpoint

    def end(self, status: Status = Status.FINISHED, error: BaseException | None = None) -> None:
        """The training has ended; a run that was live before it goes on."""
        self._give_back()
        self._finish(status, error)
        self._forget()
        if getattr(_local, "callback", None) is self:
            _local.callback = None

    @_guarded
    def _finish(self, status: Status, error: BaseException | None) -> None:
        self.leave()
        if self._epochs is not None:
            self._epochs.close()  # type: ignore[attr-defined]  # a generator
        if self.run is not None and self.is_live:
            kind = type(error) if error is not None else None
            if kind is None:
                self.run.finish(status)
            else:
                self.run.__exit__(kind, error, None)

    @_guarded
    def _give_back(self) -> None:
        for owner, name, own in self._wrapped:
            with contextlib.suppress(AttributeError):
                if own is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, own)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def rows_in(batch: object) -> int | None:
    """How many samples *batch* holds, by the length of its first tensor; None where it has none.

    >>> rows_in({"x": [1, 2]}) is None
    True
    """
    while not hasattr(batch, "shape"):  # a batch is a plain list, tuple or dict nearly always
        if isinstance(batch, list | tuple):
            batch = batch[0] if batch else None
        elif isinstance(batch, Mapping):
            batch = next(iter(batch.values()), None)
        else:
            return None
    with contextlib.suppress(Exception):  # a nested tensor has no size, others have odd ones
        return int(batch.shape[0])
    return None


def tokens_in(batch: object) -> int | None:
    """How many tokens *batch* holds, by its ``input_ids``; None where it has none.

    >>> tokens_in([1, 2]) is None
    True
    """
    if isinstance(batch, list | tuple) or not isinstance(batch, Mapping):
        return None
    ids = batch.get("input_ids")
    with contextlib.suppress(Exception):
        return int(ids.numel())  # type: ignore[union-attr]
    return None
