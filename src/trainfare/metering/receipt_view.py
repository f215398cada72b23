"""What a receipt shows to people, as rows of text: the same for the terminal and the notebook."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trainfare.core.charge import Component
from trainfare.core.labels import KNOWN
from trainfare.core.money import NANO, Money
from trainfare.core.period import SECOND, format_instant
from trainfare.core.plain import percent, plain, plural
from trainfare.core.price import Price
from trainfare.core.run import (
    Artifact,
    RunRecord,
    Segment,
    sum_over_machines,
)
from trainfare.core.stage import Status, is_data
from trainfare.metering.forecast_text import forecast_words
from trainfare.metering.receipt_use import use_facts

if TYPE_CHECKING:
    from trainfare.metering.receipt import Receipt

EPOCHS_SHOWN = 12
"""A receipt shows so many epochs; of more it shows the first and last few."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: a label, words about it, and an amount or why there is none."""

    label: str
    words: str
    amount: str


@dataclass(frozen=True, slots=True)
class View:
    """A receipt as people read it."""

    title: str
    status: str
    labels: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    total: Line
    below: tuple[Line, ...]
    """Amounts beside the total, not in it."""
    books: tuple[tuple[str, str, str, str], ...]
    """What each component was estimated at and billed, and the difference; the total last, nothing
    without a bill."""
    epochs: tuple[tuple[str, str, str], ...]
    remarks: tuple[str, ...]


