"""``trainfare.track``: a run as the training code sees it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from trainfare.core.labels import check_run_id, make_labels
from trainfare.core.lineage import check_parents
from trainfare.core.money import Money
from trainfare.core.price import Price
from trainfare.core.stage import FINISH, SETUP, TRAIN, UNNAMED, Status
from trainfare.metering import event as ev
from trainfare.metering import ship
from trainfare.metering.counters import Amount, amount_in
from trainfare.metering.hold import Held, Hold, own_budgets
from trainfare.metering.home import home_folder, make_run_id, make_segment_id, runs_folder
from trainfare.metering.inheritance import (
    parent_environment,
    pass_down,
    stated_price_of,
)
from trainfare.metering.instrument import Instruments
from trainfare.metering.loop import Item, Loop, last_epoch, length_of
from trainfare.metering.meter import Meter
from trainfare.metering.ongoing import enter, forget, keep, thread_run
from trainfare.metering.place import NOTHING_STATED, Stated, make_instruments, start_facts
from trainfare.metering.saying import ending_of, plain_words
from trainfare.metering.spool import Spool
from trainfare.metering.statement import Statements

if TYPE_CHECKING:
    from trainfare.core.budget import Budget
    from trainfare.metering.brake import Halt
    from trainfare.metering.receipt import Receipt


class Run(Statements, Held):
    """A metered run; made by :func:`track`. Nothing it does raises into the training."""

    def __init__(
        self,
        run_id: str,
        name: str | None,
        home: Path,
        meter: Meter,
        spool: Spool,
        stage: str | None,
        first_stage: str = SETUP,
        hold: Hold | None = None,
    ) -> None:
        self.id = run_id
        self.name = name
        self.home = home
        self._meter = meter
        self._spool = spool
        self._counters = meter.counters
        self._hold = hold
        self._stages: list[str] = []
        self._base = stage or first_stage
        self._is_fixed = stage is not None
        self._epoch: int | None = None
        self._planned: dict[str, int | None] = {}
        self._when_ended: list[Callable[[], None]] = []
        self._depth = 1
        self.outer: Run | None = None
        """The run that this one was begun in, if it is another."""
        self._mark_stage()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        status, words = ending_of(kind, error)
        self.finish(status, error=words)

    def finish(
        self,
        status: Status = Status.FINISHED,
        *,
        exit_code: int | None = None,
        error: str | None = None,
    ) -> None:
        """End the run; leaving the ``with`` block does it. A joined inner ``track`` ends nothing."""
        self._depth -= 1
        if self._depth <= 0:
            self.end(status, exit_code=exit_code, error=error)

    def end(
        self,
        status: Status = Status.FINISHED,
        *,
        exit_code: int | None = None,
        error: str | None = None,
    ) -> None:
        """End the run now, whoever has joined it; ending it twice is ending it once."""
        if self._meter.duration_ns is None:
            if self._was_told and status is Status.FINISHED:
                status = Status.STOPPED_BY_BUDGET
            self._meter.stop(status.value, exit_code=exit_code, error=error)
            if self._hold is not None:
                self._hold.settle()
            forget(self)
            self._tell_ended()

    def pass_down_again(self) -> None:
        """Let children continue this run, after one inside it has ended."""
        stated = self._meter.price if isinstance(self._meter.price, Price) else None
        pass_down(self.id, stated if stated and stated.origin == "stated" else None)

    def step(self, *, samples: int | None = None, tokens: int | None = None) -> None:
        """Count one training step, and what this process took in with it where that is said."""
        if self._base != TRAIN:
            self._begin_training()
        self._counters.steps += 1
        if samples is not None or tokens is not None:
            self._counters.take(samples, tokens)
        if self._counters.stop is not None or self._vote is not None:
            self._heed()

    def steps(
        self, loader: Iterable[Item], *, samples: Amount = None, tokens: Amount = None
    ) -> Loop[Item]:
        """Iterate over *loader*, one step an item; time spent waiting for the loader is measured.

        *samples* and *tokens* say what one item holds: a number, or a function of the item.
        """
        return Loop(loader, lambda items: self._walk_steps(items, samples, tokens))

    def epochs(self, epochs: Iterable[Item]) -> Loop[Item]:
        """Iterate over *epochs*; whole numbers name themselves (a resumed run goes on at 7)."""
        return Loop(epochs, self._walk_epochs)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Everything inside the block belongs to stage *name*: data, eval, checkpoint, or your own."""
        self._stages.append(plain_words(name))
        self._mark_stage()
        try:
            yield
        finally:
            self._stages.pop()
            self._mark_stage()

    @property
    def cost(self) -> Money | None:
        """The estimated cost of the machine so far, or None while no price is known."""
        return self._meter.estimated_cost()

    def receipt(self) -> Receipt:
        """The receipt of the run so far, or of the whole run once it has ended."""
        from trainfare.metering.history import read_receipt

        return read_receipt(self.home, self.id, own=self._spool)

    def _join(self) -> Run:
        self._depth += 1
        return self

    def _walk_steps(self, loader: Iterable[Item], *amounts: Amount) -> Iterator[Item]:
        is_counted = any(one is not None for one in amounts)
        counters, clock = self._counters, time.perf_counter_ns
        items = iter(loader)
        self._begin_training()
        self._plan_steps(length_of(loader))
        while True:
            if counters.stop is not None or self._vote is not None:
                self._heed()
            asked_ns = clock()
            try:
                item = next(items)
            except StopIteration:
                return
            counters.input_wait_ns += clock() - asked_ns
            try:
                yield item
            finally:  # a loop that is left early has done the step in hand
                counters.steps += 1
                if is_counted:
                    counters.take(*(amount_in(item, one) for one in amounts))

    def _walk_epochs(self, epochs: Iterable[Item]) -> Iterator[Item]:
        self._plan(epochs=last_epoch(epochs))
        try:
            for number, item in enumerate(epochs):
                self._epoch = item if isinstance(item, int) and item >= 0 else number
                self._counters.epoch = self._epoch
                if not self._is_fixed:
                    self._base = TRAIN
                self._mark_stage()
                yield item
        finally:
            self._epoch, self._counters.epoch = None, -1
            if not self._is_fixed:
                self._base = FINISH
            self._mark_stage()

    def _plan_steps(self, length: int | None) -> None:
        """Note how long the loop is that begins; one in another stage than train is not the work.

        A second loop outside epochs says that there may be more: then nobody knows the end.
        """
        if self._stages:
            return
        if self._epoch is not None:
            self._plan(epoch_steps=length)
        elif "loop_steps" in self._planned:
            self._plan(loop_steps=None)
        else:
            self._plan(loop_steps=None if length is None else self._counters.steps + length)

    def _plan(self, **said: int | None) -> None:
        is_new = any(self._planned.get(name) != count for name, count in said.items())
        self._planned |= said
        if is_new:
            self._meter.add_event(ev.PLAN, **said)

    def _begin_training(self) -> None:
        if self._base != TRAIN and not self._is_fixed:
            self._base = TRAIN
            self._mark_stage()

    def _mark_stage(self) -> None:
        stage = self._stages[-1] if self._stages else self._base
        about = {"epoch": self._epoch, "steps": self._counters.steps}
        self._meter.add_event(ev.STAGE, stage=stage, **about)


