"""Pages: the frame around each, and the templates that fill it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
from litestar import Request
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.server.part import show_part
from trainfare.server.service import Service
from trainfare.server.writing import FILTERS

HERE = Path(__file__).parent
THEMES = ("light", "dark")
THEME_COOKIE = "trainfare_theme"


@dataclass(frozen=True, slots=True)
class Stop:
    """A place that the menu leads to."""

    name: str
    title: str
    path: str
    group: str
    is_for_all_teams: bool = False
    """Hidden from callers that are bound to a team."""
    scope: str = "read"


STOPS = (
    Stop("overview", "Overview", "/", ""),
    Stop("runs", "Runs", "/runs", "Training"),
    Stop("experiments", "Experiments", "/experiments", "Training", is_for_all_teams=True),
    Stop("resources", "Resources", "/resources", "Training"),
    Stop("teams", "Teams and models", "/teams", "Money"),
    Stop("bills", "Bills", "/bills", "Money", is_for_all_teams=True),
    Stop("budgets", "Budgets and alerts", "/budgets", "Money"),
    Stop("prices", "Prices", "/prices", "Money"),
    Stop("advice", "Advice", "/advice", "Money", is_for_all_teams=True),
    Stop("commitments", "Commitments", "/commitments", "Money", is_for_all_teams=True),
    Stop("settings", "Settings", "/settings", "Server"),
    Stop("words", "What numbers mean", "/words", "Server"),
)
"""The menu, in its order."""


@cache
def static_version() -> str:
    """Changes when a static file does, so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for path in sorted((HERE / "static").iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def make_engine() -> JinjaTemplateEngine:
    """The template engine of all pages: every text is escaped, an unknown name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.globals["static_version"] = static_version
    return JinjaTemplateEngine(engine_instance=environment)


def stops_of(caller: Caller) -> list[Stop]:
    """Where the menu leads *caller*."""
    return [
        one
        for one in STOPS
        if caller.may(one.scope) and (caller.team is None or not one.is_for_all_teams)
    ]


def frame(request: Request[Any, Any, Any], caller: Caller, service: Service) -> dict[str, Any]:
    """What every template may use."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return {
        "caller": caller,
        "stops": stops_of(caller),
        "theme": theme if theme in THEMES else "",
        "part": partial(show_part, request, caller, service),
        "address": request.url.path,
    }


def make_page(
    request: Request[Any, Any, Any],
    caller: Caller,
    service: Service,
    name: str,
    *,
    page: str | None = None,
    status: int = 200,
    **context: Any,
) -> Template:
    """The page of the template *name*; *page* is its place in the menu."""
    known = {**frame(request, caller, service), "page": page or name, **context}
    return Template(f"{name}.html", context=known, status_code=status)
