"""Names of resources: which spellings in a bill and in claims mean the same resource.

Bills write a full name (an ARN, an Azure resource id, a Google resource path), meters often only the
last part of it (``i-0abc``). Two names mean one resource when they are equal without regard to case,
or when one is the last part of the other and no second longer name ends so.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from trainfare.allocation.steps import CLUSTER

_LAST = re.compile(r"[^/:]+\Z")


def last_part(name: str) -> str:
    """What stands behind the last ``/`` or ``:`` of a lower-case name; a cluster's is whole.

    >>> last_part("arn:aws:ec2:us-east-1:1234:instance/i-0abc"), last_part("cluster:prod")
    ('i-0abc', 'cluster:prod')
    """
    found = _LAST.search(name)
    return name if found is None or name.startswith(CLUSTER) else found[0]


def places(names: Iterable[str]) -> dict[str, str]:
    """Each name in small letters → the one name of its resource.

    >>> places(["ARN:x:instance/i-1", "i-1", "a/vm", "b/vm", "vm"])["arn:x:instance/i-1"]
    'i-1'
    """
    lower = {name.lower() for name in names}
    longer: dict[str, int] = defaultdict(int)
    for name in lower:
        longer[last_part(name)] += name != last_part(name)
    return {name: last_part(name) if longer[last_part(name)] <= 1 else name for name in lower}


LAST_PART_SQL = f"""CASE WHEN starts_with(name, '{CLUSTER}') THEN name
    ELSE coalesce(nullif(regexp_extract(name, '[^/:]+$'), ''), name) END"""
""":func:`last_part` of the column ``name`` of a table."""