def view_of(receipt: Receipt) -> View:
    """The rows of *receipt*; all its amounts have the same number of places."""
    run = receipt.run
    places = places_for(receipt.estimate.total)
    return View(
        title=plain(run.name or run.id),
        status=run.status.value.replace("_", " "),
        labels=plain(labels_text(run.labels)),
        facts=tuple((label, plain(words)) for label, words in _facts(receipt)),
        lines=tuple(replace(one, words=plain(one.words)) for one in _lines(receipt, places)),
        total=Line("estimated", "", amount_text(receipt.estimate.total, places)),
        below=tuple(replace(one, words=plain(one.words)) for one in _below(receipt, places)),
        books=tuple(_books(receipt, places)),
        epochs=tuple(_epochs(receipt, places)),
        remarks=tuple(map(plain, _remarks(receipt))),
    )


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels in one line, those that every report knows first.

    >>> labels_text({"seed": "3", "team": "nlp", "model": "bert"})
    'model bert · team nlp · seed 3'
    """
    keys = sorted(labels, key=lambda k: (KNOWN.index(k) if k in KNOWN else len(KNOWN), k))
    return " · ".join(f"{key} {labels[key]}" for key in keys)


def places_for(total: Money | None) -> int:
    """Enough places that the parts of small totals are told apart."""
    size = 0 if total is None else abs(total.nano)
    for least, places in ((100 * NANO, 2), (NANO, 4), (NANO // 100, 6)):
        if size >= least:
            return places
    return 9


def amount_text(amount: Money | None, places: int) -> str:
    """An amount with *places* places; below the last place it says so, unknown says so too."""
    if amount is None:
        return "no price"
    text = amount.display(places)
    smallest = Money(10 ** (9 - places), amount.currency)
    if amount and abs(amount.nano) * 2 < smallest.nano:
        return f"< {smallest.display(places)}"
    return text


def duration_text(nanoseconds: int) -> str:
    """A duration in the two units that matter.

    >>> duration_text(75 * SECOND), duration_text(3 * SECOND // 2)
    ('1 min 15 s', '1.50 s')
    """
    seconds = nanoseconds / SECOND
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def bytes_text(count: int) -> str:
    """A byte count in binary units.

    >>> bytes_text(4_404_019), bytes_text(12)
    ('4.2 MiB', '12 B')
    """
    size, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


def _facts(receipt: Receipt) -> list[tuple[str, str]]:
    run = receipt.run
    started = format_instant(run.interval.start_ns)[:19].replace("T", " ")
    count = len(run.attempts)
    attempts = f", {count} attempts" if count > 1 else ""
    facts = [
        ("run", run.id),
        ("started", f"{started} UTC, {duration_text(receipt.duration_ns)}{attempts}"),
        ("machine", _machines(run)),
    ]
    used = [p for p in receipt.estimate.prices if p.unit == "h"]
    facts += [("price", _price_words(price)) for price in used]
    paid = receipt.estimate.paid_share
    if paid is not None and paid < 1:
        words = f"with other runs on the machine; this one pays for {percent(paid)} of its time"
        facts.append(("shared", words))
    facts += [("tracker", f"{one.system} {one.url or one.run}") for one in run.trackers]
    facts += use_facts(receipt.activity, receipt.efficiency)
    errors = [s.error for s in run.attempts[-1].segments if s.error]
    if errors and run.status is not Status.FINISHED:
        facts.append(("ended", errors[0]))
    return facts


def _price_words(price: Price) -> str:
    """The price and its origin; a stated one needs no SKU to explain it."""
    words = price.describe()
    return words if price.origin == "stated" else f"{words}  {price.sku}"


def _machines(run: RunRecord) -> str:
    by_id: dict[str, Segment] = {}
    for segment in run.segments:
        by_id.setdefault(segment.machine.resource_id, segment)
    texts: dict[str, int] = defaultdict(int)
    for segment in by_id.values():
        texts[_machine(segment)] += 1
    return "; ".join(f"{count} × {text}" if count > 1 else text for text, count in texts.items())


def _machine(segment: Segment) -> str:
    machine = segment.machine
    what = machine.instance_type or machine.cpu_model or machine.hostname
    where = " ".join(part for part in (machine.provider, machine.region) if part)
    option = (machine.purchase_option or "").replace("_", " ")
    words = [what, where, option]
    if machine.instance_type is None and machine.cpu_count:
        words.append(f"{machine.cpu_count} CPUs")
    if segment.held_devices:
        names = {a.id: a.name for a in machine.accelerators}
        words.append(
            f"{len(segment.held_devices)} of {len(machine.accelerators)} "
            f"{names.get(segment.held_devices[0], 'accelerators')}"
        )
    elif segment.share != 1:
        words.append(f"{percent(segment.share)} of it")
    return ", ".join(word for word in words if word) or "unknown"


def _lines(receipt: Receipt, places: int) -> list[Line]:
    estimate = receipt.estimate
    stages = estimate.by_stage()
    data = [time_ns for stage, (time_ns, _) in stages.items() if is_data(stage)]
    words = {
        Component.COMPUTE: ", ".join(
            f"{stage} {duration_text(time_ns)}"
            for stage, (time_ns, _) in stages.items()
            if not is_data(stage)
        ),
        Component.DATA: f"stage data {duration_text(sum(data))}" if data else "",
        Component.STORAGE: storage_words(receipt.run),
        Component.NETWORK: network_words(receipt),
        Component.OTHER: "",
    }
    shown = [c for c in Component if c is not Component.OTHER or estimate.components[c]]
    return [
        Line(c.value, words[c] or "none", _amount_or_dash(estimate.components[c], places))
        for c in shown
    ]


def _amount_or_dash(amount: Money | None, places: int) -> str:
    """A known zero is a dash, so that the eye finds what costs."""
    return "—" if amount is not None and not amount else amount_text(amount, places)


def storage_words(run: RunRecord) -> str:
    """What a run keeps in storage, in words; nothing where it keeps nothing."""
    artifacts = [a for s in run.segments for a in s.artifacts]
    groups: dict[str, list[Artifact]] = defaultdict(list)
    for artifact in artifacts:
        groups[artifact.role].append(artifact)
    parts = []
    for role, group in groups.items():
        newest = {a.uri: a for a in group}
        held = [a for a in newest.values() if a.is_kept or role == "dataset"]
        count = f"{len(held)} {role}{'' if len(held) == 1 else 's'}"
        written = f" (written {len(group)} times)" if len(group) > len(newest) else ""
        parts.append(f"{count}, {_size_words([a.bytes for a in held])}{written}")
    kept = any(a.is_kept and a.role != "dataset" for a in artifacts)
    return "; ".join(parts) + ("; goes on costing" if kept else "")


def _size_words(sizes: Sequence[int | None]) -> str:
    """The sum of what is known, and how many are not.

    >>> _size_words([12, 4]), _size_words([None]), _size_words([12, None])
    ('16 B', 'size unknown', '12 B and 1 of unknown size')
    """
    known = [size for size in sizes if size is not None]
    if sizes and not known:
        return "size unknown"
    missing = len(sizes) - len(known)
    return bytes_text(sum(known)) + (f" and {missing} of unknown size" if missing else "")


def network_words(receipt: Receipt) -> str:
    """The bytes that were sent while a run lasted, in words: they are its machine's, not its own."""
    sent = sum_over_machines(receipt.run, "net_tx_bytes")
    if not sent:
        return "not measured" if sent is None else "nothing sent"
    machines = {s.machine.resource_id: s.machine for s in receipt.run.segments}
    place = "container" if all(one.in_container for one in machines.values()) else "machine"
    whole = f"by the whole {place}" if len(machines) == 1 else f"by {len(machines)} whole {place}s"
    count = len(receipt.beside)
    others = f", {plural(count, 'other run')} on it" if count else ""
    return f"{bytes_text(sent)} sent {whole}{others}"


def _below(receipt: Receipt, places: int) -> list[Line]:
    lines = []
    if receipt.forecast is not None and receipt.forecast.unit is not None:
        total = amount_text(receipt.forecast.total, places)
        lines.append(Line("forecast", forecast_words(receipt.forecast), total))
    if receipt.estimate.idle_cost:
        idle = amount_text(receipt.estimate.idle_cost, places)
        lines.append(Line("idle", "of the same machine, claimed by no run meanwhile", idle))
    timer = receipt.log_timer
    if timer is not None:
        words = f"{duration_text(timer.time_ns)} by the log's own timer ({timer.name})"
        lines.append(Line("timer", words, amount_text(timer.estimated_cost, places)))
        words = f"{duration_text(timer.outside_ns)} held besides, in the total"
        lines.append(Line("outside", words, amount_text(timer.outside_cost, places)))
    if receipt.low_use_cost is not None:
        low = _amount_or_dash(receipt.low_use_cost, places)
        lines.append(Line("low use", "in the total; its GPUs did nothing", low))
    if receipt.steps:
        lines.append(
            Line("per step", f"{receipt.steps:,} steps", amount_text(receipt.cost_per_step, 9))
        )
    lines.extend(
        Line(
            "prepared",
            f"by {one.run}, read by {one.readers} run{'s' if one.readers > 1 else ''}; on its own receipt",
            amount_text(one.estimated_cost, places),
        )
        for one in receipt.prepared_by
    )
    return lines


def _books(receipt: Receipt, places: int) -> list[tuple[str, str, str, str]]:
    billed, estimate = receipt.billed, receipt.estimate
    if billed is None:
        return []
    sides = [(c.value, estimate.components[c], billed.components[c]) for c in Component]
    rows = [side for side in sides if side[1] or side[2]]
    rows.append(("total", estimate.total, billed.total))
    return [
        (
            label,
            amount_text(before, places),
            amount_text(after, places),
            _apart(before, after, places),
        )
        for label, before, after in rows
    ]


def _apart(before: Money | None, after: Money, places: int) -> str:
    """What was billed above (+) or below (−) the estimate; a dash where that cannot be said."""
    if before is None or before.currency != after.currency:
        return "–"
    difference = (after - before).display(places)
    return difference if difference.startswith("-") else f"+{difference}"


def _epochs(receipt: Receipt, places: int) -> list[tuple[str, str, str]]:
    rows = [
        (str(one.epoch), f"{float(one.seconds):,.2f}", amount_text(one.estimated_cost, places))
        for one in receipt.estimate.by_epoch()
    ]
    if len(rows) <= EPOCHS_SHOWN:
        return rows
    third = EPOCHS_SHOWN // 3
    return [*rows[:third], ("…", f"{len(rows) - 2 * third} more", ""), *rows[-third:]]


def _remarks(receipt: Receipt) -> list[str]:
    remarks = [f"no price: {u.meter}, {u.quantity} ({u.why})" for u in receipt.estimate.unpriced]
    known = {s.totals.net_tx_bytes is not None for s in receipt.run.segments}
    if known == {False}:
        remarks.append("not measured: network bytes")
    if receipt.activity.known_device_ns == 0 and any(s.held_devices for s in receipt.run.segments):
        remarks.append("not measured: GPU activity, so low use is unknown")
    remarks += sorted({note for s in receipt.run.segments for note in s.notes})
    return [*remarks, *receipt.remarks]
