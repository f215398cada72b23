"""Labels: the user's words on a run, and the form of a run id.

*Labels* are the user's; *tags* are the provider's. Model, experiment, team and project are labels
that every report knows; any other key is the user's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from trainfare.core.errors import BadInput

KNOWN = ("model", "version", "experiment", "team", "project")
"""Label keys that reports name first."""

RUN_KEYS = (
    "trainfare",
    "trainfarerun",
    "trainfarerunid",
    "trainfareiorun",
    "trainfareiorunid",
    "runid",
)
"""Tag keys that name the run, most specific first, as :func:`plain_key` leaves them."""

_SIGNS = re.compile(r"[^a-z0-9]+")
_RUN_ID = re.compile(r"[a-z0-9-]{1,63}")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
_VALUE_MAX = 256


def check_run_id(text: str) -> str:
    """Return *text* if every provider accepts it as a tag value: ``[a-z0-9-]{1,63}``.

    >>> check_run_id("r-0192f3a1")
    'r-0192f3a1'
    """
    if not isinstance(text, str) or not _RUN_ID.fullmatch(text):
        raise BadInput(
            f"run id {text!r} is not 1 to 63 of a-z, 0-9 and '-' "
            "(the form that every provider takes as a tag)"
        )
    return text


def is_label_key(text: str) -> bool:
    """Whether *text* can be a label's key.

    >>> is_label_key("pipeline.step"), is_label_key("9x")
    (True, False)
    """
    return _KEY.fullmatch(text) is not None


def make_labels(pairs: Mapping[str, object]) -> Mapping[str, str]:
    """A read-only, key-sorted copy of *pairs*; None values are left out, others become text.

    Raises:
        BadInput: a key is not a letter followed by up to 62 of ``A-Za-z0-9_.-``, or a value is
            empty, longer than 256 characters or holds control characters.

    >>> dict(make_labels({"team": "nlp", "model": None, "seed": 3}))
    {'seed': '3', 'team': 'nlp'}
    """
    labels = {}
    for key in sorted(pairs):
        value = pairs[key]
        if value is None:
            continue
        text = str(value)
        if not is_label_key(key):
            raise BadInput(
                f"label key {key!r} is not a letter and up to 62 letters, digits, '_', '.', '-'"
            )
        if not text.strip() or len(text) > _VALUE_MAX or not text.isprintable():
            raise BadInput(
                f"label {key}={text[:40]!r} is empty, over {_VALUE_MAX} characters or not printable"
            )
        labels[key] = text
    return MappingProxyType(labels)


def parse_label(text: str) -> tuple[str, str]:
    """Split ``key=value`` as the command line gives it.

    >>> parse_label("seed=3")
    ('seed', '3')
    """
    key, found, value = text.partition("=")
    if not found:
        raise BadInput(f"label {text!r} is not key=value, as in seed=3")
    return key, value


def parse_labels(
    texts: Iterable[str], known: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """The labels of ``key=value`` texts, and *known* ones that have a value.

    Raises:
        BadInput: a text is not ``key=value``, or a label is said twice with different values.

    >>> parse_labels(["seed=3"], {"team": "nlp", "model": None})
    {'team': 'nlp', 'seed': '3'}
    """
    labels = {key: value for key, value in (known or {}).items() if value is not None}
    for key, value in map(parse_label, texts):
        if labels.setdefault(key, value) != value:
            raise BadInput(f"label {key} is said twice: {labels[key]} and {value}; give it once")
    return labels


def plain_key(key: str) -> str:
    """A tag key without case and signs, and without a provider's prefix.

    Providers rewrite keys: Prometheus and Kubernetes exports put ``_`` for every sign, Google takes
    no capitals.

    >>> plain_key("user:Run_ID"), plain_key("label_trainfare_io_run")
    ('runid', 'trainfareiorun')
    """
    return _SIGNS.sub("", key.lower().removeprefix("user:").removeprefix("label_"))
