"""Which things of a chart are told apart, and what stands together as *other*; sums never change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainfare.core.charge import Component
from trainfare.core.money import Money
from trainfare.reports.chart_text import exact_text, listed, minus
from trainfare.reports.chart_theme import REMAINDERS

SERIES = 6
"""So many things are told apart by colour."""


@dataclass(frozen=True, slots=True)
class Rank:
    """The *names* in the order of drawing; *rest*, if not empty, is one of them."""

    names: tuple[str, ...]
    rest: str = ""

    def place(self, name: str) -> str:
        """Where the amount of *name* is drawn."""
        return name if name in self.names else self.rest


def ranked(pairs: Iterable[tuple[str, Money | None]], shown: int = SERIES) -> Rank:
    """Order names by size; what is smaller than the first *shown* becomes one name.

    Components keep their own order, and what no run owns comes last, in its own. A single name is
    never hidden behind *other*.

    >>> pairs = [(name, Money(nano)) for name, nano in zip("abcd", (1, 5, 2, 1))]
    >>> ranked(pairs, 2)
    Rank(names=('b', 'c', 'other (2 more)'), rest='other (2 more)')
    """
    sizes: dict[str, int] = defaultdict(int)
    for name, amount in pairs:
        sizes[name] += 0 if amount is None else abs(amount.nano)
    components = tuple(one.value for one in Component if one.value in sizes)
    if len(components) == len(sizes):
        return Rank(components)
    remainders = tuple(name for name in REMAINDERS if name in sizes)
    owned = [name for name in sizes if name not in remainders]
    owned.sort(key=lambda name: (-sizes[name], name))
    if len(owned) <= shown + 1:
        return Rank((*owned, *remainders))
    rest = f"other ({len(owned) - shown} more)"
    return Rank((*owned[:shown], rest, *remainders), rest)


def total_notes(
    note: str, amounts: Sequence[Money], unknown: Sequence[str]
) -> tuple[list[str], str]:
    """The sentences under a chart of money, and its exact total as one more.

    They say what is drawn, the total for people, and what is not known.
    """
    total = Money.total(amounts, amounts[0].currency)
    shown = minus(total.display())
    sentences = [f"{note}, total {shown}." if note else f"Total {shown}."]
    if unknown:
        names = listed(list(dict.fromkeys(unknown)), 4)
        sentences.append(f"Not known and not in the total (striped): {names}.")
    return sentences, f"Exactly {exact_text(total)}."


def all_unknown(names: Sequence[str]) -> str:
    """Why nothing can be drawn although something was used."""
    return f"No amount is known: there is no price for {listed(list(dict.fromkeys(names)), 4)}."
