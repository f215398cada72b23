"""Notices: the few sentences that metering says through the logger ``trainfare``."""

from __future__ import annotations


def warn(sentence: str, *words: object) -> None:
    """Log one warning; the logging package loads only when there is something to say."""
    import logging

    logging.getLogger("trainfare").warning(sentence, *words)
