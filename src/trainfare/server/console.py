"""The console: a command of the command line, run on the server's home for whoever is elsewhere.

So ``TRAINFARE_SERVER`` changes where a command is answered and nothing about its answer: tables,
JSON, files, exit codes and sentences are made by the command itself, in a process of its own. Only
the commands listed here run, none with an option that names a file or a folder of the server.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import post
from litestar.exceptions import HTTPException

from trainfare.core.caller import Caller, NotAllowed
from trainfare.core.errors import BadInput, NotFound, OutsideFailed
from trainfare.server.own_runs import own_among, own_run
from trainfare.server.service import Service

SCOPES: Mapping[tuple[str, ...], str] = {
    ("runs",): "read",
    ("show",): "read",
    ("compare",): "read",
    ("receipt",): "read",
    ("watch",): "read",
    ("report",): "read",
    ("reconcile",): "read",
    ("verify",): "read",
    ("explain",): "read",
    ("utilization",): "read",
    ("frontier",): "read",
    ("advise",): "read",
    ("advise", "show"): "read",
    ("advise", "decided"): "read",
    ("advise", "accept"): "budget",
    ("advise", "dismiss"): "budget",
    ("advise", "snooze"): "budget",
    ("advise", "reopen"): "budget",
    ("statement",): "read",
    ("chart",): "read",
    ("estimate",): "read",
    ("bill", "list"): "read",
    ("bill", "show"): "read",
    ("budget", "list"): "read",
    ("budget", "show"): "read",
    ("budget", "check"): "read",
    ("budget", "set"): "budget",
    ("budget", "delete"): "budget",
    ("alerts", "list"): "read",
    ("alerts", "ack"): "budget",
    ("prices", "find"): "read",
    ("prices", "show"): "read",
    ("prices", "list"): "read",
}
"""Command → the scope that it needs."""

OF_RUNS = ("watch", "compare", "receipt", "show", "explain")
"""Commands that name runs; of somebody of one team they are that team's."""

OF_A_TEAM = {
    *(("runs",), ("report",), ("reconcile",), ("statement",), ("frontier",)),
    *(("budget", "list"), ("budget", "show"), ("budget", "check"), ("alerts", "list")),
    *(("estimate",), ("prices", "find"), ("prices", "show")),
    *((name,) for name in OF_RUNS),
}
"""What a caller of one team may run: the command is told to answer for that team alone."""

OF_ALL = ("--charge", "html", "pdf", "focus", "--format=html", "--format=pdf", "--format=focus")
"""What no such caller may ask of money: charges, and pages that are about all teams."""

REFUSED = ("--home", "--learn", "--cancel-command")
"""Options that act on the server's machine or on the next estimate of everybody."""

AT_ONCE, WAITING_MAX = 2, 20
SECONDS = 120
ARGUMENTS_MAX, LENGTH_MAX = 200, 4096


@dataclass(frozen=True, slots=True)
class Order:
    """A command line, and the terminal that its answer is made for."""

    arguments: list[str]
    columns: int | None = None
    """None for a file or a pipe, in which nothing is cut."""
    is_coloured: bool = False


class Desk:
    """Runs a few commands at once, lets some wait and turns the others away."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def run(
        self, arguments: list[str], env: dict[str, str], folder: str
    ) -> tuple[int, bytes, bytes]:
        """Exit code, output and complaint of a command.

        Raises:
            HTTPException: too many wait already.
            OutsideFailed: it took too long.
        """
        if self._waiting >= WAITING_MAX:
            raise HTTPException(
                status_code=429,
                detail="too many commands wait already; ask again later",
                headers={"Retry-After": "10"},
            )
        self._waiting += 1
        try:
            async with self._places:
                return await _run(arguments, env, folder)
        finally:
            self._waiting -= 1


async def _run(arguments: list[str], env: dict[str, str], folder: str) -> tuple[int, bytes, bytes]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "trainfare", *arguments),
        env=env,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            output, complaint = await child.communicate()
    except TimeoutError:
        raise OutsideFailed(
            f"the command took longer than {SECONDS} s; ask the API, which goes on meanwhile"
        ) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode or 0, output, complaint


DESK = Desk()
"""Of this process."""


@post("/console", status_code=200, tags=["console"])
async def run_command(caller: Caller, service: Service, data: Order) -> dict[str, Any]:
    """Run one command of the command line on the server's home; files it writes come back."""
    arguments = await asyncio.to_thread(_checked, service, caller, data.arguments)
    with tempfile.TemporaryDirectory(prefix="trainfare-console-") as folder:
        code, output, complaint = await DESK.run(
            arguments, _environment(service, caller, data), folder
        )
        files = {
            one.name: base64.b64encode(one.read_bytes()).decode()
            for one in await asyncio.to_thread(lambda: sorted(Path(folder).iterdir()))
        }
    return {
        "exit_code": code,
        "output": base64.b64encode(output).decode(),
        "complaint": _complaint(caller, code, complaint.decode("utf-8", "replace")),
        "files": files,
    }


