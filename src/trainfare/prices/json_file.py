"""JSON files that are either the old one or the new one, whole, whatever happens in between."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput, OutsideFailed

SIZE_LIMIT = 64 * 2**20
"""A file larger than this many bytes is none that Trainfare wrote."""


def read_json(path: Path) -> Any:
    """The document in *path*, numbers with a point as text-exact decimals, or None if it is absent.

    Raises:
        BadInput: it is not JSON (a hand edit gone wrong), holds null, or is far too large.
    """
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise BadInput(f"{path} is larger than {SIZE_LIMIT} bytes; move it away")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutsideFailed(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text: {error.reason}; repair it") from None
    try:
        document = json.loads(text, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}; repair it or move it away") from None
    if document is None:
        raise BadInput(f"{path} is damaged: it holds null and nothing else; move it away")
    return document


def write_json(path: Path, document: object, *, indent: int | None = 1) -> None:
    """Replace *path* by *document* at once: readers see the old file or the new one.

    Raises:
        OutsideFailed: the folder cannot be written or is full; the old file is still there.
    """
    text = json.dumps(document, indent=indent, ensure_ascii=False, sort_keys=False)
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise OutsideFailed(f"{path} cannot be written: {error.strerror or error}") from None


def append_lines(path: Path, documents: list[dict[str, Any]]) -> None:
    """Add *documents* to *path*, one JSON object per line, in one write.

    Raises:
        OutsideFailed: the file cannot be written.
    """
    if not documents:
        return
    text = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutsideFailed(f"{path} cannot be written: {error.strerror or error}") from None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the only right to change *path*, among all processes of this machine.

    Raises:
        OutsideFailed: the folder cannot be written.
    """
    import fcntl

    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("w", encoding="utf-8")
    except OSError as error:
        raise OutsideFailed(f"{lock} cannot be written: {error.strerror or error}") from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
