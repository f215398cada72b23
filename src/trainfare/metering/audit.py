"""The audit trail of a home: who did what to budgets and runs, one JSON line each, never rewritten."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from trainfare.core.period import format_instant
from trainfare.prices.json_file import append_lines


def audit_file(home: Path) -> Path:
    """Where the audit trail of a home is."""
    return home / "audit.jsonl"


def add_to_audit(home: Path, action: str, **words: Any) -> None:
    """Note that *action* was done now, by this user on this machine, with *words* about it.

    Raises:
        OutsideFailed: the file cannot be written.
    """
    line = {"at": format_instant(time.time_ns()), "by": user_and_host(), "action": action, **words}
    append_lines(audit_file(home), [line])


def read_audit(home: Path) -> list[dict[str, Any]]:
    """Every line of the trail, oldest first; a line that a crash cut short is left out."""
    try:
        text = audit_file(home).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    found = []
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            found.append(row)
    return found


def user_and_host() -> str:
    """Who calls, as ``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
