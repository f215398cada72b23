"""What the cloud's metadata service says about the machine: AWS, Google Cloud, Azure, Oracle.

All services are asked at once, each within :data:`BOUND_S` for all of its questions together; the
first good answer wins. An answer counts only where it has the provider's own form, so that a
captive portal's page is not an instance id. Nothing here is on the start path of a run.

``TRAINFARE_METADATA=off`` asks nobody. ``TRAINFARE_METADATA_URL=http://HOST:PORT`` asks there
instead of on the link-local address, whatever the firmware says (for tests and for relays).
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from trainfare.metering.linklocal import NoAnswer, ask

BOUND_S = 0.2
"""Seconds that one provider has for all of its answers: its service sits on the same host."""

LINK_LOCAL = "http://169.254.169.254"
"""Where all four providers answer; an address and not a name, so that no look-up can hang."""


@dataclass(frozen=True, slots=True)
class CloudFacts:
    """What one provider says of the machine that it rents out; None where it does not say."""

    provider: str
    source: str
    """The service and its version: ``aws-imds-v2``."""
    resource_id: str
    """What the provider's bill calls the machine."""
    instance_type: str | None
    region: str | None
    zone: str | None = None
    purchase_option: str | None = None
    account: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    """More words of the provider, such as ``{"instance_id": …, "name": …}``."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Who was asked, and what came of it."""

    found: CloudFacts | None = None
    failures: Mapping[str, str] = field(default_factory=dict)
    """Provider → why it gave no answer, in a few words."""
    skipped: str | None = None
    """Why nobody was asked, where that is so."""


def base_url(env: Mapping[str, str]) -> str | None:
    """Where to ask: None when switched off, the stated address, else the link-local one.

    >>> base_url({"TRAINFARE_METADATA": "off"}), base_url({})
    (None, 'http://169.254.169.254')
    """
    if env.get("TRAINFARE_METADATA", "").strip().lower() in {"off", "0", "false", "no"}:
        return None
    return env.get("TRAINFARE_METADATA_URL", "").strip().rstrip("/") or LINK_LOCAL


def find_cloud_facts(
    providers: tuple[str, ...] = ("aws", "gcp", "azure", "oci"),
    *,
    base: str = LINK_LOCAL,
    bound_s: float | None = None,
) -> Inquiry:
    """Ask *providers* at *base*, all at once.

    Back within *bound_s* (:data:`BOUND_S`, if not given) and a twentieth of a second.

    Returns:
        The first good answer; else why each provider has none.
    """
    answers: SimpleQueue[tuple[str, CloudFacts | str]] = SimpleQueue()
    deadline_s = time.monotonic() + (BOUND_S if bound_s is None else bound_s)
    for provider in providers:
        work = (provider, base, deadline_s, answers)
        name = f"trainfare-metadata-{provider}"
        try:
            threading.Thread(target=_inquire, args=work, name=name, daemon=True).start()
        except RuntimeError:
            answers.put((provider, "no thread could be started to ask"))
    failures = dict.fromkeys(providers, "no answer in time")
    for _ in providers:
        try:
            left_s = max(0.0, deadline_s + 0.05 - time.monotonic())
            provider, outcome = answers.get(timeout=left_s)
        except Empty:
            break
        if isinstance(outcome, CloudFacts):
            return Inquiry(found=outcome)
        failures[provider] = outcome
    return Inquiry(failures=failures)


def _inquire(
    provider: str, base: str, deadline_s: float, answers: SimpleQueue[tuple[str, CloudFacts | str]]
) -> None:
    try:
        answers.put((provider, _QUESTIONS[provider](base, deadline_s)))
    except NoAnswer as reason:
        answers.put((provider, str(reason)))
    except Exception as error:  # whatever a stranger answers, the training goes on undisturbed
        answers.put((provider, f"answered something unreadable ({type(error).__name__})"))


def _word(pattern: str, text: object) -> str | None:
    """*text* where it is a string of the form *pattern*, else None."""
    return text if isinstance(text, str) and re.fullmatch(pattern, text) else None


