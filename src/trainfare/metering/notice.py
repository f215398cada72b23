"""Notices: the few sentences that metering says through the logger ``trainfare``."""

from __future__ import annotations

import logging

# Loaded with the room and not when there is something to say: logging registers what it does at a
# fork, and doing that on the meter's thread while another thread forks would unbalance its locks.
_log = logging.getLogger("trainfare")


def warn(sentence: str, *words: object) -> None:
    """Log one warning."""
    _log.warning(sentence, *words)
