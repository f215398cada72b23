"""Watching a run that a server knows: its stream of frames, drawn here as they come."""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import click

from trainfare.cli.asking import ask
from trainfare.cli.screen import Screen
from trainfare.core.errors import OutsideFailed

SILENT_SECONDS = 60
"""A stream that says nothing for so long is asked for anew."""

TRIES = 5
"""So often, with longer and longer pauses, before it is given up."""


def follow(server: str, run: str, *, is_json: bool) -> bool:
    """Show the frames of *run* until it ends; False where its receipt is not to be shown.

    Raises:
        BadInput: there is no such run, or the server refuses.
        OutsideFailed: the server is not reached any more, or ended the stream.
    """
    if is_json:
        for _, frame in _frames(server, f"/api/v1/runs/{quote(run, safe='')}/live"):
            click.echo(frame)
            sys.stdout.flush()
        return False
    try:
        with Screen() as screen:
            size = screen.size()
            while not _draw(server, run, screen, size):
                size = screen.size()
    except KeyboardInterrupt:
        click.echo(f"{run} goes on; watch it again: trainfare watch {run}")
        return False
    return True


def _draw(server: str, run: str, screen: Screen, size: tuple[int, int]) -> bool:
    """Draw frames of *size* until the run ends; False once the terminal has another size."""
    columns, rows = size
    path = f"/api/v1/runs/{quote(run, safe='')}/live?columns={columns}&rows={rows}"
    for _, text in _frames(server, path):
        lines: Sequence[str] = json.loads(text)["lines"]
        plain = bool(os.environ.get("NO_COLOR"))
        screen.draw([click.unstyle(line) for line in lines] if plain else lines)
        if screen.size() != size:
            return False
    return True


def _frames(server: str, path: str) -> Iterator[tuple[str, str]]:
    """The events ``frame`` of a stream to its end, asked for again where it breaks."""
    tries, wrong = 0, ""
    while tries <= TRIES and not wrong:
        try:
            with ask(server, path, timeout=SILENT_SECONDS) as stream:
                for kind, data in _events(stream):
                    if kind == "end":
                        return
                    if kind == "error":
                        wrong = str(json.loads(data)["message"])
                    else:
                        tries = 1
                        yield kind, data
        except OutsideFailed:
            if not tries:  # it was never there
                raise
        except (OSError, http.client.HTTPException):
            pass  # what breaks is asked for again
        tries += 1
        time.sleep(0 if wrong else min(8, 2 ** (tries - 3)))
    raise OutsideFailed(f"{server}: {wrong or 'the stream ends again and again; try it later'}")


def _events(stream: http.client.HTTPResponse) -> Iterator[tuple[str, str]]:
    """Kind and data of each event."""
    kind = ""
    for line in stream:
        name, _, value = line.decode("utf-8", "replace").rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, value
