"""Targets: who is told, as ``notify.toml`` in the home says.

    [[target]]
    name = "ops"
    url = "env:OPS_MAIL"          # an Apprise URL: mailto://…, slack://…, pagerduty://…
    severity = "critical"         # nothing below is told; warning where left out
    quiet = "22:00-07:00"         # only what is critical is told then
    zone = "Europe/Berlin"        # UTC where left out

    [[target]]
    name = "hook"
    webhook = "https://hooks.example.com/trainfare"
    secret = "env:HOOK_SECRET"    # whsec_…
    private = true                # it may be an address of our own network
    kinds = ["budget", "forecast"]  # all kinds where left out

Any text may be ``env:NAME``: then it stands in that environment variable, so that the file holds no
secret. What these texts say is never logged and never printed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trainfare.budgets.alert import Kind, Notice, Severity
from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND
from trainfare.core.toml_table import read_toml

_KEYS = {"name", "url", "webhook", "secret", "private", "kinds", "severity", "quiet", "zone"}
_QUIET = re.compile(r"(\d\d:\d\d)\s*-\s*(\d\d:\d\d)")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
SECRET_PREFIX = "whsec_"  # noqa: S105 (how a secret begins is none)
"""How a secret of Standard Webhooks begins; base64 follows."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From *start* until *end* of every day in *zone*; over midnight where the end is earlier."""

    start: time
    end: time
    zone: tzinfo

    def holds(self, at_ns: int) -> bool:
        """Whether an instant is within."""
        moment = datetime.fromtimestamp(at_ns // SECOND, self.zone).time()
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver of messages."""

    name: str
    url: str | None = field(default=None, repr=False)
    """Of Apprise, as ``mailto://…``; None for a webhook."""
    webhook: str | None = field(default=None, repr=False)
    secret: bytes | None = field(default=None, repr=False)
    """Signs what is sent to the webhook."""
    is_private: bool = False
    """Whether the webhook may be an inner address."""
    kinds: frozenset[Kind] = frozenset(Kind)
    severity: Severity = Severity.WARNING
    """Nothing below is told."""
    quiet: QuietHours | None = None

    def wants(self, notice: Notice) -> bool:
        """Whether this target is told of it."""
        return notice.kind in self.kinds and notice.severity >= self.severity

    def is_quiet(self, at_ns: int) -> bool:
        """Whether only what is critical is told now."""
        return self.quiet is not None and self.quiet.holds(at_ns)


def targets_file(home: Path) -> Path:
    """Where the targets of a home are."""
    return home / "notify.toml"


def read_targets(home: Path, env: Mapping[str, str]) -> list[Target]:
    """All targets, in the order of the file; none without one.

    Raises:
        BadInput: the file or a variable that it names is wrong; the sentence shows no value of it.
    """
    path = targets_file(home)
    document = read_toml(path)
    if document is None:
        return []
    tables = document.get("target", [])
    if not isinstance(tables, list) or set(document) - {"target"}:
        raise BadInput(f"{path}: write each target under its own [[target]]")
    targets = [_target(path, table, env) for table in tables]
    names = [one.name for one in targets]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"{path}: two targets are called {twice!r}")
    return targets


def _target(path: Path, table: Any, env: Mapping[str, str]) -> Target:
    if not isinstance(table, dict):
        raise BadInput(f"{path}: write each target under its own [[target]]")
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadInput(f"{path}: a target's name is 1 to 63 of a-z, 0-9, '.', '_' and '-'")
    where = f"{path}, target {name}"
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise BadInput(f"{where}: there is no key {unknown[0]!r}; keys: {', '.join(sorted(_KEYS))}")
    words = {
        key: _word(where, key, table.get(key), env) for key in _KEYS - {"kinds", "name", "private"}
    }
    if (words["url"] is None) is (words["webhook"] is None):
        raise BadInput(f"{where}: say either url (for Apprise) or webhook")
    return Target(
        name,
        words["url"],
        _http(where, words["webhook"]),
        _secret(where, words["webhook"], words["secret"]),
        _private(where, table.get("private", False)),
        _kinds(where, table.get("kinds")),
        _severity(where, words["severity"]),
        _quiet_hours(where, words["quiet"], words["zone"]),
    )


def _word(where: str, key: str, value: Any, env: Mapping[str, str]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{where}: {key} is no text in quotes")
    if not value.startswith("env:"):
        return value
    variable = value.removeprefix("env:")
    if not env.get(variable):
        raise BadInput(f"{where}: {key} is to stand in {variable}, which is not set")
    return env[variable]


def _http(where: str, webhook: str | None) -> str | None:
    if webhook is None:
        return None
    try:
        parts = urlsplit(webhook)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web or any(c.isspace() for c in webhook):
        raise BadInput(f"{where}: webhook is no address that begins with https://")
    return webhook


def _secret(where: str, webhook: str | None, text: str | None) -> bytes | None:
    if webhook is None:
        if text is not None:
            raise BadInput(f"{where}: secret signs webhooks; an Apprise url carries its own")
        return None
    if text is None:
        raise BadInput(f"{where}: a webhook needs a secret; make one: trainfare alerts secret")
    plain = text.removeprefix(SECRET_PREFIX)
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise BadInput(
            f"{where}: secret is not whsec_ and base64 of 24 to 64 bytes; "
            "make one: trainfare alerts secret"
        )
    return key


def _private(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{where}: private is neither true nor false")
    return value


def _kinds(where: str, value: Any) -> frozenset[Kind]:
    if value is None:
        return frozenset(Kind)
    try:
        if isinstance(value, list) and value:
            return frozenset(map(Kind, value))
    except ValueError:
        pass
    raise BadInput(f"{where}: kinds is no list of some of {', '.join(Kind)}")


def _severity(where: str, word: str | None) -> Severity:
    names = {one.word: one for one in Severity}
    if word is not None and word not in names:
        raise BadInput(f"{where}: severity {word!r} is none of {', '.join(names)}")
    return names[word] if word else Severity.WARNING


def _quiet_hours(where: str, hours: str | None, zone: str | None) -> QuietHours | None:
    if hours is None:
        return None
    wrong = BadInput(f"{where}: quiet {hours!r} is not like 22:00-07:00")
    match = _QUIET.fullmatch(hours.strip())
    if match is None:
        raise wrong
    try:
        start, end = map(time.fromisoformat, match.groups())
        return QuietHours(start, end, ZoneInfo(zone) if zone else UTC)
    except ZoneInfoNotFoundError:
        raise BadInput(
            f"{where}: this machine knows no zone {zone!r}; write one such as Europe/Berlin, or "
            "install tzdata"
        ) from None
    except ValueError:
        raise wrong from None
