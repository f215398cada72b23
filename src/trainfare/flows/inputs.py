"""Inputs: what the allocation of a billing period is made from: charges, evidence, rules.

The same inputs give the same result, so their digest says whether there is anything to do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.claim import Claim
from trainfare.flows.lake import delivery_files
from trainfare.flows.usage import read_attachments

if TYPE_CHECKING:
    from trainfare.allocation.evidence import Evidence
    from trainfare.allocation.rules import Rules
    from trainfare.store.deliveries import StoredDelivery

ENGINE_VERSION = "1"
"""Part of the digest of inputs: a new engine allocates anew."""

_MANAGED_JOB = re.compile(
    r"arn:[^:]*:sagemaker:.*job/.+|.*/(customJobs|trainingPipelines)/\d+|azureml:.*", re.IGNORECASE
)
"""Resources that are a job of one run, so that all of their charges are its."""


def rules_file(home: Path) -> Path:
    """Where the user's rules are."""
    return home / "rules.toml"


def charge_files(home: Path, deliveries: Sequence[StoredDelivery]) -> list[Path]:
    """The lake's files of *deliveries*, in order.

    Raises:
        NotFound: a delivery's folder is gone.
    """
    return [file for files in delivery_files(home, deliveries) for file in files]


def read_rules(home: Path) -> tuple[Rules, str]:
    """The user's rules, and their text for the digest; none where there is no file."""
    from trainfare.allocation.rules import NO_RULES, load_rules

    path = rules_file(home)
    if not path.exists():
        return NO_RULES, ""
    return load_rules(path), path.read_text(encoding="utf-8")


def make_evidence(home: Path, claims: Sequence[Claim]) -> Evidence:
    """Claims, the managed jobs among their resources, and what hangs on what."""
    from trainfare.allocation.evidence import Evidence

    jobs: dict[str, str] = {}
    shared: set[str] = set()
    for claim in claims:
        is_job = _MANAGED_JOB.fullmatch(claim.resource_id)
        if is_job and jobs.setdefault(claim.resource_id, claim.run) != claim.run:
            shared.add(claim.resource_id)
    for resource_id in shared:
        del jobs[resource_id]
    return Evidence(claims=claims, jobs=jobs, attachments=read_attachments(home))


def inputs_digest(
    deliveries: Sequence[StoredDelivery],
    claims: Sequence[Claim],
    attachments: Mapping[str, str],
    rules_text: str,
) -> str:
    """What an allocation was made from, in 32 signs: the same inputs, the same digest."""
    digest = hashlib.sha256(f"{ENGINE_VERSION}\n{rules_text}\n".encode())
    for one in sorted((d.source, d.period, d.id) for d in deliveries):
        digest.update(repr(one).encode())
    for claim in claims:
        words = (claim.run, claim.attempt, claim.resource_id, claim.interval, claim.share)
        digest.update(repr(words).encode())
    for pair in sorted(attachments.items()):
        digest.update(repr(pair).encode())
    return digest.hexdigest()[:32]
