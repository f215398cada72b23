"""Price sheets: prices from a file instead of a provider's server, for places without a network.

    csv               provider, region, name, option, amount [, currency, as_of]
    skypilot          a catalogue's vms.csv; the provider and the date are not in it
    karpenter         the Go tables of karpenter-provider-aws and -azure
    focus-pricesheet  a price sheet with FOCUS columns; the contracted price where there is one

A sheet is read whole and checked whole. Every problem is collected with its row and column, and
while there is one, nothing is stored. Rows that are simply no machine price are counted, not
complained about.
"""

from __future__ import annotations

import re
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.prices.age import instant_of, today
from trainfare.prices.json_file import SIZE_LIMIT
from trainfare.prices.listing import Listing
from trainfare.prices.refresh import Outcome, check_listings, keep_listings
from trainfare.prices.refreshed import Shelf
from trainfare.prices.sheet_forms import FORMS
from trainfare.prices.sheet_reading import BadSheet, Reading, Sheet


def import_sheet(home: Path, sheet: Sheet, at_ns: int) -> tuple[list[Outcome], Reading]:
    """Read, check and store a price sheet; one outcome per provider and region.

    A second import of a file of the same name replaces the first for its regions.

    Raises:
        BadInput: the file or a word about it is wrong.
        BadSheet: rows of it are wrong; nothing was stored.
    """
    reading = read_sheet(sheet, at_ns)
    groups: dict[tuple[str, str], list[Listing]] = {}
    for item in reading.listings.values():
        groups.setdefault((item.provider, item.region), []).append(item)
    slug = re.sub(r"[^a-z0-9]+", "-", sheet.path.stem.casefold()).strip("-")[:40] or "sheet"
    shelves = [
        Shelf(provider, region, f"import-{slug}", today(at_ns), items, rows_seen=len(items))
        for (provider, region), items in sorted(groups.items())
    ]
    for shelf in shelves:
        for item, why in check_listings(home, shelf, at_ns).rejected:
            reading.complain(reading.rows[item.sku], None, str(item.amount), why)
    if reading.problems:
        raise BadSheet(sheet.path, sorted(reading.problems, key=lambda problem: problem.row or 0))
    return [keep_listings(home, shelf, at_ns) for shelf in shelves], reading


def read_sheet(sheet: Sheet, at_ns: int) -> Reading:
    """All listings and problems of a sheet; stores nothing.

    Raises:
        BadInput: the file cannot be read as such a sheet at all.
    """
    if sheet.form not in FORMS:
        raise BadInput(f"price sheet format {sheet.form!r} is not one of {', '.join(FORMS)}")
    if sheet.as_of is not None and instant_of(sheet.as_of) > at_ns:
        raise BadInput(f"--as-of {sheet.as_of} is in the future")
    text = text_of_sheet(sheet.path)
    reading = Reading(sheet)
    FORMS[sheet.form](reading, text)
    if not reading.listings and not reading.problems:
        raise BadInput(
            f"{sheet.path} holds no machine price as {sheet.form} "
            f"({reading.rows_seen} rows read); is it another format?"
        )
    return reading


def text_of_sheet(path: Path) -> str:
    """The text of a file of bounded size, without a byte-order mark."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise BadInput(f"{path} is larger than {SIZE_LIMIT:,} bytes; cut it by region")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadInput(f"there is no file {path}") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from None