def track(
    name: str | None = None,
    *,
    model: str | None = None,
    version: str | None = None,
    experiment: str | None = None,
    team: str | None = None,
    project: str | None = None,
    labels: Mapping[str, object] | None = None,
    price: str | Price | None = None,
    instance: str | None = None,
    region: str | None = None,
    spot: bool | None = None,
    stage: str | None = None,
    run_id: str | None = None,
    parent: str | Sequence[str] = (),
    budget: str | int | Money | Budget | None = None,
) -> Run:
    """Meter this process as a run, from now until the ``with`` block ends.

    Inside a run of the same thread, ``track`` joins that run. A run id in the environment
    (``TRAINFARE_RUN_ID``, set by ``trainfare run`` and by every run for its children) is continued:
    ranks, restarts and requeued jobs are one run.

    Args:
        name: how people call the run.
        model: label; which model it trains.
        version: label; which version of the model it makes.
        experiment: label; the question that a group of runs answers.
        team: label; who pays.
        project: label; what it is for.
        labels: any other labels.
        price: what the whole machine costs per hour, as ``"3.6"`` or ``"3.6EUR/h"``; otherwise the
            machine is recognised and its price looked up.
        instance: the instance type, where it cannot be recognised.
        region: the region, likewise.
        spot: how the machine was bought, likewise.
        stage: the whole run is this stage; ``"data"`` for data preparation.
        run_id: ``[a-z0-9-]{1,63}``, to continue a run.
        parent: ids of runs whose result this one begins from; a version costs its line's sum.
        budget: the most that this run may cost, as ``"25"`` or ``"25EUR"``: the loop raises
            :class:`BudgetExceeded` at its next step when that is spent. A :class:`Budget` says
            more. Budgets of the home that cover the run hold it as well.

    Raises:
        BadInput: a label, price or run id is malformed; nothing was started.
    """
    current = thread_run()
    if current is not None and current._meter.duration_ns is None and run_id in (None, current.id):  # noqa: SLF001 (a run joins itself)
        return current._join()  # noqa: SLF001
    known = {"model": model, "version": version, "experiment": experiment, "team": team}
    words = make_labels({**known, "project": project, **(labels or {})})
    stated_price = stated_price_of(price)
    name = None if name is None else plain_words(name)
    stated = Stated(instance=instance, region=region, spot=spot)
    instruments = make_instruments(home_folder(), stated)
    return start_run(
        name,
        words,
        instruments,
        stated=stated,
        stated_price=stated_price,
        stage=stage,
        run_id=run_id,
        parents=(parent,) if isinstance(parent, str) else tuple(parent),
        budgets=own_budgets(budget, stated_price),
    )