def command_of(arguments: list[str]) -> tuple[str, ...]:
    """The command that *arguments* name, with what is within a group.

    >>> command_of(["bill", "list", "--format", "json"]), command_of(["runs", "--limit", "3"])
    (('bill', 'list'), ('runs',))
    >>> command_of(["advise", "--kind", "idle"]), command_of(["advise", "--kind", "idle", "accept"])
    (('advise',), ('advise', 'accept'))
    """
    groups = {key[0] for key in SCOPES if len(key) > 1}
    if tuple(arguments[:1]) in SCOPES and arguments[0] in groups and arguments[1:2] != []:
        within = [(arguments[0], one) for one in arguments[1:] if (arguments[0], one) in SCOPES]
        if arguments[1].startswith(
            "-"
        ):  # of a group that answers by itself, the most that it may be
            return max(within, key=lambda one: SCOPES[one] != "read", default=(arguments[0],))
    return tuple(arguments[: 2 if arguments[:1] and arguments[0] in groups else 1])


def _checked(service: Service, caller: Caller, arguments: list[str]) -> list[str]:
    """The arguments as they may run.

    Raises:
        NotAllowed: not by this caller.
        BadInput: not here.
    """
    command = command_of(arguments)
    if command not in SCOPES or (command == ("runs",) and "import" in arguments):
        raise BadInput(
            f"{' '.join(command)!r} is not answered by a server; run it where its home is"
        )
    caller.need(SCOPES[command])
    if len(arguments) > ARGUMENTS_MAX or any(
        len(one) > LENGTH_MAX or "\0" in one for one in arguments
    ):
        raise BadInput("the command line is too long; ask the API instead")
    checked = _with_plain_files(arguments)
    for one in checked:
        if one.partition("=")[0] in REFUSED:
            raise BadInput(f"{one.partition('=')[0]} is for the server's own machine; use it there")
    if caller.team is None:
        return checked
    is_money = command[0] in ("report", "statement", "explain")
    if command not in OF_A_TEAM or (is_money and {*arguments} & {*OF_ALL}):
        raise NotAllowed(
            f"{caller.name!r} is bound to {caller.team!r} and {' '.join(command)!r} concerns all "
            "teams here; ask the API for your team's part, or an admin for a token without a team"
        )
    return _of_team(service, caller, checked)


def _with_plain_files(arguments: list[str]) -> list[str]:
    """Files to write are written where the command runs, under plain names."""
    checked: list[str] = []
    for one in arguments:
        is_name = bool(checked) and checked[-1] == "--out"
        name = one if is_name else one.removeprefix("--out=") if one.startswith("--out=") else None
        if name is not None and (Path(name).name != name or name in ("", ".", "..")):
            raise BadInput(f"{name!r} is no plain file name")
        checked.append(one)
    return checked


def _of_team(service: Service, caller: Caller, arguments: list[str]) -> list[str]:
    """The command narrowed to what the caller sees."""
    assert caller.team is not None
    command, *rest = arguments
    if command == "runs":
        return [command, *rest, "--team", caller.team]
    if command not in OF_RUNS and command != "reconcile":
        return arguments
    narrowed, runs = [command], 0
    for before, one in itertools.pairwise(["", *rest]):
        if command == "reconcile":
            is_run = before == "--run" or one.startswith("--run=")
        else:
            is_run = not (one.startswith("-") or before in ("--format", "--period"))
        runs += is_run
        option = "--run=" if one.startswith("--run=") else ""
        narrowed.append(
            f"{option}{_own(service, caller, one.removeprefix(option))}" if is_run else one
        )
    if not runs and command in OF_RUNS:
        raise BadInput(f"name the run to {command}")
    return narrowed


def _own(service: Service, caller: Caller, text: str) -> str:
    """The id of the caller's run that *text* names; one that is only on bills by its whole id."""
    try:
        return own_run(service, caller, text)
    except NotFound:
        if text in own_among(service, caller, [text]):
            return text
        raise


def _complaint(caller: Caller, code: int, said: str) -> str:
    """What the command said beside its answer; to somebody of one team only what is its own."""
    if caller.team is None or not said:
        return said
    if said.rstrip().endswith("--help)"):
        return said  # of the words of the command line alone
    return f"trainfare: there is no answer for team {caller.team!r}\n" if code > 1 else ""


def _environment(service: Service, caller: Caller, order: Order) -> dict[str, str]:
    foreign = {"COLUMNS", "FORCE_COLOR"}
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("TRAINFARE_") and key not in foreign
    }
    env["TRAINFARE_HOME"] = str(service.home)
    if order.columns is not None:
        env["COLUMNS"] = str(min(500, max(20, order.columns)))
    if service.settings.database:
        env["TRAINFARE_DATABASE"] = service.settings.database
    if caller.team is not None:
        env["TRAINFARE_ONLY_TEAM"] = caller.team
    return env | ({"FORCE_COLOR": "1"} if order.is_coloured else {})


ROUTES = [run_command]
"""For the application."""
