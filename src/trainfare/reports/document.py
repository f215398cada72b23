"""Documents: what a report or statement says, as sections that a page and a PDF show alike.

Everything is brought to plain text here, once, so that the two never differ and no word of a user is
ever read as markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from trainfare.core.money import Money
from trainfare.reports.cell import Kind
from trainfare.reports.table import Table
from trainfare.reports.table_text import cell_text, places_of

ROWS_SHOWN = 500
"""A page has so many rows of a table; data files have all."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number at the top."""

    label: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of the bill in the bar below the figures."""

    label: str
    amount: Money
    tone: str
    """``own``, ``idle``, ``shared``, ``unused_commitment``, ``unallocated`` or ``other``."""
    is_kept: bool = False
    """Whether nobody is charged for it: it is drawn hatched."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart, drawn for light and for dark pages, wide and for a phone."""

    drawn: Mapping[str, str]
    """``light wide``, ``dark wide``, ``light narrow``, ``dark narrow`` → SVG."""
    about: str
    """The chart in words, for who reads without eyes."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    intro: str = ""
    table: Table | None = None
    picture: Picture | None = None
    code: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """Everything of one currency, or of one team."""

    title: str
    figures: tuple[Figure, ...]
    slices: tuple[Slice, ...]
    """They sum to the whole that the bar stands for."""
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    chapters: tuple[Chapter, ...]
    made_of: tuple[tuple[str, str], ...]
    """What it was made from: periods, deliveries, digests; label → text."""
    notes: tuple[str, ...]
    seals: tuple[str, ...]
    """What was proven, a sentence per currency."""


def plain_document(document: Document) -> dict[str, Any]:
    """*document* as texts alone, ready for a template."""
    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "chapters": [_chapter(one, number) for number, one in enumerate(document.chapters, 1)],
        "made_of": [list(pair) for pair in document.made_of],
        "notes": list(document.notes),
        "seals": list(document.seals),
    }


def _chapter(one: Chapter, number: int) -> dict[str, Any]:
    return {
        "id": f"c{number}",
        "title": one.title,
        "figures": [{"label": f.label, "text": f.text, "note": f.note} for f in one.figures],
        "slices": _slices(one.slices),
        "sections": [
            {
                "id": f"c{number}-s{place}",
                "title": section.title,
                "intro": section.intro,
                "table": None if section.table is None else plain_table(section.table),
                "picture": _picture(section.picture),
                "code": section.code,
                "notes": list(section.notes),
            }
            for place, section in enumerate(one.sections, 1)
        ],
    }


def _picture(one: Picture | None) -> dict[str, str] | None:
    return None if one is None else {**one.drawn, "about": one.about}


def _slices(slices: Sequence[Slice]) -> list[dict[str, Any]]:
    """Slices with their percent of what is above zero, which is what a bar can show."""
    drawn = sum(max(0, one.amount.nano) for one in slices)
    return [
        {
            "label": one.label,
            "text": one.amount.display(2),
            "tone": one.tone,
            "is_kept": one.is_kept,
            "percent": percent(max(0, one.amount.nano), drawn),
        }
        for one in slices
        if one.amount
    ]


def percent(part: int, whole: int) -> str:
    """*part* of *whole* in percent with two places, as styles and figures take it.

    >>> percent(1, 3), percent(1, 0)
    ('33.33', '0.00')
    """
    if whole == 0:
        return "0.00"
    hundredths = round(Fraction(10_000 * part, whole))
    return f"{Decimal(hundredths).scaleb(-2):.2f}"


def plain_table(table: Table) -> dict[str, Any]:
    """A table as texts: columns with units and sides, rows with roles, cells with reasons."""
    shown = [*table.rows[:ROWS_SHOWN], *table.remainders]
    shown += [] if table.left_out is None else [table.left_out]
    shown.append(table.total)
    places = {c.name: places_of(c, [row.cells.get(c.name) for row in shown]) for c in table.columns}
    notes = list(table.notes)
    if len(table.rows) > ROWS_SHOWN:
        more = len(table.rows) - ROWS_SHOWN
        notes.insert(
            0, f"{more:,} more rows are in the CSV, JSON and Parquet files of this report."
        )
    return {
        "columns": [
            {
                "title": one.title,
                "unit": one.unit or "",
                "what": one.what,
                "is_right": one.kind is not Kind.TEXT,
            }
            for one in table.columns
        ],
        "rows": [
            {
                "role": row.role.value,
                "cells": [
                    {
                        "text": cell_text(one, row, places[one.name]),
                        "why": row.why(one.name) or "",
                        "is_key": one.name in table.by,
                    }
                    for one in table.columns
                ],
            }
            for row in shown
        ],
        "notes": notes,
    }


def made_of_pairs(pairs: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Facts with something to say."""
    return tuple((label, text) for label, text in pairs.items() if text)
