"""PDF documents: set by Typst, with page numbers; texts go in as data, never as markup."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trainfare.core.errors import MissingExtra
from trainfare.reports.document import Document, plain_document

TEMPLATE = Path(__file__).with_name("document.typ")
FONT = "Libertinus Serif"
"""Typst carries it, so that a document looks the same on every machine."""

_FAMILIES = re.compile(r'font-family="[^"]*"')


def pdf_of(document: Document) -> bytes:
    """*document* as a tagged PDF; the same bytes for the same document.

    It is PDF/UA-1, which reads well to people who do not see, unless a text has signs that the font of
    Typst lacks: these come from a font of the machine, or are drawn as boxes.

    Raises:
        MissingExtra: Typst is not installed.
    """
    if find_spec("typst") is None:
        raise MissingExtra("reports", "write PDF reports")
    import typst

    plain = plain_document(document)
    for chapter in plain["chapters"]:
        for section in chapter["sections"]:
            if section["picture"] is not None:
                picture = section["picture"]
                drawn = _FAMILIES.sub(f'font-family="{FONT}"', picture["light wide"])
                section["picture"] = {"drawn": drawn, "about": picture["about"]}
    text = json.dumps(plain, ensure_ascii=False)
    try:
        return _set(text, typst.Fonts(include_system_fonts=False), is_universal=True)
    except typst.TypstError:
        return _set(text, typst.Fonts(), is_universal=False)


def _set(text: str, fonts: Any, *, is_universal: bool) -> bytes:
    import typst

    made = typst.compile(
        TEMPLATE.read_bytes(),
        format="pdf",
        font_paths=fonts,
        sys_inputs={"document": text},
        pdf_standards="ua-1" if is_universal else None,
        timestamp=0,
    )
    return bytes(made)
