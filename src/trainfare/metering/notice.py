"""Notices: the few sentences that metering says through the logger ``trainfare``."""

from __future__ import annotations

from trainfare.metering.loading import import_alone


def warn(sentence: str, *words: object) -> None:
    """Log one warning."""
    # Half a megabyte that few runs need. Loading it registers what it does at a fork, which must
    # not happen in the middle of one.
    import_alone(_load_logging)
    import logging

    logging.getLogger("trainfare").warning(sentence, *words)


def _load_logging() -> None:
    import logging  # noqa: F401 (loaded is all it need be)