def _document(body: str) -> Mapping[str, object]:
    """The JSON object in *body*."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise NoAnswer("answered something that is not JSON") from None
    if not isinstance(document, dict):
        raise NoAnswer("answered JSON that is not an object")
    return document


def _needed(what: str, word: str | None) -> str:
    if word is None:
        raise NoAnswer(f"answered without a valid {what}")
    return word


def _optional(base: str, path: str, deadline_s: float, headers: Mapping[str, str]) -> str | None:
    """The answer to a question whose answer can be missed."""
    try:
        return ask(base, path, deadline_s=deadline_s, headers=headers).body.strip()
    except NoAnswer:
        return None


_AWS_OPTIONS = {
    "on-demand": "on_demand",
    "spot": "spot",
    "scheduled": "reserved",
    "capacity-block": "capacity_block",
}


def _ask_aws(base: str, deadline_s: float) -> CloudFacts:
    """EC2's instance metadata, version 2 (a token first), else version 1 where it is allowed.

    Half of the time is the token's: behind a container's extra network hop a token may never come
    back (the default hop limit is 1), while version 1 still answers if the owner allows it.

    Source: Amazon EC2 User Guide, "Use the Instance Metadata Service".
    """
    headers, version, trouble = {}, "v2", ""
    token_deadline_s = time.monotonic() + (deadline_s - time.monotonic()) / 2
    try:
        lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
        path = "/latest/api/token"
        answer = ask(base, path, deadline_s=token_deadline_s, headers=lifetime, method="PUT")
        token = _needed("token", _word(r"[\x21-\x7e]{1,512}", answer.body.strip()))
        headers["X-aws-ec2-metadata-token"] = token
    except NoAnswer as reason:
        version, trouble = "v1", f"token: {reason}; without it: "
    try:
        path = "/latest/dynamic/instance-identity/document"
        document = _document(ask(base, path, deadline_s=deadline_s, headers=headers).body)
    except NoAnswer as reason:
        raise NoAnswer(f"{trouble}{reason}") from None
    instance_id = _needed("instance id", _word(r"i-[0-9a-f]{8,17}", document.get("instanceId")))
    region = _needed("region", _word(r"[a-z]{2,4}(-[a-z]+)+-\d", document.get("region")))
    path = "/latest/meta-data/instance-life-cycle"
    return CloudFacts(
        provider="aws",
        source=f"aws-imds-{version}",
        resource_id=instance_id,
        instance_type=_word(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", document.get("instanceType")),
        region=region,
        zone=_word(r"[a-z0-9-]{5,40}", document.get("availabilityZone")),
        purchase_option=_AWS_OPTIONS.get(_optional(base, path, deadline_s, headers) or ""),
        account=_word(r"\d{12}", document.get("accountId")),
        details={"instance_id": instance_id},
    )


_GCP_OPTIONS = {"STANDARD": "on_demand", "SPOT": "spot", "RESERVATION_BOUND": "reserved"}
"""FLEX_START (queued, at a price of its own) is none of ours and stays unknown."""


def _ask_gcp(base: str, deadline_s: float) -> CloudFacts:
    """Compute Engine's metadata server, value by value.

    The whole tree in one request would carry the owner's start-up script and keys along.

    Source: Google Cloud, "Predefined metadata keys".
    """
    headers = {"Metadata-Flavor": "Google"}
    root = "/computeMetadata/v1/"
    answer = ask(base, root + "instance/id", deadline_s=deadline_s, headers=headers)
    if answer.headers.get("metadata-flavor") != "Google":
        raise NoAnswer("answered without Metadata-Flavor: Google")
    number = _needed("instance id", _word(r"\d{5,20}", answer.body.strip()))

    def value(path: str) -> str:
        return _optional(base, root + path, deadline_s, headers) or ""

    zone = _word(r"[a-z]+-[a-z]+\d+-[a-z]", value("instance/zone").rpartition("/")[2])
    kind = _word(r"[a-z][a-z0-9-]+", value("instance/machine-type").rpartition("/")[2])
    project = _word(r"[a-z0-9.:-]{4,63}", value("project/project-id"))
    preemptible = value("instance/scheduling/preemptible").upper()
    option = {"TRUE": "spot", "FALSE": "on_demand"}.get(preemptible)
    if option == "on_demand" and (model := value("instance/scheduling/provisioning-model")):
        option = _GCP_OPTIONS.get(model.upper())
    details = {"instance_id": number}
    if accelerator := _word(r"v\d+[a-z]*-\d+", value("instance/attributes/accelerator-type")):
        details["accelerator_type"] = accelerator
    name = f"//compute.googleapis.com/projects/{project}/zones/{zone}/instances/{number}"
    return CloudFacts(
        provider="gcp",
        source="gcp-metadata",
        resource_id=name if project and zone else number,
        instance_type=kind,
        region=zone.rpartition("-")[0] if zone else None,
        zone=zone,
        purchase_option=option,
        account=project,
        details=details,
    )


def _ask_azure(base: str, deadline_s: float) -> CloudFacts:
    """Azure's instance metadata: one document.

    Version 2020-12-01 is the first that tells the priority and the last without user data.

    Source: Microsoft Learn, "Azure Instance Metadata Service for virtual machines".
    """
    path = "/metadata/instance/compute?api-version=2020-12-01&format=json"
    answer = ask(base, path, deadline_s=deadline_s, headers={"Metadata": "true"})
    document = _document(answer.body)
    vm_id = _needed("vmId", _word(r"[0-9a-fA-F-]{36}", document.get("vmId")))
    region = _needed("location", _word(r"[a-z0-9]{3,40}", document.get("location")))
    resource_id = _word(r"/subscriptions/[!-~]{1,500}", document.get("resourceId"))
    priority = str(document.get("priority", "")).lower()
    is_spot = priority in {"spot", "low"} or bool(document.get("evictionPolicy"))
    details = {"instance_id": vm_id.lower()}
    for key, name in (("name", "name"), ("vmScaleSetName", "scale_set")):
        if text := _word(r"[!-~]{1,200}", document.get(key)):
            details[name] = text
    return CloudFacts(
        provider="azure",
        source="azure-imds",
        # Azure's bill writes resource ids in lower case, its other services as they were typed.
        resource_id=(resource_id or vm_id).lower(),
        instance_type=_word(r"[A-Za-z0-9_-]{2,80}", document.get("vmSize")),
        region=region,
        zone=_word(r"[0-9A-Za-z-]{1,40}", document.get("zone")),
        purchase_option="spot" if is_spot else "on_demand" if "priority" in document else None,
        account=_word(r"[0-9a-fA-F-]{36}", document.get("subscriptionId")),
        details=details,
    )


def _ask_oci(base: str, deadline_s: float) -> CloudFacts:
    """Oracle Cloud's instance metadata, version 2; it does not tell whether it is preemptible.

    Source: Oracle Cloud Infrastructure, "Getting Instance Metadata".
    """
    headers = {"Authorization": "Bearer Oracle"}
    answer = ask(base, "/opc/v2/instance/", deadline_s=deadline_s, headers=headers)
    document = _document(answer.body)
    ocid = _needed("instance id", _word(r"ocid1\.instance\.[!-~]{5,200}", document.get("id")))
    return CloudFacts(
        provider="oci",
        source="oci-imds",
        resource_id=ocid,
        instance_type=_word(r"(VM|BM)\.[A-Za-z0-9.-]+", document.get("shape")),
        region=_word(r"[a-z]{2,4}(-[a-z]+)+-\d+", document.get("canonicalRegionName")),
        zone=_word(r"[!-~]{1,80}", document.get("availabilityDomain")),
        account=_word(r"ocid1\.tenancy\.[!-~]{1,200}", document.get("tenantId")),
        details={"instance_id": ocid},
    )


_QUESTIONS: Mapping[str, Callable[[str, float], CloudFacts]] = {
    "aws": _ask_aws,
    "gcp": _ask_gcp,
    "azure": _ask_azure,
    "oci": _ask_oci,
}
