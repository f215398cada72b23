"""A sight: a receipt as one line of a list, with what the list filters, sorts and searches by."""

from __future__ import annotations

import json

from trainfare.clusters.record import clean_text
from trainfare.core.period import HOUR, SECOND
from trainfare.core.stage import Status
from trainfare.metering.receipt import Receipt
from trainfare.store.sights import Sight, label_lines

GOES_ON_NS = 3 * SECOND
"""A run that goes on is looked at again after so long at the earliest."""

WORDS_MAX = 1000
"""A search looks in so many characters of a run."""


def sight_of(receipt: Receipt, *, team: str | None, now_ns: int) -> Sight:
    """The line of a run, without its basis.

    Args:
        receipt: of the run, with bill and forecast where there are any.
        team: whose token shipped it; its label says it where nobody did.
        now_ns: when.
    """
    run, estimate, billed = receipt.run, receipt.estimate, receipt.billed
    labels = dict(run.labels)
    is_running = run.status is Status.RUNNING
    name = clean_text(run.name)  # a database may not take what a recording does
    words = "\n".join([run.id, name, *labels.values()])
    artifacts = [one for segment in run.segments for one in segment.artifacts]
    # What has no size yet may get one: a listing of its bucket is not written in its spool.
    is_growing = any(one.is_kept and one.bytes != 0 for one in artifacts)
    uris = sorted({one.uri for one in artifacts})
    return Sight(
        run=run.id,
        team=team or labels.get("team"),
        name=name or None,
        model=labels.get("model"),
        experiment=labels.get("experiment"),
        status=run.status.value,
        started_ns=run.interval.start_ns,
        ended_ns=None if is_running else run.interval.end_ns,
        duration_ns=receipt.duration_ns,
        currency=estimate.currency,
        estimated_nano=None if estimate.total is None else estimate.total.nano,
        billed_nano=None if billed is None else billed.total.nano,
        labels=label_lines(labels),
        words=words.lower()[:WORDS_MAX],
        uris=json.dumps(uris) if uris else None,
        summary=json.dumps(receipt.to_summary(), ensure_ascii=False),
        until_ns=now_ns + GOES_ON_NS if is_running else now_ns + HOUR if is_growing else None,
        changed_ns=now_ns,
    )
