"""Tags: the run, the cluster and the owner that a charge's tags name.

Keys are compared without case and signs; of two spellings of one key the last in order of the
alphabet counts. A value that is no run id becomes the id that meters derive from the same words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from trainfare.allocation.steps import CLUSTER, CLUSTER_KEYS, OWNER_KEYS
from trainfare.core.errors import BadInput
from trainfare.core.labels import KNOWN, RUN_KEYS, check_run_id, make_labels, plain_key
from trainfare.metering.environment import derive_run_id


def read_tags(text: str | None) -> dict[str, str]:
    """The tags in a JSON object by plain key; a key without a value is ``true``.

    >>> read_tags('{"user:Team": "nlp", "spot": true}')
    {'spot': 'true', 'team': 'nlp'}
    """
    try:
        parsed = json.loads(text) if text else {}
    except ValueError:
        return {}
    if not isinstance(parsed, dict):
        return {}
    pairs = sorted((key, _text(value)) for key, value in parsed.items() if value is not None)
    return {plain_key(key): value for key, value in pairs if value}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def run_in(tags: Mapping[str, str]) -> str | None:
    """The run that *tags* (by plain key) name, or None.

    >>> run_in({"runid": "exp-7"}), run_in({"runid": " "})
    ('exp-7', None)
    """
    texts = (tags.get(key, "").strip() for key in RUN_KEYS)
    return next((run_named(text) for text in texts if text), None)


def run_named(text: str) -> str:
    """*text* if it is a run id, else the id that is derived from it."""
    try:
        return check_run_id(text)
    except BadInput:
        return derive_run_id(text)


def cluster_in(tags: Mapping[str, str]) -> str | None:
    """What claims on the cluster that *tags* name are made on, or None."""
    found = next((tags[key] for key in CLUSTER_KEYS if tags.get(key)), None)
    return None if found is None else CLUSTER + found.lower()


def owner_in(tags: Mapping[str, str]) -> str | None:
    """The owner that *tags* name as ``key=value``, or None.

    >>> owner_in({"costcenter": "42", "team": "nlp"})
    'team=nlp'
    """
    return next((f"{key}={tags[key]}" for key in OWNER_KEYS if tags.get(key)), None)


def labels_by_run(texts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Run → the labels that every report knows, as *texts* (tags of charges, JSON) give them.

    Of two values of one label of a run the first in order of the alphabet counts.

    >>> labels_by_run(['{"run_id": "a", "Team": "nlp", "os": "linux"}', '{"team": "vision"}'])
    {'a': {'team': 'nlp'}}
    """
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        tags = read_tags(text)
        run = run_in(tags)
        if run is None:
            continue
        labels = found.setdefault(run, {})
        for key in KNOWN:
            value = tags.get(key)
            if value is not None and _is_label(key, value):
                labels[key] = min(value, labels.get(key, value))
    return found


def _is_label(key: str, value: str) -> bool:
    try:
        make_labels({key: value})
    except BadInput:
        return False
    return True
