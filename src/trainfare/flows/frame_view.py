"""What a terminal shows of a live run: a frame as lines for a terminal of a given size.

Every row keeps to one grid, so that the eye compares down the columns:

    label     bar or sparkline                          share or seconds         amount
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import click

from trainfare.core.charge import Component
from trainfare.core.money import Money
from trainfare.core.period import format_instant
from trainfare.core.plain import percent, plain, shorten, visible_len
from trainfare.core.stage import STATUS_COLOURS
from trainfare.flows.watch import DeviceView, Frame
from trainfare.metering.forecast_text import forecast_sentence
from trainfare.metering.receipt_view import (
    amount_text,
    bytes_text,
    duration_text,
    labels_text,
    network_words,
    places_for,
    storage_words,
)

LABEL, MIDDLE, RIGHT = 10, 10, 14
"""Columns of the grid beside the bar, which takes the rest."""

_PARTS = {
    Component.COMPUTE: "blue",
    Component.DATA: "magenta",
    Component.STORAGE: "yellow",
    Component.NETWORK: "green",
}
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"

_FITS = (
    (12, 64, 4, 1),
    (5, 64, 3, 1),
    (4, 8, 2, 1),
    (3, 4, 2, 1),
    (2, 4, 1, 1),
    (2, 4, 1, 0),
    (2, 2, 1, 1),
    (2, 1, 1, 0),
    (0, 1, 1, 0),
)
"""Epochs, rows of devices, alerts and blank lines between sections: the first that fits is drawn."""


def frame_lines(frame: Frame, width: int, height: int | None = None) -> list[str]:
    """The frame in lines of at most *width* columns, and at most *height* of them."""
    lines: list[str] = []
    for epochs, rows, alerts, gap in _FITS:
        sections = [
            [*_head(frame, width), *[""] * gap, *_tiles(frame, width), *_forecast(frame, width)],
            list(_components(frame, width)),
            [*_cpu(frame, width), *_devices(frame, width, rows)],
            list(_epochs(frame, width, epochs)),
            list(_alerts(frame, width, alerts)),
            [_foot(frame, width)],
        ]
        lines = []
        for section in filter(None, sections):
            lines += [*([""] * gap if lines else []), *section]
        if height is None or len(lines) <= height:
            break
    return [f" {line}" if line else "" for line in lines[:height]]


def bar(share: float, width: int) -> str:
    """A bar of *share* (0 to 1) of *width* columns, exact to an eighth of a column.

    >>> bar(0.5, 3), bar(0, 3), bar(0.001, 3)
    ('█▌', '', '▏')
    """
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The latest *width* shares (0 to 1) as columns, the newest on the right; a gap is a dot.

    >>> sparkline([0.0, None, 0.5, 1.0], 5)
    ' ▁·▅█'
    """
    drawn = "".join(
        "·" if value is None else _LEVELS[min(7, int(max(0.0, value) * 8))]
        for value in values[-width:]
    )
    return drawn.rjust(width)


def _row(label: str, drawn: str, middle: str, right: str, width: int) -> str:
    room = _room(width)
    return (
        f"{_pad(label, LABEL)}{_pad(drawn, room)}{_pad(middle, MIDDLE, right=True)}"
        f"{_pad(right, RIGHT, right=True)}"
    ).rstrip()


def _words_row(label: str, words: str, right: str, width: int) -> str:
    """A row with words where others have a bar."""
    room = _room(width) + MIDDLE
    said = _pad(_dim(shorten(words, room - 1)), room)
    return f"{_pad(label, LABEL)}{said}{_pad(right, RIGHT, right=True)}".rstrip()


def _room(width: int) -> int:
    """Columns of the bar; one column stays free on either side of the frame."""
    return max(4, width - 2 - LABEL - MIDDLE - RIGHT)


def _pad(text: str, size: int, *, right: bool = False) -> str:
    space = " " * max(0, size - visible_len(text))
    return space + text if right else text + space


def _apart(left: str, right: str, width: int) -> str:
    """*left* and *right* at the two ends of a line."""
    return f"{left}{' ' * max(1, width - 2 - visible_len(left) - visible_len(right))}{right}"


def _dim(text: str) -> str:
    return click.style(text, dim=True)


