"""``trainfare doctor``: what was detected, which price and why, what is missing and what to do."""

from __future__ import annotations

import os
import platform
import textwrap
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, say_json, width
from trainfare.core.plain import visible_len
from trainfare.core.price import NoPrice

if TYPE_CHECKING:
    from trainfare.core.machine import Machine
    from trainfare.metering.checkup import CheckUp, Missing

_LABEL = 12
_SOURCES = {
    "aws-imds-v2": "AWS metadata",
    "aws-imds-v1": "AWS metadata, version 1",
    "gcp-metadata": "Google metadata",
    "azure-imds": "Azure metadata",
    "oci-imds": "Oracle metadata",
    "dmi": "firmware",
    "stated": "stated",
    "assumed": "assumed",
    "sagemaker": "SageMaker environment",
    "vertex": "Vertex environment",
    "azureml": "Azure ML environment",
}
"""How each source of a fact is called on the screen."""


@click.command("doctor")
@click.option("--instance", help="Look as if the machine were of this type.")
@click.option("--region", help="Look as if the machine were in this region.")
@click.option("--spot/--on-demand", "spot", default=None, help="Look as if it were bought so.")
@format_option("table", "json")
def command(instance: str | None, region: str | None, spot: bool | None, form: str) -> None:
    """Show what was detected here, which price holds and why, and what is missing."""
    from pathlib import Path

    from trainfare.metering.checkup import check_up
    from trainfare.metering.home import home_folder
    from trainfare.metering.place import Stated, make_instruments

    home = home_folder()
    stated = Stated(instance=instance, region=region, spot=spot)
    instruments = make_instruments(home, stated)
    found = check_up(os.environ, home, instruments, stated=stated, root=Path("/"))
    if form == "json":
        say_json(_document(found))
    else:
        click.echo(doctor_text(found, min(80, width())))


def doctor_text(found: CheckUp, columns: int) -> str:
    """The check-up for a terminal of *columns* columns."""
    troubles = sum(one.is_trouble for one in found.missing)
    hints = len(found.missing) - troubles
    counts = [
        click.style(f"{troubles} to settle", fg="red") if troubles else "",
        click.style(f"{hints} hint{'s' * (hints > 1)}", fg="yellow") if hints else "",
    ]
    summary = ", ".join(text for text in counts if text) or click.style("all well", fg="green")
    title = f"trainfare {_version()} · Python {platform.python_version()} · {platform.system()}"
    gap = max(2, columns - visible_len(title) - visible_len(summary))
    rule = click.style("─" * columns, dim=True)
    lines = [click.style(title, bold=True) + " " * gap + summary, rule]
    for mark, label, words, source in _rows(found):
        lines += _row(mark, label, words, source, columns)
    if found.missing:
        lines.append(rule)
    for one in found.missing:
        lines += _missing_lines(one, columns)
    return "\n".join(lines)


def _version() -> str:
    try:
        return version("trainfare")
    except PackageNotFoundError:
        return "from source"


_Row = tuple[str, str, str, str]
"""Mark, label, words and source."""


