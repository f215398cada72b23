"""HTML documents: one self-contained file that needs no network, light and dark, made to be printed."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trainfare.core.errors import MissingExtra
from trainfare.reports.document import Document, plain_document

TEMPLATE = Path(__file__).with_name("document.html")

_NAMESPACES = re.compile(r' xmlns(:\w+)?="[^"]*"')
_IDS = re.compile(r'(\bid="|\burl\(#|\bhref="#)')


def html_of(document: Document) -> str:
    """*document* as one HTML page; every text is escaped.

    Raises:
        MissingExtra: the template engine is not installed.
    """
    if find_spec("jinja2") is None:
        raise MissingExtra("reports", "write HTML reports")
    plain = plain_document(document)
    number = 0
    for chapter in plain["chapters"]:
        for section in chapter["sections"]:
            picture = section["picture"]
            for name in [name for name in picture or () if name != "about"]:
                number += 1
                picture[name] = inline(picture[name], f"p{number}-")
    return str(_template().render(document=plain))


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def inline(svg: str, prefix: str) -> Any:
    """*svg* as a part of a page: no namespaces, its ids begin with *prefix*."""
    from markupsafe import Markup

    named = _IDS.sub(lambda found: found[1] + prefix, _NAMESPACES.sub("", svg))
    return Markup(named)  # noqa: S704 (our own renderer wrote it; texts in it are escaped)
