"""Histories made by hand, whose waste is known."""

from fractions import Fraction

from trainfare.advice.history import GpuPart, History, PastMachine, PastRun
from trainfare.core.claim import Claim
from trainfare.core.money import Money
from trainfare.core.period import DAY, HOUR, BillingPeriod, Interval, parse_instant
from trainfare.core.recommendation import Recommendation, resource_slot, run_slot, settle

START = parse_instant("2026-10-05T00:00:00Z")
PERIOD = str(BillingPeriod.of(START))


def hours(start, end):
    """From *start* to *end* hours since the beginning."""
    return Interval(START + int(start * HOUR), START + int(end * HOUR))


class Fleet:
    """Machines with *gpus* GPUs at *price* per hour, and who held them, as a billed history."""

    def __init__(self, price=8, gpus=8, currency="USD"):
        self.price, self.gpus, self.currency = price, gpus, currency
        self.runs, self.machines, self.parts, self.paid, self.low = {}, [], [], {}, {}

    def machine(self, place, paid, held=(), *, kind="p4d.24xlarge"):
        """*held* is (run, interval) after another; what they leave is idle."""
        claims = tuple(Claim(run, 1, place, interval) for run, interval in held)
        self.machines.append(
            PastMachine(place, place, kind, Fraction(self.gpus), (paid,), True, claims)
        )
        for run, interval in held:
            self.runs.setdefault(run, PastRun(run, interval=interval, labels={"team": "nlp"}))
        for day in range(paid.start_ns // DAY, -(-paid.end_ns // DAY)):
            whole = Interval(day * DAY, (day + 1) * DAY)
            left = paid.overlap_ns(whole)
            for run, interval in held:
                inside = interval.overlap_ns(whole)
                left -= inside
                if inside:
                    self._pay(place, day, run, "busy", inside)
            if left:
                self._pay(place, day, None, "idle" if held else "unallocated", left)
        return self

    def low_use(self, place, run, *stretches):
        """Say that all GPUs did nothing in *stretches* of a run: its busy part is that much less."""
        self.low[run, place] = [one for one in stretches for _ in range(self.gpus)]
        for number, part in enumerate(self.parts):
            if (part.run, part.place, part.state) != (run, place, "busy"):
                continue
            low_ns = sum(one.overlap_ns(part.interval) for one in stretches) * self.gpus
            low = part.amount.nano * low_ns // part.gpu_ns
            self.parts[number] = self._part(
                part, "busy", part.gpu_ns - low_ns, part.amount.nano - low
            )
            self.parts.append(self._part(part, "low_use", low_ns, low))
        return self

    def _part(self, part, state, gpu_ns, nano):
        return GpuPart(part.place, part.day, part.run, state, gpu_ns, Money(nano, self.currency))

    def _pay(self, place, day, run, state, time_ns):
        amount = Money(self.price * 10**9 * time_ns // HOUR, self.currency)
        part = GpuPart(place, day, run, state, time_ns * self.gpus, amount)
        self.parts.append(part)
        slot = run_slot(run, part.period) if run else resource_slot(place, part.period)
        self.paid[slot] = self.paid.get(slot, Money.zero(self.currency)) + amount

    def history(self, **more):
        return History(
            (PERIOD,),
            "billed",
            START,
            self.paid,
            runs=self.runs,
            machines=self.machines,
            parts=self.parts,
            low=self.low,
            **more,
        )


def settled(history, *sources):
    """(rule, subject) → the advice of *sources* on *history*."""
    found = [one for source in sources for one in source(history)]
    made = [one for one in found if isinstance(one, Recommendation)]
    advice = settle(made, history.paid, len(history.periods))
    return {(one.recommendation.rule, one.recommendation.subject): one for one in advice}