def _rows(found: CheckUp) -> list[_Row]:
    """The facts, each with the mark of the worst that is said about it below."""
    worst: dict[str, str] = {}
    for one in reversed(found.missing):
        worst[one.what] = "✗" if one.is_trouble else "!"

    def mark(*whats: str, is_known: bool = True) -> str:
        marks = [worst[what] for what in whats if what in worst]
        return min(marks, key="✗!".index) if marks else "✓" if is_known else "–"

    machine = found.machine
    facts = machine.facts
    kind, kind_source = _kind(found)
    is_sold = machine.provider is not None
    rows = [
        (mark("option", is_known=machine.instance_type is not None), "instance", kind, kind_source),
        (
            mark("metadata", "region", is_known=is_sold),
            "place",
            _place(machine) or f"no cloud known; {_silence(facts.get('metadata', ''))}",
            _source(facts.get("region") or facts.get("provider", "")),
        ),
        (mark(), "billed as", machine.resource_id, _source(facts.get("resource_id", ""))),
        (mark("share"), "hardware", _hardware(found), "container" * machine.in_container),
        (
            mark("accelerators", is_known=bool(machine.accelerators)),
            "accelerators",
            _accelerators(found),
            found.driver if machine.accelerators else "",
        ),
    ]
    around = found.around
    if around.scheduler:
        rows.append((mark(), "scheduler", _scheduler(found), ""))
    if around.scheduler or around.run_id:
        words = around.run_id or "a new run with each start"
        rows.append((mark("run_id"), "run id", words, around.run_id_source or ""))
    rows += _price_rows(found, mark("price", *["region", "metadata"] * (not found.is_priced)))
    free = "" if found.free_bytes is None else f"{_bytes(found.free_bytes)} free"
    rows.append((mark("home"), "home", str(found.home), free))
    return rows


def _kind(found: CheckUp) -> tuple[str, str]:
    machine = found.machine
    option = (machine.purchase_option or "").replace("_", " ")
    kind = ", ".join(part for part in (machine.instance_type or "unknown", option) if part)
    detected = machine.facts.get("detected_instance_type")
    kind += f" (really {detected})" if detected else ""
    return kind, _source(machine.facts.get("instance_type", ""))


def _place(machine: Machine) -> str:
    """Who rents the machine out and where; a zone that is named after its region says both."""
    region, zone = machine.region or "", machine.zone or ""
    where = zone if region and zone.startswith(region) else region
    words = " ".join(part for part in (machine.provider, where) if part)
    words += f", zone {zone}" if zone and zone != where else ""
    return words + (f", account {machine.account}" if machine.account else "")


def _silence(metadata: str) -> str:
    """Why no cloud spoke: who answered and did not know; the reasons of the silent are in the JSON."""
    if not metadata.startswith(("aws: ", "gcp: ", "azure: ", "oci: ")):
        return metadata
    answered = [one for one in metadata.split("; ") if ": answered" in one]
    if not answered:
        return "no metadata service answered"
    return f"no metadata service knows this machine ({', '.join(answered)})"


def _source(source: str) -> str:
    return _SOURCES.get(source, "") if source != "hardware" else "this host"


def _hardware(found: CheckUp) -> str:
    machine, allowance = found.machine, found.allowance
    cpus = f"{float(allowance.cpus):g}"
    if allowance.cpu_source != "host":
        cpus += f" of {os.cpu_count()}"
    cpus += " CPUs" + (f" by {allowance.cpu_source}" if allowance.cpu_source != "host" else "")
    memory = "" if machine.memory_bytes is None else _bytes(machine.memory_bytes)
    if allowance.memory_source == "cgroup":
        memory += " by cgroup limit"
    return ", ".join(part for part in (machine.cpu_model, cpus, memory) if part)


def _accelerators(found: CheckUp) -> str:
    devices = found.machine.accelerators
    if not devices:
        return "none found" + (f": {found.driver}" if found.driver else "")
    counts: dict[str, int] = {}
    for device in devices:
        counts[device.name] = counts.get(device.name, 0) + 1
    words = ", ".join(f"{count} × {name}" if count > 1 else name for name, count in counts.items())
    if len(found.held) < len(devices):
        words += f"; a run here holds {len(found.held)}"
    return words


def _scheduler(found: CheckUp) -> str:
    around = found.around
    words = [around.scheduler or ""]
    if around.job_id:
        words[0] += f" job {around.job_id}"
    if around.world_size > 1:
        words.append(f"rank {around.rank} of {around.world_size}")
    if around.nodes > 1:
        words.append(f"node {around.node_rank} of {around.nodes}")
    if around.restart_count:
        times = "once" if around.restart_count == 1 else f"{around.restart_count} times"
        words.append(f"restarted {times}")
    return ", ".join(words)


