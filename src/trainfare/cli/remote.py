"""Commands against a server: where ``TRAINFARE_SERVER`` is set, its home answers instead of ours.

The server runs the same command and sends what it printed, so every table, file, sentence and exit
code is that of the command on the home itself. What meters, looks at or changes this machine stays
here; what changes the server's home in ways that need its files is done there.
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from trainfare.cli.answer import room
from trainfare.cli.asking import get, post
from trainfare.core.errors import BadInput, OutsideFailed

ASKED = frozenset(
    {
        *("runs", "show", "compare", "receipt", "watch", "report", "reconcile", "verify"),
        *("explain", "utilization", "frontier", "statement", "chart", "estimate", "budget"),
        *("bill list", "bill show", "alerts list", "alerts ack"),
        *("prices find", "prices show", "prices list"),
    }
)
"""Commands that the server answers; a group alone means all that is in it."""

THERE = frozenset({"bill", "claims", "allocate", "alerts", "prices", "rules"})
"""Commands that change or need files of the home that is asked: run where that is."""


def find_server() -> str | None:
    """The server that commands ask; None where they act on this machine's home."""
    return os.environ.get("TRAINFARE_SERVER", "").strip().rstrip("/") or None


def answer(server: str, arguments: Sequence[str]) -> int | None:
    """Have *server* answer a command; its exit code, or None where the command acts here.

    Raises:
        BadInput: the command is for the machine of the server's home, or the server refuses it.
        OutsideFailed: the server is not reached, or fails.
    """
    words = [one for one in arguments[:2] if not one.startswith("-")]
    if not arguments or arguments[0].startswith("-") or {"--help", "-h"} & {*arguments}:
        return None
    name, whole = words[0], " ".join(words)
    is_import = whole == "runs import"
    if not is_import and (name in ASKED or whole in ASKED):
        return _watch(server, arguments) if name == "watch" else _say(_ask(server, arguments))
    if name in THERE:
        raise BadInput(
            f"{whole!r} works on the home itself; run it on the machine of {server}, "
            "or unset TRAINFARE_SERVER to act on this machine's home"
        )
    return None


def _ask(server: str, arguments: Sequence[str]) -> dict[str, Any]:
    """What the command printed there, with the files that it wrote."""
    sent, place = _with_plain_out(arguments)
    order = {
        "arguments": sent,
        "columns": room(),
        "is_coloured": sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
    }
    told = post(server, "/api/v1/console", order)
    output = base64.b64decode(told["output"])
    for name, content in told["files"].items():
        if place is None or name != place.name:
            raise OutsideFailed(f"{server} sent a file that nobody asked for")
        _write(place, base64.b64decode(content))
        output = output.replace(name.encode(), str(place).encode())
    return {**told, "output": output}


def _say(told: Mapping[str, Any]) -> int:
    click.echo(told["output"], nl=False)
    click.echo(told["complaint"], nl=False, err=True)
    return int(told["exit_code"])


def _watch(server: str, arguments: Sequence[str]) -> int:
    """Follow a run; one frame where nothing is to be followed, or nobody looks."""
    from trainfare.cli.remote_watch import follow
    from trainfare.cli.screen import is_terminal

    form = _form(arguments)
    if "--once" in arguments or (form != "json" and not is_terminal()):
        once = [*(one for one in arguments if one != "--once"), "--once"]
        return _say(_ask(server, once))
    words = [one for one, before in zip(arguments[1:], arguments, strict=False)
             if not one.startswith("-") and before != "--format"]  # fmt: skip
    run = words[0] if words else latest_running(server)
    if run is None:  # the sentence that says so
        return _say(_ask(server, [*arguments, "--once"]))
    if follow(server, run, is_json=form == "json"):
        return _say(_ask(server, ["receipt", run]))
    return 0


def latest_running(server: str) -> str | None:
    """The run that started last among those that are running."""
    told = get(server, "/api/v1/runs?status=running&limit=1")
    return next((str(one["run"]) for one in told["runs"]), None)


def _form(arguments: Sequence[str]) -> str:
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    named = [value for one, value in pairs if one == "--format"]
    named += [one.partition("=")[2] for one in arguments if one.startswith("--format=")]
    return named[-1] if named else "table"


def _with_plain_out(arguments: Sequence[str]) -> tuple[list[str], Path | None]:
    """The arguments with a file's name alone after ``--out``, and where it is to be here."""
    sent, place = list(arguments), None
    for number, one in enumerate(arguments):
        if one.startswith("--out="):
            place = Path(one.removeprefix("--out="))
            sent[number] = f"--out={place.name}"
        elif one == "--out" and number + 1 < len(arguments):
            place = Path(arguments[number + 1])
            sent[number + 1] = place.name
    return sent, place


def _write(place: Path, content: bytes) -> None:
    try:
        place.write_bytes(content)
    except OSError as error:
        raise OutsideFailed(f"cannot write {place}: {error.strerror}") from None
