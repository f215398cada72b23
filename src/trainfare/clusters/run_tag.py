"""Run tags: how a job's tags, labels, comment or environment name the run that it belongs to.

The user's own word always wins over an id that is derived from a scheduler's. Providers rewrite
keys (Prometheus and Kubernetes exports put ``_`` for every sign, Google takes no capitals), so keys
are compared without case and signs; values are rewritten into a valid run id where they are none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from trainfare.core.errors import BadInput
from trainfare.core.labels import RUN_KEYS, check_run_id, plain_key
from trainfare.metering.environment import derive_run_id

_PAIR = re.compile(r"""(?<![\w.-])([A-Za-z][\w./-]*)=("[^"]*"|'[^']*'|[^\s,;"']+)""")


def find_run_id(tags: Mapping[str, object]) -> str | None:
    """The run that *tags* name, or None.

    >>> find_run_id({"Run_ID": "exp-7", "team": "nlp"})
    'exp-7'
    """
    named = {plain_key(key): value for key, value in tags.items() if value not in (None, "")}
    for key in RUN_KEYS:
        if key in named:
            text = str(named[key]).strip()
            if text:
                return valid_run_id(text)
    return None


def valid_run_id(text: str) -> str:
    """*text* if it is a run id, else the one that the meter makes of it.

    >>> valid_run_id("exp-7"), valid_run_id("Exp 7").startswith("exp-7--")
    ('exp-7', True)
    """
    try:
        return check_run_id(text)
    except BadInput:
        return derive_run_id(text)


def without_run(tags: Mapping[str, object]) -> dict[str, object]:
    """*tags* less those that name the run."""
    return {key: value for key, value in tags.items() if plain_key(key) not in RUN_KEYS}


def parse_pairs(text: str) -> dict[str, str]:
    """The ``key=value`` pairs in free text such as a Slurm comment or job name.

    >>> parse_pairs('trainfare=llama-7 team="speech lab"; lr 3')
    {'trainfare': 'llama-7', 'team': 'speech lab'}
    """
    if "=" not in text:
        return {}
    return {key: value.strip("\"'") for key, value in _PAIR.findall(text)}
