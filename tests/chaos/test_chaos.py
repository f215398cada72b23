"""A day of chaos: the live system under seeded faults loses nothing, doubles nothing, conserves all."""

import contextlib
import os
from dataclasses import replace

import pytest

from chaos.day import Day
from postgres import postgres_running

pytest.importorskip("psycopg")

SEED = int(os.environ.get("TRAINFARE_CHAOS_SEED", "11"))


def live(folder, **size):
    """The evidence of a day."""
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(postgres_running())
        day = Day(folder, postgres, stack, seed=SEED, **size)
        day.live()
        day.come_to_rest()
        return day.settled()


def swapped(items, at, new):
    return [*items[:at], new, *items[at + 1 :]]


def tampered(evidence):
    """(What was done to it, the evidence of a system that has one thing wrong)."""
    first, *_ = evidence.pieces
    name, raw, copy = next(one for one in evidence.copies if one[0].endswith("samples.bin"))
    run = first.run
    yield "a run lost", replace(evidence, listed=[r for r in evidence.listed if r != run])
    yield "a run doubled", replace(evidence, listed=[*evidence.listed, run])
    yield "a sample doubled", replace(evidence, copies=[(name, raw, copy + copy[-96:])])
    yield "a step lost", replace(evidence, pieces=swapped(evidence.pieces, 0, replace(first, steps=first.steps + 1)))  # fmt: skip
    yield "a nanosecond lost", replace(evidence, pieces=swapped(evidence.pieces, 0, replace(first, end=first.end + 10**6)))  # fmt: skip
    nano = next(line.split(",")[0] for line in evidence.bill.splitlines()[1:])
    more = nano[:-1] + str((int(nano[-1]) + 1) % 10)
    yield "a nano lost", replace(evidence, bill=evidence.bill.replace(nano, more, 1))
    ended = next(
        r
        for r, told in evidence.journals.items()
        if told[-1].how and told[-1].pid not in evidence.excused
    )
    answer = evidence.receipts[ended] | {"status": "killed"}
    yield "a run's end lost", replace(evidence, receipts=evidence.receipts | {ended: answer})


def test_a_minute_of_faults_leaves_the_books_whole(tmp_path):
    evidence = live(tmp_path, seconds=12, runs=10, machines=2, servers=1, most=4, every=1.4)
    found = evidence.findings()
    assert found == [], "\n".join(found)
    for what, wrong in tampered(evidence):
        found = wrong.findings()
        assert found, f"{what} is not found"


@pytest.mark.long
def test_a_day_of_faults_leaves_the_books_whole(tmp_path):
    seconds = int(os.environ.get("TRAINFARE_CHAOS_SECONDS", "900"))
    runs = max(10, 200 * seconds // 900)
    evidence = live(tmp_path, seconds=seconds, runs=runs, machines=3, servers=2, most=10, every=4)
    found = evidence.findings()
    assert found == [], "\n".join(found)
