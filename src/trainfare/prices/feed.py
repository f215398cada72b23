"""Feeds: what every refresh plug-in takes and gives, so that one flow runs them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from trainfare.prices.download import Line
from trainfare.prices.listing import Listing


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted of a feed, and the means to get it."""

    region: str
    """One region, or ``*`` where the feed knows of none."""
    now: str
    """RFC 3339: the day that the prices will be of."""
    url: str
    """The feed's address, or a mirror's."""
    key: str = ""
    """The API key, for feeds that need one."""
    etag: str = ""
    """The mark of the last answer; a feed may say that nothing changed since."""
    version: str = ""
    """The version of the last answer, likewise."""
    known_skus: dict[str, str] = field(default_factory=dict)
    """The provider's own code → instance type, from an earlier refresh of the same region."""
    line: Line = field(default_factory=Line)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A whole answer for one region: only whole answers are delivered."""

    region: str
    listings: list[Listing]
    rows_seen: int
    etag: str = ""
    version: str = ""
    notes: tuple[str, ...] = ()
    """What the reader should know, such as what could not be assembled."""
    unchanged: bool = False
    """The last answer still holds; *listings* is empty."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One public price API of a provider."""

    name: str
    provider: str
    url: str
    """Its default address."""
    deliver: Callable[[Request], Iterator[Delivery]]
    """Fetches and reads; raises OutsideFailed where an answer is not whole."""
    about: str
    """One line for the list of feeds."""
    needs_region: bool = True