def _head(frame: Frame, width: int) -> Iterator[str]:
    run = frame.receipt.run
    status = click.style(f"● {run.status.value.replace('_', ' ')}", fg=STATUS_COLOURS[run.status])
    right = f"{status}  {duration_text(frame.receipt.duration_ns)}"
    room = width - 4 - visible_len(right)
    title = shorten(run.name or run.id, room)
    left = click.style(title, bold=True)
    if run.name and len(title) + len(run.id) + 2 <= room:
        left += f"  {_dim(run.id)}"
    yield _apart(left, right, width)
    if run.labels:
        yield _dim(shorten(labels_text(run.labels), width - 2))


def _tiles(frame: Frame, width: int) -> Iterator[str]:
    """The figures that matter most, each under its name."""
    receipt = frame.receipt
    places = places_for(receipt.estimate.total)
    done = [one for one in frame.epochs if one.epoch != frame.epoch]
    rate = "" if frame.steps_per_second is None else f", {_figures(frame.steps_per_second)}/s"
    where = plain(frame.stage or "—") + ("" if frame.epoch is None else f", epoch {frame.epoch}")
    waits = "—" if frame.input_wait is None else f"{_percent(frame.input_wait)} of the time"
    tiles = [
        ("so far", _amount(receipt.estimate.total, places)),
        ("per hour", _rate(frame)),
        (f"steps{rate}", f"{receipt.steps:,}" if receipt.steps else "—"),
        ("last epoch", _amount(done[-1].estimated_cost, places) if done else "—"),
        ("waits for data", waits),
    ]
    count = max(3, (width - 2) // 15)
    tiles = [*tiles[: count - 1], ("now", where)]
    each = (width - 2) // len(tiles)
    tiles[-1] = ("now", shorten(where, each))
    yield "".join(_pad(_dim(shorten(name, each - 1)), each) for name, _ in tiles).rstrip()
    yield "".join(
        _pad(click.style(value, bold=True) if i == 0 else value, each)
        for i, (_, value) in enumerate(tiles)
    ).rstrip()


def _forecast(frame: Frame, width: int) -> Iterator[str]:
    """What it will have cost and when it ends, or why nobody can say, in one line."""
    forecast = frame.receipt.forecast
    if forecast is None or forecast.unit is None:
        return
    line = f"{_pad('forecast', LABEL)}{forecast_sentence(forecast)}"
    if len(line) > width - 2:
        line = line.replace(" of this configuration", "")
    yield shorten(line, width - 2)


def _rate(frame: Frame) -> str:
    if frame.price_per_hour is not None:
        return frame.price_per_hour.display()
    return click.style("no price", fg="yellow") if frame.is_running else "—"


def _figures(number: float) -> str:
    """Three figures that matter.

    >>> _figures(5.2345), _figures(1234.5)
    ('5.23', '1,234')
    """
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _amount(amount: Money | None, places: int) -> str:
    if amount is None:
        return click.style("no price", fg="yellow")
    return amount_text(amount, places) if amount else amount.display()


def _components(frame: Frame, width: int) -> Iterator[str]:
    estimate = frame.receipt.estimate
    places = places_for(estimate.total)
    words = {
        Component.STORAGE: storage_words(frame.receipt.run),
        Component.NETWORK: network_words(frame.receipt),
    }
    for part, colour in _PARTS.items():
        amount = estimate.components[part]
        if not amount:
            said = words.get(part, "")
            right = _dim("—") if amount is not None else _unknown(said)
            yield _words_row(part.value, said, right, width)
            continue
        drawn, said = "", ""
        if estimate.total:
            share = amount.nano / estimate.total.nano
            drawn = click.style(bar(share, _room(width)), fg=colour)
            said = percent(share) if share >= 0.001 else "< 0.1 %"
        yield _row(part.value, drawn, said, amount_text(amount, places), width)
    if estimate.idle_cost:
        beside = "beside the total: no run claimed it"
        yield _words_row("idle", beside, amount_text(estimate.idle_cost, places), width)


def _unknown(words: str) -> str:
    """Why a component has no amount: nothing measured it, or its price is not known."""
    return click.style("unknown" if "not measured" in words else "no price", fg="yellow")


def _cpu(frame: Frame, width: int) -> Iterator[str]:
    if not frame.cpu_cores:
        return
    count = frame.cpu_count or 1
    shares = [None if one is None else one / count for one in frame.cpu_cores]
    memory = "" if frame.memory_bytes is None else bytes_text(frame.memory_bytes)
    label = f"{count} CPU{'s' if count > 1 else ''}"
    drawn = click.style(sparkline(shares, _room(width) - 2), fg="cyan")
    yield _row(label, drawn, _percent(shares[-1]), memory, width)


def _percent(share: float | None) -> str:
    return "unknown" if share is None else percent(share, 0)


def _devices(frame: Frame, width: int, rows: int) -> Iterator[str]:
    """One row per accelerator while they are few, else a grid of cells, the least busy first."""
    devices = frame.devices
    if not devices:
        return
    names = sorted({one.accelerator.name for one in devices})
    hosts = len({one.host for one in devices})
    where = f" on {hosts} machines" if hosts > 1 else ""
    latest = [one.activity[-1] for one in devices if one.activity and one.activity[-1] is not None]
    mean = f", mean activity {_percent(sum(latest) / len(latest))}" if len(latest) > 1 else ""
    yield _dim(shorten(f"{len(devices)} × {', '.join(names)}{where}{mean}", width - 2))
    if len(devices) <= min(rows, 4):
        yield from (_device_row(one, width) for one in devices)
        return
    columns = max(1, (width - 2) // 38)
    if len(devices) > rows * columns:
        devices = tuple(sorted(devices, key=_latest_activity))[: rows * columns]
    cell = (width - 2 - 3 * (columns - 1)) // columns
    for first in range(0, len(devices), columns):
        cells = [_device_cell(one, cell, hosts) for one in devices[first : first + columns]]
        yield "   ".join(cells).rstrip()


def _latest_activity(device: DeviceView) -> float:
    return device.activity[-1] or 0.0 if device.activity else 0.0


def _device_row(one: DeviceView, width: int) -> str:
    drawn = click.style(sparkline(one.activity, _room(width) - 2), fg=_colour(one))
    share = _percent(one.activity[-1]) if one.activity else "unknown"
    return _row(_device_name(one), drawn, share, _memory(one), width)


def _device_cell(one: DeviceView, size: int, hosts: int) -> str:
    name = (
        f"{one.accelerator.index:<2}" if hosts == 1 else f"{one.host[-8:]} {one.accelerator.index}"
    )
    share = _percent(one.activity[-1]) if one.activity else "unknown"
    memory = _memory(one)
    room = max(4, size - len(name) - 18)
    drawn = click.style(sparkline(one.activity, room), fg=_colour(one))
    return _pad(f"{name} {drawn} {share:>6} {memory:>9}", size)


def _device_name(one: DeviceView) -> str:
    kind = one.accelerator.kind
    return f"{'GPU' if kind in {'nvidia', 'amd'} else kind.upper()[:6]} {one.accelerator.index}"


def _memory(one: DeviceView) -> str:
    return "" if one.memory_bytes is None else bytes_text(one.memory_bytes)


def _colour(one: DeviceView) -> str:
    latest = _latest_activity(one)
    return "red" if latest < 0.05 else "yellow" if latest < 0.5 else "green"


def _epochs(frame: Frame, width: int, count: int) -> Iterator[str]:
    """The latest epochs, each bar against the longest of them."""
    shown = frame.epochs[-count:] if count else ()
    places = places_for(frame.receipt.estimate.total)
    longest = max((one.seconds for one in shown), default=0) or 1
    for one in shown:
        is_present = one.epoch == frame.epoch
        drawn = click.style(
            bar(float(one.seconds / longest), _room(width) - 2), fg="cyan", dim=is_present
        )
        seconds = f"{float(one.seconds):,.1f} s"
        amount = amount_text(one.estimated_cost, places)
        yield _row(f"epoch {one.epoch}", drawn, seconds, amount, width)


def _alerts(frame: Frame, width: int, count: int) -> Iterator[str]:
    for text in frame.alerts[:count]:
        lines = textwrap.wrap(
            plain(text), width - 4, max_lines=2 if count > 1 else 1, placeholder=" …"
        )
        for number, line in enumerate(lines):
            yield click.style(f"{'!' if number == 0 else ' '} {line}", fg="yellow")


def _foot(frame: Frame, width: int) -> str:
    clock = f"{format_instant(frame.at_ns)[11:19]} UTC"
    words = "Ctrl-C stops watching; the run goes on" if frame.is_running else ""
    if len(words) + len(clock) + 3 > width:
        words = words.partition(";")[0]
    return _apart(_dim(words), _dim(clock), width)
