"""Slurm's times: ``[D-]HH:MM:SS`` durations, and wall-clock times of a cluster's own zone.

sacct prints times in the zone of whoever called it and without saying which; ``TZ=UTC sacct`` is
safe. In another zone one hour a year exists twice. Which of the two was meant is settled by the
elapsed time, or the row is refused: it is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND

_ELAPSED = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.\d+)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_LOCAL = datetime(1970, 1, 1)
_ONE_SECOND = timedelta(seconds=1)
_NEVER = frozenset({"", "unknown", "none", "n/a", "0", "invalid"})


def parse_elapsed(text: str) -> int | None:
    """Seconds of ``[D-][HH:]MM:SS``; None where sacct has no answer.

    Raises:
        BadInput: it is something else.

    >>> parse_elapsed("10-13:27:06")
    912426
    """
    words = text.strip()
    if words.lower() in _NEVER:
        return None
    match = _ELAPSED.fullmatch(words)
    if not match or int(match[3]) > 59 or int(match[4]) > 59 or (match[1] and not match[2]):
        raise BadInput(f"{words[:40]!r} is not [D-]HH:MM:SS")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class SlurmClock:
    """Reads sacct's times as wall-clock times of one zone."""

    def __init__(self, zone: str = "UTC") -> None:
        """Take the zone by its IANA name, as in Europe/Berlin.

        Raises:
            BadInput: there is no such zone.
        """
        self.zone = zone
        try:
            self._zone = None if zone.upper() == "UTC" else ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BadInput(
                f"time zone {zone!r} is not known here; name one such as Europe/Berlin, or UTC"
            ) from None

    def instants(self, text: str) -> tuple[int, ...]:
        """The seconds since 1970 that *text* may mean: none for ``Unknown``, two in a doubled hour.

        Epoch seconds and times with an offset (``SLURM_TIME_FORMAT``) mean one instant in any zone.

        Raises:
            BadInput: it is not a time, or the zone's clocks skipped it.
        """
        words = text.strip()
        if words.lower() in _NEVER:
            return ()
        if words.isascii() and words.isdigit():
            return (int(words),)
        try:
            local = datetime.fromisoformat(words)
        except ValueError:
            raise BadInput(f"{words[:40]!r} is not a time such as 2026-10-01T12:00:00") from None
        if local.tzinfo is not None:
            return ((local - _EPOCH) // _ONE_SECOND,)
        if self._zone is None:
            return ((local - _EPOCH_LOCAL) // _ONE_SECOND,)
        return self._in_zone(local, words)

    def _in_zone(self, local: datetime, words: str) -> tuple[int, ...]:
        found = []
        for fold in (0, 1):
            moment = local.replace(tzinfo=self._zone, fold=fold)
            seconds = (moment - _EPOCH) // _ONE_SECOND
            back = _EPOCH + timedelta(seconds=seconds)
            if back.astimezone(self._zone).replace(tzinfo=None) == local:
                found.append(seconds)
        if not found:
            raise BadInput(
                f"{words} does not exist in {self.zone}, whose clocks skipped it; name the zone that "
                "sacct wrote it in, or export with TZ=UTC"
            )
        return tuple(dict.fromkeys(found))


def settle(starts: Sequence[int], ends: Sequence[int], lasted: int | None) -> tuple[int, int]:
    """The one start and end, in nanoseconds, that fit together and to how long the job *lasted*.

    Args:
        starts: what the start may mean, in seconds.
        ends: what the end may mean, in seconds.
        lasted: seconds from start to end, suspension included; None is not known.

    Raises:
        BadInput: no pair fits, or more than one does.
    """
    pairs = [(s, e) for s in starts for e in ends if e >= s]
    if not pairs:
        raise BadInput("ends before it starts; check the time zone, or export with TZ=UTC")
    if len(pairs) > 1 and lasted is not None:
        pairs = [(s, e) for s, e in pairs if e - s == lasted] or pairs
    if len(pairs) > 1:
        raise BadInput(
            "lies in the hour that the zone's clocks went through twice, and its elapsed time does "
            "not tell which was meant; export with TZ=UTC"
        )
    start, end = pairs[0]
    return start * SECOND, end * SECOND
