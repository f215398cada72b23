"""Own runs: which runs a caller sees, whichever way it names one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from trainfare.core.caller import Caller
from trainfare.core.errors import NotFound
from trainfare.server.service import Service
from trainfare.store.sights import find_run, read_owners

_LISTS = "GET /api/v1/runs lists those there are"


def own_run(service: Service, caller: Caller, text: str) -> str:
    """The id of the run that *text* names: an id, the beginning of one, a name, or ``last``.

    Raises:
        NotAllowed: the caller may not read.
        NotFound: there is none, several begin so, or it is another team's.
    """
    caller.need("read")
    with service.ledger.look() as connection:
        found = find_run(connection, text, caller.team)
    if len(found) > 1:
        raise NotFound(
            f"{len(found)} runs begin with {text!r}: {', '.join(found[:5])}; write more of the id"
        )
    if not found:
        raise NotFound(f"no run is called {text!r}; {_LISTS}")
    return found[0]


def own_among(service: Service, caller: Caller, runs: Collection[str]) -> set[str]:
    """Those of *runs* that the caller sees."""
    if caller.team is None:
        return set(runs)
    with service.ledger.look() as connection:
        owners = read_owners(connection, runs)
    return {run for run, team in owners.items() if caller.sees(team)}


def without_others(service: Service, caller: Caller, receipt: dict[str, Any]) -> dict[str, Any]:
    """A receipt's document without the runs of other teams that made its data."""
    made = [one["run"] for one in receipt.get("prepared_by", ())]
    seen = own_among(service, caller, made)
    kept = [one for one in receipt.get("prepared_by", ()) if one["run"] in seen]
    return {**receipt, "prepared_by": kept}
