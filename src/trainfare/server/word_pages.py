"""What numbers mean: the kinds of money, the words, and how everything adds up."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.server.page import make_page
from trainfare.server.service import Service
from trainfare.server.writing import KINDS


@get("/words", sync_to_thread=False)
def words(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """The words that pages use."""
    return make_page(request, caller, service, "words", kinds=KINDS)
