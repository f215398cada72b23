"""JSON too large for memory, read member by member: AWS's price list of one region has 480 MB.

Only one member's value is held at a time. The reader walks an object; a value is either entered
(:meth:`JsonStream.members` again), decoded whole (:meth:`JsonStream.value`) or, left alone, skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any

from trainfare.core.errors import OutsideFailed

CHUNK = 2**18
"""Characters read at a time."""
TOTAL_LIMIT = 4 * 2**30
"""Characters of a whole text beyond which it is not read on."""
VALUE_LIMIT = 16 * 2**20
"""Characters of one decoded value beyond which this is no price list."""

_INK = re.compile(r"[^ \t\n\r]")
_SIGN = re.compile(r'[{}\[\]"]')


class JsonStream:
    """A position in a JSON text that is read once, forwards."""

    def __init__(self, text: IO[str], where: str) -> None:
        """Read *text*; *where* names it in errors."""
        self._text = text
        self._where = where
        self._buffer = ""
        self._at = 0
        self._dropped = 0
        self._decoder = json.JSONDecoder(parse_float=Decimal)

    def members(self) -> Iterator[str]:
        """The keys of the object here, in order; each value may be read before the next key.

        Raises:
            OutsideFailed: the text is broken, ends early, or is no object here.
        """
        self._take("{")
        while self._peek() != "}":
            key = self.value()
            if not isinstance(key, str):
                raise self._broken("a key is not text")
            self._take(":")
            self._peek()
            start = self._dropped + self._at
            yield key
            if self._dropped + self._at == start:
                self.skip()
            if self._peek() != "}":
                self._take(",")
        self._at += 1

    def value(self) -> Any:
        """The value here, decoded; its numbers are exact."""
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except RecursionError:
                raise self._broken("it is nested too deep") from None
            except ValueError:
                if len(self._buffer) - self._at > VALUE_LIMIT:
                    raise self._broken("one value is too large") from None
                if not self._more():
                    raise self._broken("it ends early") from None
                continue
            # A number or word at the very end of the buffer may go on in the next chunk.
            open_ended = end == len(self._buffer) and not isinstance(value, str | dict | list)
            if open_ended and self._more():
                continue
            self._at = end
            return value

    def skip(self) -> None:
        """Pass over the value here without building it."""
        if self._peek() not in "{[":
            self.value()
            return
        depth = 0
        while True:
            sign = self._peek_at(_SIGN)
            if sign == '"':
                self.value()
                continue
            depth += 1 if sign in "{[" else -1
            self._at += 1
            if depth == 0:
                return

    def _take(self, sign: str) -> None:
        found = self._peek()
        if found != sign:
            raise self._broken(f"{found!r} stands where {sign!r} should")
        self._at += 1

    def _peek(self) -> str:
        return self._peek_at(_INK)

    def _peek_at(self, pattern: re.Pattern[str]) -> str:
        """Move to the next sign that fits and return it."""
        while True:
            found = pattern.search(self._buffer, self._at)
            if found:
                self._at = found.start()
                return found[0]
            self._at = len(self._buffer)
            if not self._more():
                raise self._broken("it ends early")

    def _more(self) -> bool:
        """Read on, dropping what lies behind; False at the end."""
        try:
            chunk = self._text.read(CHUNK)
        except (OSError, EOFError, ValueError) as error:
            raise self._broken(str(error) or type(error).__name__) from None
        self._dropped += self._at
        if self._dropped > TOTAL_LIMIT:
            raise self._broken(f"it goes on beyond {TOTAL_LIMIT:,} characters")
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return bool(chunk)

    def _broken(self, why: str) -> OutsideFailed:
        return OutsideFailed(f"{self._where} is not whole JSON: {why}; nothing was stored")