def _price_rows(found: CheckUp, mark: str) -> list[_Row]:
    price = found.price
    if isinstance(price, NoPrice):
        return [(mark, "price", "unknown", "")]
    share = "" if found.share == 1 else f"; a run here pays {found.share} of it"
    words = [price.describe() + share]
    if price.origin != "stated":
        words.append(price.sku)
    if price.source:
        words.append(price.source)
    return [
        (mark if n == 0 else " ", "price" if n == 0 else "", w, "") for n, w in enumerate(words)
    ]


def _bytes(count: int) -> str:
    from trainfare.metering.receipt_view import bytes_text

    return bytes_text(count)


_COLOURS = {"✓": "green", "!": "yellow", "✗": "red"}


def _row(mark: str, label: str, words: str, source: str, columns: int) -> list[str]:
    """One fact; its source stands at the right edge where there is room, else on a line below."""
    start = _LABEL + 4
    wrapped = _wrap(words, columns - start)
    colour = _COLOURS.get(mark)
    shown = click.style(mark, fg=colour) if colour else click.style(mark, dim=True)
    lines = [f"{shown} {click.style(f'{label:<{_LABEL}}', dim=True)}  {wrapped[0]}"]
    lines += [" " * start + line for line in wrapped[1:]]
    if source:
        room = columns - start - len(wrapped[-1]) - len(source)
        if room < 2:
            lines.append("")
            room = columns - len(source)
        lines[-1] += " " * room + click.style(source, dim=True)
    return lines


_COMMANDS = ("trainfare ", "aws ", "export ", "unset ")


def _missing_lines(one: Missing, columns: int) -> list[str]:
    """What is missing, and below it what to do; a command stays on one line, to be copied."""
    mark, colour = ("✗", "red") if one.is_trouble else ("!", "yellow")
    first, *rest = _wrap(one.why, columns - 2)
    lines = [f"{click.style(mark, fg=colour)} {first}", *("  " + line for line in rest)]
    is_command = one.remedy.startswith(_COMMANDS)
    first, *rest = [one.remedy] if is_command else _wrap(one.remedy, columns - 4)
    arrow = click.style("→", dim=True)
    lines.append(f"  {arrow} {click.style(first, bold=is_command)}")
    return lines + [f"    {line}" for line in rest]


def _wrap(words: str, columns: int) -> list[str]:
    """Lines of at most *columns*; names such as us-east-1 stay whole."""
    return textwrap.wrap(words, columns, break_on_hyphens=False) or [""]


def _document(found: CheckUp) -> dict[str, Any]:
    from trainfare.metering.event import machine_to_json, price_to_json

    around = found.around
    return {
        "version": _version(),
        "python": platform.python_version(),
        "platform": platform.system(),
        "machine": machine_to_json(found.machine),
        "cpus": {"usable": str(found.allowance.cpus), "by": found.allowance.cpu_source},
        "share": str(found.share),
        "held": list(found.held),
        "driver": found.driver or None,
        "surroundings": {
            "scheduler": around.scheduler,
            "job_id": around.job_id,
            "managed_job": around.managed_job,
            "run_id": around.run_id,
            "run_id_source": around.run_id_source,
            "rank": around.rank,
            "world_size": around.world_size,
            "node_rank": around.node_rank,
            "nodes": around.nodes,
            "restart_count": around.restart_count,
            "labels": dict(around.labels),
        },
        "price": price_to_json(found.price) if found.is_priced else None,
        "unpriced": None if found.is_priced else price_to_json(found.price),
        "home": {
            "path": str(found.home),
            "is_writable": found.home_trouble is None,
            "free_bytes": found.free_bytes,
        },
        "missing": [
            {"what": one.what, "is_trouble": one.is_trouble, "why": one.why, "remedy": one.remedy}
            for one in found.missing
        ],
    }
