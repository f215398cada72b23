"""TOML files that users write: read whole, and refused with the place of what is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput


def read_toml(path: Path) -> dict[str, Any] | None:
    """What a file says; None where there is no file.

    Raises:
        BadInput: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise BadInput(f"{path} is not TOML in UTF-8: {error}") from None
    except RecursionError:
        raise BadInput(f"{path} is not TOML: its lists are nested too deep") from None


@dataclass(frozen=True, slots=True)
class TomlTable:
    """One table of a file, which knows where it stands; every method refuses with that place.

    >>> TomlTable("a.toml", {"port": 3}, ("port",)).number("port", 1)
    3
    """

    where: str
    document: Any
    keys: Sequence[str]
    """Those there are; any other is refused."""

    def __post_init__(self) -> None:
        if not isinstance(self.document, dict):
            raise BadInput(f"{self.where} is no table; write its keys below its heading")
        unknown = sorted(set(self.document) - set(self.keys))
        if unknown:
            known = ", ".join(self.keys)
            raise BadInput(f"{self.where}: there is no key {unknown[0]!r}; keys: {known}")

    def tables(self, key: str, keys: Sequence[str]) -> list[TomlTable]:
        """The tables under each ``[[key]]``."""
        found = self.document.get(key, [])
        if not isinstance(found, list):
            raise BadInput(f"{self.where}: write each {key} under its own [[{key}]]")
        return [
            TomlTable(f"{self.where}, [[{key}]] {n}", one, keys) for n, one in enumerate(found, 1)
        ]

    def table(self, key: str, keys: Sequence[str]) -> TomlTable | None:
        """The table under ``[key]``; None where it is not there."""
        if key not in self.document:
            return None
        return TomlTable(f"{self.where}, [{key}]", self.document[key], keys)

    def text(self, key: str) -> str | None:
        """The text of *key*; None where it is not there."""
        value = self.document.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise BadInput(f"{self.where}: {key} is no text in quotes")
        return value

    def need(self, key: str) -> str:
        """The text of *key*, which must be there."""
        value = self.text(key)
        if value is None:
            raise BadInput(f"{self.where}: say {key} as well")
        return value

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """The text of *key*, which must be one of *choices*."""
        value = self.need(key)
        if value not in choices:
            raise BadInput(f"{self.where}: {key} {value!r} is none of {', '.join(choices)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts in the list of *key*."""
        values = self.document.get(key, [])
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise BadInput(f"{self.where}: {key} is no list of texts in quotes")
        return tuple(values)

    def number(self, key: str, least: int) -> int | None:
        """The whole number of *key*; None where it is not there."""
        value = self.document.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise BadInput(f"{self.where}: {key} is no whole number from {least} on")
        return value
