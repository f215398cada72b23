"""The past of a home, for forecasts: runs that have ended, by their configuration, and their courses."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from trainfare.budgets.conformal import ratios_alone, ratios_of_family
from trainfare.budgets.course import Course
from trainfare.budgets.published import published_ratios
from trainfare.core.attempts import make_run
from trainfare.core.run import RunRecord
from trainfare.core.stage import Status
from trainfare.flows.course import read_course
from trainfare.metering.shelf import Faults, read_run, run_ids

FAMILY, OTHERS = 20, 40
"""So many of the latest runs of the same configuration, and of others, are looked at."""

FEW = 9
"""Fewer runs than this cannot give an interval of 90 %; of unlike runs at least so many are asked."""

APART = frozenset({"seed", "version"})
"""Labels in which runs of one configuration differ."""

SAME_WORK = 0.001
"""Runs whose work differs by no more than this share do the same."""

Configuration = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far forecasts like this one were off, and in whose runs."""

    ratios: tuple[float, ...]
    on: str


class Past:
    """What earlier runs tell; read when it is first asked, and kept."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._runs: dict[Configuration, list[RunRecord]] | None = None
        self._courses: dict[str, Course | None] = {}
        self._known: dict[tuple[object, ...], Calibration] = {}

    def profiles(self, run: RunRecord, course: Course) -> list[Course]:
        """Courses of finished runs of the configuration of *run*, with the same planned work."""
        if course.planned is None or len(run.attempts) > 1:
            return []  # what was done again lies elsewhere in their courses
        found = [
            one for one in self._ended(configuration(run), run.id) if self._is_like(one, course)
        ]
        return found[:FAMILY]

    def calibration(self, run: RunRecord, profiles: list[Course], progress: float) -> Calibration:
        """Forecasts of the same kind at the same progress, of the narrowest family that has some."""
        progress = round(progress, 2)
        key = (configuration(run), len(profiles), progress)
        if key not in self._known:
            self._known[key] = self._calibrate(run, profiles, progress)
        return self._known[key]

    def _calibrate(self, run: RunRecord, profiles: list[Course], progress: float) -> Calibration:
        if len(profiles) > 1:
            ratios = ratios_of_family(profiles, progress)
            if len(ratios) > 1:
                return Calibration(ratios, "runs of this configuration")
        own = configuration(run)
        others = [key for key in self._by_configuration() if key != own]
        if profiles:
            families = [self._ended(key, run.id)[:FAMILY] for key in others]
            pooled = [
                r for one in families if len(one) > 1 for r in ratios_of_family(one, progress)
            ]
        else:
            courses = [course for key in others for course in self._ended(key, run.id)[:FAMILY]]
            pooled = list(ratios_alone(courses[:OTHERS], progress))
        if len(pooled) >= FEW:
            return Calibration(tuple(pooled), "other runs here")
        return Calibration(published_ratios(progress), "published runs")

    def _is_like(self, ended: Course, course: Course) -> bool:
        planned, done = course.planned or 0.0, ended.planned or 0.0
        return ended.unit == course.unit and abs(done - planned) <= SAME_WORK * planned

    def _ended(self, key: Configuration, but: str) -> list[Course]:
        """Courses of the latest ended runs of a configuration, the latest first."""
        found = []
        for run in self._by_configuration().get(key, [])[:OTHERS]:
            if run.id == but:
                continue
            if run.id not in self._courses:
                self._courses[run.id] = read_course(self._home, run).course
            course = self._courses[run.id]
            if course is not None and course.planned:
                found.append(course)
        return found

    def _by_configuration(self) -> dict[Configuration, list[RunRecord]]:
        if self._runs is None:
            groups: dict[Configuration, list[RunRecord]] = defaultdict(list)
            for run_id in run_ids(self._home):
                stored = read_run(self._home, run_id, time.time_ns(), Faults())
                if not stored:
                    continue
                run = make_run(run_id, [one.segment for one in stored])
                if run.status is Status.FINISHED and len(run.attempts) == 1:
                    groups[configuration(run)].append(run)
            for group in groups.values():
                group.sort(key=lambda one: -one.interval.start_ns)
            self._runs = groups
        return self._runs


def configuration(run: RunRecord) -> Configuration:
    """What runs have in common that take the same time: labels and the kind of their machines.

    A name counts only where there are no labels: names often number the runs of one configuration.
    """
    labels = tuple(sorted((k, v) for k, v in run.labels.items() if k not in APART))
    machines = {
        s.machine.resource_id: (
            s.machine.instance_type or s.machine.cpu_model,
            tuple(sorted(a.name for a in s.machine.accelerators if a.id in s.held_devices)),
            s.share,
        )
        for s in run.attempts[-1].segments
    }
    kinds = tuple(sorted(machines.values(), key=repr))
    return labels or run.name, kinds
