"""Columns as wide as a terminal allows: what is long wraps at words or loses its middle.

Figures are never cut. Where they do not fit beside each other, they go on in a second block under
the same first columns.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import click

from trainfare.core.plain import cut_apart, visible_len

LEAST = 16
"""No name is cut to fewer columns, and no sentence set in fewer, if it takes more than two lines."""


@dataclass(frozen=True)
class Column:
    """One column: its title, a cell per row (which may be coloured), and how it is aligned."""

    head: str
    cells: tuple[str, ...]
    is_right: bool

    @cached_property
    def widest(self) -> int:
        """Columns that its cells take, whole."""
        return max(map(visible_len, self.cells), default=0)

    @cached_property
    def natural(self) -> int:
        """Columns that it takes with its title in one line."""
        return max(self.widest, len(self.head))

    @cached_property
    def stiff(self) -> int:
        """Columns that it takes with its title in several lines."""
        return max(self.widest, _longest_word([self.head]))

    @cached_property
    def whole(self) -> int:
        """Columns that it takes if words go on below, in few lines, and none is cut."""
        if self.is_right:
            return self.stiff
        bare = [click.unstyle(cell) for cell in self.cells]
        word = _longest_word([self.head, *bare])
        for size in range(word, min(self.stiff, LEAST)):
            if all(len(_wrapped(text, {}, size)) <= 2 for text in bare):
                return size
        return max(word, min(self.stiff, LEAST))

    @cached_property
    def least(self) -> int:
        """Columns that it takes if long names lose their middle, too."""
        if self.is_right:
            return self.stiff
        return min(self.whole, max(_longest_word([self.head]), LEAST))

    def lines(self, width: int) -> list[list[str]]:
        """Each cell in lines of at most *width* columns."""
        if self.is_right or self.widest <= width:
            return [[cell] for cell in self.cells]
        bare = [click.unstyle(cell) for cell in self.cells]
        cuts = cut_apart((word for text in bare for word in text.split()), width)
        if max(map(len, cuts.values())) > width:
            cuts = {}  # nothing shorter would keep them apart: they are broken, not cut
        return [
            [
                cell.replace(text, line) if text in cell else line
                for line in _wrapped(text, cuts, width)
            ]
            for cell, text in zip(self.cells, bare, strict=True)
        ]


def table_lines(columns: Sequence[Column], gap: int, limit: int | None) -> list[str]:
    """Rows under dim titles, *gap* spaces between columns, no line wider than *limit* if it is given.

    What does not fit is tried, in this order, with titles in several lines, with cells in several
    lines, with long names cut, each also with one space between columns, and in blocks one below
    the other.
    """
    if limit is None or _sum([one.natural for one in columns], gap) <= limit:
        return _block_lines(columns, [one.natural for one in columns], gap)
    for sizes in (
        [one.stiff for one in columns],
        [one.whole for one in columns],
        [one.least for one in columns],
    ):
        for each in range(gap, 0, -1):
            if _sum(sizes, each) <= limit:
                return _block_lines(columns, _widths(columns, sizes, each, limit), each)
    lines: list[str] = []
    for block in _blocks(columns, gap, limit):
        lines += [""] * bool(lines)
        whole, least = [one.whole for one in block], [one.least for one in block]
        sizes = whole if _sum(whole, gap) <= limit else least
        lines += _block_lines(block, _widths(block, sizes, gap, limit), gap)
    return lines


def fill(text: str, limit: int, first: str = "", below: str | None = None) -> str:
    """*text* after *first*, in lines no wider than *limit*, those after the first after *below*.

    Words stay whole, also those that are longer than a line. Without *below*, lines begin as the
    first one does.

    >>> print(fill("words stay whole", 12, "– ", "  "))
    – words stay
      whole
    """
    if visible_len(first + text) <= limit:
        return first + text
    return textwrap.fill(
        text,
        limit,
        initial_indent=first,
        subsequent_indent=first if below is None else below,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _longest_word(texts: Sequence[str]) -> int:
    return max((len(word) for text in texts for word in text.split()), default=0)


def _wrapped(text: str, cuts: dict[str, str], width: int) -> list[str]:
    """*text* in lines, long words as *cuts* has them; below its first line it keeps its indent."""
    indent = text[: len(text) - len(text.lstrip())]
    if len(text) > width:
        text = indent + " ".join(cuts.get(word, word) for word in text.split())
    if len(text) <= width or " " not in text.strip():
        indent, text = "", text.strip() if len(text) > width else text
    lines = textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)
    return lines or [""]


def _sum(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _blocks(columns: Sequence[Column], gap: int, limit: int) -> list[list[Column]]:
    """Columns that fit beside each other, after the first ones, which every block repeats.

    No more blocks than are needed, and in each about as many columns.
    """
    keys = [columns[0]]
    for one in columns[1:]:
        if one.is_right or _sum([each.least for each in (*keys, one)], gap) > limit // 2:
            break
        keys.append(one)
    rest = columns[len(keys) :]
    found = _filled_blocks(keys, rest, gap, limit, len(rest))
    even = _filled_blocks(keys, rest, gap, limit, -(-len(rest) // len(found)))
    return even if len(even) == len(found) else found


def _filled_blocks(
    keys: Sequence[Column], rest: Sequence[Column], gap: int, limit: int, most: int
) -> list[list[Column]]:
    blocks = [[*keys]]
    for one in rest:
        wide = _sum([each.least for each in (*blocks[-1], one)], gap)
        held = len(blocks[-1]) - len(keys)
        if held and (wide > limit or held == most):
            blocks.append([*keys])
        blocks[-1].append(one)
    return blocks


def _widths(block: Sequence[Column], least: Sequence[int], gap: int, limit: int) -> list[int]:
    """The widths of columns beside each other, none under its *least*, the widest narrowed first."""
    widths = [one.stiff for one in block]
    if _sum(widths, gap) > limit:
        widths = _narrowed(block, widths, least, limit - gap * (len(block) - 1))
    spare = limit - _sum(widths, gap)
    for number, one in enumerate(block):  # titles in one line where there is room
        more = len(one.head) - widths[number]
        if 0 < more <= spare:
            widths[number] += more
            spare -= more
    return widths


def _narrowed(
    block: Sequence[Column], widths: list[int], least: Sequence[int], room: int
) -> list[int]:
    """*widths* with the widest brought to one level, and what wrapped words free to the others."""
    floors = [*least]
    while True:
        level = _level(widths, floors, room)
        found = [max(min(each, level), floor) for each, floor in zip(widths, floors, strict=True)]
        used = [_used(one, width) for one, width in zip(block, found, strict=True)]
        if used == found:
            return found
        for number, width in enumerate(used):
            if width < found[number]:
                widths[number] = floors[number] = width


def _used(column: Column, width: int) -> int:
    """Columns that are really taken where *width* are given."""
    lines = [visible_len(line) for cell in column.lines(width) for line in cell]
    return max(*lines, _longest_word([column.head]))


def _level(widths: Sequence[int], floors: Sequence[int], room: int) -> int:
    """The largest width that no column may exceed, but for its floor, so that all fit in *room*."""
    for level in range(max(widths), 0, -1):
        needed = (max(min(each, level), floor) for each, floor in zip(widths, floors, strict=True))
        if sum(needed) <= room:
            return level
    return 0


def _block_lines(block: Sequence[Column], widths: Sequence[int], gap: int) -> list[str]:
    heads = [
        textwrap.wrap(one.head, width) or [""] if len(one.head) > width else [one.head]
        for one, width in zip(block, widths, strict=True)
    ]
    height = max(map(len, heads))
    titles = [[""] * (height - len(head)) + head for head in heads]
    lines = [
        _joined(
            block,
            widths,
            [click.style(head[n], dim=True) if head[n] else "" for head in titles],
            gap,
        )
        for n in range(height)
    ]
    for row in zip(
        *(one.lines(width) for one, width in zip(block, widths, strict=True)), strict=True
    ):
        for number in range(max(map(len, row))):
            cells = [cell[number] if number < len(cell) else "" for cell in row]
            lines.append(_joined(block, widths, cells, gap))
    return lines


def _joined(block: Sequence[Column], widths: Sequence[int], cells: Sequence[str], gap: int) -> str:
    parts = []
    for column, width, cell in zip(block, widths, cells, strict=True):
        pad = " " * (width - visible_len(cell))
        parts.append(pad + cell if column.is_right else cell + pad)
    return (" " * gap).join(parts).rstrip()
