"""Pictures: the charts of pages, drawn here as SVG, as wide as their place and in its colours."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from html import escape, unescape
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from litestar import MediaType, Response, get
from litestar.params import QueryParameter

from trainfare.core.caller import Caller
from trainfare.core.errors import NotFound, TrainfareError
from trainfare.flows.chart_question import Question
from trainfare.flows.charts import draw
from trainfare.flows.sights import news_of
from trainfare.reports.chart_file import spec_of, svg_of
from trainfare.reports.chart_theme import THEMES, Look
from trainfare.reports.html_document import inline
from trainfare.server.problem import split_advice
from trainfare.server.service import Service
from trainfare.store.sights import team_of

OF_ONE_RUN = ("timeline", "epochs", "waterfall")
"""Charts that a caller bound to a team may see, of a run of its team."""

_DRAWING = threading.Lock()
"""Altair's theme and its first import are of the whole process: one chart is drawn at a time."""

_LABEL = re.compile(r' aria-label="([^"]*)"')
_ROLES = re.compile(r' (?:role|aria-roledescription)="[^"]*"')


@get("/charts/{name:str}", sync_to_thread=True)
def chart(
    name: str,
    caller: Caller,
    service: Service,
    theme: Annotated[str, QueryParameter(pattern="^(light|dark)$")] = "light",
    width: Annotated[int, QueryParameter(ge=240, le=2000)] = 760,
    period: str | None = None,
    run: str | None = None,
    by: str | None = None,
    budget: str | None = None,
) -> Response[str]:
    """One chart as SVG within a page; 202 while it is being drawn."""
    _need(service, caller, name, run)
    question = Question(period=period, run=run, by=by, budget=budget)
    key = ("chart", name, theme, width, question)
    try:
        found = service.answers.peek(
            key,
            news_of(service.home, service.ledger),
            lambda: picture_of(service.home, name, question, Look(THEMES[theme], width)),
        )
    except TrainfareError as error:
        message, _ = split_advice(str(error))
        return _html(f'<p class="empty">{escape(message[0].upper() + message[1:])}.</p>', 200)
    return _html("", 202) if found is None else _html(found.value, 200)


def _need(service: Service, caller: Caller, name: str, run: str | None) -> None:
    if caller.team is None or name not in OF_ONE_RUN or run is None:
        caller.need_all_teams("read")
        return
    caller.need("read")
    with service.ledger.look() as connection:
        is_known, team = team_of(connection, run)
    if not is_known or not caller.sees(team):
        raise NotFound(f"no run {run!r}")


def _html(text: str, status: int) -> Response[str]:
    return Response(
        text, status_code=status, media_type=MediaType.HTML, headers={"Cache-Control": "no-store"}
    )


def picture_of(home: Path, name: str, question: Question, look: Look) -> str:
    """The chart as a part of a page; each mark says in words what it stands for."""
    with _DRAWING:
        _need_whole_pandas()
        drawn = draw(home, name, question, look)
        spec, svg = spec_of(drawn), svg_of(drawn)
    said = set(_titles(spec))

    def label(found: re.Match[str]) -> str:
        parts = unescape(found[1]).split("; ")
        kept = [part for part in parts if part.partition(": ")[0] in said]
        return f' data-tip="{escape("; ".join(kept))}"' if kept else ""

    svg = _LABEL.sub(label, _ROLES.sub("", svg))
    about = escape(str(spec.get("description", "")))
    prefix = "-".join(filter(None, (name, question.run, question.by, question.budget))) + "-"
    return f'<div data-about="{about}">{inline(svg, re.sub(r"[^a-zA-Z0-9-]", "_", prefix))}</div>'


def _need_whole_pandas() -> None:
    """Wait until no other thread is halfway through importing pandas.

    Altair looks into ``sys.modules`` for it, and takes it from there before it is whole.
    """
    if find_spec("pandas") is not None:
        import_module("pandas")


def _titles(spec: Any) -> Iterator[str]:
    """What tooltips of *spec* are called."""
    if isinstance(spec, dict):
        tips = spec.get("tooltip")
        for tip in tips if isinstance(tips, list) else ():
            if isinstance(tip, dict) and "field" in tip:
                yield str(tip.get("title") or tip["field"])
        for part in spec.values():
            yield from _titles(part)
    elif isinstance(spec, list):
        for part in spec:
            yield from _titles(part)
