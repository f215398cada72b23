"""Pages made of what the code holds: Markdown tables and paragraphs."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"


def page(title: str, *parts: str) -> str:
    """A whole page: its title, a word on where it comes from, its parts."""
    made = "<!-- made from the code by `make reference`; change it there -->"
    return "\n\n".join([f"# {title}", made, *(part.strip("\n") for part in parts if part)]) + "\n"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars within cells are kept from parting them."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    lines += ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def cell(text: str) -> str:
    """*text* on one line, as it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """*text* as code; of a double backquote where it has one itself."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def markdown(docstring: str) -> str:
    """A docstring as Markdown: sentences on lines of their own, arguments as a list, code as code."""
    text = inspect.cleandoc(docstring)
    return "\n\n".join(map(_block, re.split(r"\n\s*\n", text)))


def first_line(docstring: str | None) -> str:
    """What something is, in one sentence."""
    return markdown((docstring or "").strip().split("\n\n", 1)[0]).replace("\n", " ")


_SECTION = re.compile(r"(Args|Returns|Raises|Yields|Source): *\n?")


def _block(text: str) -> str:
    section = _SECTION.match(text)
    if section and section[1] in ("Args", "Raises"):
        body = inspect.cleandoc(text[section.end() :])
        items = [re.sub(r"\s+", " ", one) for one in re.split(r"\n(?=\S)", body)]
        pairs = [one.partition(": ") for one in items]
        head = "Arguments" if section[1] == "Args" else "Errors"
        return f"{head}:\n\n" + "\n".join(f"- `{name}`: {_words(what)}" for name, _, what in pairs)
    if text.startswith(">>>"):
        return f"```python\n{text}\n```"
    if text.startswith("    "):
        return "```python\n" + textwrap.dedent(text) + "\n```"
    if text.startswith("- "):
        return _words(text)
    text = re.sub(r"^(Returns|Yields):\s+", "Returns ", text)
    return re.sub(r"(?<=[a-z0-9)`\"]\.)\s+(?=[A-Z`*])", "\n", _words(" ".join(text.split())))


def _words(text: str) -> str:
    """Inline marks of reStructuredText as Markdown has them."""
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`").replace("::", ":")