def start_run(
    name: str | None,
    labels: Mapping[str, str],
    instruments: Instruments,
    *,
    stated: Stated = NOTHING_STATED,
    stated_price: Price | None = None,
    stage: str | None = None,
    run_id: str | None = None,
    parents: Sequence[str] = (),
    is_wrapper: bool = False,
    pid: int | None = None,
    command: str | None = None,
    budgets: Sequence[Budget] = (),
    halt: Halt | None = None,
) -> Run:
    """Begin a run with instruments of the caller's choice (see :func:`track`).

    A run that nobody names is called by the *command* that it wraps.
    """
    home = home_folder()
    facts = start_facts(parent_environment(), stated)
    chosen = check_run_id(run_id or facts.run_id or make_run_id())
    check_parents(chosen, parents)
    segment_id = make_segment_id(facts.rank)
    spool = Spool(runs_folder(home) / chosen / segment_id)
    event = {
        "run": chosen,
        "segment": segment_id,
        "name": name,
        "labels": {**facts.labels, **labels},
        "wrapper": is_wrapper,
        "metered_pid": pid,
        "command": command,
        "parents": list(parents),
        **facts.event,
    }
    meter = Meter(spool, instruments, event, stated_price=stated_price)
    first_stage = UNNAMED if is_wrapper else SETUP
    hold = Hold(home, chosen, meter, budgets, halt)
    run = Run(chosen, name, home, meter, spool, stage, first_stage, hold)
    enter(run)
    pass_down(chosen, stated_price)
    meter.start()
    ship.follow(home, spool.folder)
    keep(run)
    return run
