"""Parts: pieces of a page that take long to work out, and come when they are ready.

A page shows a part at once where its answer is known, else a shape of it that asks again. Tables
in a part are exported from the same answer, so a file holds what the page shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import MediaType, Request, Response, get
from litestar.params import QueryParameter
from markupsafe import Markup

from trainfare.core.caller import Caller
from trainfare.core.errors import NotFound, TrainfareError
from trainfare.flows.sights import news_of
from trainfare.server.answer import BeingWorkedOut
from trainfare.server.door import word_of
from trainfare.server.grid import Grid, csv_of, parquet_of
from trainfare.server.problem import log_fault, make_fault, split_advice
from trainfare.server.service import Service


@dataclass(frozen=True, slots=True)
class Ask:
    """What a part is asked about."""

    home: Path
    service: Service
    team: str | None
    """The only team whose things may be in it; None is all."""
    words: Mapping[str, str] = field(default_factory=dict)

    def word(self, name: str) -> str | None:
        """A parameter, or None where it was left out or empty."""
        return self.words.get(name) or None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a page."""

    name: str
    make: Callable[[Ask], dict[str, Any]]
    takes: tuple[str, ...] = ()
    is_for_all_teams: bool = False
    is_slow: bool = True
    """Worked out in the background; else at once."""
    scope: str = "read"
    height: str = ""
    """The shape that is shown meanwhile: ``big`` for a chart or table."""


PARTS: dict[str, Part] = {}
"""Name → part; each file of pages adds its own."""


def add_parts(*parts: Part) -> None:
    """Make *parts* known."""
    PARTS.update({one.name: one for one in parts})


def _get(name: str, caller: Caller) -> Part:
    part = PARTS.get(name)
    if part is None:
        raise NotFound(f"there is no part {name!r} of a page")
    if part.is_for_all_teams:
        caller.need_all_teams(part.scope)
    else:
        caller.need(part.scope)
    return part


def _answer(
    part: Part, caller: Caller, service: Service, words: Mapping[str, str], *, is_waited: bool
) -> tuple[dict[str, Any] | None, float, bool]:
    """The part's context where it is known, its age in seconds, and whether it is current."""
    taken = {key: words[key] for key in part.takes if words.get(key)}
    ask = Ask(service.home, service, caller.team, taken)
    if not part.is_slow:
        return part.make(ask), 0.0, True
    question = ("part", part.name, caller.team, tuple(sorted(taken.items())))
    news = news_of(service.home, service.ledger)
    if is_waited:
        return service.answers.get(question, news, lambda: part.make(ask)), 0.0, True
    found = service.answers.peek(question, news, lambda: part.make(ask))
    return (
        (None, 0.0, False) if found is None else (found.value, found.age_seconds, found.is_current)
    )


def show_part(
    request: Request[Any, Any, Any],
    caller: Caller,
    service: Service,
    name: str,
    /,
    **words: str | None,
) -> Markup:
    """The part's HTML as far as it is known: itself, a shape that asks again, or what went wrong."""
    known = {key: value for key, value in words.items() if value}
    part = _get(name, caller)
    query = urlencode(sorted(known.items()))
    context: dict[str, Any] = {
        "name": part.name,
        "source": f"/parts/{part.name}" + (f"?{query}" if query else ""),
        "file": f"/files/{part.name}",
        "query": f"?{query}" if query else "",
        "height": part.height,
        "words": {key: known.get(key, "") for key in part.takes},
    }
    try:
        found, age, is_current = _answer(part, caller, service, known, is_waited=False)
        if found is not None:
            context |= {"age": age, "is_current": is_current, "caller": caller, **found}
            context |= {"template": f"parts/{part.name}.html", "page_word": word_of(request.scope)}
            return render(request, "part_known.html", context)
    except BeingWorkedOut:
        pass  # too many wait before it; it is asked again like any that is not there yet
    except TrainfareError as error:
        message, advice = split_advice(str(error))
        told = {"message": message, "advice": advice, "is_empty": isinstance(error, NotFound)}
        return render(request, "part_problem.html", context | told)
    except Exception as error:
        # The rest of the page stands, and says where this piece of it is missing.
        log_fault(error, f"part {part.name}")
        message, advice = make_fault(error)
        told = {"message": message, "advice": advice, "is_empty": False}
        return render(request, "part_problem.html", context | told)
    return render(request, "part_waiting.html", context)


def render(request: Request[Any, Any, Any], template: str, context: Mapping[str, Any]) -> Markup:
    """A template that is no page of its own."""
    engine = request.app.template_engine
    assert engine is not None
    return Markup(engine.get_template(template).render(**context))  # noqa: S704 (escaped by the template)


@get("/parts/{name:str}", sync_to_thread=True)
def part(
    name: str, request: Request[Any, Any, Any], caller: Caller, service: Service
) -> Response[str]:
    """One part of a page, for the page to put in its place."""
    words = dict(request.query_params.items())
    words.pop("name", None)
    return Response(
        str(show_part(request, caller, service, name, **words)),
        media_type=MediaType.HTML,
        headers={"Cache-Control": "no-store"},
    )


@get("/files/{name:str}", sync_to_thread=True)
def table_file(
    name: str,
    request: Request[Any, Any, Any],
    caller: Caller,
    service: Service,
    form: Annotated[str, QueryParameter(pattern="^(csv|parquet)$")] = "csv",
    grid: Annotated[int, QueryParameter(ge=0, le=50)] = 0,
) -> Response[Any]:
    """The table of a part as CSV or Parquet."""
    part = _get(name, caller)
    found, _, _ = _answer(part, caller, service, dict(request.query_params.items()), is_waited=True)
    grids: list[Grid] = (found or {}).get("grids", [])
    if grid >= len(grids):
        raise NotFound(f"part {name!r} has no table number {grid}")
    return file_of(grids[grid], form, name)


def file_of(grid: Grid, form: str, name: str) -> Response[Any]:
    """A table as a file that a browser saves."""
    is_csv = form == "csv"
    return Response(
        csv_of(grid) if is_csv else parquet_of(grid),
        media_type="text/csv" if is_csv else "application/vnd.apache.parquet",
        headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
    )
