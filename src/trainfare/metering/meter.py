"""The meter: one daemon thread that samples a run and writes its spool.

The meter is a door: nothing that goes wrong in it may kill or slow the training. It logs once,
notes the gap in the record and goes on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trainfare.core.money import Money
from trainfare.core.price import NoPrice, Price
from trainfare.metering import event as ev
from trainfare.metering.counters import Counters
from trainfare.metering.loading import import_alone
from trainfare.metering.notice import warn
from trainfare.metering.sample import HostSample, WorkSample, pack_host, pack_work
from trainfare.metering.spool import Spool

if TYPE_CHECKING:
    from trainfare.core.machine import Accelerator
    from trainfare.metering.device_window import DeviceWindows
    from trainfare.metering.instrument import DeviceReader, HostReader, Instruments, Place

DEVICE_TICKS = 10
"""Accelerators are read at every tick and written, as means, at every tenth."""

PRICE_RECHECK_NS = 900 * 10**9
"""A price is looked up again every quarter of an hour: a refreshed spot price may have moved."""

CLOCK_JUMP_NS = 10**9
"""A wall clock that moved a second against the monotonic one is noted, never believed."""

JOIN_SECONDS = 0.05
"""How long stopping waits for the thread; whatever it still does is not written."""


class Meter:
    """Samples one segment from :meth:`start` to :meth:`stop`."""

    def __init__(
        self,
        spool: Spool,
        instruments: Instruments,
        start_event: dict[str, Any],
        *,
        interval_ns: int = 10**9,
        stated_price: Price | None = None,
    ) -> None:
        self.counters = Counters()
        self.place: Place | None = None
        self.price: Price | NoPrice | None = stated_price
        self.started_mono_ns = instruments.mono_ns()
        self.started_wall_ns = instruments.wall_ns()
        self._spool = spool
        self._in = instruments
        self._interval_ns = interval_ns
        self._stated_price = stated_price
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._clock_offset_ns = self.started_wall_ns - self.started_mono_ns
        self._host: HostReader | None = None
        self._base: Any = None
        self._traffic_base: tuple[int | None, int | None] = (None, None)
        self._network_base: dict[str, tuple[int, int]] = {}
        self._devices: DeviceReader | None = None
        self._windows: DeviceWindows | None = None
        self._price_checked_ns = 0
        self._noted: set[str] = set()
        self._work: tuple[int | None, int | None] = (None, None)
        self._telemetry: dict[str, str] = {}
        self.watch: Callable[[], None] = _nothing
        """Called after every sample: what holds the run to its budgets."""
        self.duration_ns: int | None = None
        """Set once stopped."""
        spool.add_event(
            {
                "k": ev.START,
                "v": ev.VERSION,
                "t": 0,
                "w": self.started_wall_ns,
                "mono": self.started_mono_ns,
                "interval_ns": interval_ns,
                **start_event,
            }
        )
        if stated_price is not None:
            self._add_price(stated_price, 0)

    def start(self) -> None:
        """Begin to sample; returns at once. Where no thread can be had, time alone is recorded."""
        thread = threading.Thread(target=self._live, name="trainfare-meter", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            warn("this run is not sampled: %s; its time and price are recorded", error)
            self.note(f"not sampled: {error}")
            return
        self._spool.is_deferred = True

    def elapsed_ns(self) -> int:
        """Monotonic time since the start, standing still once stopped."""
        if self.duration_ns is not None:
            return self.duration_ns
        return self._in.mono_ns() - self.started_mono_ns

    def estimated_cost(self) -> Money | None:
        """Machine price × share × time so far, or None while no price is known."""
        if not isinstance(self.price, Price):
            return None
        share = self.place.share if self.place else Fraction(1)
        exact = self.price.per_quantum * share * self.elapsed_ns()
        return Money.nearest(exact, self.price.currency)

    def add_event(self, kind: str, **content: Any) -> None:
        """Write an event at the present moment."""
        self._spool.add_event({"k": kind, "t": self.elapsed_ns(), **content})

    def stop(self, status: str, *, exit_code: int | None = None, error: str | None = None) -> None:
        """Take a last sample, close the record and let the thread go; once is enough."""
        if self.duration_ns is not None or os.getpid() != self._pid:
            return
        self._stopped.set()
        self._spool.is_deferred = False
        if self._lock.acquire(timeout=JOIN_SECONDS):
            try:
                self._guard("the last sample", self._last_tick)
                self._guard("the last device reading", self._last_device_tick)
                self._guard("the last device record", self._flush_devices)
                self._guard("the network totals", self._add_network)
                for reader in (self._host, self._devices):
                    if reader is not None:
                        self._guard("closing a sampler", reader.close)
            finally:
                self._lock.release()
        self.duration_ns = self._in.mono_ns() - self.started_mono_ns
        self._spool.add_event(
            {
                "k": ev.END,
                "t": self.duration_ns,
                "w": self._in.wall_ns(),
                "status": status,
                "exit_code": exit_code,
                "error": error,
                "steps": self.counters.steps,
                "samples": self.counters.samples,
                "tokens": self.counters.tokens,
            }
        )
        self._spool.close()

    def _live(self) -> None:
        """The thread: get ready beside it, then tick until stopped, ready or not."""
        ticks = 0
        beat_ns = self._interval_ns * 24 // 25  # a thread that wakes a little late is still in time
        next_ns = self._in.mono_ns()
        self._get_ready_within(beat_ns / 1e9)
        while True:
            next_ns += beat_ns
            now_ns = self._in.mono_ns()
            next_ns = max(next_ns, now_ns)
            if self._stopped.wait((next_ns - now_ns) / 1e9):
                return
            ticks += 1
            with self._lock:
                if self._stopped.is_set():
                    return
                self._guard("a sample", self._tick_host)
                self._guard("a device reading", self._tick_devices)
                if ticks % DEVICE_TICKS == 0:
                    self._guard("a device record", self._flush_devices)
                self._guard("the price", self._recheck_price)
                self._guard("the clock", self._watch_clock)
            self._spool.drain()
            self._guard("its budgets", self.watch)

    def _get_ready_within(self, seconds: float) -> None:
        """Get ready; go on after *seconds*, for time is recorded while a machine is looked for."""
        ready = threading.Thread(target=self._get_ready, name="trainfare-ready", daemon=True)
        try:
            ready.start()
        except RuntimeError:
            self._get_ready()
        else:
            ready.join(seconds)

    def _get_ready(self) -> None:
        """Load, take the first sample, and find out where we are."""
        self._guard("loading the instruments", self._load)
        with self._lock:
            if self._stopped.is_set():
                return
            self._guard("the host sampler", self._open_host)
            self._guard("the first sample", self._tick_host)
        self._guard("finding the machine", self._find_place)
        self._spool.drain()

    def _load(self) -> None:
        """Import what the thread needs, all at once."""
        import_alone(self._in.load)

    def _guard(self, what: str, act: Callable[[], None]) -> None:
        """Do *act*; a failure is logged and noted once per kind, and never leaves the meter."""
        try:
            act()
        except Exception as error:
            if what not in self._noted:
                self._noted.add(what)
                warn("the meter lost %s: %s: %s", what, type(error).__name__, error)
                self.note(f"lost {what}: {type(error).__name__}: {error}")

    def note(self, text: str) -> None:
        """Put one sentence about the metering itself into the record."""
        self.add_event(ev.NOTE, text=text)

    def _open_host(self) -> None:
        self._host = self._in.host()
        self._base = self._host.read()
        self._traffic_base = (self._base.net_rx_bytes, self._base.net_tx_bytes)
        self._network_base = dict(self._host.network())

    def _tick_host(self) -> None:
        now_ns = self._in.mono_ns() - self.started_mono_ns
        counters = self.counters
        seen: tuple[int | None, ...] = (None,) * 6
        if self._host is not None:
            now, base = self._host.read(), self._base
            seen = (
                _since(now.cpu_ns, base.cpu_ns),
                now.rss_bytes,
                _since(now.disk_read_bytes, base.disk_read_bytes),
                _since(now.disk_write_bytes, base.disk_write_bytes),
                _since(now.net_rx_bytes, self._traffic_base[0]),
                _since(now.net_tx_bytes, self._traffic_base[1]),
            )
        told = (counters.epoch, counters.steps, *seen, counters.input_wait_ns)
        sample = HostSample._make((now_ns, self._in.wall_ns(), *told))
        self._spool.add_sample(pack_host(sample))
        work = (counters.samples, counters.tokens)
        if work != self._work:
            self._work = work
            self._spool.add_sample(pack_work(WorkSample(now_ns, *work)))

    def _last_tick(self) -> None:
        """Children that were born since the last look count too."""
        if self._host is not None:
            self._host.refresh()
        self._tick_host()

    def _find_place(self) -> None:
        devices = self._in.devices()
        found: Sequence[Accelerator] = ()
        if devices.open():
            found = devices.devices
        place = self._in.find_place(found)
        with self._lock:
            if self._stopped.is_set():
                devices.close()
                return
            if found:
                self._devices = devices
                from trainfare.metering.device_window import DeviceWindows

                self._windows = DeviceWindows(len(found), self.elapsed_ns())
            self.place = place
            if self._host is not None:
                self._forget_own_traffic()
            self.add_event(
                ev.MACHINE,
                machine=ev.machine_to_json(place.machine),
                share=str(place.share),
                held=list(place.held),
            )
            if self._stated_price is None:
                self._add_price(self._in.price_of(place.machine), 0)

    def _forget_own_traffic(self) -> None:
        """Asking the metadata service sent bytes that are not the run's: count from here on."""
        assert self._host is not None
        now = self._host.read()
        self._traffic_base = (now.net_rx_bytes, now.net_tx_bytes)
        self._network_base = dict(self._host.network())

    def _add_price(self, price: Price | NoPrice, at_ns: int) -> None:
        self.price = price
        self._spool.add_event({"k": ev.PRICE, "t": at_ns, "price": ev.price_to_json(price)})

    def _recheck_price(self) -> None:
        now_ns = self.elapsed_ns()
        if self._stated_price is not None or self.place is None:
            return
        if now_ns - self._price_checked_ns < PRICE_RECHECK_NS:
            return
        self._price_checked_ns = now_ns
        price = self._in.price_of(self.place.machine)
        if isinstance(price, Price) and price != self.price:
            self._add_price(price, now_ns)

    def _tick_devices(self, *, is_last: bool = False) -> None:
        if self._devices is None or self._windows is None:
            return
        for text in self._devices.take_events():
            self.note(text)
        self._windows.add(self._devices.read(is_last=is_last))

    def _last_device_tick(self) -> None:
        """The energy up to here, by the counter."""
        self._tick_devices(is_last=True)

    def _flush_devices(self) -> None:
        """Write one record per device and begin the next window where this one ends."""
        if self._windows is None:
            return
        self._spool.add_sample(self._windows.take_records(self.elapsed_ns()))
        self._say_telemetry()

    def _say_telemetry(self) -> None:
        """Record who measures the devices, whenever that has changed."""
        assert self._devices is not None
        said = dict(self._devices.telemetry())
        if said != self._telemetry:
            self._telemetry = said
            self.add_event(ev.TELEMETRY, said=said)

    def _add_network(self) -> None:
        if self._host is None:
            return
        now = self._host.network()
        since = {
            name: [rx - base[0], tx - base[1]]
            for name, (rx, tx) in now.items()
            if (base := self._network_base.get(name, (0, 0)))
        }
        self.add_event(ev.NETWORK, interfaces=since)

    def _watch_clock(self) -> None:
        offset_ns = self._in.wall_ns() - self._in.mono_ns()
        moved_ns = offset_ns - self._clock_offset_ns
        if abs(moved_ns) >= CLOCK_JUMP_NS:
            self._clock_offset_ns = offset_ns
            self.note(
                f"the wall clock moved by {moved_ns / 1e9:+.3f} s; durations are not affected"
            )


def _nothing() -> None:
    """Watch nothing."""


def _since(now: int | None, base: int | None) -> int | None:
    return None if now is None or base is None else now - base
