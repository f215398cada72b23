"""The first page: spend, budgets, what is idle, and whether the books are sealed."""

from __future__ import annotations

from litestar import get
from litestar.response import Template

from trainfare.core.caller import Caller


@get("/", sync_to_thread=False)
def overview(caller: Caller) -> Template:
    """The overview."""
    caller.need("read")
    return Template("overview.html", context={"caller": caller, "page": "overview"})
