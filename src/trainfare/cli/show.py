"""``trainfare show``: everything known about one run."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import format_option, only_team, say_json, table, width
from trainfare.cli.argument import run_argument
from trainfare.core.period import SECOND, format_instant
from trainfare.core.plain import plain
from trainfare.core.price import Price

if TYPE_CHECKING:
    from trainfare.core.machine import Machine
    from trainfare.core.run import Segment
    from trainfare.flows.show import Dossier


@click.command("show")
@run_argument()
@format_option("table", "json")
def command(run: str, form: str) -> None:
    """Show everything known about RUN: an id, the beginning of one, a name, or "last".

    The receipt, then machines and who said what about them, prices, attempts, what each process
    recorded, metrics and artifacts.
    """
    from trainfare.flows.show import open_dossier
    from trainfare.metering.history import close_dead, find_run_id
    from trainfare.metering.home import home_folder

    home = home_folder()
    close_dead(home)
    dossier = open_dossier(home, find_run_id(home, run))
    if team := only_team():
        from trainfare.flows.own import own_receipt

        dossier = replace(dossier, receipt=own_receipt(home, team, dossier.receipt))
    if form == "json":
        say_json(dossier.to_json())
    else:
        click.echo(_page(dossier, width()))


def _page(dossier: Dossier, columns: int) -> str:
    from trainfare.metering.receipt_text import receipt_text

    sections = [("machine", _machine(machine, columns)) for machine in dossier.machines]
    sections += [
        ("accelerators", _devices(dossier)),
        ("prices", _prices(dossier)),
        ("attempts", _attempts(dossier)),
        ("recorded by", _segments(dossier)),
        ("metrics", _metrics(dossier)),
        ("artifacts", _artifacts(dossier)),
    ]
    parts = [receipt_text(dossier.receipt, min(78, columns))]
    parts += [f"{click.style(title, bold=True)}\n{text}" for title, text in sections if text]
    return "\n\n".join(parts)


def _rows(rows: list[list[str]]) -> str:
    """Rows in columns, without headers."""
    return table([""] * len(rows[0]), rows).partition("\n")[2]


def _machine(machine: Machine, columns: int) -> str:
    """What is known of a machine, and who said so."""
    from trainfare.flows.show import answers_of
    from trainfare.metering.receipt_view import bytes_text

    rows = [
        [question.replace("_", " "), _answer(value, source)]
        for question, (value, source) in answers_of(machine).items()
    ]
    memory = None if machine.memory_bytes is None else bytes_text(machine.memory_bytes)
    cpus = None if machine.cpu_count is None else f"{machine.cpu_count} CPUs"
    hardware = ", ".join(word for word in (machine.cpu_model, cpus, memory) if word)
    rows.append(["hardware", _answer(hardware, None)])
    rows.append(
        ["hostname", _answer(machine.hostname, "container" if machine.in_container else None)]
    )
    names: dict[str, int] = {}
    for one in machine.accelerators:
        names[one.name] = names.get(one.name, 0) + 1
    rows += [["accelerators", f"{count} × {plain(name)}"] for name, count in names.items()]
    if "metadata" in machine.facts:
        said = textwrap.wrap(plain(machine.facts["metadata"]), max(30, columns - 17))
        rows += [["metadata" if i == 0 else "", line] for i, line in enumerate(said)]
    return _rows(rows)


def _answer(value: str | None, source: str | None) -> str:
    if not value:
        return click.style("unknown", fg="yellow")
    value = plain(value)
    return f"{value}  {_dim(f'({plain(source)})')}" if source else value


def _dim(text: str) -> str:
    return click.style(text, dim=True)


def _devices(dossier: Dossier) -> str:
    """What each accelerator did; of very many the least active, for they are the ones to look at."""
    from trainfare.metering.receipt_view import bytes_text, duration_text

    least = sorted(dossier.devices, key=lambda one: one[1].mean_permille or 0)[:ARTIFACTS_SHOWN]
    rows = []
    for device, found in dossier.devices:
        if (device, found) not in least:
            continue
        profile, low_ns, memory = found.profile, found.low_use_device_ns, found.memory_mib_max
        rows.append(
            [
                plain(f"{device.index} {device.name}"),
                _share(found.mean_permille),
                _share(profile.sm_active if profile else None),
                _share(profile.tensor_active if profile else None),
                "?" if memory is None else bytes_text(memory << 20),
                "?" if low_ns is None else duration_text(low_ns) if low_ns else "—",
                "?" if found.energy_kwh is None else f"{float(found.energy_kwh):.4g} kWh",
            ]
        )
    headers = ["GPU", "activity", "SMs", "tensor", "memory", "low use", "energy"]
    return table(headers, rows, right=range(1, 7)) if rows else ""


def _share(permille: int | None) -> str:
    return "?" if permille is None else f"{permille / 10:.1f} %"


def _prices(dossier: Dossier) -> str:
    estimate = dossier.receipt.estimate
    rows = [
        [price.describe(), plain(price.sku), _dim(plain(price.source or ""))]
        for price in estimate.prices
    ]
    rows += [
        [click.style("no price", fg="yellow"), plain(one.meter), plain(one.why)]
        for one in estimate.unpriced
    ]
    return _rows(rows) if rows else ""


def _attempts(dossier: Dossier) -> str:
    from trainfare.metering.receipt_view import duration_text

    rows = [
        [
            str(attempt.number),
            _clock(attempt.interval.start_ns),
            duration_text(attempt.interval.duration_ns),
            attempt.status.value.replace("_", " "),
            str(len({s.machine.resource_id for s in attempt.segments})),
            str(len(attempt.segments)),
        ]
        for attempt in dossier.receipt.run.attempts
    ]
    headers = ["attempt", "started (UTC)", "time", "status", "machines", "records"]
    return table(headers, rows, right=[0, 2, 4, 5])


def _segments(dossier: Dossier) -> str:
    rows = [
        _segment(segment, attempt.number)
        for attempt in dossier.receipt.run.attempts
        for segment in attempt.segments
    ]
    headers = ["attempt", "rank", "host", "by", "time", "status", "steps", "CPU", "memory", "sent"]
    return table(headers, rows, right=[0, 1, 4, 6, 7, 8, 9])


def _segment(segment: Segment, attempt: int) -> list[str]:
    from trainfare.metering.receipt_view import bytes_text, duration_text

    totals = segment.totals
    return [
        str(attempt),
        str(segment.rank),
        plain(segment.machine.hostname),
        "run" if segment.is_wrapper else "track",
        duration_text(segment.duration_ns),
        segment.status.value.replace("_", " "),
        f"{segment.steps:,}" if segment.steps else "—",
        "?" if totals.cpu_ns is None else f"{totals.cpu_ns / SECOND:,.1f} s",
        "?" if totals.rss_bytes_max is None else bytes_text(totals.rss_bytes_max),
        "?" if totals.net_tx_bytes is None else bytes_text(totals.net_tx_bytes),
    ]


def _metrics(dossier: Dossier) -> str:
    if not dossier.metrics:
        return ""
    rows = [
        [
            plain(one.name),
            *(_number(value) for value in (one.first, one.last, one.least, one.most)),
            f"{one.count:,}",
            f"{one.last_step:,}",
        ]
        for one in dossier.metrics.values()
    ]
    headers = ["metric", "first", "last", "min", "max", "values", "last step"]
    return table(headers, rows, right=[1, 2, 3, 4, 5, 6])


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.6g}"


def _artifacts(dossier: Dossier) -> str:
    from trainfare.metering.receipt_view import bytes_text

    rows = []
    for segment in dossier.receipt.run.segments:
        for one in segment.artifacts:
            price = one.price.describe() if isinstance(one.price, Price) else "no price"
            until = "kept" if one.is_kept else f"until {_clock(one.held.end_ns)}"
            rows.append(
                [
                    plain(one.role),
                    "?" if one.bytes is None else bytes_text(one.bytes),
                    _clock(one.held.start_ns),
                    until,
                    price,
                    plain(one.uri),
                ]
            )
    return _rows(rows[-ARTIFACTS_SHOWN:]) + _more(len(rows)) if rows else ""


ARTIFACTS_SHOWN = 20
"""The latest so many artifacts are listed; --format json has them all."""


def _more(count: int) -> str:
    hidden = count - ARTIFACTS_SHOWN
    return f"\n{hidden} earlier ones; --format json lists them" if hidden > 0 else ""


def _clock(instant_ns: int) -> str:
    return format_instant(instant_ns)[:19].replace("T", " ")
