"""``trainfare alerts``: what is wrong now, and who is told of it."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from trainfare.budgets.alert import Alert, Severity
from trainfare.budgets.alert_shelf import Shelf, alert_json, notice_json
from trainfare.budgets.target import SECRET_PREFIX
from trainfare.cli.answer import complain, format_option, only_team, say, say_json
from trainfare.core.errors import TrainfareError
from trainfare.core.period import SECOND, format_instant
from trainfare.core.plain import plain, plural
from trainfare.flows.alerts import (
    Pass,
    acknowledge,
    check_alerts,
    queue_json,
    read_alerts,
    send_messages,
    try_targets,
)
from trainfare.metering.budget_shelf import read_budgets
from trainfare.metering.home import home_folder

_COLOURS = {Severity.WARNING: "yellow", Severity.CRITICAL: "red"}


@click.group("alerts")
def command() -> None:
    """Alerts: look, list, acknowledge, and tell the targets in notify.toml."""


@command.command("list")
@click.option("--all", "is_all", is_flag=True, help="Resolved ones as well.")
@format_option("table", "json")
def list_(is_all: bool, form: str) -> None:
    """List alerts as the last look found them."""
    shelf = read_alerts(home_folder())
    alerts = [one for one in shelf.alerts if is_all or one.is_open]
    if team := only_team():
        alerts, shelf = _own(team, alerts), Shelf()
    if form == "json":
        say_json(
            {
                "alerts": [alert_json(one) for one in alerts],
                "targets": [queue_json(name, one) for name, one in shelf.queues.items()],
            }
        )
        return
    _say_alerts(alerts)
    for name, queue in shelf.queues.items():
        if queue.message is not None and queue.message.attempts:
            tried = plural(queue.message.attempts, "attempt")
            say(f"{queue.message.why} ({tried}); it is tried again")
        elif queue.waiting:
            say(f"target {name} has still to be told of {plural(len(queue.waiting), 'alert')}")


def _own(team: str, alerts: list[Alert]) -> list[Alert]:
    from trainfare.flows.own import alerts_of, is_of_team, runs_of_team

    home = home_folder()
    runs = runs_of_team(home, team, {one.subject for one in alerts})
    return alerts_of(alerts, runs, {b.id for b in read_budgets(home) if is_of_team(b, team)})


@command.command("check")
@format_option("table", "json")
def check(form: str) -> None:
    """Look once and tell what is new.

    Exits 1 while an alert is open that nobody acknowledged.
    """
    found = check_alerts(home_folder())
    if form == "json":
        say_json(_pass_json(found))
    else:
        _say_alerts(found.alerts)
        _say_pass(found)
    sys.exit(1 if any(one.acknowledged_by is None for one in found.alerts) else 0)


@command.command("watch")
@click.option(
    "--every",
    type=click.IntRange(5),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Between the looks.",
)
@format_option("table", "json")
def watch(every: int, form: str) -> None:
    """Look again and again until interrupted; as JSON, one line a look."""
    home = home_folder()
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            try:
                found = check_alerts(home)
                if form == "json":
                    click.echo(json.dumps(_pass_json(found), ensure_ascii=False))
                else:
                    _say_news(found)
            except TrainfareError as error:
                complain(str(error))  # what is wrong now may be repaired at the next look
            sys.stdout.flush()
            time.sleep(every)


@command.command("ack")
@click.argument("ids", nargs=-1, metavar="[ID]…")
@format_option("table", "json")
def ack(ids: tuple[str, ...], form: str) -> None:
    """Acknowledge alerts, all without an ID.

    They are told again only if they get worse, and when they are over.
    """
    done = acknowledge(home_folder(), ids)
    if form == "json":
        say_json({"alerts": [alert_json(one) for one in done]})
        return
    click.echo(f"{plural(len(done), 'alert')} acknowledged")


@command.command("send")
@format_option("table", "json")
def send(form: str) -> None:
    """Tell what is still to be told, without a new look.

    Exits 3 where a target did not take it.
    """
    sent, failures = send_messages(home_folder())
    if form == "json":
        say_json({"sent": sent, "failures": failures})
    else:
        click.echo(f"{plural(len(sent), 'message')} sent")
        for failure in failures:
            complain(failure)
    sys.exit(3 if failures else 0)


@command.command("test")
@click.argument("names", nargs=-1, metavar="[TARGET]…")
@format_option("table", "json")
def test(names: tuple[str, ...], form: str) -> None:
    """Send a trial message to targets, all without a name.

    Exits 3 where one does not arrive.
    """
    tried = try_targets(home_folder(), names)
    if form == "json":
        say_json({"targets": [{"name": name, "why": why} for name, why in tried.items()]})
    else:
        for name, why in tried.items():
            click.echo(f"{name}: it took the message" if why is None else why, err=why is not None)
    sys.exit(3 if any(tried.values()) else 0)


@command.command("secret")
@format_option("table", "json")
def secret(form: str) -> None:
    """Make a secret that signs webhooks.

    Give it to the receiver and to notify.toml.
    """
    made = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    if form == "json":
        say_json({"secret": made})
    else:
        click.echo(made)


def _say_news(found: Pass) -> None:
    """One line for each notice, and what was not delivered."""
    for notice in found.notices:
        at = format_instant(notice.at_ns // SECOND * SECOND)
        line = f"{at}  {notice.what:<9}{notice.kind} {notice.subject}: {notice.sentence}"
        say(plain(line), below="    ")
    for failure in found.failures:
        complain(failure)


def _say_alerts(alerts: Sequence[Alert]) -> None:
    if not alerts:
        click.echo("no alert is open")
        return
    for one in sorted(alerts, key=lambda each: (not each.is_open, -each.severity, each.opened_ns)):
        colour = _COLOURS[one.severity] if one.is_open else "green"
        state = one.severity.word if one.is_open else "resolved"
        since = format_instant(one.opened_ns // SECOND * SECOND)
        seen = f", seen by {plain(one.acknowledged_by)}" if one.acknowledged_by else ""
        head = f"{one.kind} {plain(one.subject)}"
        click.echo(f"{one.id}  {click.style(f'{state:<9}', fg=colour)} {head}")
        say(plain(one.sentence), "    ")
        click.echo(click.style(f"    since {since}{seen}", dim=True))


def _say_pass(found: Pass) -> None:
    if found.sent:
        click.echo(f"told {', '.join(found.sent)}")
    for failure in found.failures:
        complain(f"{failure}; it is tried again")
    for kind, why in found.unseen.items():
        say(plain(f"not looked at: {kind}: {why}"), below="  ")


def _pass_json(found: Pass) -> dict[str, Any]:
    return {
        "alerts": [alert_json(one) for one in found.alerts],
        "notices": [notice_json(one) for one in found.notices],
        "unseen": [{"kind": kind.value, "why": why} for kind, why in found.unseen.items()],
        "sent": list(found.sent),
        "failures": list(found.failures),
    }
