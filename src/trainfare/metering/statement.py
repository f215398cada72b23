"""Statements: what training code says about itself, for the record; nothing here raises into it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from trainfare.metering import event as ev
from trainfare.metering.artifact import measure_bytes, normal_uri
from trainfare.metering.counters import Counters
from trainfare.metering.meter import Meter
from trainfare.metering.notice import warn
from trainfare.metering.saying import COUNT_MAX, flops_said, numbers_of, plain_words, whole_count
from trainfare.metering.spool import Spool


class Statements:
    """The part of a run that only writes down what it is told."""

    _meter: Meter
    _spool: Spool
    _counters: Counters
    home: Path
    _when_ended: list[Callable[[], None]]

    def advance(
        self, steps: int = 1, *, samples: int | None = None, tokens: int | None = None
    ) -> None:
        """Count *steps* as ``run.step()`` does, for a loop that asks ``run.should_stop`` itself.

        What is no whole number counts nothing, and is said.
        """
        self._begin_training()
        count = whole_count("steps", steps)
        if count is not None:
            self._counters.steps = min(self._counters.steps + count, COUNT_MAX)
        if samples is not None or tokens is not None:
            self._counters.take(samples, tokens)

    def _begin_training(self) -> None:
        raise AssertionError  # Run says what that is

    def resume(self, *, step: int) -> None:
        """Say that training goes on at *step* of the whole: what was beyond it is done again."""
        if (count := whole_count("step", step)) is not None:
            self._meter.add_event(ev.RESUME, step=count, steps=self._counters.steps)

    def expect(
        self,
        *,
        steps: int | None = None,
        epochs: int | None = None,
        samples: int | None = None,
        tokens: int | None = None,
    ) -> None:
        """Say how much the whole training is, so that its end can be forecast; say it again at will.

        ``run.epochs(range(n))`` and ``run.steps(loader)`` say it by themselves where they know it.
        """
        said = {"steps": steps, "epochs": epochs, "samples": samples, "tokens": tokens}
        counts = {k: whole_count(k, v) for k, v in said.items() if v is not None}
        known = {name: count for name, count in counts.items() if count is not None}
        if known:
            self._meter.add_event(ev.PLAN, **known)

    def flops(
        self,
        *,
        parameters: float | None = None,
        per_step: float | None = None,
        per_sample: float | None = None,
        per_token: float | None = None,
        dtype: object = "bf16",
    ) -> None:
        """Say what training takes in floating-point operations; the receipt then has its MFU.

        One of: *parameters* of a transformer (6 operations each and token), *per_token*, *per_sample*,
        or *per_step* of the whole run, all its accelerators together. Without recomputed activations.
        """
        said = flops_said(
            dtype, parameters=parameters, per_step=per_step, per_sample=per_sample, per_token=per_token
        )  # fmt: skip
        if said is not None:
            self._meter.add_event(ev.FLOPS, **said)

    def log(self, **metrics: float) -> None:
        """Record metrics of the present step: ``run.log(loss=0.31, accuracy=0.9)``."""
        values = numbers_of(metrics)
        if values:
            now_ns = self._meter.elapsed_ns()
            self._spool.add_metric({"t": now_ns, "step": self._counters.steps, "m": values})

    def checkpoint(self, path: str | os.PathLike[str], *, bytes: int | None = None) -> None:  # noqa: A002 (the unit is the name)
        """Record that *path* now holds a checkpoint; its bytes cost storage from here on."""
        self._counters.is_checkpoint_due = False
        self._add_artifact("checkpoint", path, bytes)

    def dataset(
        self,
        uri: str | os.PathLike[str],
        *,
        bytes: int | None = None,  # noqa: A002
        read: int | None = None,
    ) -> None:
        """Record that the run reads the dataset at *uri*, and its size where it can be measured.

        *read* is how many bytes of it this process has read by now; say it again as it grows. Where
        nobody says it, the run counts as having read the dataset once.
        """
        self._add_artifact("dataset", uri, bytes, read=read)

    def output(
        self,
        uri: str | os.PathLike[str],
        *,
        bytes: int | None = None,  # noqa: A002
        weight: int | None = None,
        of: Sequence[str | os.PathLike[str]] = (),
    ) -> None:
        """Record data that this run made for others; runs that read it are linked to this one.

        Of several outputs *weight* is how much of the run's work each took; otherwise their sizes
        tell. *of* are other outputs of this run that went into it.
        """
        self._add_artifact("output", uri, bytes, of, weight=weight)

    def tracked(
        self, system: str, run: str, *, place: str | None = None, url: str | None = None
    ) -> None:
        """Record that the tracker *system* calls this run *run*, so that the two stay one.

        *place* is where the tracker keeps its runs (an address, a folder), *url* where people look.
        """
        said = {"system": system, "run": run, "place": place, "url": url}
        known = {key: plain_words(value) for key, value in said.items() if value is not None}
        self._meter.add_event(ev.TRACKER, **known)

    def when_ended(self, act: Callable[[], None]) -> None:
        """Do *act* once the run has ended and its record is whole; what it raises is only warned of."""
        self._when_ended.append(act)

    def _tell_ended(self) -> None:
        for act in self._when_ended:
            try:
                act()
            except Exception as error:
                warn("what was to follow the run failed: %s: %s", type(error).__name__, error)

    def note(self, text: str) -> None:
        """Record a remark; it stands on the receipt."""
        self._meter.note(plain_words(text))

    def _measure(self, role: str, uri: str | os.PathLike[str]) -> int | None:
        """The size where it can be known here; a folder that others list too is listed once."""
        if role == "checkpoint":
            return measure_bytes(uri)
        from trainfare.metering.sizes import measure

        return measure(self.home, uri, is_new=role == "output")

    def _add_artifact(
        self,
        role: str,
        uri: str | os.PathLike[str],
        size: int | None,
        of: Sequence[str | os.PathLike[str]] = (),
        **said: int | None,
    ) -> None:
        try:
            measured = self._measure(role, uri) if size is None else whole_count("bytes", size)
            name = plain_words(normal_uri(uri))
            sources = {"of": [plain_words(normal_uri(one)) for one in of]} if of else {}
            counts = {k: whole_count(k, v) for k, v in said.items() if v is not None}
        except Exception as error:
            warn("%s %.200r is not recorded: %s: %s", role, uri, type(error).__name__, error)
            return
        about = {"role": role, "uri": name, "bytes": measured, "steps": self._counters.steps}
        known = {name: count for name, count in counts.items() if count is not None}
        self._meter.add_event(ev.ARTIFACT, w=time.time_ns(), **about, **sources, **known)
