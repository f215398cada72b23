"""``trainfare report`` and ``frontier`` as pages show them: every output on the page is a real one."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cli.recordings import Recorder
from metering.instruments import Clock
from trainfare.core.price import parse_hourly
from trainfare.metering import event as ev

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "how-to" / "know-what-a-unit-costs.md"
SHOWN = re.findall(
    r"```text\n\$ trainfare ([^\n]+)\n\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
)
PRICE = parse_hourly("36/h")
TOKENS = 4096


def begin(home, run, at, *, segment=None, **labels):
    clock = Clock()
    clock.advance(at)
    parents = labels.pop("parents", [])
    return Recorder(
        home, run, segment=segment, clock=clock, labels=labels, price=PRICE, gpus=8, parents=parents
    )


def train(made, epoch, seconds, steps, accuracy=None):
    """An epoch of *steps* and an evaluation after it."""
    made.stage("train", epoch)
    counters = made.meter.counters
    for _ in range(10):
        counters.take(steps * 8 // 10, steps * TOKENS // 10)
        made.ride(seconds // 10, steps=steps // 10)
    if accuracy is not None:
        made.stage("eval", epoch)
        made.ride(20)
        made.log(accuracy=accuracy)


def pretrain(home):
    """Preempted in its second epoch, and gone on from the checkpoint after its first."""
    words = {"model": "bert", "version": "1", "experiment": "base", "team": "nlp"}
    first = begin(home, "r-base", 0, segment="s-1", **words)
    first.stage("setup")
    first.ride(60)
    train(first, 0, 1200, 600, 0.61)
    train(first, 1, 400, 200)
    first.end("killed", error="ended by SIGTERM")
    second = begin(home, "r-base", 3600, segment="s-2", **words)
    second.meter.add_event(ev.RESUME, step=600, steps=0)
    second.stage("setup")
    second.ride(60)
    train(second, 1, 1200, 600, 0.74)
    second.end()


@pytest.fixture
def story(home, frozen):
    """A pretraining and three finetunings of it, one of which failed."""
    pretrain(home)
    words = {"model": "bert", "version": "2", "experiment": "tune", "team": "nlp"}
    runs = {
        "r-tune-1": (300, (0.80, 0.88, 0.91)),
        "r-tune-2": (600, (0.85, 0.90, 0.93)),
        "r-tune-3": (300, (0.78, 0.77)),
    }
    for number, (run, (seconds, reached)) in enumerate(runs.items(), start=2):
        made = begin(home, run, 7200 * number, parents=["r-base"], **words)
        made.stage("setup")
        made.ride(30)
        for epoch, accuracy in enumerate(reached):
            train(made, epoch, seconds, 100, accuracy)
        is_lost = run == "r-tune-3"
        made.end("failed" if is_lost else "finished", error="nan" if is_lost else None)
    return home


@pytest.mark.parametrize(("words", "shown"), SHOWN, ids=[words for words, _ in SHOWN])
def test_the_page_shows_what_is_really_printed(story, say, words, shown):
    code, out, err = say(*shlex.split(words))
    assert (code, err) == (0, "")
    assert out == shown
    assert max(map(len, out.splitlines())) <= 80


def test_the_code_on_the_page_runs(home):
    pytest.importorskip("pandas")
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
    env = {**os.environ, "TRAINFARE_METADATA": "off"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_reference_names_every_key_and_measure():
    from trainfare.reports.attribution import KEYS
    from trainfare.reports.measure import MEASURES

    text = (DOCS / "reference" / "report.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)
    assert set(KEYS) | set(MEASURES) <= set(rows)


def test_the_help_names_every_key_and_measure(say):
    from trainfare.reports.attribution import KEYS
    from trainfare.reports.measure import MEASURES

    code, out, _ = say("report", "--help")
    assert code == 0
    words = set(re.findall(r"[a-z0-9_]+", out))
    assert set(KEYS) | set(MEASURES) <= words
