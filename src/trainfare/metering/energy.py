"""The energy of a device in whole millijoules, from its counter, from its power, or from both."""

from __future__ import annotations


class EnergyCount:
    """Energy of one device since its first reading: from its counter, from power × time, or both.

    Between two powers the mean of both holds: mJ = Σ (mW₀ + mW₁) / 2 × s. A counter is exact, but
    asking for it can take milliseconds; where it is read now and then, powers carry on from there,
    and the next reading of the counter puts right what they missed. It never runs backwards.

    >>> count = EnergyCount()
    >>> for second in range(3):
    ...     count.add_power(300_000, at_ns=second * 10**9)
    >>> count.millijoules, count.source
    (600000, 'power')
    """

    __slots__ = (
        "_at_ns",
        "_counted",
        "_last",
        "_power_at_ns",
        "_powers",
        "_shown",
        "power_milliwatts",
    )

    def __init__(self) -> None:
        self.power_milliwatts: int | None = None
        """As read, or the mean since the reading before where only a counter is read."""
        self._last: int | None = None
        self._at_ns = 0
        self._counted = 0  # mJ, exact up to the latest reading of the counter
        self._powers = 0  # twice mW × ns since then
        self._power_at_ns: int | None = None
        self._shown = 0

    @property
    def source(self) -> str | None:
        """``counter`` or ``power``; None before the first reading."""
        if self._last is not None:
            return "counter"
        return None if self._power_at_ns is None else "power"

    @property
    def millijoules(self) -> int | None:
        """Energy so far; None before the first reading."""
        if self.source is None:
            return None
        self._shown = max(self._shown, self._counted + self._powers // (2 * 10**9))
        return self._shown

    def add_counter(self, millijoules: int, *, at_ns: int) -> None:
        """Read a counter that may have begun anew (the driver was loaded again)."""
        if self._last is not None:
            began_anew = millijoules < self._last
            gained = millijoules if began_anew else millijoules - self._last
            self._counted += gained
            if at_ns > self._at_ns and self._power_at_ns is None:
                self.power_milliwatts = gained * 10**9 // (at_ns - self._at_ns)
        self._last, self._at_ns = millijoules, at_ns
        self._powers = 0
        if self._power_at_ns is not None:
            self._power_at_ns = at_ns

    def add_power(self, milliwatts: int, *, at_ns: int) -> None:
        """Read a power."""
        since_ns, before = self._power_at_ns, self.power_milliwatts
        if since_ns is None and self._last is not None:  # the counter began; this power held since
            since_ns, before = self._at_ns, milliwatts
        if since_ns is not None and before is not None:
            self._powers += (before + milliwatts) * (at_ns - since_ns)
        self.power_milliwatts, self._power_at_ns = milliwatts, at_ns
