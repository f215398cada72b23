"""Spot replay: what a run would have cost on a trace, by several ways of using spot machines.

Time goes in the ticks of the trace; within a tick a machine is there or not. A loss throws away
what was not saved; a change by one's own will saves first. Every start of a machine takes the
restart time, and all time on a machine is paid for. On demand saves as often as on spot.

The safety net: as soon as the time left would not do for the work left and two changes, the run
goes to on-demand machines and stays there. So what is feasible at all is never late:

    left ≥ need(saved) + 2·R + c + tick    else hurry
    need(saved) = (W − saved) + ⌈(W − saved)/τ⌉·c

Source of the deadline problem, of uniform progress and of the net: Z. Wu et al., "Can't Be Late:
Optimizing Spot Instance Savings under Deadlines", NSDI 2024. Uniform progress here is Trainfare's
own reading of it, and is no better than greedy on every trace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from trainfare.advice.spot_trace import Trace
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import HOUR


class Mode(Enum):
    """What a run is on."""

    NOTHING = "nothing"
    SPOT = "spot"
    ON_DEMAND = "on_demand"


@dataclass(frozen=True, slots=True)
class Errand:
    """A run to replay, in nanoseconds."""

    work_ns: int
    deadline_ns: int
    interval_ns: int
    """Work between checkpoints."""
    checkpoint_ns: int
    restart_ns: int

    def __post_init__(self) -> None:
        if min(self.work_ns, self.deadline_ns, self.interval_ns) <= 0:
            raise BadInput("work, deadline and the interval of checkpoints are above 0")

    def need_ns(self, saved_ns: int) -> int:
        """Time on a steady machine from *saved_ns* on."""
        rest = self.work_ns - saved_ns
        return rest + -(-rest // self.interval_ns) * self.checkpoint_ns


@dataclass(slots=True)
class _State:
    mode: Mode = Mode.NOTHING
    saved_ns: int = 0
    unsaved_ns: int = 0
    pending_ns: int = 0
    """Restart, and saving before a change, that come before work."""
    saving_ns: int = 0
    """What is left of a checkpoint that has begun."""
    passed_ns: int = 0
    spot_ns: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    """By tick, where the trace has prices; else all at 0."""
    on_demand_ns: int = 0
    losses: int = 0

    @property
    def done_ns(self) -> int:
        return self.saved_ns + self.unsaved_ns


@dataclass(frozen=True, slots=True)
class View:
    """What a way of using spot machines may look at: the present, never what comes."""

    errand: Errand
    is_available: bool
    mode: Mode
    done_ns: int
    passed_ns: int

    def is_ahead(self, by_ns: int) -> bool:
        """Whether the part of the work that is done is what an even pace does *by_ns* later."""
        errand = self.errand
        return self.done_ns * errand.deadline_ns >= errand.work_ns * (self.passed_ns + by_ns)


Policy = Callable[[View], Mode]


def greedy(view: View) -> Mode:
    """Spot whenever there is one, else wait."""
    return Mode.SPOT if view.is_available else Mode.NOTHING


def on_demand(view: View) -> Mode:  # noqa: ARG001 (every policy is asked alike)
    """Never spot."""
    return Mode.ON_DEMAND


def no_waiting(view: View) -> Mode:
    """Spot whenever there is one, else on demand."""
    return Mode.SPOT if view.is_available else Mode.ON_DEMAND


def uniform_progress(view: View) -> Mode:
    """Spot whenever there is one; without, on demand while behind an even pace, else wait.

    Once on demand it stays until it is two changes ahead, so that it does not flap.
    """
    if view.is_available:
        return Mode.SPOT
    ahead_ns = 2 * view.errand.restart_ns if view.mode is Mode.ON_DEMAND else 0
    return Mode.NOTHING if view.is_ahead(ahead_ns) else Mode.ON_DEMAND


POLICIES: Mapping[str, tuple[Policy, bool]] = {
    "greedy with a safety net": (greedy, True),
    "no waiting": (no_waiting, True),
    "uniform progress": (uniform_progress, True),
    "spot alone": (greedy, False),
    "on demand alone": (on_demand, True),
}
"""Name → the policy, and whether the safety net is under it."""


@dataclass(frozen=True, slots=True)
class Ride:
    """How one replay went."""

    amount: Money
    hours: float
    is_late: bool
    losses: int


def replay(
    errand: Errand,
    trace: Trace,
    start: int,
    policy: str,
    prices: tuple[Fraction, Fraction],
    currency: str = "USD",
) -> Ride:
    """The errand from tick *start* on; the trace begins anew where it ends.

    What is not done after the whole trace, ten deadlines and twice its need is late and paid for so far.

    Args:
        errand: what is to be done by when.
        trace: as it was seen.
        start: a tick.
        policy: a name of POLICIES.
        prices: of spot, where the trace has none, and on demand; of all machines, per hour.
        currency: of the prices.
    """
    decide, has_net = POLICIES[policy]
    state = _State()
    ticks = len(trace.available)
    longest = max(10 * errand.deadline_ns, 2 * (errand.need_ns(0) + errand.restart_ns))
    limit = max(ticks, longest // trace.gap_ns + 2)
    is_hurried = False
    for number in range(limit):
        tick = (start + number) % ticks
        here = trace.available[tick]
        left = errand.deadline_ns - state.passed_ns
        reserve = 2 * errand.restart_ns + errand.checkpoint_ns + trace.gap_ns
        if has_net and left < errand.need_ns(state.saved_ns) + reserve:
            is_hurried = True
        view = View(errand, here, state.mode, state.done_ns, state.passed_ns)
        _change(errand, state, Mode.ON_DEMAND if is_hurried else decide(view), is_available=here)
        if _ride(errand, state, trace.gap_ns, 0 if trace.prices is None else tick):
            break
    exact = prices[1] * state.on_demand_ns
    for tick, used_ns in state.spot_ns.items():
        exact += (prices[0] if trace.prices is None else trace.prices[tick]) * used_ns
    is_done = state.done_ns >= errand.work_ns
    return Ride(
        Money.nearest(exact / HOUR, currency),
        state.passed_ns / HOUR,
        not is_done or state.passed_ns > errand.deadline_ns,
        state.losses,
    )


def _change(errand: Errand, state: _State, wanted: Mode, *, is_available: bool) -> None:
    """Go on, be thrown off, or change; *wanted* spot that is not there is nothing."""
    if wanted is Mode.SPOT and not is_available:
        wanted = Mode.NOTHING
    if state.mode is Mode.SPOT and not is_available:
        state.losses += 1
        state.unsaved_ns = state.saving_ns = state.pending_ns = 0
        state.mode = Mode.NOTHING
    if wanted is state.mode:
        return
    pending = 0
    if state.unsaved_ns:
        pending = state.saving_ns or errand.checkpoint_ns
        state.saved_ns, state.unsaved_ns, state.saving_ns = state.done_ns, 0, 0
    state.mode = wanted
    state.pending_ns = pending + errand.restart_ns if wanted is not Mode.NOTHING else 0


def _ride(errand: Errand, state: _State, gap_ns: int, tick: int) -> bool:
    """One tick on what the run is on; whether the work was finished in it."""
    if state.mode is Mode.NOTHING:
        state.passed_ns += gap_ns
        return False
    used = min(gap_ns, state.pending_ns)
    state.pending_ns -= used
    while used < gap_ns and state.done_ns < errand.work_ns:
        if state.saving_ns:
            spent = min(gap_ns - used, state.saving_ns)
            state.saving_ns -= spent
            if not state.saving_ns:
                state.saved_ns, state.unsaved_ns = state.done_ns, 0
        else:
            until_save = errand.interval_ns - state.unsaved_ns
            spent = min(gap_ns - used, until_save, errand.work_ns - state.done_ns)
            state.unsaved_ns += spent
            if state.unsaved_ns == errand.interval_ns and state.done_ns < errand.work_ns:
                state.saving_ns = errand.checkpoint_ns
                if not state.saving_ns:
                    state.saved_ns, state.unsaved_ns = state.done_ns, 0
        used += spent
    if state.mode is Mode.SPOT:
        state.spot_ns[tick] += used
    else:
        state.on_demand_ns += used
    is_done = state.done_ns >= errand.work_ns
    state.passed_ns += used if is_done else gap_ns
    return is_done


def hindsight(
    errand: Errand,
    trace: Trace,
    start: int,
    prices: tuple[Fraction, Fraction],
    currency: str = "USD",
) -> Money:
    """A bound that nothing beats: work and one restart in the cheapest moments before the deadline.

    It needs no checkpoints and loses nothing, so even who knew the trace could not always reach it.
    """
    ticks = len(trace.available)
    spot: dict[Fraction, int] = defaultdict(int)
    for number in range(errand.deadline_ns // trace.gap_ns + 1):
        tick = (start + number) % ticks
        if trace.available[tick]:
            spot[prices[0] if trace.prices is None else trace.prices[tick]] += trace.gap_ns
    left, exact = errand.work_ns + errand.restart_ns, Fraction(0)
    for price in sorted(spot):
        used = min(left, spot[price])
        exact += min(price, prices[1]) * used
        left -= used
    return Money.nearest((exact + left * prices[1]) / HOUR, currency)
