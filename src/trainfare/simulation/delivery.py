"""Deliveries: the bills as they arrive, one after another: open, closed, once more, corrected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from trainfare.core.charge import View
from trainfare.core.period import HOUR, BillingPeriod, Interval
from trainfare.simulation.fault import Fault, Faults
from trainfare.simulation.line import DAY, Kind, Line, Provider, by_day
from trainfare.simulation.seed import stream

_CLOSING = (Kind.FEE, Kind.TAX, Kind.CREDIT, Kind.REFUND)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One bill as it arrived: it replaces earlier ones of its provider and period as a whole."""

    provider: Provider
    period: BillingPeriod
    number: int
    """From 1, in order of making within the provider and period; the same again is a copy."""
    is_final: bool
    """Whether the period is closed."""
    lines: tuple[Line, ...]

    @property
    def name(self) -> str:
        """``aws-2026-10-2``: provider, period and number."""
        return f"{self.provider}-{self.period}-{self.number}"

    def total(self, view: View) -> int:
        """The exact total of one cost column, in nano-units of the provider's currency."""
        return sum(line.nano(view) for line in self.lines)


def grained(lines: Iterable[Line], faults: Faults) -> list[Line]:
    """*lines* at the grain in which each provider bills."""
    daily = {Provider.AZURE, Provider.RENTED}
    if faults.day_grain:
        daily.add(Provider.AWS)
    kept: list[Line] = []
    cut: list[Line] = []
    for line in lines:
        is_short = line.interval.duration_ns <= DAY
        (cut if is_short and line.product.provider in daily else kept).append(line)
    return [*kept, *by_day(cut)]


def deliveries(
    seed: int, lines: Sequence[Line], bill: Interval, period: BillingPeriod, faults: Faults
) -> tuple[list[Delivery], list[Fault]]:
    """Every delivery in order of arrival, and the ledger of what is odd about them.

    Args:
        seed: of the world.
        lines: of all providers, as they stand when the month is closed.
        bill: the time that they cover.
        period: that they are billed in.
        faults: what goes wrong.
    """
    found: list[Delivery] = []
    ledger: list[Fault] = []
    if faults.day_grain:
        ledger.append(Fault("day_grain", Provider.AWS, "bills by the day"))
    for provider in Provider:
        final = [line for line in lines if line.product.provider is provider]
        if faults.restated_delivery:
            still_open = list(_as_open(seed, provider, final, bill))
            found.append(Delivery(provider, period, 1, is_final=False, lines=tuple(still_open)))
            what = f"{len(still_open)} lines while open, {len(final)} when closed"
            ledger.append(Fault("restated_delivery", provider, what))
        number = 1 + faults.restated_delivery
        closed = Delivery(provider, period, number, is_final=True, lines=tuple(final))
        found.append(closed)
        if faults.duplicated_delivery:
            found.append(closed)
            ledger.append(Fault("duplicated_delivery", closed.name, "comes again, unchanged"))
    for provider in (Provider.AWS, Provider.GCP):
        late = list(_corrections(seed, provider, lines, period, faults))
        if late:
            found.append(Delivery(provider, period.next(), 1, is_final=True, lines=tuple(late)))
            what = f"{len(late)} lines correct {period}"
            ledger.append(Fault("late_corrections", f"{provider}-{period.next()}", what))
    found.sort(key=lambda each: (each.period, each.number))
    return found, ledger


def _as_open(
    seed: int, provider: Provider, final: Iterable[Line], bill: Interval
) -> Iterator[Line]:
    """The lines as they stood before the month's last tenth, some at a provisional price."""
    rng = stream(seed, "open", provider)
    until_ns = bill.end_ns - max(DAY, bill.duration_ns // 10 // DAY * DAY)
    if until_ns <= bill.start_ns:
        until_ns = bill.start_ns + 12 * HOUR
    for line in final:
        is_provisional = line.commitment is None and rng.random() < 0.02
        if line.kind in _CLOSING or line.interval.start_ns >= until_ns:
            continue
        yield _scaled(line, 103) if is_provisional else line


def _scaled(line: Line, percent: int) -> Line:
    """The same line at *percent* of its amounts."""
    return replace(
        line,
        billed_nano=line.billed_nano * percent // 100,
        effective_nano=line.effective_nano * percent // 100,
        list_nano=line.list_nano * percent // 100,
        contracted_nano=line.contracted_nano * percent // 100,
    )


def _corrections(
    seed: int, provider: Provider, lines: Iterable[Line], period: BillingPeriod, faults: Faults
) -> Iterator[Line]:
    """What the next month's bill takes back: a part of full hours (or days) of machines."""
    rng = stream(seed, "corrections", provider)
    for line in lines:
        is_ours = line.product.provider is provider and line.kind is Kind.USAGE
        if not is_ours or line.commitment is not None or not line.product.machine:
            continue
        is_full = line.interval.duration_ns in (HOUR, DAY)
        if provider is Provider.AWS:
            is_full = is_full and line.quantity == Fraction(line.interval.duration_ns, HOUR)
        percent = rng.randrange(5, 60)
        if rng.random() < faults.late_corrections / 20 and is_full:
            taken = _scaled(line, percent)
            yield replace(
                taken,
                kind=Kind.CORRECTION,
                period=period.next(),
                quantity=Fraction(0),
                billed_nano=-taken.billed_nano,
                effective_nano=-taken.effective_nano,
                list_nano=-taken.list_nano,
                contracted_nano=-taken.contracted_nano,
            )
