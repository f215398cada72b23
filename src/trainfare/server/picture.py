"""Pictures: the charts of pages, drawn here as SVG, as wide as their place and in its colours."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from litestar import MediaType, Request, Response, get
from litestar.params import QueryParameter
from markupsafe import Markup

from trainfare.core.caller import Caller
from trainfare.core.errors import NotFound, TrainfareError
from trainfare.flows.chart_question import Question
from trainfare.flows.charts import draw
from trainfare.flows.sights import news_of
from trainfare.reports.chart_file import spec_of, svg_of
from trainfare.reports.chart_theme import THEMES, Look
from trainfare.reports.html_document import inline
from trainfare.server.grid import Cell, Column, Grid, Line, text_cell
from trainfare.server.part import file_of, render
from trainfare.server.problem import split_advice
from trainfare.server.service import Service
from trainfare.store.sights import team_of

OF_ONE_RUN = ("timeline", "epochs", "waterfall")
"""Charts that a caller bound to a team may see, of a run of its team."""

_DRAWING = threading.Lock()
"""Altair's theme and its first import are of the whole process: one chart is drawn at a time."""

WIDE = 1200
"""A chart so wide leaves nothing out; its numbers are those of files."""

SHOWN = 100
"""So many lines of a chart's table are on its page; the files have all."""

_AMOUNT = re.compile(r"([-−]?)[$€£¥]([\d,]+(?:\.\d+)?)")
_NUMBER = re.compile(r"[-−]?[$€£¥]?[\d,]+(?:\.\d+)?(?: ?[%×]| GPU-hours| [a-zA-Z]{1,3})?")
_KIND = re.compile(r"effective|estimated|billed|allocated|list|contracted")
"""How a chart says which money it draws."""

_LABEL = re.compile(r' aria-label="([^"]*)"')
_ROLES = re.compile(r' (?:role|aria-roledescription)="[^"]*"')


Theme = Annotated[str, QueryParameter(pattern="^(light|dark)$")]
Width = Annotated[int, QueryParameter(ge=240, le=2000)]
Form = Annotated[str, QueryParameter(pattern="^(csv|parquet)$")]
Number = Annotated[int, QueryParameter(ge=0, le=50)]


@get("/charts/{name:str}", sync_to_thread=True)
def chart(
    name: str,
    request: Request[Any, Any, Any],
    caller: Caller,
    service: Service,
    theme: Theme = "light",
    width: Width = 760,
    period: str | None = None,
    run: str | None = None,
    by: str | None = None,
    budget: str | None = None,
) -> Response[str]:
    """One chart as SVG within a page, with its numbers; 202 while it is being drawn.

    A page takes a chart once, so one of books or settings of before is drawn anew first.
    """
    _need(service, caller, name, run)
    question = Question(period=period, run=run, by=by, budget=budget)
    try:
        found = service.answers.peek(
            ("chart", name, theme, width, question),
            news_of(service.home, service.ledger),
            lambda: picture_of(service.home, name, question, Look(THEMES[theme], width)),
        )
    except TrainfareError as error:
        message, _ = split_advice(str(error))
        return _html(f'<p class="empty">{escape(message[0].upper() + message[1:])}.</p>', 200)
    if found is None or not found.is_current:
        return _html("", 202)
    asked = {"period": period, "run": run, "by": by, "budget": budget}
    query = urlencode({key: one for key, one in asked.items() if one})
    file = f"/charts/{quote(name, safe='')}/table"
    context = {"drawn": found.value, "file": file, "query": f"?{query}" if query else ""}
    return _html(str(render(request, "chart.html", context)), 200)


@get("/charts/{name:str}/table", sync_to_thread=True)
def chart_table(
    name: str,
    caller: Caller,
    service: Service,
    period: str | None = None,
    run: str | None = None,
    by: str | None = None,
    budget: str | None = None,
    form: Form = "csv",
    grid: Number = 0,
) -> Response[Any]:
    """The numbers of a chart as CSV or Parquet."""
    _need(service, caller, name, run)
    question = Question(period=period, run=run, by=by, budget=budget)
    drawn: Picture = service.answers.get(
        ("chart", name, "light", WIDE, question),
        news_of(service.home, service.ledger),
        lambda: picture_of(service.home, name, question, Look(THEMES["light"], WIDE)),
    )
    if grid >= len(drawn.grids):
        raise NotFound(f"chart {name!r} has no table number {grid}")
    return file_of(drawn.grids[grid], form, name)


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


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart as a part of a page, and what it shows as tables."""

    svg: Markup
    about: str
    grids: tuple[Grid, ...]


def picture_of(home: Path, name: str, question: Question, look: Look) -> Picture:
    """The chart; each mark says in words what it stands for, and stands in a table."""
    with _DRAWING:
        _need_whole_pandas()
        drawn = draw(home, name, question, look)
        spec, svg = spec_of(drawn), svg_of(drawn)
    said = set(_titles(spec))
    rows: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {}

    def label(found: re.Match[str]) -> str:
        pairs = [part.partition(": ")[::2] for part in unescape(found[1]).split("; ")]
        kept = [(title, value) for title, value in pairs if title in said]
        if not kept:
            return ""
        titles, values = zip(*kept, strict=True)
        rows.setdefault(titles, {})[values] = None
        told = "; ".join(f"{title}: {value}" for title, value in kept)
        return f' data-tip="{escape(told)}"'

    svg = _LABEL.sub(label, _ROLES.sub("", svg))
    about = str(spec.get("description", ""))
    kind = next(iter(_KIND.findall(about.lower())), "estimated")
    prefix = "-".join(filter(None, (name, question.run, question.by, question.budget))) + "-"
    return Picture(
        Markup(inline(svg, re.sub(r"[^a-zA-Z0-9-]", "_", prefix))),  # noqa: S704 (drawn here)
        about,
        tuple(_grid(name, kind, titles, list(lines)) for titles, lines in rows.items()),
    )


def _grid(name: str, kind: str, titles: Sequence[str], lines: Sequence[Sequence[str]]) -> Grid:
    """What marks of one kind stand for."""
    numeric = [all(_is_number(line[place]) for line in lines) for place in range(len(titles))]
    columns = [
        Column(
            title.replace(" ", "_"),
            title[0].upper() + title[1:],
            is_right=right,
            mark=kind if any(map(_AMOUNT.fullmatch, said)) else "",
        )
        for title, right, said in zip(titles, numeric, zip(*lines, strict=True), strict=True)
    ]
    cells = [Line(tuple(map(_cell, line))) for line in lines]
    return Grid(f"Chart {name} as a table", tuple(columns), tuple(cells), shown=SHOWN)


def _is_number(text: str) -> bool:
    return text == "–" or _NUMBER.fullmatch(text) is not None


def _cell(text: str) -> Cell:
    """A value as the chart says it; amounts stand in files as plain numbers."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return text_cell(None if text == "–" else text)
    return Cell(text, found[1].replace("−", "-") + found[2].replace(",", ""))


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
