"""``trainfare watch``: a run's money and activity while it rides."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import click

from trainfare.cli.answer import format_option, width
from trainfare.cli.argument import run_argument
from trainfare.core.errors import NotFound

INTERVAL_SECONDS = 1.0
"""As often as the meter samples."""

WORK_SHARE = 10
"""A frame of a run with very many epochs takes long to add up; the rest is so many times longer, so
that watching never takes more than a tenth of one CPU from the training."""


@click.command("watch")
@run_argument(default="")
@click.option("--once", is_flag=True, help="Print one frame and leave.")
@format_option("table", "json")
def command(run: str, once: bool, form: str) -> None:
    """Watch RUN live until it ends, then print its receipt.

    RUN is an id, the beginning of one, a name, or "last"; without it the run that is running and
    started last. Where the output is no terminal, one frame is printed. With --format json, one
    line per second until the run ends.
    """
    from trainfare.cli.screen import is_terminal
    from trainfare.flows.watch import take_frame
    from trainfare.metering.history import find_run_id
    from trainfare.metering.home import home_folder

    home = home_folder()
    run_id = find_run_id(home, run) if run else _running(home)
    if form == "json":
        _follow(home, run_id, once=once)
    elif once or not is_terminal():
        from trainfare.flows.frame_view import frame_lines

        click.echo("\n".join(frame_lines(take_frame(home, run_id), width())))
    else:
        _watch(home, run_id)


def _running(home: Path) -> str:
    from trainfare.flows.watch import find_running
    from trainfare.metering.history import first_words, run_ids

    found = find_running(home)
    if found is not None:
        return found
    latest = max(run_ids(home), key=lambda one: first_words(home, one)[0], default=None)
    if latest is None:
        raise NotFound("no run is running; start one: trainfare run --price 3.6/h -- CMD")
    raise NotFound(f"no run is running; for the latest: trainfare receipt {latest}")


def _follow(home: Path, run_id: str, *, once: bool) -> None:
    """One JSON line per frame until the run ends."""
    from trainfare.flows.forecast import Forecaster
    from trainfare.flows.watch import take_frame

    forecaster = Forecaster(home)
    while True:
        began = time.monotonic()
        frame = take_frame(home, run_id, forecaster=forecaster)
        click.echo(json.dumps(frame.to_json(), ensure_ascii=False))
        sys.stdout.flush()
        if once or not frame.is_running:
            return
        time.sleep(_rest(time.monotonic() - began))


def _watch(home: Path, run_id: str) -> None:
    """Draw frames in place until the run ends or the watcher leaves."""
    from trainfare.cli.screen import Screen
    from trainfare.flows.forecast import Forecaster
    from trainfare.flows.frame_view import frame_lines
    from trainfare.flows.watch import take_frame

    forecaster = Forecaster(home)
    frame = take_frame(home, run_id, forecaster=forecaster)
    if not frame.is_running:
        _print_receipt(home, run_id)
        return
    try:
        with Screen() as screen:

            def draw() -> None:
                lines = frame_lines(frame, *screen.size())
                screen.draw([click.unstyle(line) for line in lines] if _is_plain() else lines)

            spent = 0.0
            while frame.is_running:
                draw()
                screen.rest(_rest(spent), draw)
                began = time.monotonic()
                frame = take_frame(home, run_id, forecaster=forecaster)
                spent = time.monotonic() - began
    except KeyboardInterrupt:
        total = frame.receipt.estimate.total
        so_far = "no price" if total is None else f"{total.display()} so far"
        click.echo(f"{run_id} goes on ({so_far}); watch it again: trainfare watch {run_id}")
        return
    _print_receipt(home, run_id)


def _rest(spent_seconds: float) -> float:
    return max(INTERVAL_SECONDS - spent_seconds, WORK_SHARE * spent_seconds)


def _print_receipt(home: Path, run_id: str) -> None:
    from trainfare.metering.history import close_dead, read_receipt
    from trainfare.metering.receipt_text import receipt_text

    close_dead(home)
    click.echo(receipt_text(read_receipt(home, run_id), min(78, width())))


def _is_plain() -> bool:
    """Whether the user asked for no colours (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))
